"""The journal in one SQLite file: every decision of an agent's run, durable when it is acknowledged."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar, cast

import apsw

from remit.core.errors import BadInput, Unavailable
from remit.core.event import Event, StoredEvent
from remit.store import body
from remit.store.batch import Batch
from remit.store.checkpoint import Checkpoint
from remit.store.clock import WallClock, wall_clock
from remit.store.commit import Committer, StoreState
from remit.store.connection import BUSY_S, connect, connect_reader, make_durable, network_file_system, told
from remit.store.counters import Counters
from remit.store.erase import erase_everywhere
from remit.store.expire import Expired, due, empty_log, expire
from remit.store.fork import forget, survive_forks
from remit.store.home import Home
from remit.store.keys import Keyring, exposed
from remit.store.merkle import root_of_peaks
from remit.store.notary import Notary
from remit.store.opening import OpenedDatabase, open_database
from remit.store.pool import Readers
from remit.store.quiet import Quiet
from remit.store.reader import read_events, unseal
from remit.store.reserve import RESERVE_BYTES, Reserve
from remit.store.transaction import Transaction
from remit.store.waiting import Waiting
from remit.store.writer import Writer, in_event_loop

T = TypeVar("T")

_USUAL_EVENT = 2048
"""Bytes that a piece of work counts for in the queue when its caller says nothing."""


class SqliteStore:
    """An open journal. Any thread may use it; it survives a fork; `close` it, or use `with`."""

    def __init__(
        self,
        path: Path | None,
        opened: OpenedDatabase,
        *,
        clock: WallClock,
        reserve: Reserve | None,
        bounds: tuple[int, int, float],
        vfs: str | None,
    ) -> None:
        self.path = path
        self.folder = opened.home.folder if opened.home else None
        """Where keys and checkpoints are; None for the volatile store."""
        self.id = opened.facts["id"]
        self.single_operator = opened.facts["single_operator"] == "yes"
        """Whether approvals need no identified operator, as was said when the store was made."""
        self.volatile = path is None
        self.wall_clock = clock
        """The host's clock as it is; a transaction's `now` never goes back."""
        self._place = "memory:" if path is None else str(path)
        self._vfs = vfs
        self._home = opened.home
        self._keys = opened.keys
        self._keyring = Keyring(opened.keys)
        self._notary = None if opened.home is None else self._notary_of(opened.home)
        self._committer = Committer(
            self._place,
            reopen=self._open_writer,
            head_key=opened.keys.head,
            keyring=self._keyring,
            clock=clock,
            reserve=reserve,
            committed=self._notary.follow if self._notary else lambda _: None,
        )
        self._committer.adopt(opened.connection)
        events, size, wait_s = bounds
        self._writer = Writer(self._committer, events=events, size=size, wait_s=wait_s)
        self._readers = Readers(self._open_reader)
        self._forking = Quiet(self._writer, self._committer, self._readers, self._notary)
        self._closed = False

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
        path = None if path is None else Path(path).absolute()
        opened = open_database(
            path,
            Path(home).absolute(),
            create=create,
            single_operator=single_operator,
            extensions=extensions,
            vfs=vfs,
        )
        reserve = None if path is None else Reserve(path, reserve_bytes)
        store = cls(
            path,
            opened,
            clock=clock,
            reserve=reserve,
            bounds=(queue_events, queue_bytes, queue_wait_s),
            vfs=vfs,
        )
        store._check_against_checkpoints()
        if reserve is not None:
            reserve.hold()
        with store._writer.paused():
            store._committer.expire()
        survive_forks(store._forking)
        return store

    # Writing

    def transact(
        self,
        work: Callable[[Transaction], T],
        *,
        events: int = 1,
        size: int = _USUAL_EVENT,
        wait_s: float | None = None,
        lingers: bool = False,
    ) -> Future[T]:
        """Run *work* in a transaction on the writer thread; the future is done when its effects are durable.

        Args:
            work: runs inside `BEGIN IMMEDIATE`; undone alone when it raises, and its exception is the
                future's.
            events: how many events it counts for in the queue.
            size: how many bytes it counts for.
            wait_s: how long to wait for room in the queue; the store's `queue_wait_s` when None, and 0 never
                waits, which is for event loops.
            lingers: it may wait for the next commit, at most `writer.LINGER_S`, and share its sync.

        Raises:
            Unavailable: no room in the queue, `capture_unavailable`.
        """
        item = Waiting(work, events, size)
        item.future = Future()
        self._writer.submit(item, 0.0 if wait_s is None and in_event_loop() else wait_s, lingers=lingers)
        return item.future

    def transact_now(
        self,
        work: Callable[[Transaction], T],
        *,
        events: int = 1,
        size: int = _USUAL_EVENT,
        repeated: bool = False,
    ) -> T:
        """Run *work* in a transaction and return its result when its effects are durable.

        The fastest way for a thread: when nobody else is writing, it commits by itself. Not for an event
        loop.

        Args:
            work: as for `transact`.
            events: as there.
            size: as there.
            repeated: whoever asks does it again where it fails, so that nothing is missed: no `gap` tells of it.
        """
        item = Waiting(work, events, size, repeated=repeated)
        result: T = self._writer.run(item, may_lead=not in_event_loop())
        return result

    async def transact_async(
        self, work: Callable[[Transaction], T], *, events: int = 1, size: int = _USUAL_EVENT
    ) -> T:
        """`transact` for tasks of an event loop; a task that must wait for room in the queue sleeps."""
        result: T = await self._writer.run_async(Waiting(work, events, size))
        return result

    async def append_async(self, event: Event) -> int:
        """`append` for tasks of an event loop."""
        work, size = _appending(event)
        return await self.transact_async(work, size=size)

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

    def read(self, work: Callable[[apsw.Connection], T], *, one: bool = False) -> T:
        """Run *work* on a connection that cannot write, in one snapshot of what is committed.

        Args:
            work: what is to be read.
            one: whether it is one statement, which needs no transaction around it.
        """
        with told(self._place):
            if not self.volatile:
                return self._readers.read(work, one=one)
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
        last: int | None = None,
        texts: bool = True,
        trials: bool = True,
    ) -> Iterator[StoredEvent]:
        """The events that fit, oldest first, decrypted.

        Args:
            session: of this session only.
            kinds: of these kinds only.
            after: sequence after which to start.
            limit: at most so many.
            anomalies_only: those with an anomaly only.
            tenant: of this tenant only.
            last: the sequence to end with.
            texts: whether their large texts are wanted, too.
            trials: whether those of trials are wanted, too.
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
            last=last,
            texts=texts,
            trials=trials,
        )

    def events_of(
        self,
        agent: str | None,
        tenant: str,
        kinds: Collection[str],
        *,
        after: int = 0,
        last: int | None = None,
    ) -> Iterator[StoredEvent]:
        """Events of one agent, or of all of a tenant, up to a sequence, oldest first, decrypted."""
        return read_events(
            self.read, self._keyring, kinds=kinds, after=after, tenant=tenant, agent=agent, last=last
        )

    def unsealing(self, connection: apsw.Connection) -> Callable[[bytes, bytes, bytes], bytes | None]:
        """What opens values that were sealed beside the journal, as of the snapshot of *connection*."""
        opened = self._keyring.opened(connection.execute("SELECT erasures FROM head").get)
        return lambda key_id, sealed, bound: unseal(connection, opened, key_id, sealed, bound)

    def addressing(self, connection: apsw.Connection) -> Callable[[bytes, str], bytes | None]:
        """What says where a text would lie under a data key, as of the snapshot of *connection*; None of a destroyed
        key."""
        opened = self._keyring.opened(connection.execute("SELECT erasures FROM head").get)

        def address(key_id: bytes, text: str) -> bytes | None:
            key = opened.get(connection, key_id)
            return None if key is None else key.address(text.encode())

        return address

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

    # Evidence and erasure

    def checkpoint(self) -> Checkpoint | None:
        """Sign the journal as it stands, now; None where it is empty, volatile or signed already."""
        if self._notary is None:
            return None
        with self._writer.paused():
            self._notary.follow(self._committer.head())
        with told(str(self.folder)):
            return self._notary.sign()

    def erase(self, subject: str, *, tenant: str = "default") -> bool:
        """Destroy all data keys of *subject*: no body or blob of theirs can be read again, here or elsewhere.

        Trials are made from what people asked: what they hold of a subject of this name goes, too, whoever's it was.

        Returns:
            False where the journal holds nothing of theirs.
        """
        erased = self.transact_now(
            lambda batch: erase_everywhere(cast(Batch, batch), self._keys, tenant, subject)
        )
        if erased:
            self._empty_log()
        return bool(erased)

    def expire(self) -> Expired:
        """Destroy now all that is older than it may become, which opening and writing do a part at a time.

        Returns:
            What was destroyed since the store was opened.
        """
        more = self.read(lambda database: due(database, self.wall_clock()))
        while more:
            done = self.transact_now(lambda batch: expire(cast(Batch, batch), self.wall_clock()))
            self._committer.expiry.add(done)
            more = done.more
        if self._committer.expiry.done.periods:
            self._empty_log()
        return self._committer.expiry.done

    def _empty_log(self) -> None:
        if not self.volatile:
            with self._writer.paused(), suppress(Unavailable, BadInput):
                # A reader may keep a destroyed key there until the next checkpoint.
                empty_log(self._committer.connection(), wait_s=BUSY_S)

    # Life

    def close(self) -> None:
        """Write what is queued, sign the last checkpoint, then close. Closing twice does nothing."""
        if self._closed:
            return
        self._closed = True
        forget(self._forking)
        self._writer.close()
        if self._notary is not None:
            self._notary.close()
        self._readers.close(timeout_s=60)
        self._committer.abandon()

    def __enter__(self) -> SqliteStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _check_against_checkpoints(self) -> None:
        """Refuse to write to a journal that is not the one that was signed; sign what was added to it."""
        if self._home is None:
            return
        last = self._home.latest()
        head = self._committer.head()
        if last is not None and head.size < last.size:
            self._bar(f"{last.size} events were signed and {head.size} are left")
        elif last is not None and head.size == last.size and root_of_peaks(head.peaks) != last.root:
            self._bar(f"its {head.size} events are not those that were signed")
        elif self._notary is not None and head.size > (last.size if last else 0):
            self._notary.follow(head)  # a process that was killed left them unsigned

    def _bar(self, how: str) -> None:
        self._committer.bar(how)

    def _notary_of(self, home: Home) -> Notary:
        def leaves(after: int, up_to: int) -> list[bytes]:
            sql = "SELECT leaf FROM event WHERE seq > ? AND seq <= ? ORDER BY seq"
            return self.read(lambda database: [row[0] for row in database.execute(sql, (after, up_to))])

        return Notary(home, self._keys.signing, leaves, self._bar)

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
