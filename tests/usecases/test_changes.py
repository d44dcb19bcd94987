"""Changes as people tell them: events of the journal, and lines of a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from remit.core.change import Change, ChangeKind
from remit.core.conduct import Conduct
from remit.core.errors import BadInput
from remit.core.event import StoredEvent
from remit.usecases.changes import change_event, change_from, instant_from, past_instant, placed, read_changes

STREAM = [Conduct(f"s{at}", "a", 1000.0 + at) for at in range(5)]


def write(folder: Path, *told: Any) -> Path:
    path = folder / "changes.jsonl"
    path.write_text("".join((one if isinstance(one, str) else json.dumps(one)) + "\n" for one in told))
    return path


def test_a_change_comes_back_from_its_event_as_it_was_told() -> None:
    change = Change("c1", ChangeKind.PROMPT, 12.5, "shop", "acme", "v1", "v2", "ticket 7", "ann")

    assert change_from(StoredEvent(1, 99.0, change_event(change))) == change


def test_a_line_may_name_an_instant_a_session_or_a_place(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        {"kind": "model", "at": "1970-01-01T00:17:00Z", "from": "x", "to": "y"},
        {"kind": "config", "session": "s3", "before": "x", "after": "y"},
        {"kind": "deploy", "index": 4, "agent": "a", "note": "n", "ticket": 7},
    )
    found = placed(read_changes(path), STREAM)

    assert [one.at for one in found] == [1020.0, 1003.0, 1004.0]
    assert [(one.before, one.after) for one in found] == [("x", "y"), ("x", "y"), ("", "")]
    assert [(one.agent, one.note) for one in found] == [("", ""), ("", ""), ("a", "n")]
    assert len({one.id for one in found}) == 3


def test_a_change_may_bring_its_own_id_which_no_other_has(tmp_path: Path) -> None:
    line = {"kind": "model", "at": 5, "id": "release-7"}

    assert read_changes(write(tmp_path, line))[0].change.id == "release-7"
    with pytest.raises(BadInput, match=r"changes\.jsonl:2: id: the same as at .*changes\.jsonl:1"):
        read_changes(write(tmp_path, line, line))


def test_the_first_of_two_sessions_of_one_id_is_meant(tmp_path: Path) -> None:
    stream = [*STREAM, Conduct("s1", "a", 2000.0)]

    assert placed(read_changes(write(tmp_path, {"kind": "model", "session": "s1"})), stream)[0].at == 1001.0


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("{", "not JSON"),
        ("[]", "list"),
        ({"at": 5}, "kind: found 'None'"),
        ({"kind": "modell", "at": 5}, "kind: found 'modell'"),
        ({"kind": "model"}, "none of"),
        ({"kind": "model", "at": 5, "index": 5}, "at and index"),
        ({"kind": "model", "at": "yesterday"}, "at: found 'yesterday'"),
        ({"kind": "model", "at": True}, "at: found 'True'"),
        ({"kind": "model", "at": [5]}, "at: found '[5]'"),
        ({"kind": "model", "index": -1}, "index: found '-1'"),
        ({"kind": "model", "index": 1.5}, "index: found '1.5'"),
        ({"kind": "model", "session": 5}, "session: found '5'"),
        ({"kind": "model", "at": 5, "agent": 5}, "agent: found '5'"),
        ({"kind": "model", "at": 5, "note": "x" * 5000}, "note: found"),
        ('{"kind": "model", "kind": "code", "at": 5}', "not JSON"),
    ],
)
def test_a_malformed_line_says_where_it_stands(tmp_path: Path, line: Any, found: str) -> None:
    with pytest.raises(BadInput) as error:
        read_changes(write(tmp_path, {"kind": "model", "at": 5}, line))

    assert "changes.jsonl:2" in str(error.value)
    assert found in str(error.value)


@pytest.mark.parametrize(("line", "found"), [({"session": "nobody"}, "'nobody'"), ({"index": 5}, "5 of 5")])
def test_a_session_that_the_stream_does_not_have_says_where_it_is_named(
    tmp_path: Path, line: Any, found: str
) -> None:
    told = read_changes(write(tmp_path, {"kind": "model", **line}))

    with pytest.raises(BadInput, match=found) as error:
        placed(told, STREAM)
    assert "changes.jsonl:1" in str(error.value)


@pytest.mark.parametrize(
    "told",
    [1e300 * 1e10, 1e300, -1e300, 1.7e12, "1700000000000", "nan", "1e999", "", "2026-13-01", None, b"5"],
)
def test_no_instant_is_made_of_what_is_none(told: Any) -> None:
    with pytest.raises(BadInput):
        instant_from(told, "at")


@pytest.mark.parametrize(
    ("told", "remedy"),
    [(2e9, "took effect"), (1.7e12, "milliseconds"), (12.0, "since 1970"), (-5, "since 1970")],
)
def test_a_change_that_is_recorded_has_happened(told: float, remedy: str) -> None:
    with pytest.raises(BadInput, match=remedy):
        past_instant(told, "--at", 1.9e9)
