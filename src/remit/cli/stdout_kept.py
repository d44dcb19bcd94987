"""Standard output is the result's alone: while somebody else's code runs, what it prints goes to stderr.

Some of that code outlives its run: a thread that was left behind at its deadline, or a logger's. From then on only the
thread that writes the result writes to stdout.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator
from typing import Any, TextIO, cast


@contextlib.contextmanager
def stdout_kept() -> Iterator[None]:
    """What an agent, a world or a check prints meanwhile, and programs that they start, goes to stderr.

    On stdout it would stand before the one object of `--json`, or look like a verdict.
    """
    held, known = sys.stdout, set(threading.enumerate())
    _flush(held)
    try:
        with _descriptor() as free, contextlib.redirect_stdout(sys.stderr):
            try:
                yield
            finally:
                _flush(held)  # what a logger left in it that had taken it before goes the same way
                if getattr(held, "closed", False):
                    held = _opened(free)
    finally:
        if not known.issuperset(threading.enumerate()) and _is_plain(held):
            held = cast("TextIO", _OfOneThread(held, threading.get_ident()))
        sys.stdout = held


class _OfOneThread:
    """A stream that is written by one thread only; what others write goes to stderr.

    Args:
        stream: for that thread.
        owner: its ident.
    """

    def __init__(self, stream: TextIO, owner: int) -> None:
        self._stream, self._owner = stream, owner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream if threading.get_ident() == self._owner else sys.stderr, name)


def _is_plain(stream: TextIO | None) -> bool:
    return stream is not None and not isinstance(stream, _OfOneThread)


def _opened(descriptor: int | None) -> Any:
    """Standard output anew, where somebody closed the stream that was it."""
    if descriptor is None:
        return sys.stdout
    return os.fdopen(os.dup(descriptor), "w", encoding="utf-8")


def _flush(stream: TextIO | None) -> None:
    if stream is not None:
        with contextlib.suppress(ValueError):  # it is closed
            stream.flush()


@contextlib.contextmanager
def _descriptor() -> Iterator[int | None]:
    """File descriptor 1 is stderr's meanwhile: of programs and libraries that know nothing of `sys.stdout`.

    Gives where it points else; None where it is closed.
    """
    try:
        before = os.dup(1)
    except OSError:  # it is closed
        yield None
        return
    try:
        with contextlib.suppress(OSError):
            os.dup2(2, 1)
        yield before
    finally:
        os.dup2(before, 1)
        os.close(before)
