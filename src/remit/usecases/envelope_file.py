"""Envelopes in files: the bytes, strictly read."""

from __future__ import annotations

from pathlib import Path

from remit.core.envelope import Envelope
from remit.core.errors import BadInput
from remit.core.reader import decode
from remit.core.selftest import load_envelope

MOST_ENVELOPE_BYTES = 4_000_000


def read_envelope_file(path: Path, *, waits: bool = True) -> Envelope:
    """The envelope in a file, its own tests passed.

    Args:
        path: of the file.
        waits: as for `read_text`.

    Raises:
        BadInput: the file cannot be read, or what it says is wrong.
    """
    return load_envelope(read_text(path, waits=waits), str(path))


def read_text(path: Path, *, waits: bool = True, what: str = "envelope") -> str:
    """The text of a file, strictly UTF-8.

    Args:
        path: of the file.
        waits: whether it may be a pipe, whose end may be long in coming; where not, a pipe is refused.
        what: it is, for errors.

    Raises:
        BadInput: it is not there, not a file, not readable, too large or not UTF-8.
    """
    if not waits and (path.is_fifo() or path.is_socket()):
        raise BadInput(str(path), "cannot be read: it is a pipe", "name a file")
    try:
        with path.open("rb") as file:
            data = file.read(MOST_ENVELOPE_BYTES + 1)
    except FileNotFoundError:
        remedy = (
            "check the path; `remit init` writes a first envelope" if what == "envelope" else "check the path"
        )
        raise BadInput(str(path), "no such file", remedy) from None
    except OSError as error:
        raise BadInput(
            str(path), f"cannot be read: {error.strerror or error}", "check the path and its rights"
        ) from None
    if len(data) > MOST_ENVELOPE_BYTES:
        raise BadInput(str(path), f"more than {MOST_ENVELOPE_BYTES} bytes", f"shorten the {what}")
    return decode(data, str(path))
