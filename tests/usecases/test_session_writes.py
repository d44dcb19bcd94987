"""What a session tells the store while no call waits for it."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from typing import Any

import pytest

from remit.core.errors import BadInput, Unavailable
from remit.core.event import Event
from remit.usecases.session_writes import MOST_REMEMBERED, SessionWrites


class Store:
    """Takes writes, or loses them."""

    def __init__(self) -> None:
        self.taken: list[tuple[Event, ...]] = []
        self.error: Exception | None = None

    def append(self, events: Any) -> Future[None]:
        done: Future[None] = Future()
        if self.error is None:
            self.taken.append(tuple(events))
            done.set_result(None)
        else:
            done.set_exception(self.error)
        return done


def told(name: str) -> Event:
    return Event(name, "s", "told", "a", "e", {})


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def writes(store: Store) -> SessionWrites:
    return SessionWrites(store, threading.RLock())  # type: ignore[arg-type]


def test_what_is_told_together_is_one_write(store: Store, writes: SessionWrites):
    with writes.together():
        writes.add(told("1"))
        writes.add(told("2"))
    writes.add(told("3"))

    assert [[event.id for event in taken] for taken in store.taken] == [["1", "2"], ["3"]]


def test_where_a_beginning_fails_nothing_of_it_is_written_and_what_follows_is(
    store: Store, writes: SessionWrites
):
    with pytest.raises(RuntimeError), writes.together():
        writes.add(told("1"))
        raise RuntimeError
    writes.add(told("2"))

    assert [[event.id for event in taken] for taken in store.taken] == [["2"]]


def test_what_was_lost_is_raised_and_written_again(store: Store, writes: SessionWrites):
    store.error = Unavailable("the disk is full")
    writes.add(told("1"))
    store.error = None

    with pytest.raises(Unavailable):
        writes.surface()
    writes.surface()

    assert [[event.id for event in taken] for taken in store.taken] == [["1"]]


def test_the_end_raises_what_was_lost_but_not_what_only_had_to_end(store: Store, writes: SessionWrites):
    only_waited_for: Future[None] = Future()
    only_waited_for.set_exception(Unavailable("its lease ends"))
    writes.wait_for(only_waited_for)
    writes.end()
    store.error = Unavailable("the disk is full")
    writes.add(told("1"))

    with pytest.raises(Unavailable, match="disk is full"):
        writes.end()


def test_writes_that_are_durable_are_forgotten(writes: SessionWrites):
    for number in range(3 * MOST_REMEMBERED):
        writes.add(told(str(number)))

    assert len(writes) <= MOST_REMEMBERED


class EndsBetweenTwoLooks(Future[None]):
    """A write that is lost right after somebody saw that it is on its way."""

    def done(self) -> bool:
        seen = super().done()
        if not seen:
            self.set_exception(Unavailable("the disk is full"))
        return seen


def test_a_write_that_is_lost_while_somebody_looks_is_raised_the_next_time(
    store: Store, writes: SessionWrites, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(store, "append", lambda _: EndsBetweenTwoLooks())
    writes.add(told("1"))

    writes.surface()

    with pytest.raises(Unavailable, match="disk is full"):
        writes.surface()


def test_nobody_finds_the_hole_gone_while_it_is_written_again(
    store: Store, writes: SessionWrites, monkeypatch: pytest.MonkeyPatch
):
    store.error = Unavailable("the disk is full")
    writes.add(told("1"))
    remembered = []

    def again(_: Any) -> Future[None]:
        remembered.append(len(writes))  # what another thread finds at this moment
        return Future()

    monkeypatch.setattr(store, "append", again)
    with pytest.raises(Unavailable):
        writes.surface()

    assert remembered == [1]


def test_a_cancelled_end_leaves_what_was_lost_to_the_next_one(store: Store, writes: SessionWrites):
    on_its_way: Future[None] = Future()

    async def main() -> None:
        writes.wait_for(on_its_way)
        store.error = Unavailable("the disk is full")
        writes.add(told("1"))
        ending = asyncio.create_task(writes.aend())
        await asyncio.sleep(0)
        ending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await ending
        on_its_way.set_result(None)
        with pytest.raises(Unavailable, match="disk is full"):
            await writes.aend()

    asyncio.run(main())


def test_what_was_lost_at_the_end_is_written_again_for_the_next_end(store: Store, writes: SessionWrites):
    store.error = Unavailable("the disk is full")
    writes.add(told("1"))
    for _ in range(2):
        with pytest.raises(Unavailable):
            writes.end()
    store.error = None
    with pytest.raises(Unavailable):
        writes.end()
    writes.end()

    assert [[event.id for event in taken] for taken in store.taken] == [["1"]]


def test_what_the_store_refused_is_told_once_and_keeps_no_session_open(store: Store, writes: SessionWrites):
    store.error = BadInput("event 1", "another event has this id", "make a new id for every event")
    writes.add(told("1"))
    with pytest.raises(BadInput):
        writes.end()

    writes.end()
