"""A process that forks: SQLite's files and locks must not be carried over, so all are closed for that moment.

Before the fork each open store finishes what it is writing and closes its connections; parent and child open
their own when they next need one. The child's queue is empty: what waited in the parent is written by the
parent.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable
from functools import partial
from typing import Protocol


class Forking(Protocol):
    """What can be carried over a fork."""

    def before_fork(self) -> None:
        """Finish, and close what must not be inherited."""

    def after_fork_in_parent(self) -> None:
        """Go on."""

    def after_fork_in_child(self) -> None:
        """Start anew, without threads and queue."""


_OPEN: weakref.WeakSet[Forking] = weakref.WeakSet()
_REGISTERED: list[int] = []


def survive_forks(store: Forking) -> None:
    """Take *store* through every fork from now on."""
    _OPEN.add(store)
    if not _REGISTERED:
        _REGISTERED.append(os.getpid())
        os.register_at_fork(
            before=partial(_tell, Forking.before_fork),
            after_in_parent=partial(_tell, Forking.after_fork_in_parent),
            after_in_child=partial(_tell, Forking.after_fork_in_child),
        )


def _tell(what: Callable[[Forking], None]) -> None:
    for store in list(_OPEN):
        getattr(store, what.__name__)()


def keep_for_ever(thing: object) -> None:
    """Never let *thing* be finalised: closing an inherited connection would harm its owner, the parent."""
    import ctypes

    ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))


def forget(store: Forking) -> None:
    """The store is closed."""
    _OPEN.discard(store)
