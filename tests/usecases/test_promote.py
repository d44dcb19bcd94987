"""Promoted clauses act while the rest of the envelope only monitors: on a real store, with races and people."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from remit import ApprovalRequired, CallDenied
from remit.core.envelope import Envelope
from remit.core.promote import includes
from remit.core.refusals import AnswerRefused, ResultWithheld
from remit.core.types import Mode
from remit.testing import answer, envelope, open_guard, pending
from remit.testing.builders import SMALL_REFUNDS
from remit.usecases.readiness import from_events, gathered

OK = {"refund_id": "R"}


def promoting(*clauses: str, spec: str = SMALL_REFUNDS) -> Envelope:
    entries = ", ".join(f"{{clause: {clause}}}" for clause in clauses)
    return envelope(spec.replace("enforcement: enforce", f"enforcement: monitor\n  enforced: [{entries}]"))


def refund(session: Any, amount: Any, ran: list[Any] | None = None, value: Any = OK) -> Any:
    def run(amount: Any) -> Any:
        if ran is not None:
            ran.append(amount)
        return value

    return session.call("refund", {"amount": amount}, run=run)


def bodies(guard: Any, session: str, kind: str) -> list[dict[str, Any]]:
    return [dict(e.event.body) for e in guard.records.events(session) if e.event.kind == kind]


def test_a_promoted_clause_refuses_and_the_event_says_which(folder: Path) -> None:
    ran: list[Any] = []
    with open_guard(folder, promoting("refund.ceiling")) as guard, guard.session(id="s") as session:
        with pytest.raises(CallDenied, match=r"refund\.ceiling") as no:
            refund(session, 90, ran)
        assert "refund.large" not in str(no.value)
        refund(session, 30, ran)
        first, second = bodies(guard, "s", "decided")

    assert ran == [30]
    assert first["enforced"] and first["bound"] == first["clauses"] == ["refund.ceiling"]
    assert {v["clause"] for v in first["violations"]} == {"refund.ceiling", "refund.large"}
    assert not second["enforced"] and "bound" not in second and second["clauses"] == ["refund.large"]


def test_check_names_the_clauses_that_would_act(folder: Path) -> None:
    with open_guard(folder, promoting("refund.ceiling")) as guard, guard.session() as session:
        assert session.check("refund", {"amount": 90}).bound == ("refund.ceiling",)
        assert session.check("refund", {"amount": 30}).bound == ()


@pytest.mark.parametrize("args", [{"amount": "90"}, {"amount": 9000, "note": "x"}, '{"amount": 1e999}'])
def test_a_malformed_call_cannot_slip_past_a_promoted_clause(folder: Path, args: Any) -> None:
    with (
        open_guard(folder, promoting("refund.ceiling")) as guard,
        guard.session() as session,
        pytest.raises(CallDenied),
    ):
        session.call("refund", args, run=lambda **_: pytest.fail("it ran"))


def test_a_promoted_hold_waits_for_a_person_and_runs_once_approved(folder: Path) -> None:
    ran: list[Any] = []
    with open_guard(folder, promoting("refund.large")) as guard, guard.session(id="s") as session:
        with pytest.raises(ApprovalRequired, match=r"refund\.large"):
            refund(session, 90, ran)  # the ceiling, which only monitors, does not refuse it
        assert ran == []
        answer(guard, pending(guard)[0])
        assert refund(session, 90, ran) == OK
        with pytest.raises(ApprovalRequired):  # one approval, one call
            refund(session, 90, ran)
        events = list(guard.records.events("s"))

    assert ran == [90]
    approved = next(e.event for e in events if e.event.body.get("approval_id"))
    assert approved.body["result"] == "hold" and approved.body["enforced"]
    assert approved.anomaly is not None and approved.anomaly.clauses == ("refund.ceiling",)
    assert not approved.anomaly.enforced


def test_a_person_who_says_no_to_a_promoted_hold_is_obeyed(folder: Path) -> None:
    with open_guard(folder, promoting("refund.large")) as guard, guard.session() as session:
        with pytest.raises(ApprovalRequired):
            refund(session, 30)
        answer(guard, pending(guard)[0], approve=False)
        with pytest.raises(CallDenied, match="rejected"):
            refund(session, 30)


def test_a_promoted_limit_holds_when_many_threads_race_for_it(folder: Path) -> None:
    ran: list[Any] = []
    refused: list[str] = []
    with open_guard(folder, promoting("refund.total")) as guard, guard.session(id="s") as session:

        def work() -> None:
            for _ in range(10):
                try:
                    refund(session, 10, ran)
                except CallDenied as no:
                    refused.append(str(no))

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        decided = bodies(guard, "s", "decided")
        mode = guard.records.mode("default", "refunds", "", None)[0]

    assert (len(ran), len(refused)) == (20, 60)
    assert all("refund.total" in told for told in refused)
    assert [b.get("bound") for b in decided if b["enforced"]] == [["refund.total"]] * 60
    assert mode is Mode.AUTONOMOUS


def test_a_limit_that_is_reached_only_at_admission_refuses_by_itself_alone(folder: Path) -> None:
    spec = SMALL_REFUNDS.replace(
        "      limits:", "      limits:\n        - {id: two, count: calls, within: 1h, max: 1}"
    )
    with open_guard(folder, promoting("refund.total", spec=spec)) as guard, guard.session(id="s") as session:
        for _ in range(4):
            refund(session, 50)  # over `two` from the second on, which only monitors
        guard.records.used_micros = lambda *_: (0, 0)  # the look before the decision comes too early
        with pytest.raises(CallDenied) as no:
            refund(session, 50)
        last = bodies(guard, "s", "decided")[-1]

    assert no.value.decision.clauses == ("refund.total",)
    assert last["result"] == "deny" and last["bound"] == ["refund.total"] and last["enforced"]


def test_a_limit_that_holds_only_at_admission_asks_people(folder: Path) -> None:
    spec = SMALL_REFUNDS.replace("max: 200}", "max: 200, on_violation: hold, hold_by: [lead]}")
    with open_guard(folder, promoting("refund.total", spec=spec)) as guard, guard.session(id="s") as session:
        for _ in range(4):
            refund(session, 50)
        guard.records.used_micros = lambda *_: (0,)
        with pytest.raises(ApprovalRequired, match=r"refund\.total") as held:
            refund(session, 90)  # above the ceiling, which only monitors
    assert held.value.decision.need.roles == ("lead",)


@pytest.mark.parametrize("binds", [True, False])
def test_a_promoted_output_clause_withholds_the_result(folder: Path, binds: bool) -> None:
    by = promoting("refund.output" if binds else "refund.ceiling")
    with open_guard(folder, by) as guard, guard.session(id="s") as session:
        if binds:
            with pytest.raises(ResultWithheld):
                refund(session, 5, value={"wrong": 1})
        else:
            assert refund(session, 5, value={"wrong": 1}) == {"wrong": 1}
        settled = next(e.event for e in guard.records.events("s") if e.event.kind == "settled")

    assert ("segment" in settled.body) is not binds
    assert settled.anomaly is not None and settled.anomaly.enforced is binds


def test_a_promoted_answer_clause_refuses_and_names_only_what_binds(folder: Path) -> None:
    outputs = "  outputs:\n    - {id: short, max_length: 3}\n    - {id: polite, forbid: [damn]}\n"
    by = promoting("outputs.polite", spec=SMALL_REFUNDS + outputs)
    with open_guard(folder, by) as guard:
        with guard.session() as session:
            assert session.finish("too long") == "too long"
        with guard.session() as session, pytest.raises(AnswerRefused) as no:
            session.finish("damn long")
    assert [v.clause for v in no.value.violations] == ["outputs.polite"]


def test_violations_of_promoted_clauses_trip_nothing_while_the_envelope_monitors(folder: Path) -> None:
    spec = SMALL_REFUNDS.replace("threshold: 1000, max_violations: 1000", "threshold: 2, max_violations: 1")
    with open_guard(folder, promoting("refund.ceiling", spec=spec)) as guard, guard.session() as session:
        for amount in range(90, 100):
            with pytest.raises(CallDenied):
                refund(session, amount)
        mode = guard.records.mode("default", "refunds", "", None)[0]
        assert refund(session, 5) == OK
    assert mode is Mode.AUTONOMOUS


def test_a_clause_binds_for_its_share_of_sessions_also_after_they_are_resumed(folder: Path) -> None:
    spec = SMALL_REFUNDS.replace(
        "enforcement: enforce", "enforcement: monitor\n  enforced: [{clause: refund.ceiling, share: 0.5}]"
    )
    ids = [f"s-{at}" for at in range(12)]
    inside = {session for session in ids if includes("refund.ceiling", 0.5, session)}
    assert 0 < len(inside) < len(ids)
    for _ in range(2):
        refused = set()
        with open_guard(folder, envelope(spec)) as guard:
            for one in ids:
                with guard.session(id=one) as session:
                    try:
                        refund(session, 90)
                    except CallDenied:
                        refused.add(one)
        assert refused == inside


def test_readiness_tells_what_was_in_force_from_what_only_monitored(folder: Path) -> None:
    with open_guard(folder, promoting("refund.large")) as guard, guard.session() as session:
        with pytest.raises(ApprovalRequired):
            refund(session, 90)
        report = gathered(from_events(guard.records.store.events(kinds=["decided"]))).report()

    by_clause = {line["clause"]: line for line in report["clauses"]}
    assert report["would_refuse"] == 1
    assert by_clause["refund.large"]["in_force"] == 1 and by_clause["refund.ceiling"]["in_force"] == 0
