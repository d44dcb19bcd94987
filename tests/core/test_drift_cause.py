"""Which change goes along with a drift, whatever the stream counts."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from remit.core.change import Change, ChangeKind
from remit.core.conduct import Conduct
from remit.core.drift_cause import cause_of
from remit.core.drifted import Drift, Stream, StreamKind, measure

AT = 200
SEEN = 260


def sessions(values: dict[str, object]) -> list[Conduct]:
    """Sessions of which the part from `AT` on is other: *values* says how."""
    draws, found = random.Random(4), []
    for place in range(SEEN + 1):
        after = values if place >= AT else {}
        amount = draws.lognormvariate(3, 0.6) * float(after.get("larger", 1))  # type: ignore[arg-type]
        to = str(after.get("to") or f"{draws.randint(0, 30):02x}")
        ran = {"pay": 1} if draws.random() < float(after.get("share", 0.7)) else {}  # type: ignore[arg-type]
        found.append(
            Conduct(
                f"s{place}", "a", float(place), calls={"pay": 1}, ran=ran,
                violations={("pay", "pay.most"): 1} if draws.random() < float(after.get("denied", 0.02)) else {},  # type: ignore[arg-type]
                holds={("pay", "pay.held"): 1} if draws.random() < float(after.get("held", 0.3)) else {},  # type: ignore[arg-type]
                numbers={"pay.n": (amount,)}, values={"pay.to": (to,)}, clean=draws.random() < 0.5,
            )
        )  # fmt: skip
    return found


def drift(kind: StreamKind, name: str = "", *, more: bool = True) -> Drift:
    low, high = measure(200, 20, 20.0, 20.0), measure(60, 30, 30.0, 30.0)
    before, after = (low, high) if more else (high, low)
    return Drift(
        "a", "default", Stream(kind, "pay", name), SEEN, f"s{SEEN}", 0.0, AT + 3, before, after, 9.0, 8.0
    )


def change(at: float, name: str) -> Change:
    return Change(name, ChangeKind.PROMPT, at, agent="a")


TRUE, EARLY, LATE = change(AT, "true"), change(60, "early"), change(245, "late")


@pytest.mark.parametrize(
    ("alarm", "values"),
    [
        (drift(StreamKind.SIZE, "pay.n"), {"larger": 3}),
        (drift(StreamKind.SIZE, "pay.n", more=False), {"larger": 0.3}),
        (drift(StreamKind.SUM, "pay.n"), {"larger": 3}),
        (drift(StreamKind.VALUE, "pay.to"), {"to": "ff"}),
        (drift(StreamKind.VALUE, "pay.to", more=False), {"to": "05"}),
        (drift(StreamKind.TOOL, more=False), {"share": 0.1}),
        (drift(StreamKind.LINE_HOLDS, "pay.held", more=False), {"held": 0.0}),
        (drift(StreamKind.LINE_VIOLATIONS, "pay.most"), {"denied": 0.5}),
        (drift(StreamKind.VIOLATIONS), {"denied": 0.5}),
    ],
    ids=lambda one: one.stream.key if isinstance(one, Drift) else "",
)
def test_of_three_changes_the_one_that_the_stream_follows_is_named(alarm, values) -> None:
    if alarm.stream.kind is StreamKind.VIOLATIONS:
        alarm = replace(alarm, stream=Stream(StreamKind.VIOLATIONS))

    cause = cause_of(alarm, sessions(values), [EARLY, TRUE, LATE])

    assert cause is not None
    assert cause.change == TRUE
    assert cause.p_corrected < 0.01
    assert "correlates with" in cause.told


def test_where_nothing_moved_no_change_is_named() -> None:
    assert cause_of(drift(StreamKind.SIZE, "pay.n"), sessions({}), [EARLY, TRUE, LATE]) is None


def test_a_change_long_before_is_not_named() -> None:
    assert cause_of(drift(StreamKind.SIZE, "pay.n"), sessions({"larger": 3}), [EARLY]) is None


def test_without_a_change_there_is_nothing_to_name() -> None:
    assert cause_of(drift(StreamKind.SIZE, "pay.n"), sessions({"larger": 3}), []) is None


def test_sessions_that_were_explained_by_content_count_here() -> None:
    told = [replace(one, clean=False) for one in sessions({"larger": 3})]

    cause = cause_of(drift(StreamKind.SIZE, "pay.n"), told, [TRUE])

    assert cause is not None and cause.after[1] == SEEN - AT + 1
