"""What it takes to ask a large journal who met the values of one session later.

    python -m benchmarks.impact

A journal of so many events as an agent's guard writes them (a user's text, a read, its result, an effect, its result), of
other sessions than the one that is asked about; one in a thousand of them met a value of it. Printed are seconds,
events per second and the most memory that Python held meanwhile.
"""

from __future__ import annotations

import tempfile
import time
import tracemalloc
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from remit.core.event import Event
from remit.store.sqlite import SqliteStore
from remit.store.transaction import Transaction
from remit.usecases.impact import ImpactReach, Start, reach_of

SIZES = (20_000, 200_000)
BATCH = 1_000
VALUE = "GB29NWBK60161331926819"
_TEXT = (
    "Please look into order {n}: the customer writes that the parcel came open and two items are missing. "
    * 6
)


def session_events(number: int, value: str) -> Iterator[Event]:
    """Seven events of one session; *value* stands in what its read brings, and is paid."""

    def event(at: int, kind: str, body: Mapping[str, object], text: str | None = None) -> Event:
        blobs = {} if text is None else {"text": text}
        return Event(f"{number:08d}-{at}", f"s-{number}", kind, "clerk", "e" * 64, body, blobs=blobs)

    def decided(at: int, tool: str, effect: str, args: dict[str, object]) -> Event:
        body = {"tool": tool, "args": args, "effect": effect, "result": "allow", "enforced": True}
        return event(at, "decided", body | {"token": f"t{number}.{at}", "call_id": ""})

    def settled(at: int, tool: str, text: str) -> Event:
        seen = _segment(at, "tool", tool)
        body = {
            "token": f"t{number}.{at - 1}",
            "tool": tool,
            "ended": "value",
            "form": "json",
            "segment": seen,
        }
        return event(at, "settled", body, text)

    yield event(0, "session.opened", {"principal": None, "facts": {}})
    yield event(1, "observed", _segment(0, "user", "user"), _TEXT.format(n=f"O-{number}"))
    yield decided(2, "get_order", "read", {"order_id": f"O-{number}"})
    yield settled(
        3, "get_order", f'{{"order": "O-{number}", "iban": "{value}", "text": "{_TEXT.format(n=number)}"}}'
    )
    yield decided(4, "pay", "irreversible", {"iban": value, "amount": 120})
    yield settled(5, "pay", f'{{"id": "PAY-{number:07d}"}}')
    yield event(6, "session.closed", {"finished": True})


def _segment(index: int, role: str, source: str) -> dict[str, object]:
    return {
        "index": index,
        "role": role,
        "source": source,
        "integrity": "trusted",
        "confidentiality": "internal",
    }


def filled(folder: Path, events: int, *, every: int = 1_000) -> SqliteStore:
    """A store with the session that is asked about, and *events* events of later ones."""
    store = SqliteStore.open(folder / "journal.db", home=folder / "home")
    waiting = list(session_events(0, VALUE))
    for number in range(1, events // 7 + 1):
        value = VALUE if number % every == 0 else f"DE{number:020d}"
        waiting += session_events(number, value)
        if len(waiting) >= BATCH:
            _write(store, waiting)
            waiting = []
    _write(store, waiting)
    return store


def _write(store: SqliteStore, events: Sequence[Event]) -> None:
    def work(tx: Transaction) -> None:
        for one in events:
            tx.append(one)

    store.transact_now(work, events=len(events))


def measured(store: SqliteStore) -> tuple[ImpactReach, float, float]:
    """The reach, seconds without measuring memory, and the peak in MiB with it."""
    start = time.perf_counter()
    reach = reach_of(store, [Start("s-0", "default")])
    took = time.perf_counter() - start
    tracemalloc.start()
    try:
        reach_of(store, [Start("s-0", "default")])
        peak = tracemalloc.get_traced_memory()[1] / 2**20
    finally:
        tracemalloc.stop()
    return reach, took, peak


def main() -> None:
    """Print the table."""
    print("Reach of one session in a journal of many (remit impact)")
    print(f"{'events':>10} {'seconds':>8} {'events/s':>9} {'peak MiB':>9} {'readers':>8} {'paid':>5}")
    for size in SIZES:
        with tempfile.TemporaryDirectory() as folder, filled(Path(folder), size) as store:
            reach, took, peak = measured(store)
            readers = sum(one.sessions for one in reach.later.values.values())
            rate = reach.events / took
            print(
                f"{size:>10} {took:>8.1f} {rate:>9.0f} {peak:>9.1f} {readers:>8} {len(reach.later.uses):>5}"
            )


if __name__ == "__main__":
    main()
