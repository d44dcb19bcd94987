"""What it costs to ask about earlier calls, with few and with many of them in the store.

    python -m benchmarks.history

Two journals of one kind, in one run: the calls are about other keys than those that are asked for, so what is measured
is the index, not the hits. Slices of both alternate; printed is the median of each, and their ratio.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

from remit.core.history import spelled_key, watches_of
from remit.store.records import SqliteRecords
from remit.testing.earlier import GuardedStore, shop

FEW, MANY = 1_000, 200_000
SLICES, CALLS = 11, 40
LIMIT = 2.0
"""A ratio above it would say that the cost grows with the history."""
RULES = shop(
    pay="""
idempotency: {key: [args.id], within: 90d, on_repeat: refuse}
history:
  - {id: once, never: {tool: pay, within: 90d}, where: "event.args.id == args.id"}
  - {id: seen, formerly: {tool: look, within: 90d, across: agent}, where: "event.args.id == args.id"}
""",
    move="monotonic: [{id: rises, value: 'has(args.version) ? args.version : 0.0', by: [args.id]}]",
)


def filled(folder: Path, events: int) -> GuardedStore:
    """A store in which *events* other calls are indexed for each clause."""
    folder.mkdir()
    place = GuardedStore(folder)
    place.guard(RULES)
    records, now = SqliteRecords(place.store), time.time()
    hide = records._hidden
    for start in range(0, events, 20_000):
        span = range(start, min(events, start + 20_000))
        keys = [(n, hide(spelled_key("", [f"X-{n}"]))) for n in span]
        for watch in watches_of(RULES.tools):
            rows = [
                (
                    f"{watch.id[:6]}{n}",
                    watch.id,
                    "response",
                    "default",
                    "shop",
                    key,
                    "done",
                    now,
                    now,
                    watch.within_s,
                    0,
                )
                for n, key in keys
            ]
            sql = "INSERT INTO history_event VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL)"
            place.store.transact_now(lambda tx, s=sql, r=rows: tx.connection.executemany(s, r), events=1)  # type: ignore[misc]
        repeats = [(f"r{n}", "pay.idempotency", key, now) for n, key in keys]
        sql = "INSERT INTO repeat_use VALUES (?, ?, 'default', 'shop', ?, '', ?, 7776000, 'done', NULL, NULL)"
        place.store.transact_now(lambda tx, s=sql, r=repeats: tx.connection.executemany(s, r), events=1)  # type: ignore[misc]
    return place


def rows() -> list[tuple[str, float, float, float]]:
    """(what, median ms with few, median ms with many, their ratio)."""
    with tempfile.TemporaryDirectory() as folder:
        places = [filled(Path(folder) / str(n), n) for n in (FEW, MANY)]
        sessions = [place.guard(RULES).session() for place in places]
        times: dict[str, tuple[list[float], list[float]]] = {
            "recall (check)": ([], []),
            "whole guarded call": ([], []),
        }
        for n in range(SLICES):
            for which, (place, session) in enumerate(zip(places, sessions, strict=True)):
                orders = [f"O-{n}-{m}" for m in range(CALLS)]
                for order in orders:
                    session.call("look", {"id": order}, run=place.tool("look"))
                began = time.perf_counter()
                for order in orders:
                    session.check("pay", {"id": order, "amount": 1})
                times["recall (check)"][which].append(time.perf_counter() - began)
                began = time.perf_counter()
                for order in orders:
                    session.call("pay", {"id": order, "amount": 1}, run=place.tool("pay"))
                times["whole guarded call"][which].append(time.perf_counter() - began)
        for place in places:
            place.store.close()
    found = []
    for what, (few, many) in times.items():
        ratio = statistics.median(b / a for a, b in zip(few, many, strict=True))
        found.append((what, _each_ms(few), _each_ms(many), ratio))
    return found


def _each_ms(slices: list[float]) -> float:
    return statistics.median(slices) * 1e3 / CALLS


def main() -> None:
    """Print the table."""
    print(
        f"{'earlier calls':24} {f'{FEW:,} indexed, ms':>20} {f'{MANY:,} indexed, ms':>22} {'ratio':>6} {'limit':>6}"
    )
    for what, few, many, ratio in rows():
        print(f"{what:24} {few:20.3f} {many:22.3f} {ratio:6.2f} {LIMIT:6.1f}")


if __name__ == "__main__":
    main()
