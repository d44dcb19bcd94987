"""The garbage collector while many trials run at a time.

It looks whenever 700 new objects are there, and now and then at everything that lives: a thousand open sessions are a
quarter of a million objects, of which none is garbage, and looking at them took a third of a run's time.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

NEW_OBJECTS = 50_000
"""After how many the collector looks at them during a run."""

_lock = threading.Lock()
_running = 0
_before: tuple[int, int, int] = (0, 0, 0)


@contextmanager
def seldom_collected() -> Iterator[None]:
    """Within, the collector looks less often; after the last of several runs, as often as before.

    A collector that is switched off, or that somebody set to look less often still, stays as it is.
    """
    _begin()
    try:
        yield
    finally:
        _end()


def _begin() -> None:
    global _running, _before  # noqa: PLW0603 - the collector is the process's, and so is this
    with _lock:
        _running += 1
        if _running == 1:
            _before = gc.get_threshold()
            if 0 < _before[0] < NEW_OBJECTS:
                gc.set_threshold(NEW_OBJECTS, *_before[1:])


def _end() -> None:
    global _running  # noqa: PLW0603
    with _lock:
        _running -= 1
        if not _running and gc.get_threshold() == (NEW_OBJECTS, *_before[1:]):
            gc.set_threshold(*_before)
