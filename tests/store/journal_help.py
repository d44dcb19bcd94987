"""Builders and the check that every crash test ends with."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from remit.core.event import AnomalyIndex, Event
from remit.core.types import Severity
from remit.store.sqlite import SqliteStore
from remit.store.verify import verify

DENIED = AnomalyIndex("denied", Severity.HIGH, ("refund.small",), "refund", counts=True)


def event(name: str | int = 1, session: str = "s1", kind: str = "decided", **changes: Any) -> Event:
    """An event whose id is made from *name*."""
    known: dict[str, Any] = {"agent": "helper", "envelope": "e" * 64, "body": {"name": str(name)}}
    return Event(f"id-{name:0>8}", session, kind, **{**known, **changes})


def ids(store: SqliteStore) -> list[str]:
    return [stored.event.id for stored in store.events()]


def problems(path: Path, home: Path) -> list[str]:
    return [f"{problem.place}: {problem.found}" for problem in verify(path, home).problems]


def in_child(work: Callable[[], None]) -> int:
    """Fork, run *work* in the child and return its exit status."""
    child = os.fork()
    if not child:
        status = 1
        try:
            work()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def assert_nothing_lost(path: Path, home: Path, acknowledged: Mapping[str, int] | set[str]) -> None:
    """All that was acknowledged is there, once, and the journal verifies."""
    report = verify(path, home)
    assert report.ok, report.problems
    with SqliteStore.open(path, home=home, create=False, reserve_bytes=1 << 16) as store:
        stored = ids(store)
    assert len(stored) == len(set(stored)), "an event was stored twice"
    lost = set(acknowledged) - set(stored)
    assert not lost, f"{len(lost)} of {len(acknowledged)} acknowledged events are gone: {sorted(lost)[:5]}"
