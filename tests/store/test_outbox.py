"""The outbox on a real store: what is told exists, is told at least once, and never by two at a time."""

from __future__ import annotations

import threading
from dataclasses import replace

import msgspec
import pytest

from remit.core.approval import ApprovalRecord
from remit.core.breaker import ModeChange
from remit.core.scope import Scope, ScopeKind
from remit.core.types import Mode
from remit.store import control, control_approvals, control_hand, outbox
from remit.store.outbox import DEAD_AFTER_S, LEASE_S, SqliteOutbox, wait_before
from remit.store.sqlite import SqliteStore
from remit.testing.control import question

AGENT = Scope(ScopeKind.AGENT, "acme", "bot")


class Clock:
    def __init__(self) -> None:
        self.at = 1_000_000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store(tmp_path, clock):
    path = tmp_path / "remit.db"
    extensions = (control.DDL, outbox.DDL)
    with SqliteStore.open(path, home=tmp_path / "home", extensions=extensions, clock=clock) as opened:
        yield opened


@pytest.fixture
def box(store, clock):
    return SqliteOutbox(store, clock=clock)


def ask(store, id="a1", about="1", **fields):
    def work(tx):
        record = control_approvals.request_approval(tx, question(id, about, **fields))
        assert isinstance(record, ApprovalRecord)
        outbox.tell_held(tx, record.status)
        return record

    return store.transact_now(work)


def trip(store, mode=Mode.HALTED, reason="it paid twice"):
    def work(tx):
        changes = control_hand.trip(tx, AGENT, mode, id=f"trip-{mode}", actor="ann", reason=reason)
        for change in changes:
            outbox.tell_change(tx, change)

    store.transact_now(work)


def test_an_open_question_is_told_with_preview_clauses_expiry_and_the_command_that_answers(store, box):
    ask(store, preview="pay(n='1')", clauses=("pay.always",))

    told = box.claim().payload

    assert (told["kind"], told["approval_id"], told["agent"], told["tool"]) == ("held", "a1", "bot", "pay")
    assert (told["preview"], told["clauses"], told["state"]) == ("pay(n='1')", ["pay.always"], "pending")
    assert told["expires_at"] == 1_000_000.0 + 900
    assert told["command"] == "remit approvals approve a1"
    assert told["command"] in told["text"]


def test_a_trip_is_told_with_scope_modes_reason_and_the_command_that_shows_it(store, box):
    trip(store)

    told = box.claim().payload

    assert (told["kind"], told["scope"], told["from"], told["to"]) == (
        "trip",
        "agent/acme/bot",
        "autonomous",
        "halted",
    )
    assert (told["reason"], told["actors"]) == ("it paid twice", ["ann"])
    assert told["command"] == "remit breaker show bot"


def test_a_question_that_is_asked_again_is_told_once(store, box):
    ask(store)
    ask(store, id="a2")

    assert [row.kind for row in box.rows()] == ["held"]


def test_nothing_is_told_of_a_question_whose_transaction_was_undone(store, box):
    def work(tx):
        record = control_approvals.request_approval(tx, question("a1", "1"))
        outbox.tell_held(tx, record.status)
        raise RuntimeError("undone")

    with pytest.raises(RuntimeError):
        store.transact_now(work)

    assert box.rows() == []


def test_the_database_holds_no_argument_of_a_held_call_in_the_clear(store, box, tmp_path):
    ask(store, preview="pay(to='DE-SECRET-IBAN')")
    store.close()

    held = b"".join(path.read_bytes() for path in tmp_path.glob("remit.db*"))

    assert b"DE-SECRET-IBAN" not in held


def test_an_answered_question_is_still_told_and_says_that_it_ended(store, box):
    ask(store)
    store.transact_now(lambda tx: control_approvals.cancel(tx, approval_id="a1", reason="over"))

    assert box.claim().payload["state"] == "cancelled"


def test_a_hostile_preview_neither_mentions_links_nor_breaks_out_of_its_quotation(store, box):
    hostile = "pay(<!channel> <https://evil.example|ok> ```\x1b[2J \u202egpj.exe & more)"
    ask(store, preview=hostile, tool="pay", clauses=("<!here>",))

    told = box.claim().payload

    assert "<" not in told["text"]
    assert told["text"].count("```") == 2
    assert "\x1b" not in told["text"] + told["preview"]
    assert "\u202e" not in told["text"] + told["preview"]
    assert told["unfurl_links"] is False


