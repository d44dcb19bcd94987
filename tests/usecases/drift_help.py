"""Sessions written into a journal as events, quickly: what a guard would write, without running anything."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from remit.core.event import Event
from remit.core.ids import derived_id
from remit.store.drift_rows import SqliteDriftBook
from remit.store.records import EXTENSIONS
from remit.store.sqlite import SqliteStore
from remit.usecases.drift import DriftStep, DriftWatch

Call = tuple[str, dict[str, Any]]


def open_store(folder: Path) -> SqliteStore:
    """The store of a test, with small reserves."""
    return SqliteStore.open(
        folder / "remit.db", home=folder / "home", reserve_bytes=1 << 16, extensions=EXTENSIONS
    )


def events_of(
    session: str,
    calls: list[Call],
    *,
    agent: str = "shop",
    model: str = "m-1",
    subject: str = "",
    denied: int = 0,
    closed: bool = True,
    opened: bool = True,
) -> list[Event]:
    """The events of one session: *calls* ran, and *denied* more were refused by `refund.limit`."""
    made: list[Event] = []

    def add(kind: str, body: dict[str, Any]) -> None:
        event_id = derived_id(session, kind, len(made), opened)
        made.append(Event(event_id, session, kind, agent, "e", body, subject=subject))

    add("session.opened" if opened else "session.resumed", {"fingerprint": {"model": model}})
    for number, (tool, args) in enumerate(calls):
        token = f"{session}/{number}"
        effect = "read" if tool.startswith("find") else "write"
        add("decided", {"tool": tool, "args": args, "effect": effect, "result": "allow", "token": token})
        add("settled", {"tool": tool, "token": token, "ended": "value"})
    for _ in range(denied):
        told = {"clause": "refund.limit", "on_violation": "deny", "error": False}
        add("decided", {"tool": "refund", "args": {}, "result": "deny", "token": "", "violations": [told]})
    if closed:
        add("session.closed", {"finished": True, "error": None})
    return made


def write(store: SqliteStore, events: list[Event]) -> None:
    """Append them in one transaction."""

    def work(tx: Any) -> None:
        for event in events:
            tx.append(event)

    store.transact_now(work)


def watch_all(store: SqliteStore, now: float | None = None, **options: Any) -> list[DriftStep]:
    """Steps until there is nothing more to do."""
    watch = DriftWatch(SqliteDriftBook(store), lambda: time.time() if now is None else now, **options)
    steps = [watch.watch_once()]
    while steps[-1].more:
        steps.append(watch.watch_once())
    return steps


def counted(store: SqliteStore) -> list[tuple[Any, ...]]:
    """(agent, place, session) of what was counted."""
    sql = "SELECT agent, place, session FROM drift_session ORDER BY tenant, agent, place"
    return store.read(lambda db: list(db.execute(sql).fetchall()))


def main(folder: Path, batch: int, most: int) -> None:
    """A process that makes *most* steps, says after each how many sessions were counted, and waits to be killed."""
    store = open_store(folder)
    watch = DriftWatch(SqliteDriftBook(store), time.time, batch=batch)
    for _ in range(most):
        print(len(watch.watch_once().sessions), flush=True)
    time.sleep(3600)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
