"""Standard output is the result's alone: while somebody else's code runs, what it prints goes to stderr."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import TextIO


@contextlib.contextmanager
def stdout_kept() -> Iterator[None]:
    """What an agent, a world or a check prints meanwhile, and programs that they start, goes to stderr.

    On stdout it would stand before the one object of `--json`, or look like a verdict.
    """
    held = sys.stdout
    _flush(held)
    with _descriptor(), contextlib.redirect_stdout(sys.stderr):
        try:
            yield
        finally:
            _flush(held)  # what a logger left in it that had taken it before goes the same way


def _flush(stream: TextIO | None) -> None:
    if stream is not None:
        stream.flush()


@contextlib.contextmanager
def _descriptor() -> Iterator[None]:
    """File descriptor 1 is stderr's meanwhile: of programs and libraries that know nothing of `sys.stdout`."""
    try:
        before = os.dup(1)
    except OSError:  # it is closed
        yield
        return
    try:
        with contextlib.suppress(OSError):
            os.dup2(2, 1)
        yield
    finally:
        os.dup2(before, 1)
        os.close(before)
