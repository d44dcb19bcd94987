"""A clause that is added to a running agent: what it learns of earlier calls from the journal, and when it cannot."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from remit import CallDenied
from remit.core.envelope import Envelope
from remit.core.event import Event
from remit.core.history import watches_of
from remit.store import connection, watching
from remit.store.records import SqliteRecords
from remit.store.verify import verify
from remit.testing.earlier import GuardedStore, shop

PLAIN = shop()
BY_ID = """
history:
  - {id: once, never: {tool: pay, within: 1h}, where: "event.args.id == args.id"}
"""
BY_VALUE = """
history:
  - {id: once, never: {tool: pay, within: 1h}, where: "event.args.id == args.id && event.args.amount > 3.0"}
"""
BY_RESULT = """
history:
  - {id: seen, formerly: {tool: look, within: 1h, across: agent}, where: "event.output.id == args.id"}
"""


@pytest.fixture
def place(tmp_path: Path) -> Iterator[GuardedStore]:
    made = GuardedStore(tmp_path)
    yield made
    made.store.close()


def allowed(
    place: GuardedStore, rules: Envelope, order: str = "O-1", tenant: str = "default", **who: Any
) -> bool:
    with place.guard(rules, tenant=tenant).session(**who) as session:
        return session.check("pay", {"id": order, "amount": 5}).result == "allow"


def why(place: GuardedStore, rules: Envelope, order: str = "O-1") -> str:
    with place.guard(rules).session() as session:
        return session.check("pay", {"id": order, "amount": 5}).reason


def calls(place: GuardedStore, rules: Envelope = PLAIN, *, tenant: str = "default", **who: Any) -> None:
    """A payment of each end, and a look that came back."""
    with place.guard(rules, tenant=tenant).session(**who) as session:
        session.call("look", {"id": "O-9"}, run=place.tool("look"))
        for order, gives in (("done", 1), ("failed", OSError()), ("unknown", KeyboardInterrupt())):
            with contextlib.suppress(OSError, KeyboardInterrupt):
                session.call("pay", {"id": order, "amount": 5}, run=place.tool("pay", gives))
        with pytest.raises(CallDenied):
            session.call("pay", {"id": "denied", "amount": "5"}, run=place.tool("pay"))


@pytest.mark.parametrize("clause", [BY_ID, BY_VALUE])
def test_a_clause_that_is_added_later_sees_earlier_calls(place: GuardedStore, clause: str) -> None:
    calls(place)
    rules = shop(pay=clause, version="2")
    assert {o: allowed(place, rules, o) for o in ("done", "failed", "unknown", "denied", "new")} == {
        "done": False,
        "failed": False,
        "unknown": False,
        "denied": True,
        "new": True,
    }
    place.reopen()
    assert not allowed(place, rules, "done")
    place.ahead += 3601
    assert allowed(place, rules, "done")


def test_it_answers_as_if_it_had_always_been_there(place: GuardedStore) -> None:
    watched = shop(pay=BY_VALUE)
    calls(place, watched)
    live = _rows(place)
    place.store.transact_now(lambda tx: tx.connection.execute("DELETE FROM history_event"), events=1)
    place.store.transact_now(lambda tx: tx.connection.execute("DELETE FROM history_watch"), events=1)
    place.guard(watched)
    assert _rows(place) == live and len(live) == 4


def _rows(place: GuardedStore) -> list[Any]:
    sql = "SELECT token, watch, phase, key, state, lost FROM history_event ORDER BY token, phase"
    return place.store.read(lambda db: db.execute(sql).fetchall())


def test_a_result_is_found_by_what_it_said(place: GuardedStore) -> None:
    calls(place)
    rules = shop(pay=BY_RESULT, version="2")
    assert allowed(place, rules, "O-9") and not allowed(place, rules, "O-1")


def test_a_text_that_looks_like_a_record_is_none_also_when_it_is_read_back(place: GuardedStore) -> None:
    rules = shop(
        pay='history: [{id: ok, formerly: {tool: revoke, within: 1h, across: agent}, where: "event.output.ok == true"}]'
    )
    with place.guard(PLAIN).session() as session:
        session.call("revoke", {"id": "O-1"}, run=place.tool("revoke", '{"ok": true}'))
    assert not allowed(place, rules)
    with place.guard(PLAIN).session() as session:
        session.call("revoke", {"id": "O-1"}, run=place.tool("revoke", {"ok": True}))
    assert allowed(place, rules)


def test_another_agent_s_and_another_tenant_s_calls_are_never_seen(place: GuardedStore) -> None:
    calls(place)
    rules = shop(pay=BY_ID, version="2")
    assert allowed(place, rules, "done", tenant="other")
    assert allowed(place, replace(rules, name="clerk", hash="f" * 64), "done")
    assert not allowed(place, rules, "done")


def test_whose_session_it_was_is_asked_of_its_own_tenant_alone(place: GuardedStore) -> None:
    with place.guard(PLAIN, tenant="other").session(id="s-1", principal="ann"):
        pass
    records = SqliteRecords(place.store)
    opened = Event("e-1", "s-1", "session.opened", "shop", "", {"principal": "bob"}, "default")
    body = {
        "tool": "pay",
        "args": {"id": "O-1", "amount": 5},
        "result": "allow",
        "token": "t-1",
        "enforced": True,
    }
    records.append([opened, Event("e-2", "s-1", "decided", "shop", "", body, "default")]).result()
    rules = shop(pay=BY_ID.replace("within: 1h", "within: 1h, across: principal"))
    assert allowed(place, rules, principal="ann")
    assert not allowed(place, rules, principal="bob")


def test_what_cannot_be_read_any_more_makes_never_an_error_that_says_how_far_it_sees(
    place: GuardedStore,
) -> None:
    calls(place, principal="ann")
    place.ahead += 600
    assert place.store.erase("ann")
    rules = shop(pay=BY_ID, version="2")
    assert not allowed(place, rules, "new")
    assert "of 1h are not known to this store" in why(place, rules, "new")
    place.ahead += 3010
    assert allowed(place, rules, "new")


def test_results_that_were_kept_as_digests_are_not_guessed(place: GuardedStore) -> None:
    calls(place, shop("  capture: {clean: digest}\n"))
    never = BY_RESULT.replace("formerly", "never").replace(", across: agent", ", phase: response")
    assert "cannot be evaluated" in why(place, shop(pay=never, version="2"), "O-1")
    assert not allowed(place, shop(pay=BY_RESULT, version="3"), "O-9")
    assert not allowed(place, shop(pay=BY_ID, version="4"), "done")
    assert allowed(place, shop(pay=BY_ID, version="4"), "new")


def test_until_it_is_filled_never_is_an_error(place: GuardedStore, monkeypatch: pytest.MonkeyPatch) -> None:
    calls(place)
    rules = shop(pay=BY_ID, version="2")

    def dies(*_: Any) -> None:
        raise OSError("killed")

    monkeypatch.setattr(watching, "_index", dies)
    with pytest.raises(OSError, match="killed"):
        place.guard(rules)
    monkeypatch.undo()
    with place.guard(
        PLAIN
    ).session() as session:  # an older version goes on, and leaves behind what the new one asks
        session.call("pay", {"id": "between", "amount": 1}, run=place.tool("pay"))
    place.reopen()
    assert not allowed(place, rules, "done") and not allowed(place, rules, "between")
    assert allowed(place, rules, "new")


def test_calls_made_while_it_is_filled_are_seen_once(place: GuardedStore) -> None:
    stop, made = threading.Event(), list[str]()

    def go_on() -> None:
        with place.guard(PLAIN).session() as session:
            while not stop.is_set():
                session.call("pay", {"id": f"b-{len(made)}", "amount": 1}, run=place.tool("pay"))
                made.append(f"b-{len(made)}")

    thread = threading.Thread(target=go_on)
    thread.start()
    while len(made) < 30:
        time.sleep(0.01)
    rules = shop(pay=BY_ID, version="2")
    guard = place.guard(rules)
    stop.set()
    thread.join()
    with guard.session() as session:
        assert [o for o in made if session.check("pay", {"id": o, "amount": 1}).result == "allow"] == []
    found = place.store.read(
        lambda db: db.execute("SELECT count(*), count(DISTINCT token || phase) FROM history_event").fetchone()
    )
    assert found == (2 * len(made), 2 * len(made))


HANGS_S = 600
"""Only against hanging."""


def _registers(folder: Path, ready: Any, answers: Any) -> None:
    connection.BUSY_S = HANGS_S  # SQLite is not fair to those who wait for its lock
    made = GuardedStore(folder)
    ready.wait(HANGS_S)
    answers.put([allowed(made, shop(pay=BY_ID, version="2"), order) for order in ("done", "failed", "new")])
    made.store.close()


def _killed(folder: Path) -> None:
    made = GuardedStore(folder)

    def dies(*_: Any) -> None:
        os.kill(os.getpid(), 9)

    watching._index = dies
    made.guard(shop(pay=BY_ID, version="2"))


def test_two_processes_may_add_it_at_once(place: GuardedStore) -> None:
    calls(place)
    place.store.close()
    context = multiprocessing.get_context("spawn")
    ready, answers = context.Barrier(2), context.Queue()
    workers = [context.Process(target=_registers, args=(place.folder, ready, answers)) for _ in range(2)]
    for worker in workers:
        worker.start()
    assert [answers.get(timeout=HANGS_S) for _ in workers] == [[False, False, True]] * 2
    for worker in workers:
        worker.join(HANGS_S)
    place.reopen()
    assert not allowed(place, shop(pay=BY_ID, version="2"), "done")


def test_a_process_that_is_killed_in_the_middle_leaves_the_work_to_the_next(place: GuardedStore) -> None:
    calls(place)
    place.store.close()
    worker = multiprocessing.get_context("spawn").Process(target=_killed, args=(place.folder,))
    worker.start()
    worker.join(HANGS_S)
    assert worker.exitcode == -9
    place.reopen()
    filled = place.store.read(lambda db: db.execute("SELECT filled FROM history_watch").fetchall())
    assert filled == [(0,)]
    assert not allowed(place, shop(pay=BY_ID, version="2"), "done")
    assert verify(place.folder / "remit.db", place.folder / "home").ok


@pytest.mark.soak
def test_a_journal_of_100_000_events_is_gone_through_in_less_than_two_minutes(place: GuardedStore) -> None:
    records = SqliteRecords(place.store)
    last = None
    for n in range(50_000):
        body = {
            "tool": "pay",
            "args": {"id": f"O-{n}", "amount": 5},
            "result": "allow",
            "token": f"t-{n}",
            "enforced": True,
        }
        ended = {"token": f"t-{n}", "tool": "pay", "ended": "value", "segment": {}}
        last = records.append(
            [
                Event(f"d-{n}", "s", "decided", "shop", "", body, "default"),
                Event(f"s-{n}", "s", "settled", "shop", "", ended, "default", blobs={"text": "{}"}),
            ]
        )
    assert last is not None
    last.result()
    began = time.monotonic()
    records.watch("default", "shop", watches_of(shop(pay=BY_VALUE).tools))
    took = time.monotonic() - began
    print(f"100,000 events in {took:.1f} s")
    assert took < 120
    assert not allowed(place, shop(pay=BY_VALUE), "O-49999")
