"""`capture.retain` of an envelope holds for all that its sessions capture, and for nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import remit
from remit.core.envelope import Envelope
from remit.core.redact import Redactor
from remit.store.records import EXTENSIONS, SqliteRecords
from remit.store.sqlite import SqliteStore
from remit.store.verify import verify
from remit.testing import SMALL_REFUNDS, FakeClock, answer, envelope
from remit.usecases.clock import Uuid7
from remit.usecases.guard import Guard

HOUR, DAY = 3600.0, 86400.0
START = 2000 * 7 * DAY
"""A period of every length begins here."""


def rules(retain: str | None, name: str = "refunds") -> Envelope:
    return envelope(SMALL_REFUNDS + (f"  capture: {{retain: {retain}}}\n" if retain else ""), name=name)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(START)


@pytest.fixture
def store(tmp_path: Path, clock: FakeClock) -> Iterator[SqliteStore]:
    with SqliteStore.open(
        tmp_path / "remit.db",
        home=tmp_path / "home",
        single_operator=True,
        extensions=EXTENSIONS,
        clock=clock.now,
    ) as opened:
        yield opened


@pytest.fixture
def guarded(store: SqliteStore, clock: FakeClock) -> Callable[[Envelope], Guard]:
    def guarded(rules: Envelope) -> Guard:
        return Guard(
            rules,
            SqliteRecords(store),
            clock=clock,
            ids=Uuid7(),
            redactor=Redactor(b"k" * 32),
            approval_wait_s=0.0,
        )

    return guarded


def refund(session: Any, amount: int) -> Any:
    return session.call("refund", {"amount": amount}, run=lambda amount: {"refund_id": "R"})


def worked(guard: Guard, session: str) -> str:
    """A session with everything that is captured: texts, calls, an anomaly, a question, its answer; gives its id."""
    with guard.session(id=session, principal="ann", user_input="refund me") as open_session:
        refund(open_session, 5)
        with pytest.raises(remit.CallDenied):
            refund(open_session, 500)
        with pytest.raises(remit.ApprovalRequired) as held:
            refund(open_session, 30)
        answer(guard, held.value.approval_id)
        refund(open_session, 30)
        open_session.finish("done")
    return str(held.value.approval_id)


def read(store: SqliteStore, session: str) -> set[str]:
    return {s.event.kind for s in store.events(session) if not s.erased}


CAPTURED = {
    *("session.opened", "session.closed", "observed", "decided", "settled", "finished"),
    "approval.requested",
}


def test_all_that_a_session_captured_expires(
    store: SqliteStore, clock: FakeClock, guarded: Callable[[Envelope], Guard]
) -> None:
    guard = guarded(rules("8h"))
    approval = worked(guard, "s")
    clock.step(8 * HOUR)
    store.expire()
    assert read(store, "s") >= CAPTURED
    assert guard.session(id="s", principal="ann").text.segments
    clock.step(HOUR)
    store.expire()

    assert not read(store, "s") & (CAPTURED - {"session.resumed"})
    assert all(not s.event.blobs for s in store.events("s"))
    record = guard.records.approval(approval)
    assert record is not None and record.erased and not record.args
    assert verify(store).ok


def test_an_expired_session_is_not_resumed(
    store: SqliteStore, clock: FakeClock, guarded: Callable[[Envelope], Guard]
) -> None:
    guard = guarded(rules("8h"))
    worked(guard, "s")
    clock.step(9 * HOUR)
    store.expire()

    with pytest.raises(remit.BadInput, match="missing or erased; open a new session"):
        guard.session(id="s", principal="ann")


def test_a_session_of_which_a_part_expired_is_not_resumed(
    store: SqliteStore, clock: FakeClock, guarded: Callable[[Envelope], Guard]
) -> None:
    """It would go on without texts that were seen, as if they had never been."""
    guarded(rules("90d")).session(id="s", principal="ann", user_input="hello").close()
    guarded(rules("1h")).session(id="s", principal="ann", user_input="there").close()
    clock.step(2 * HOUR)
    store.expire()

    with pytest.raises(remit.BadInput, match="a part of it was erased or expired; open a new session"):
        guarded(rules("90d")).session(id="s")


def test_two_agents_keep_what_one_person_said_for_as_long_as_each_may(
    store: SqliteStore, clock: FakeClock, guarded: Callable[[Envelope], Guard]
) -> None:
    for session, retain in (("short", "1h"), ("long", "90d"), ("ever", None)):
        worked(guarded(rules(retain, session)), session)
    clock.step(2 * HOUR)
    store.expire()
    assert [bool(read(store, s) & CAPTURED) for s in ("short", "long", "ever")] == [False, True, True]
    clock.step(97 * DAY)
    store.expire()
    assert [bool(read(store, s) & CAPTURED) for s in ("short", "long", "ever")] == [False, False, True]
    assert verify(store).ok

    store.erase("ann")
    assert not read(store, "ever") & CAPTURED


def test_a_running_session_outlives_what_it_captured_first(
    store: SqliteStore, clock: FakeClock, guarded: Callable[[Envelope], Guard]
) -> None:
    with guarded(rules("1h")).session(principal="ann", user_input="hello") as session:
        for _ in range(5):
            refund(session, 1)
            clock.step(HOUR)
        session.finish("done")
    assert verify(store).ok