def test_a_claimed_notice_is_nobody_elses_until_its_lease_ends(store, box, clock):
    ask(store)
    first = box.claim()

    assert box.claim() is None
    clock.at += LEASE_S - 1
    assert box.claim() is None
    clock.at += 1
    again = box.claim()
    assert (again.id, again.attempts) == (first.id, first.attempts + 1)


def test_whoever_comes_back_after_the_lease_changes_nothing(store, box, clock):
    ask(store)
    late = box.claim()
    clock.at += LEASE_S
    present = box.claim()

    box.done(late)
    assert [row.state for row in box.rows()] == ["claimed"]
    box.retry(late, "too late", jitter=0.5)
    assert [row.state for row in box.rows()] == ["claimed"]
    box.done(present)
    assert [row.state for row in box.rows()] == ["done"]


def test_a_failed_notice_waits_longer_each_time_and_keeps_what_went_wrong(store, box, clock):
    ask(store)
    waits = []
    for _ in range(4):
        notice = box.claim()
        box.retry(notice, "sink: 503", jitter=1.0)
        row = box.rows("waiting")[0]
        waits.append(row.due_at - clock.at)
        clock.at = row.due_at

    assert waits == [2.0, 4.0, 8.0, 16.0]
    assert box.rows()[0].last_error == "sink: 503"


def test_a_sink_may_ask_for_a_longer_wait_but_not_for_ever():
    assert wait_before(2, jitter=0.0, after_s=120.0) == 120.0
    assert wait_before(2, jitter=0.0, after_s=10.0**9) == 3600.0


def test_a_notice_that_nobody_could_deliver_for_days_is_dead_and_still_shown(store, box, clock):
    ask(store)
    clock.at += DEAD_AFTER_S

    assert box.claim() is None
    assert [(row.state, row.last_error) for row in box.rows("dead")] == [
        ("dead", "nobody delivered it in time")
    ]
    assert box.counts()["dead"] == 1


def test_a_notice_whose_last_attempt_fails_after_days_is_dead_with_its_error(store, box, clock):
    ask(store)
    clock.at += DEAD_AFTER_S - 1
    notice = box.claim()
    clock.at += 2
    box.retry(notice, "connection refused", jitter=0.0)

    assert [(row.state, row.last_error) for row in box.rows()] == [("dead", "connection refused")]


def test_many_claimants_share_the_notices_and_none_gets_the_same_one(store, clock):
    for n in range(12):
        ask(store, id=f"a{n}", about=str(n), agent=f"bot{n}")
    taken, lock = [], threading.Lock()

    def work():
        own = SqliteOutbox(store, clock=clock)
        while (notice := own.claim()) is not None:
            with lock:
                taken.append(notice.id)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(taken) == len(set(taken)) == 12


def test_two_connections_to_one_file_never_hold_the_same_notice(store, tmp_path, clock):
    for n in range(6):
        ask(store, id=f"a{n}", about=str(n), agent=f"bot{n}")
    extensions = (control.DDL, outbox.DDL)
    with SqliteStore.open(
        tmp_path / "remit.db", home=tmp_path / "home", extensions=extensions, clock=clock
    ) as other:
        boxes = [SqliteOutbox(store, clock=clock), SqliteOutbox(other, clock=clock)]
        taken = [notice.id for _ in range(4) for box in boxes if (notice := box.claim()) is not None]

    assert len(taken) == len(set(taken)) == 6


def test_looking_into_an_empty_outbox_commits_nothing(store, box):
    before = store.counters().batches

    assert box.claim() is None
    assert store.counters().batches == before


def test_recovery_by_evidence_into_probation_and_no_change_are_told_as_what_they_are(store, box):
    change = ModeChange(AGENT, Mode.SUPERVISED, Mode.PROBATION, "clean", 1.0, 0, event_id="e1")

    def work(tx):
        outbox.tell_change(tx, change)
        outbox.tell_change(tx, replace(change, before=Mode.PROBATION, event_id="e2"))
        outbox.tell_change(tx, replace(change, before=Mode.AUTONOMOUS, event_id="e3"))

    store.transact_now(work)

    assert [row.kind for row in box.rows()] == ["loosened"]


def test_a_message_made_elsewhere_is_kept_without_the_calls_content(store, box):
    ask(store)
    store.transact_now(
        lambda tx: outbox.enqueue(tx, "held", {"approval_id": "a1", "preview": "SECRET", "text": "SECRET"})
    )

    (payload,) = store.read(lambda db: [row[0] for row in db.execute("SELECT payload FROM outbox")])
    assert msgspec.json.decode(payload) == {"approval_id": "a1"}
