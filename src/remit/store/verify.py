"""Whether anything in a journal was altered, dropped or cut off since it was written.

Every leaf is computed anew from the stored bytes, the chain and the tree from the leaves, and the root is held
against every checkpoint in the home. That shows an edit, a deleted or swapped row, a cut tail, an old copy put back
and a fork, up to the last checkpoint that left the reach of whoever altered it. It is evidence, not prevention:
whoever owns the service before an event is written can write a false one.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import apsw

from remit.core.errors import BadInput, RemitError
from remit.store import schema
from remit.store.chain import GENESIS, anomaly_field, chain_of, head_of, leaf_of
from remit.store.checkpoint import Checkpoint
from remit.store.destroyed import destructions, wrongly_destroyed
from remit.store.findings import Problem, VerifyReport
from remit.store.home import Home, stores_at
from remit.store.keys import StoreKeys, unwrap
from remit.store.merkle import add_leaf, root_of_peaks

if TYPE_CHECKING:
    from remit.store.sqlite import SqliteStore

_MOST_PROBLEMS = 100
_CHECKED_PAYLOADS = 200_000
_ROWS = """
SELECT event.seq, event.at, CAST(event.id AS BLOB), CAST(session AS BLOB), CAST(event.kind AS BLOB),
  CAST(agent AS BLOB), CAST(tenant AS BLOB), CAST(envelope AS BLOB), key_id, salt, blobs, body, leaf, prev, chain,
  anomaly.seq, CAST(anomaly.kind AS BLOB), CAST(severity AS BLOB), CAST(clauses AS BLOB), CAST(tool AS BLOB),
  counts, enforced
