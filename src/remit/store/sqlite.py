"""The journal in one SQLite file: every decision of an agent's run, durable when it is acknowledged."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import apsw

from remit.core.event import Event, StoredEvent
from remit.store import body, schema
from remit.store.chain import Head
from remit.store.clock import WallClock, wall_clock
from remit.store.commit import Committer, StoreState
from remit.store.connection import (
    check_place,
    check_sqlite_version,
    connect,
    connect_reader,
    make_durable,
    network_file_system,
    told,
)
from remit.store.keys import Keyring, StoreKeys, exposed, sync_folder
from remit.store.pool import Readers
from remit.store.reader import read_events
from remit.store.reserve import RESERVE_BYTES, Reserve
from remit.store.transaction import Transaction
from remit.store.writer import Waiting, Writer, in_event_loop

T = TypeVar("T")

_USUAL_EVENT = 2048
"""Bytes that a piece of work counts for in the queue when its caller says nothing."""


@dataclass(frozen=True, slots=True)
class Counters:
    """What the journal did since it was opened, for metrics."""

    events: int
    """Events in the journal."""
    batches: int
    refused: int
    """Events whose callers were told that they could not be captured."""
    ambiguous: int
    """Commits that reported a failure and had landed."""
    reopened: int
    """How often the handle was given up after a failure of the disk."""
    waiting: int
    waiting_bytes: int
    dropped: int = 0
    """Always 0: nothing that was taken is dropped."""


class SqliteStore:
    """An open journal. Any thread may use it; it survives a fork; `close` it, or use `with`."""

    def __init__(
        self,
        path: Path | None,
        *,
        folder: Path | None,
        facts: dict[str, str],
        keys: StoreKeys,
        clock: WallClock,
        reserve: Reserve | None,
        bounds: tuple[int, int, float],
        connection: apsw.Connection,
        vfs: str | None,
    ) -> None:
        self.path = path
        self.folder = folder
        """Where keys and checkpoints are; None for the volatile store."""
        self.id = facts["id"]
        self.single_operator = facts["single_operator"] == "yes"
        """Whether approvals need no identified operator, as was said when the store was made."""
        self.volatile = path is None
        self._place = "memory:" if path is None else str(path)
        self._vfs = vfs
        self._keyring = Keyring(keys)
        self._keys = keys
        self._committer = Committer(
            self._place,
            reopen=self._open_writer,
            head_key=keys.head,
            keyring=self._keyring,
            clock=clock,
            reserve=reserve,
            committed=self._committed,
        )
        self._committer.adopt(connection)
        events, size, wait_s = bounds
        self._writer = Writer(self._committer, events=events, size=size, wait_s=wait_s)
        self._readers = Readers(self._open_reader)

    @classmethod
    def open(
        cls,
        path: Path | None,
        *,
        home: Path,
        create: bool = True,
        single_operator: bool = False,
        extensions: Sequence[str] = (),
        queue_events: int = 10_000,
        queue_bytes: int = 64 << 20,
        queue_wait_s: float = 5.0,
        reserve_bytes: int = RESERVE_BYTES,
        clock: WallClock = wall_clock,
        vfs: str | None = None,
    ) -> SqliteStore:
        """Open the journal at *path*, or make it.

        Args:
            path: the database; None for a volatile one in memory, whose keys die with it.
            home: folder in which each store keeps its keys and checkpoints; on another disk, where there is
                one.
            create: whether to make the journal when there is none.
            single_operator: said once, when it is made.
            extensions: DDL of further tables, each run once in the life of the store.
            queue_events: most events that may wait to be written.
            queue_bytes: most bytes that may wait to be written.
            queue_wait_s: how long a caller waits for room in the queue.
            reserve_bytes: space kept free beside the database, to record that the disk is full.
            clock: gives UTC epoch seconds.
            vfs: name of an SQLite file layer, for fault tests.

        Raises:
            BadInput: *path* or *home* is not what it must be.
            Unavailable: the disk failed, the database is damaged, or SQLite is too old.
        """
        check_sqlite_version()
        path, home = None if path is None else Path(path).absolute(), Path(home).absolute()
        if path is not None:
            check_place(path, create=create)
        place = "memory:" if path is None else str(path)
        made: list[StoreKeys] = []

        def make_keys(store_id: str) -> tuple[bytes, str]:
            made.append(StoreKeys.ephemeral() if path is None else StoreKeys.make(home / store_id))
            return made[0].head, made[0].public_text(store_id)

        with told(place):
            connection = connect(path, create=create, vfs=vfs)
            if not schema.is_empty(connection):
                schema.check_ours(connection, place)
            if path is not None:
                make_durable(connection, place)
            connection.execute("BEGIN IMMEDIATE")
            if schema.is_empty(connection):
                schema.create(connection, single_operator=single_operator, make_keys=make_keys)
            schema.check_ours(connection, place)
            schema.extend(connection, extensions)
            connection.execute("COMMIT")
            facts = schema.facts(connection)
            if made and path is not None:
                sync_folder(path.parent)
        folder = None if path is None else home / facts["id"]
        keys = made[0] if made or folder is None else StoreKeys.load(folder)
        reserve = None if path is None else Reserve(path, reserve_bytes)
        if reserve is not None:
            reserve.hold()
        return cls(
            path,
            folder=folder,
            facts=facts,
            keys=keys,
            clock=clock,
            reserve=reserve,
            bounds=(queue_events, queue_bytes, queue_wait_s),
            connection=connection,
            vfs=vfs,
        )

    # Writing

    def transact(
        self,
        work: Callable[[Transaction], T],
        *,
        events: int = 1,
        size: int = _USUAL_EVENT,
        wait_s: float | None = None,
    ) -> Future[T]:
        """Run *work* in a transaction on the writer thread; the future is done when its effects are durable.

        Args:
            work: runs inside `BEGIN IMMEDIATE`; undone alone when it raises, and its exception is the
                future's.
            events: how many events it counts for in the queue.
            size: how many bytes it counts for.
            wait_s: how long to wait for room in the queue; the store's `queue_wait_s` when None, and 0 never
                waits, which is for event loops.

        Raises:
            Unavailable: no room in the queue, `capture_unavailable`.
        """
        item = Waiting(work, events, size)
        item.future = Future()
        self._writer.submit(item, wait_s)
        return item.future

    def transact_now(
        self, work: Callable[[Transaction], T], *, events: int = 1, size: int = _USUAL_EVENT
    ) -> T:
        """Run *work* in a transaction and return its result when its effects are durable.

        The fastest way for a thread: when nobody else is writing, it commits by itself. Not for an event
        loop.
        """
        result: T = self._writer.run(Waiting(work, events, size), may_lead=not in_event_loop())
        return result

    def append(self, event: Event, *, wait_s: float | None = None) -> Future[int]:
        """Write one event; the future gives its sequence."""
        work, size = _appending(event)
        return self.transact(work, size=size, wait_s=wait_s)

    def append_now(self, event: Event) -> int:
        """Write one event and return its sequence when it is durable."""
        work, size = _appending(event)
        return self.transact_now(work, size=size)

    def missed(self, count: int, reason: str) -> None:
        """Say that *count* events were let through without being captured; the next batch records the gap."""
        self._committer.missed(count, reason)

    # Reading

    def read(self, work: Callable[[apsw.Connection], T]) -> T:
        """Run *work* on a connection that cannot write, in one snapshot of what is committed."""
        with told(self._place):
            if not self.volatile:
                return self._readers.read(work)
            if self._writer.leads:
                return work(self._committer.connection())
            with self._writer.paused():
                return work(self._committer.connection())

    def events(
        self,
        session: str | None = None,
        kinds: Collection[str] | None = None,
        after: int = 0,
        limit: int | None = None,
        *,
        anomalies_only: bool = False,
        tenant: str | None = None,
    ) -> Iterator[StoredEvent]:
        """The events that fit, oldest first, decrypted.

        Args:
            session: of this session only.
            kinds: of these kinds only.
            after: sequence after which to start.
            limit: at most so many.
            anomalies_only: those with an anomaly only.
            tenant: of this tenant only.
        """
        return read_events(
            self.read,
            self._keyring,
            session=session,
            kinds=kinds,
            after=after,
            limit=limit,
            anomalies_only=anomalies_only,
            tenant=tenant,
        )

    def event(self, event_id: str) -> StoredEvent | None:
        """The event with this id; None where there is none."""
        found = self.read(lambda db: db.execute("SELECT seq FROM event WHERE id = ?", (event_id,)).get)
        return None if found is None else next(self.events(after=found - 1, limit=1), None)

    @property
    def count(self) -> int:
        """How many events there are."""
        return int(self.read(lambda db: db.execute("SELECT size FROM head").get))

    @property
    def state(self) -> StoreState:
        """Whether events can be captured."""
        return self._committer.state

    @property
    def warnings(self) -> tuple[str, ...]:
        """What an operator should mend: exposed keys, a network file system."""
        if self.path is None or self.folder is None:
            return ()
        network = network_file_system(self.path)
        warning = f"{self.path}: lies on {network}, where locks and syncs may not hold; use a local disk"
        return exposed(self.folder) + ((warning,) if network else ())

    def counters(self) -> Counters:
        """What was done so far."""
        done, queue = self._committer, self._writer
        refused = done.refused + queue.refused
        return Counters(
            self.count, done.batches, refused, done.ambiguous, done.reopened, queue.events, queue.size
        )

    def derive(self, use: str) -> bytes:
        """32 bytes that only this store has, for one *use*: keyed tokens and index keys."""
        return hmac.digest(self._keys.subjects, f"remit/v1/{use}".encode(), "sha256")

    # Life

    def close(self) -> None:
        """Write what is queued, then close. Closing twice does nothing."""
        self._writer.close()
        self._readers.close(timeout_s=60)
        self._committer.abandon()

    def __enter__(self) -> SqliteStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _committed(self, head: Head) -> None:
        """Called with every new head."""

    def _open_writer(self) -> apsw.Connection:
        connection = connect(self.path, create=False, vfs=self._vfs)
        make_durable(connection, self._place)
        return connection

    def _open_reader(self) -> apsw.Connection:
        assert self.path is not None  # noqa: S101 - the volatile store has no readers
        return connect_reader(self.path, vfs=self._vfs)


def _appending(event: Event) -> tuple[Callable[[Any], int], int]:
    """The work that appends *event*, and its bytes; encoded on the caller's thread."""
    plaintext = body.encode(event)
    size = len(plaintext) + sum(map(len, event.blobs.values()))
    return lambda batch: int(batch.append_encoded(event, plaintext)), size
