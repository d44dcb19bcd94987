"""The folder of one store in the operator's home: what must not stand in the database that it vouches for.

`master.key` and `signing.key` (see `keys`), `signing.pub`, `database` (where the journal was last opened),
`checkpoints/<size>` (signed notes), and `frontier`, which lets the next checkpoint be proved to extend the
last one without reading the whole journal; it needs no trust, since it must hash to the root that was signed.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from remit.core.errors import BadInput
from remit.store.checkpoint import Checkpoint, read_verifier_key
from remit.store.merkle import root_of_peaks

EVERY = 256
"""Events after which a checkpoint is signed, and kept for good."""


class Home:
    """Files of the store that has its keys in *folder*; the folder is named like the store."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.origin = f"remit/{folder.name}"
        self.checkpoints = folder / "checkpoints"

    def public_key(self) -> Ed25519PublicKey:
        """The key that checkpoints are signed with.

        Raises:
            BadInput: it is missing or no key.
        """
        try:
            return read_verifier_key((self.folder / "signing.pub").read_text())[1]
        except OSError as error:
            raise BadInput(
                str(self.folder / "signing.pub"),
                f"cannot be read ({error.strerror})",
                "restore it from a backup",
            ) from None

    def sizes(self) -> list[int]:
        """The sizes of all checkpoints kept, ascending."""
        with suppress(OSError):
            return sorted(int(path.name) for path in self.checkpoints.iterdir() if path.name.isdecimal())
        return []

    def checkpoint(self, size: int) -> Checkpoint | None:
        """The checkpoint over *size* events; None where it was never completed.

        Raises:
            BadInput: it was altered.
        """
        path = self._path(size)
        with suppress(FileNotFoundError):
            note = path.read_text(errors="replace")
            if note:
                found = Checkpoint.opened(note, self.origin, self.public_key())
                if found.size == size:
                    return found
                raise BadInput(
                    str(path), f"a checkpoint over {found.size} events", "restore it from a backup"
                )
        return None

    def latest(self) -> Checkpoint | None:
        """The checkpoint over the most events."""
        for size in reversed(self.sizes()):
            # One that was edited is for `verify` to tell; it says nothing here.
            with suppress(BadInput):
                found = self.checkpoint(size)
                if found is not None:
                    return found
        return None

    def keep(self, note: str, size: int, peaks: tuple[bytes, ...], *, durably: bool) -> None:
        """Store a signed checkpoint and its frontier; drops the one before it in the same block of 256."""
        self.checkpoints.mkdir(mode=0o700, exist_ok=True)
        write_whole(self._path(size), note, durably=durably)
        frontier = json.dumps({"size": size, "peaks": [peak.hex() for peak in peaks]})
        before = self.signed_size()
        write_whole(self.folder / "frontier", frontier, durably=durably)
        if before is not None and before < size and before // EVERY == size // EVERY and before % EVERY:
            self._path(before).unlink(missing_ok=True)

    def frontier(self, checkpoint: Checkpoint) -> list[bytes] | None:
        """The peaks of the tree that *checkpoint* signs, where they are known."""
        with suppress(OSError, ValueError, KeyError, TypeError):
            known = json.loads((self.folder / "frontier").read_text())
            peaks = [bytes.fromhex(peak) for peak in known["peaks"]]
            if known["size"] == checkpoint.size and root_of_peaks(peaks) == checkpoint.root:
                return peaks
        return None

    @contextmanager
    def signing(self) -> Iterator[None]:
        """One process at a time signs."""
        handle = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def remember(self, database: Path) -> None:
        """Note where the journal is, so that `verify` sees it replaced by another one."""
        path = self.folder / "database"
        if not path.exists() or path.read_text() != str(database):
            write_whole(path, str(database), durably=True)

    def signed_size(self) -> int | None:
        """The size of the checkpoint signed last; None when unknown."""
        with suppress(OSError, ValueError, KeyError, TypeError):
            return int(json.loads((self.folder / "frontier").read_text())["size"])
        return None

    def _path(self, size: int) -> Path:
        return self.checkpoints / f"{size:020d}"


def stores_at(home: Path, database: Path) -> list[str]:
    """The ids of the stores that were last opened at the path *database*."""
    found = []
    for note in sorted(home.glob("*/database")):
        with suppress(OSError):
            if note.read_text() == str(database):
                found.append(note.parent.name)
    return found


def write_whole(path: Path, text: str, *, durably: bool) -> None:
    """Write a file so that no reader ever sees half of it."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(handle, text.encode())
        if durably:
            os.fsync(handle)
    finally:
        os.close(handle)
    draft.replace(path)
