"""What a durable event costs, beside the least that a disk asks for: append 2 KB to a file and sync it.

Each slice of the journal stands between two slices of raw appends on the same disk, and the rate is divided by their
mean; printed are the median, lowest and highest of these ratios. Callers are threads, or tasks of one event loop; each
waits for its event to be durable before it writes the next one.
"""

from __future__ import annotations

import asyncio
import os
import random
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from remit.core.event import Event
from remit.store.sqlite import SqliteStore

EVENT_BYTES = 2048
SESSION = 20
"""Events of a session."""
PAIRS = 9
SLICE_S = 0.25
RATE = 1000
"""Events a second in the open loop."""
LATENCY_S = 2.0


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table of rates."""

    what: str
    per_s: float
    """Median rate of the journal."""
    raw_per_s: float
    """Median rate of append and fdatasync around it."""
    ratio: float
    lowest: float
    highest: float
    target: float | None


@dataclass(frozen=True, slots=True)
class Latency:
    """What callers wait at `RATE` events a second, from the moment an event was due; milliseconds."""

    floor_p50: float
    """Of a task that only yields to the loop."""
    floor_p99: float
    p50: float
    p99: float
    raw_p50: float
    raw_p99: float

    @property
    def target_p50(self) -> float:
        """Most that may be added to the floor."""
        return 4 * self.raw_p50

    @property
    def target_p99(self) -> float:
        """Most that the slowest percent may wait."""
        return max(10.0, 3 * self.raw_p99)


class _Bench:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = SqliteStore.open(folder / "remit.db", home=folder / "home")
        self.text = "x" * (EVENT_BYTES - 160)
        self.made = 0
        self.written: dict[int, int] = {}
        self.session: dict[int, str] = {}

    def event(self, caller: int) -> Event:
        """The next event of *caller*, whose sessions have 20 events each; ids sort by time, as UUIDv7 do."""
        self.made += 1
        number = self.written[caller] = self.written.get(caller, -1) + 1
        if number % SESSION == 0:
            self.session[caller] = f"{self.made:032x}-{caller:03}"
        name = f"{self.made:032x}-{caller:03}"
        body = {"text": self.text, "name": name}
        return Event(name, self.session[caller], "decided", "agent", "e" * 64, body)

    def raw(self) -> list[float]:
        """The seconds that each append with fdatasync took."""
        content, path = os.urandom(EVENT_BYTES), self.folder / "raw"
        times: list[float] = []
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        end = time.perf_counter() + SLICE_S
        while (start := time.perf_counter()) < end:
            os.write(handle, content)
            os.fdatasync(handle)
            times.append(time.perf_counter() - start)
        os.close(handle)
        path.unlink()
        return times

    def threads(self, callers: int) -> float:
        """Events a second that *callers* threads write."""
        counts, end = [0] * callers, time.perf_counter() + SLICE_S

        def write(caller: int) -> None:
            while time.perf_counter() < end:
                self.store.append_now(self.event(caller))
                counts[caller] += 1

        started = time.perf_counter()
        running = [threading.Thread(target=write, args=(caller,)) for caller in range(callers)]
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()
        return sum(counts) / (time.perf_counter() - started)

    def tasks(self, callers: int) -> float:
        """Events a second that *callers* tasks of one event loop write."""
        end = time.perf_counter() + SLICE_S

        async def write(caller: int) -> int:
            count = 0
            while time.perf_counter() < end:
                await self.store.append_async(self.event(caller))
                count += 1
            return count

        async def main() -> int:
            return sum(await asyncio.gather(*(write(caller) for caller in range(callers))))

        started = time.perf_counter()
        return asyncio.run(main()) / (time.perf_counter() - started)

    def open_loop(self, *, durable: bool) -> list[float]:
        """Seconds from the moment each event was due until it was durable, arrivals at random."""
        choose, waits = random.Random(5), []

        async def write(due: float, number: int) -> None:
            if durable:
                await self.store.append_async(self.event(number % 16))
            else:
                await asyncio.sleep(0)
            waits.append(time.perf_counter() - due)

        async def main() -> None:
            due, end = time.perf_counter(), time.perf_counter() + LATENCY_S
            tasks: list[asyncio.Future[None]] = []
            while due < end:
                due += choose.expovariate(RATE)
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                tasks.append(asyncio.ensure_future(write(due, len(tasks))))
            await asyncio.gather(*tasks)

        asyncio.run(main())
        return waits


def rows(pairs: int = PAIRS) -> list[Row]:
    """The rates, each paired with raw appends around it."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("REMIT_BENCH_DIR")) as folder:
        bench = _Bench(Path(folder))
        cases: list[tuple[str, Callable[[], float], float | None]] = [
            ("1 caller, commit per event", lambda: bench.threads(1), 0.5),
            ("16 threads", lambda: bench.threads(16), 3.5),
            ("64 threads", lambda: bench.threads(64), 4.0),
            ("16 tasks", lambda: bench.tasks(16), 3.5),
            ("64 tasks", lambda: bench.tasks(64), 4.0),
            ("256 tasks", lambda: bench.tasks(256), None),
        ]
        for _, run, _ in cases:
            run()
        found: list[list[tuple[float, float]]] = [[] for _ in cases]
        raw = len(bench.raw()) / SLICE_S
        for _ in range(pairs):
            for (_, run, _), pair in zip(cases, found, strict=True):
                rate, before = run(), raw
                raw = len(bench.raw()) / SLICE_S
                pair.append((rate, (before + raw) / 2))
        bench.store.close()
    return [_row(what, pair, target) for (what, _, target), pair in zip(cases, found, strict=True)]


