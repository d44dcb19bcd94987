"""A call whose tool a host runs is decided and recorded as any other, and ended once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from remit import ApprovalRequired, BadInput, CallDenied, OutcomeUnknown, ResultWithheld, Unavailable
from remit.core.told import told
from remit.core.types import OnViolation, Severity, Violation
from remit.testing import answer, one_tool, open_guard

ARGS = {"n": 1, "to": "bob", "kind": "a", "sure": True}
LIMIT = "      limits: [{id: two, count: calls, within: 1h, max: 2}]\n"


def kinds(guard, session):
    return [stored.event.kind for stored in guard.records.events(session.id)]


def test_what_must_run_is_what_was_checked_and_the_result_is_judged(folder: Path) -> None:
    rules = one_tool("      output: {type: object, required: [ok]}\n")
    with open_guard(folder, rules) as guard, guard.session() as session:
        begun = session.begin("act", ARGS, call_id="c")
        assert begun.arguments == ARGS and not begun.again and session.busy
        assert begun.end({"ok": 1}) == {"ok": 1} and not session.busy
        worse = session.begin("act", ARGS)
        with pytest.raises(ResultWithheld):
            worse.end("a text")
        assert kinds(guard, session).count("settled") == 2


def test_a_refused_call_does_not_begin(folder: Path) -> None:
    rules = one_tool('      require: [{id: small, expr: "args.n < 1"}]\n')
    with open_guard(folder, rules) as guard, guard.session() as session:
        with pytest.raises(CallDenied, match="small"):
            session.begin("act", ARGS)
        assert not session.busy and "settled" not in kinds(guard, session)


def test_a_held_call_begins_once_it_is_approved(folder: Path) -> None:
    rules = one_tool("      approve: [{id: always}]\n")
    with open_guard(folder, rules, approval_wait_s=0) as guard, guard.session() as session:
        with pytest.raises(ApprovalRequired) as held:
            session.begin("act", ARGS, call_id="c", once=True)
        answer(guard, held.value.approval_id)
        assert session.begin("act", ARGS, call_id="c", once=True).end("done") == "done"
        repeated = session.begin("act", ARGS, call_id="c", once=True)
        assert repeated.again and repeated.value == "done"
        with pytest.raises(BadInput, match="nothing may run"):
            repeated.arguments  # noqa: B018 - a property that refuses


def test_a_failure_is_recorded_and_does_not_reach_the_host_again(folder: Path) -> None:
    with open_guard(folder, one_tool()) as guard, guard.session() as session:
        session.begin("act", ARGS).fail(ValueError("no such file"))
        session.begin("act", ARGS).fail(OutcomeUnknown("the host went away"))
        bodies = [s.event.body for s in guard.records.events(session.id) if s.event.kind == "settled"]
        assert [body["error"]["type"] for body in bodies] == ["ValueError", "OutcomeUnknown"]
        assert [body.get("outcome") for body in bodies] == [None, "unknown"]


def test_a_call_that_never_ran_gives_back_what_it_had_reserved(folder: Path) -> None:
    with open_guard(folder, one_tool(LIMIT)) as guard, guard.session() as session:
        for _ in range(5):
            session.begin("act", ARGS, call_id="c", once=True).abandon("the person said no")
        session.begin("act", ARGS, call_id="c", once=True).end("done")
        session.begin("act", ARGS, call_id="d", once=True).end("done")
        with pytest.raises(CallDenied, match="two"):
            session.begin("act", ARGS, call_id="e", once=True)
        assert kinds(guard, session).count("released") == 5


def test_calls_in_flight_count_before_they_end(folder: Path) -> None:
    with open_guard(folder, one_tool(LIMIT)) as guard, guard.session() as session:
        open_ones = [session.begin("act", ARGS) for _ in range(2)]
        with pytest.raises(CallDenied, match="two"):
            session.begin("act", ARGS)
        for begun in open_ones:
            begun.end("done")


def test_a_call_ends_once(folder: Path) -> None:
    with open_guard(folder, one_tool()) as guard, guard.session() as session:
        begun = session.begin("act", ARGS)
        begun.end("done")
        for end in (lambda: begun.end("again"), lambda: begun.abandon("x"), lambda: begun.fail(ValueError())):
            with pytest.raises(BadInput, match="has ended"):
                end()


@pytest.mark.parametrize("enforcement", ["enforce", "monitor"])
def test_what_only_the_enforcement_point_knows_refuses_a_call_in_either_enforcement(
    folder: Path, enforcement: str
) -> None:
    rules = one_tool(rest=f"  enforcement: {enforcement}\n")
    pin = Violation("act.pin", "pin", OnViolation.DENY, Severity.MEDIUM, "its definition changed")
    with open_guard(folder, rules) as guard, guard.session(user_input="call bob") as session:
        refused = session.refuse("act", ARGS, pin, call_id="c")
        assert str(refused) == "act refused: act.pin: its definition changed"
        stored = list(guard.records.events(session.id))[-1].event
        assert (stored.kind, stored.body["result"], stored.body["call_id"]) == ("decided", "deny", "c")
        assert stored.anomaly is not None and stored.anomaly.kind == "denied" and stored.anomaly.counts
        assert "context" in stored.body and stored.body["provenance"]
        assert str(session.refuse("act", [1], pin)).startswith("act refused")


def test_a_host_with_a_pause_of_its_own_does_not_wait_for_people(folder: Path) -> None:
    rules = one_tool("      approve: [{id: always}]\n")
    guard = open_guard(folder, rules, approval_wait_s=3600)
    with guard, guard.session() as session, pytest.raises(ApprovalRequired):
        session.begin("act", ARGS, wait_s=0)


@pytest.mark.parametrize("where", ["settle", "recall"])
def test_what_ran_and_finds_the_store_away_is_not_said_not_to_have_run(folder: Path, where: str) -> None:
    rules = one_tool("      monotonic: [{id: up, value: output.at}]\n")

    def away(*_: Any, **__: Any) -> Any:
        raise Unavailable("the queue is full")

    with open_guard(folder, rules) as guard, guard.session() as session:
        begun = session.begin("act", ARGS)
        setattr(guard.records, where, away)
        with pytest.raises(Unavailable, match="act ran, and its outcome could not be recorded") as lost:
            begun.end({"at": 1})
        assert lost.value.ran and told(lost.value)["remit"] == "unknown"
