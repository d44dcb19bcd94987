"""The past of one session in memory; that it answers as the store does is shown beside the store's tests."""

from __future__ import annotations

import pytest

from remit.core.history import DONE, FAILED, IN_FLIGHT, UNKNOWN, Caller
from remit.core.prepare import facts_for, prepare
from remit.core.recollection import Exchange, Recollection
from remit.core.types import ToolCall
from remit.testing.earlier import shop

RULES = shop(
    pay="""
idempotency: {key: [args.id], within: 1h, on_repeat: return_first}
history:
  - {id: looked, formerly: {tool: look, within: 30m}, where: "event.args.id == args.id && event.output.total > 5"}
  - id: approved
    since: {tool: approve, within: 1h}
    where: "event.args.id == args.id"
    broken_by: {tool: revoke, where: "event.args.id == args.id"}
"""
)
PAY = prepare(ToolCall("pay", {"id": "O-1", "amount": 1}), RULES, facts_for(RULES, {}, Caller("s", "ann")))
ORDER = {"id": "O-1"}


def holds(*exchanges: Exchange) -> list[bool]:
    return [one.holds for one in Recollection(Caller("s", "ann"), list(exchanges)).recall(PAY).history]


def test_what_was_listed_is_remembered_in_order() -> None:
    looked, approved, revoked = (
        Exchange(tool, ORDER, {"id": "O-1", "total": 9}) for tool in ("look", "approve", "revoke")
    )
    assert holds() == [False, False]
    assert holds(looked, approved) == [True, True]
    assert holds(approved, revoked) == [False, False]
    assert holds(revoked, approved) == [False, True]


@pytest.mark.parametrize(("ago_s", "found"), [(0.0, True), (1799.9, True), (1800.0, False)])
def test_a_window_ends_sharp(ago_s: float, found: bool) -> None:
    assert holds(Exchange("look", ORDER, {"id": "O-1", "total": 9}, ago_s=ago_s))[0] is found


def test_a_call_counts_from_its_end() -> None:
    past = Recollection(Caller("s", "ann"))
    revoking = past.add(Exchange("revoke", ORDER, state=IN_FLIGHT))
    past.add(Exchange("approve", ORDER))
    assert not past.recall(PAY).history[1].holds
    past.end(revoking, None, FAILED)
    assert not past.recall(PAY).history[1].holds
    past.add(Exchange("approve", ORDER))
    assert past.recall(PAY).history[1].holds


@pytest.mark.parametrize(
    ("states", "first"),
    [
        ([], None),
        ([FAILED], FAILED),
        ([DONE, FAILED], DONE),
        ([DONE, IN_FLIGHT], IN_FLIGHT),
        ([FAILED, UNKNOWN], UNKNOWN),
    ],
)
def test_the_earlier_call_that_says_most_decides_about_a_repeat(states: list[str], first: str | None) -> None:
    past = Recollection(Caller("s", "ann"), [Exchange("pay", ORDER, state=state) for state in states])
    found = past.recall(PAY).first
    assert (found and found.state) == first
