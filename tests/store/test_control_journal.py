"""Human control inside the real journal: one transaction for reservation and event, durable together or not at all."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from remit.core.admission import Settlement
from remit.core.approval import Reply, answer_message
from remit.core.envelope import BreakerRule
from remit.core.types import ApprovalNeed, Mode, Severity
from remit.store import control, control_approvals, control_breaker, operators
from remit.store.sqlite import SqliteStore
from remit.testing import control_race as races
from remit.testing.control import call, misstep, question

RULE = BreakerRule(threshold=5, max_violations=5)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    opened = SqliteStore.open(tmp_path / "j.db", home=tmp_path / "home", extensions=(control.DDL,))
    yield opened
    opened.close()


def kinds(store: SqliteStore) -> list[str]:
    return [stored.event.kind for stored in store.events()]


def test_a_trip_stands_in_the_journal_with_the_violation_that_caused_it(store: SqliteStore):
    (change,) = store.transact_now(lambda tx: control.count_violation(tx, misstep("m", Severity.HIGH)))

    (stored,) = [s for s in store.events() if s.event.kind == "breaker.changed"]
    assert (stored.event.id, stored.event.body["after"]) == (change.event_id, "supervised")


def test_a_refused_answer_leaves_no_trace(store: SqliteStore):
    before = kinds(store)
    with pytest.raises(Exception, match="there is no approval"):
        store.transact_now(
            lambda tx: control_approvals.answer(
                tx, "x", Reply.APPROVE, operator="a", seen_digest="", version=1
            )
        )

    assert kinds(store) == before


def test_one_call_from_question_to_execution(store: SqliteStore):
    pem, public = operators.new_key("pass")
    store.transact_now(lambda tx: operators.add(tx, "ann", [], public, act="hire-ann"))
    record = store.transact_now(lambda tx: control_approvals.request_approval(tx, question("q", "a")))
    seen = record.status
    message = answer_message("q", seen.version, seen.digest, Reply.APPROVE, "", break_glass=False)
    signature = operators.sign(pem, "pass", message)
    store.transact_now(
        lambda tx: control_approvals.answer(
            tx,
            "q",
            Reply.APPROVE,
            operator="ann",
            seen_digest=seen.digest,
            version=seen.version,
            signature=signature,
        )
    )
    admission = store.transact_now(lambda tx: control.admit(tx, call("a", needs_approval=ApprovalNeed())))
    store.transact_now(lambda tx: control.settle(tx, Settlement("a", "clean")))

    assert (admission.status, admission.approval_id) == ("admitted", "q")
    told = [kind for kind in kinds(store) if kind.startswith(("operator", "approval"))]
    assert told == [
        *(
            "operator.added",
            "approval.requested",
            "approval.answered",
            "approval.claimed",
            "approval.executed",
        ),
    ]


def test_modes_survive_a_restart(tmp_path: Path):
    for n in range(2):
        store = SqliteStore.open(tmp_path / "j.db", home=tmp_path / "home", extensions=(control.DDL,))
        if n == 0:
            store.transact_now(lambda tx: control.count_violation(tx, misstep("m", Severity.CRITICAL)))
        mode = store.read(lambda db: control_breaker.effective_mode(db, "acme", "bot", "", None, 0.0)[0])
        store.close()
        assert mode is Mode.QUARANTINED


@pytest.mark.parametrize("share", [1.0, 0.3] if os.environ.get("REMIT_SOAK") else [1.0])
def test_exactly_n_violating_actions_run_through_the_journal(tmp_path: Path, share: float):
    SqliteStore.open(tmp_path / "j.db", home=tmp_path / "home", extensions=(control.DDL,)).close()

    ran = races.race(races.act_through_journal, tmp_path / "j.db", 8, RULE, 25, share)
    assert sum(ran) == 5
