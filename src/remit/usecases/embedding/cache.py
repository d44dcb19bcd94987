"""Vectors kept by content: the same text is embedded once by the same embedder, on this machine, by whichever process.

A file of SQLite. Losing it costs time and nothing else, so that whatever is wrong with it (damage, another program's
file, a full or read-only disk) is logged and worked around: a damaged file is begun anew, a damaged row is embedded
anew.
"""

from __future__ import annotations

import contextlib
import logging
from array import array
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import apsw

from remit.ports import Embedder

FILE = "embeddings.db"
"""Below `Settings.home_path`."""
MOST_ROWS = 200_000
"""Vectors that are kept, the latest ones: about 300 MB of 384 places."""
WAIT_MS = 5_000
BATCH = 256
"""Texts that are embedded before what came of them is kept."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS vectors (
  id INTEGER PRIMARY KEY, embedder BLOB NOT NULL, text BLOB NOT NULL, vector BLOB NOT NULL, digest BLOB NOT NULL,
  UNIQUE (embedder, text)
)
"""
_GET = "SELECT vector, digest FROM vectors WHERE embedder = ? AND text = ?"
_PUT = "INSERT OR REPLACE INTO vectors (embedder, text, vector, digest) VALUES (?, ?, ?, ?)"
log = logging.getLogger("remit.embedding")


class CachedEmbedder:
    """An embedder that looks up what it embedded before.

    Args:
        inner: asked about what is not there.
        path: file of the vectors; its folder is made.
    """

    def __init__(self, inner: Embedder, path: Path) -> None:
        self.inner, self.path = inner, path
        self.name, self.version = inner.name, inner.version
        self._who = sha256(f"{inner.name}\0{inner.version}".encode()).digest()
        self.made = 0
        """Texts that `inner` was asked about."""

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector for each text, rounded to single precision, whether it was there or not."""
        keys = [sha256(text.encode("utf-8", "surrogatepass")).digest() for text in texts]
        found = self._read(set(keys))
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in found}
        todo = list(missing.items())
        for start in range(0, len(todo), BATCH):
            some = todo[start : start + BATCH]
            self.made += len(some)
            vectors = self.inner.embed([text for _, text in some])
            new = {key: array("f", row) for (key, _), row in zip(some, vectors, strict=True)}
            self._write(new)
            found |= new
        return [found[key].tolist() for key in keys]

    def _read(self, keys: set[bytes]) -> dict[bytes, array[float]]:
        found: dict[bytes, array[float]] = {}

        def look(db: apsw.Connection) -> None:
            for key in keys:
                for data, digest in db.execute(_GET, (self._who, key)):
                    if (vector := self._whole(key, data, digest)) is not None:
                        found[key] = vector

        if self.path.exists():
            self._use(look)
        return found

    def _whole(self, key: bytes, data: Any, digest: Any) -> array[float] | None:
        """The vector, if it is the one that was kept."""
        if not isinstance(data, bytes) or digest != self._digest(key, data):
            return None
        vector = array("f")
        vector.frombytes(data)
        return vector

    def _write(self, new: dict[bytes, array[float]]) -> None:
        kept = [(key, vector.tobytes()) for key, vector in new.items()]

        def keep(db: apsw.Connection) -> None:
            with db:
                db.executemany(_PUT, [(self._who, key, data, self._digest(key, data)) for key, data in kept])
                db.execute("DELETE FROM vectors WHERE id <= (SELECT max(id) FROM vectors) - ?", (MOST_ROWS,))

        self._use(keep)

    def _digest(self, key: bytes, data: bytes) -> bytes:
        return sha256(self._who + key + data).digest()[:16]

    def _use(self, work: Callable[[apsw.Connection], None]) -> None:
        """Do something with the file; what goes wrong with it is logged, and ends that."""
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.path.touch(mode=0o600)
            db = apsw.Connection(str(self.path))
        except (OSError, apsw.Error) as error:
            log.warning("vectors are not kept in %s: %s", self.path, error)
            return
        try:
            db.set_busy_timeout(WAIT_MS)
            db.execute(_SCHEMA)
            work(db)
        except (apsw.CorruptError, apsw.NotADBError, apsw.SQLError) as error:
            log.warning("%s is damaged and begun anew: %s", self.path, error)
            db.close()
            self._forget()
        except apsw.Error as error:
            log.warning("vectors are not kept in %s: %s", self.path, error)
        finally:
            db.close()

    def _forget(self) -> None:
        for ending in ("", "-journal"):
            with contextlib.suppress(OSError):
                Path(f"{self.path}{ending}").unlink()