def _row(what: str, pairs: list[tuple[float, float]], target: float | None) -> Row:
    ratios = [rate / raw for rate, raw in pairs]
    rate, raw = (statistics.median(values) for values in zip(*pairs, strict=True))
    return Row(what, rate, raw, statistics.median(ratios), min(ratios), max(ratios), target)


def latency() -> Latency:
    """What callers wait in an open loop."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("REMIT_BENCH_DIR")) as folder:
        bench = _Bench(Path(folder))
        raw = bench.raw()
        floor = bench.open_loop(durable=False)
        waits = bench.open_loop(durable=True)
        raw += bench.raw()
        bench.store.close()
    values = [
        share * 1000 for times in (floor, waits, raw) for share in (_share(times, 0.5), _share(times, 0.99))
    ]
    return Latency(*values)


def _share(times: list[float], share: float) -> float:
    return sorted(times)[int(len(times) * share)]


def main() -> None:
    """Print both tables."""
    print(
        f"Durable events of 2 KB against raw append + fdatasync; median of {PAIRS} pairs, lowest to highest"
    )
    print(f"{'':28} {'events/s':>9} {'raw/s':>7} {'ratio':>6}  {'range':>12}  target")
    for row in rows():
        target = "" if row.target is None else f">= {row.target}"
        between = f"{row.lowest:.2f}-{row.highest:.2f}"
        print(
            f"{row.what:28} {row.per_s:9,.0f} {row.raw_per_s:7,.0f} {row.ratio:6.2f}  {between:>12}  {target}"
        )
    found = latency()
    print(f"\nWaiting for a durable event at {RATE:,} a second (open loop), ms")
    print(f"{'':28} {'p50':>7} {'p99':>7}")
    print(f"{'task that only yields':28} {found.floor_p50:7.2f} {found.floor_p99:7.2f}")
    print(f"{'durable event':28} {found.p50:7.2f} {found.p99:7.2f}")
    print(f"{'raw append + fdatasync':28} {found.raw_p50:7.2f} {found.raw_p99:7.2f}")
    added = found.p50 - found.floor_p50
    print(f"added p50 {added:.2f} (target <= {found.target_p50:.2f}), p99 target <= {found.target_p99:.2f}")


if __name__ == "__main__":
    main()
