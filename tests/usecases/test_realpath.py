"""Where paths lead: links are resolved just before a decision, recorded with it, and replayed from the record."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from remit import CallDenied
from remit.core.lifecycle import Admit, Approve, Consult, Record, guarded
from remit.core.past import look_back
from remit.core.prepare import Facts, prepare
from remit.core.provenance import SessionText
from remit.core.recorded import read_session
from remit.core.selftest import run_tests
from remit.core.types import Result, ToolCall
from remit.testing import envelope, fake_guard
from remit.usecases.realpath import look, within
from remit.usecases.replay import replay_session

READ = """  tools:
    read_file:
      effect: read
      args: {{type: object, additionalProperties: false, required: [path], properties: {{path: {{type: string}}}}}}
      require: [{{id: inside, expr: "real_path_within(args.path, '{root}')"}}]
"""
HELD = "      approve: [{{id: asked, when: \"real_path_within(args.path, '{root}')\"}}]\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "data"
    (root / "sub").mkdir(parents=True)
    (root / "a.txt").write_text("a")
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key").write_text("k")
    (root / "out").symlink_to(tmp_path / "secret")
    (root / "in").symlink_to(root / "sub")
    (root / "loop").symlink_to(root / "loop")
    (root / "nowhere").symlink_to(tmp_path / "secret" / "new")
    (tmp_path / "data-evil").mkdir()
    (tmp_path / "way").symlink_to(root)
    (tmp_path / "all").symlink_to("/")
    return root


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("", True),
        ("/", True),
        ("/a.txt", True),
        ("/./sub//", True),
        ("/in", True),
        ("/new.txt", True),
        ("/in/new.txt", True),
        ("/sub/new.txt/", True),
        ("/out", False),
        ("/out/key", False),
        ("/out/new", False),
        ("-evil", False),
        ("-evil/x", False),
    ],
)
def test_a_path_is_where_its_links_lead(root: Path, path: str, answer: bool) -> None:
    assert within(f"{root}{path}", str(root)) is answer
    assert within(f"{root}{path}", str(root.parent / "way")) is answer
    if not path.startswith("-"):
        assert within(f"{root.parent}/way{path}", str(root)) is answer


@pytest.mark.parametrize(
    "path", ["/loop", "/loop/x", "/nowhere", "/no/such/dir", "/a.txt/x", "/" + "x" * 300]
)
def test_what_cannot_be_resolved_has_no_answer(root: Path, path: str) -> None:
    found = within(f"{root}{path}", str(root))

    assert isinstance(found, str) and "cannot be resolved" in found


def test_a_root_is_a_directory_and_not_everything(root: Path) -> None:
    for bad in (root / "a.txt", root / "missing", root.parent / "all", root / "loop"):
        assert isinstance(within(f"{root}/a.txt", str(bad)), str)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every directory")
def test_a_directory_that_cannot_be_read_has_no_answer(root: Path) -> None:
    (root / "sub").chmod(0)
    assert isinstance(within(f"{root}/sub/x/y", str(root)), str)
    (root / "sub").chmod(0o700)


def test_the_guard_resolves_and_records_and_a_link_to_outside_is_denied(root: Path) -> None:
    guard, records = fake_guard(envelope=envelope(READ.format(root=root)))
    with guard.session() as session:
        assert session.call("read_file", {"path": f"{root}/in"}, run=lambda path: "ok") == "ok"
        assert session.check("read_file", {"path": f"{root}/out/key"}).result is Result.DENY
        for path in (f"{root}/out/key", f"{root}/loop"):
            with pytest.raises(CallDenied):
                session.call("read_file", {"path": path}, run=lambda path: pytest.fail("it ran"))

    world = [body["world"][0] for body in records.bodies("decided")]
    assert [{k: v for k, v in one.items() if k != "asks"} for one in world] == [
        {"answer": True},
        {"answer": False},
        {"error": "cannot be resolved: Too many levels of symbolic links"},
    ]
    assert world[0]["asks"] == ["real_path_within", f"{root}/in", str(root)]


def test_replay_takes_the_recorded_answer_and_without_one_denies() -> None:
    rules = envelope(READ.format(root="/srv/data"))
    ask = ["real_path_within", "/srv/data/a", "/srv/data"]

    def judged(**recorded: Any) -> Any:
        call = {"name": "read_file", "args": {"path": "/srv/data/a"}, **recorded}
        line = {"session_id": "s", "steps": [{"role": "assistant", "tool_calls": [call]}]}
        return replay_session(read_session(json.dumps(line).encode(), "f:1"), rules).judged[0].decision

    assert judged(world=[{"asks": ask, "answer": True}]).result is Result.ALLOW
    assert judged(world=[{"asks": ask, "answer": False}]).result is Result.DENY
    assert "a loop" in judged(world=[{"asks": ask, "error": "a loop"}]).errors[0]
    assert "not answered by the enforcement point" in judged().errors[0]
    assert judged(world=[{"asks": ask}]).errors[0].endswith("not recorded")


def test_in_the_envelopes_own_tests_no_path_is_a_link() -> None:
    text = READ.format(root="/srv/data") + (
        "  tests:\n"
        "    - {call: {tool: read_file, args: {path: /srv/data/a}}, expect: {result: allow}}\n"
        "    - {call: {tool: read_file, args: {path: /etc/passwd}}, expect: {result: deny, clause: inside}}\n"
    )
    assert [test.problem for test in run_tests(envelope(text))] == ["", ""]


def test_a_link_that_moves_while_a_person_is_asked_is_a_refusal(root: Path) -> None:
    rules = envelope((READ + HELD).format(root=root))
    facts, call = Facts({}), ToolCall("read_file", {"path": f"{root}/in"})
    prepared = prepare(call, rules, facts)

    def past() -> Any:
        return look_back(prepared, SessionText(), world=look(prepared, facts))

    still = guarded(call, rules, facts)
    assert isinstance(next(still), Consult)
    assert isinstance(still.send(past()), Approve)
    assert isinstance(still.send("a-1"), Consult)
    assert isinstance(still.send(past()), Admit)

    moved = guarded(call, rules, facts)
    next(moved)
    moved.send(past())
    moved.send("a-1")
    (root / "in").unlink()
    (root / "in").symlink_to(root.parent / "secret")
    need = moved.send(past())
    assert isinstance(need, Record) and need.decision.clauses[-1] == "read_file.world"
    with pytest.raises(CallDenied, match="has changed while a person was asked"):
        moved.send(None)


def test_elsewhere_the_function_is_refused_at_load() -> None:
    text = READ.format(root="/srv") + (
        "      limits: [{id: few, count: calls, by: [\"real_path_within(args.path, '/srv')\"], within: 1h, max: 2}]\n"
    )
    with pytest.raises(Exception, match="'real_path_within' has no meaning here"):
        envelope(text)
