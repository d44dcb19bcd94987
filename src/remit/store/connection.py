"""How the store opens SQLite: which versions, where, with which settings, and how its errors are told."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import apsw

from remit.core.errors import BadInput, Unavailable

OLDEST_SQLITE = (3, 51, 3)
"""The first version without the WAL-reset corruption, which was in 3.7.0 to 3.51.2."""
WITHDRAWN_SQLITE = (3, 52, 0)
PAGE_BYTES = 8192
BUSY_S = 5.0
"""How long a connection waits for the lock of another process."""
WAL_PAGES = 500
"""The WAL is copied back when it is this long, by the writer: a thread of its own made both slower."""

WORLD = (
    apsw.IOError,
    apsw.FullError,
    apsw.CorruptError,
    apsw.NotADBError,
    apsw.CantOpenError,
    apsw.ReadOnlyError,
    apsw.NoMemError,
    apsw.BusyError,
    apsw.LockedError,
    apsw.ProtocolError,
    apsw.PermissionsError,
    apsw.ConnectionClosedError,
)
"""Errors of the disk, the memory or another process; any other comes from the statement itself."""

_NETWORK_FILE_SYSTEMS = (
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "ceph",
    "glusterfs",
    "9p",
    "fuse.sshfs",
    "lustre",
    "afs",
)


def check_sqlite_version(found: str | None = None) -> None:
    """Refuse an SQLite that may corrupt a database that two connections write.

    Raises:
        Unavailable: the version that apsw brings is too old or was withdrawn.
    """
    text = found or apsw.sqlite_lib_version()
    version = tuple(int(part) for part in text.split(".")[:3])
    if version < OLDEST_SQLITE or version == WITHDRAWN_SQLITE:
        raise Unavailable(
            f"SQLite {text} may corrupt a journal; run `pip install --upgrade apsw` for 3.51.3 or later"
        )


def check_place(path: Path, *, create: bool) -> None:
    """Refuse a place that cannot hold a journal, before SQLite is asked."""
    if path.is_dir():
        raise BadInput(str(path), "a folder", f"give a file, for example {path / 'remit.db'}")
    if not path.exists():
        if not create:
            raise BadInput(str(path), "no journal here", "check the path")
        if not path.parent.is_dir():
            raise BadInput(
                str(path), f"the folder {path.parent} does not exist", "make it, or give another path"
            )
    elif not os.access(path, os.R_OK | os.W_OK):
        raise BadInput(str(path), "this user may not read and write it", "change its owner or mode")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise BadInput(
            str(path.parent), "a read-only folder", "the journal keeps its WAL beside it: make it writable"
        )


def network_file_system(path: Path, mounts: Path = Path("/proc/self/mounts")) -> str | None:
    """The type of the network file system that *path* lies on, None where it is local or unknown."""
    try:
        lines = [line.split() for line in mounts.read_text().splitlines()]
    except OSError:
        return None
    resolved = path.resolve()
    fitting = [(line[1], line[2]) for line in lines if len(line) > 2 and resolved.is_relative_to(line[1])]
    kind = max(fitting, key=lambda mount: len(mount[0]))[1] if fitting else ""
    return kind if kind in _NETWORK_FILE_SYSTEMS else None


@contextmanager
def told(place: str) -> Iterator[None]:
    """Turn errors of SQLite and of the disk into ours, with place, finding and remedy."""
    try:
        yield
    except apsw.NotADBError:
        raise BadInput(
            place, "not an SQLite database", "give the path of a remit journal or of a new file"
        ) from None
    except apsw.CorruptError as error:
        raise Unavailable(
            f"{place}: the database is damaged ({error}); run `remit journal verify`, then restore a backup"
        ) from None
    except (apsw.CantOpenError, apsw.ReadOnlyError, apsw.PermissionsError) as error:
        raise BadInput(
            place,
            f"cannot be opened for writing ({error})",
            "check owner, mode and that the disk is not read-only",
        ) from None
    except (apsw.BusyError, apsw.LockedError):
        raise Unavailable(f"{place}: another process holds the write lock", retry_after_s=1.0) from None
    except apsw.FullError:
        raise Unavailable(f"{place}: the disk is full; make space", retry_after_s=1.0) from None
    except (apsw.IOError, apsw.NoMemError, apsw.ProtocolError, apsw.ConnectionClosedError, OSError) as error:
        raise Unavailable(f"{place}: the disk failed ({error})", retry_after_s=1.0) from None
    except apsw.SQLError as error:
        raise BadInput(place, f"not a whole remit journal ({error})", "restore it from a backup") from None


def connect(path: Path | None, *, create: bool, vfs: str | None = None) -> apsw.Connection:
    """Open a connection without changing the file yet; `make_durable` comes next. None is memory."""
    flags = apsw.SQLITE_OPEN_READWRITE | (apsw.SQLITE_OPEN_CREATE if create else 0)
    if path is not None and create:
        _make_private(path)
    connection = apsw.Connection(":memory:" if path is None else str(path), flags=flags, vfs=vfs)
    connection.set_busy_timeout(int(BUSY_S * 1000))
    connection.pragma("trusted_schema", False)
    # Larger than SQLite's own 4096, in which a row of 2 KB would have a page for itself.
    connection.pragma("page_size", PAGE_BYTES)
    return connection


def _make_private(path: Path) -> None:
    """Make the file where there is none, for its owner only; the WAL beside it gets the same mode.

    Bodies are encrypted, names and times are not; and whoever may read the files may hold a lock on them.
    """
    with suppress(OSError):  # what is in the way is for SQLite to tell
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


def make_durable(connection: apsw.Connection, place: str) -> None:
    """Switch to WAL with a sync at each commit, and read both back."""
    deadline = time.monotonic() + BUSY_S
    while True:
        # Two processes that create one store meet here, and SQLite does not wait for this lock by itself.
        try:
            mode = connection.pragma("journal_mode", "wal")
            break
        except apsw.BusyError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
    connection.pragma("synchronous", "FULL")
    connection.pragma("secure_delete", True)
    connection.pragma("fullfsync", True)
    connection.pragma("checkpoint_fullfsync", True)
    connection.wal_autocheckpoint(WAL_PAGES)
    if mode != "wal" or connection.pragma("synchronous") != 2:
        raise Unavailable(
            f"{place}: this file system takes no write-ahead log; put the journal on a local disk"
        )


def connect_reader(path: Path, *, vfs: str | None = None) -> apsw.Connection:
    """A connection that cannot write, for a thread's reads."""
    connection = connect(path, create=False, vfs=vfs)
    connection.pragma("query_only", True)
    return connection