FROM event LEFT JOIN anomaly ON anomaly.seq = event.seq ORDER BY event.seq
"""


def verify(store: SqliteStore | Path, home: Path | None = None) -> VerifyReport:
    """Check a journal, live or not, against its own hashes and the checkpoints in *home*.

    Args:
        store: an open store, or the path of a database; it is only read.
        home: the folder of all stores' keys and checkpoints; that of the open store when None.

    Raises:
        BadInput: there is no such file.
    """
    if isinstance(store, Path):
        path = store.absolute()
    elif store.path is None or store.folder is None:
        return _Verification("memory:", None).of(store.read)
    else:
        path, home = store.path, home or store.folder.parent
    if not path.is_file():
        raise BadInput(str(path), "no journal here", "check the path")
    checking = _Verification(str(path), home, here=stores_at(home, path) if home else [])
    with checking.reading():
        connection = _open(path)
        try:
            checking.run(connection)
        finally:
            connection.close()
    return checking.report()


def _open(path: Path) -> apsw.Connection:
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    connection.set_busy_timeout(5000)
    try:
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchall()
    except apsw.CantOpenError:
        # A copy on a read-only disk: nobody writes it, and there is nowhere to put the files of the WAL.
        connection.close()
        flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
        return apsw.Connection(f"{path.as_uri()}?immutable=1", flags=flags)
    return connection


@dataclass
class _Verification:
    """The state of one pass over a journal."""

    place: str
    home: Path | None
    problems: list[Problem] = field(default_factory=list)
    first_bad: int | None = None
    count: int = 0
    """Events read."""
    chain: bytes = GENESIS
    peaks: list[bytes] = field(default_factory=list)
    checkpoints: dict[int, Checkpoint] = field(default_factory=dict)
    compared: int = 0
    unsigned: int = 0
    keys: StoreKeys | None = None
    here: list[str] = field(default_factory=list)
    """The stores that were last opened at this path."""
    key_users: dict[bytes, int] = field(default_factory=dict)
    """The first event of each data key."""
    key_last: dict[bytes, float] = field(default_factory=dict)
    """When each data key was used last."""
    payloads: set[bytes] = field(default_factory=set)
    payloads_found: int | None = 0
    """How many payloads events name; None where there are too many to remember."""

    def report(self) -> VerifyReport:
        """What was found."""
        root = root_of_peaks(self.peaks).hex()
        found = tuple(self.problems[:_MOST_PROBLEMS])
        return VerifyReport(
            not found,
            self.count,
            self.first_bad,
            found,
            self.compared,
            self.unsigned,
            self.keys is not None,
            root,
        )

    def of(self, read: Any) -> VerifyReport:
        """Check what *read* gives a connection to."""
        with self.reading():
            read(self.check_database)
        return self.report()

    def blame(
        self,
        place: str,
        found: str,
        remedy: str = "keep this file as evidence; restore a backup, database and home together",
    ) -> None:
        """Note a problem."""
        self.problems.append(Problem(place, found, remedy))

    def blame_event(self, seq: int, found: str) -> None:
        """Note a problem with one event."""
        self.first_bad = seq if self.first_bad is None else min(seq, self.first_bad)
        if len(self.problems) < _MOST_PROBLEMS:
            self.blame(f"event {seq}", found)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """What SQLite cannot read is a problem of the journal, not of the reader."""
        try:
            yield
        except (
            apsw.CorruptError,
            apsw.NotADBError,
            apsw.SQLError,
            apsw.FormatError,
            UnicodeDecodeError,
        ) as error:
            self.blame(self.place, f"the database is damaged: {error}")
            if self.count or self.checkpoints:
                self.blame_event(self.count + 1, "cannot be read")

    def run(self, connection: apsw.Connection) -> None:
        """Check one database against its home."""
        facts = schema.facts(connection)
        store_id = facts.get("id", "")
        for other in self.here:
            if other != store_id:
                self.blame(
                    self.place,
                    f"the journal {other} was here, and this is {store_id}: it was replaced",
                    f"put it back, or move {self.home}/{other} away if that was meant",
                )
        folder = None if self.home is None else self.home / store_id
        if folder is None or not store_id or not folder.is_dir():
            self.blame(
                self.place,
                f"no home of the store {store_id!r} in {self.home}",
                "give the home that the store was made with: without checkpoints a cut tail cannot be seen",
            )
        else:
            self._read_home(Home(folder), facts)
        # Checkpoints were read before the snapshot begins: while the store is live, later ones cover more than it.
        connection.execute("BEGIN")
        self.check_database(connection)

    def check_database(self, connection: apsw.Connection) -> None:
        """Check the tables, inside one snapshot."""
        self._stream(connection)
        self._check_head(connection)
        self._check_keys(connection)
        self._check_tables(connection)
        self._compare_the_rest()

    def _read_home(self, home: Home, facts: dict[str, str]) -> None:
        try:
            self.keys = StoreKeys.load(home.folder)
        except RemitError:
            self.keys = None
        if self.keys is not None and schema.seal_facts(self.keys.head, facts) != facts.get("seal"):
            self.blame(f"{self.place}: table store", "the facts of the store were edited")
        for size in home.sizes():
            try:
                checkpoint = home.checkpoint(size)
            except BadInput as error:
                self.blame(f"{home.checkpoints}/{size:020d}", error.found, error.remedy)
                continue
            if checkpoint is not None:
                self.checkpoints[size] = checkpoint

    def _stream(self, connection: apsw.Connection) -> None:
        for row in connection.execute(_ROWS):
            seq = self.count + 1
            if row[0] != seq:
                self.blame_event(seq, f"missing; the next one is {row[0]}")
                return
            try:
                leaf = self._leaf(row)
            except (TypeError, AttributeError) as error:
                self.blame_event(seq, f"columns of the wrong type ({error})")
                return
            if leaf != row[12]:
                self.blame_event(seq, "its content does not have the hash that was stored")
            elif row[13] != self.chain or row[14] != chain_of(self.chain, leaf):
                self.blame_event(seq, "it is not chained to the event before")
            self.chain = row[14]
            add_leaf(self.peaks, self.count, leaf)
            self.count = seq
            self.key_users.setdefault(row[8], seq)
            self.key_last[row[8]] = row[1]
            if row[10]:
                self._check_payloads(connection, seq, row[8], row[10])
            if seq in self.checkpoints:
                self._compare(seq)

    def _leaf(self, row: tuple[Any, ...]) -> bytes:
        anomaly = b"" if row[15] is None else anomaly_field(row[16:20], row[20], row[21])
        return leaf_of(row[0], row[1], (*row[2:10], anomaly, row[10], row[11]))

    def _compare(self, size: int) -> None:
        self.compared += 1
        if self.first_bad is None and root_of_peaks(self.peaks) != self.checkpoints[size].root:
            good = max((known for known in self.checkpoints if known < size), default=0)
            self.blame_event(
                good + 1, f"events {good + 1} to {size} are not those that were signed: a fork, or edited"
            )

    def _compare_the_rest(self) -> None:
        last = max(self.checkpoints, default=0)
        self.unsigned = max(self.count - last, 0)
        if last > self.count:
            self.compared += sum(size > self.count for size in self.checkpoints)
            self.blame_event(
                self.count + 1,
                f"missing: {last} events were signed, {self.count} are left: cut off, or an old copy",
            )

    def _check_payloads(self, connection: apsw.Connection, seq: int, key_id: bytes, blobs: bytes) -> None:
        for start in range(0, len(blobs), 64):
            address, digest = blobs[start : start + 32], blobs[start + 32 : start + 64]
            if address in self.payloads:
                continue
            sql = "SELECT nonce, ciphertext, digest FROM payload WHERE key_id = ? AND address = ?"
            row = connection.execute(sql, (key_id, address)).fetchone()
            if row is None:
                erased = "SELECT count(*) FROM data_key WHERE key_id = ? AND wrapped IS NULL"
                if not connection.execute(erased, (key_id,)).get:
                    self.blame_event(seq, f"its payload {address.hex()[:16]} is missing")
            elif sha256(row[0] + row[1]).digest() != digest or row[2] != digest:
                self.blame_event(seq, f"its payload {address.hex()[:16]} was altered")
            if row is not None and self.payloads_found is not None:
                self.payloads_found += 1
            if len(self.payloads) >= _CHECKED_PAYLOADS:
                self.payloads.clear()
                self.payloads_found = None
            self.payloads.add(address)

    def _check_head(self, connection: apsw.Connection) -> None:
        row = connection.execute(
            "SELECT size, chain, peaks, at, top, erasures, nonce, seal FROM head"
        ).fetchone()
        if row is None:
            self.blame(f"{self.place}: table head", "empty")
            return
        head = head_of(row)
        if self.keys is not None and head.seal(self.keys.head) != row[7]:
            self.blame(f"{self.place}: table head", "it was edited")
        if head.size != self.count and self.first_bad is None:
            self.blame_event(
                min(head.size, self.count) + 1, f"{head.size} events were written, {self.count} are there"
            )
        elif self.first_bad is None and (head.chain, list(head.peaks)) != (self.chain, self.peaks):
            self.blame(f"{self.place}: table head", "it is not the end of the chain")

    def _check_keys(self, connection: apsw.Connection) -> None:
        known = set()
        destroyed = None if self.keys is None else destructions(connection, self.keys)
        sql = f"SELECT {schema.key_columns(connection)} FROM data_key"  # noqa: S608 - fixed names
        for key_id, tenant, subject, wrapped, erased, *times in connection.execute(sql):
            known.add(key_id)
            place = f"data key {bytes(key_id).hex()}"
            if wrapped is None:
                last = self.key_last.get(key_id, 0.0)
                if found := wrongly_destroyed(connection, key_id, erased, destroyed, last):
                    self.blame(place, found)
            elif erased is not None:
                self.blame(place, "marked as erased, and still there")
            elif destroyed and key_id in destroyed:
                self.blame(place, f"event {destroyed[key_id].seq} destroyed it, and it is back")
            elif self.keys is not None:
                try:
                    unwrap(self.keys, key_id, wrapped, tenant, subject, *times)
                except (RemitError, TypeError, struct.error) as error:
                    self.blame(place, str(error))
        for key_id, seq in self.key_users.items():
            if key_id not in known:
                self.blame_event(seq, "its data key is missing")

    def _check_tables(self, connection: apsw.Connection) -> None:
        stray = "SELECT min(seq) FROM anomaly WHERE seq NOT IN (SELECT seq FROM event)"
        seq = connection.execute(stray).get
        if seq is not None:
            self.blame_event(seq, "an anomaly without an event")
        rows = connection.execute("SELECT count(*) FROM payload").get
        if self.first_bad is None and self.payloads_found is not None and rows > self.payloads_found:
            self.blame(
                f"{self.place}: table payload", f"{rows - self.payloads_found} texts that no event names"
            )
        for (line,) in connection.execute("PRAGMA integrity_check(10)"):
            if line != "ok":
                self.blame(self.place, f"the database is damaged: {line}")
