"""What a tool call over stdio costs: direct, through the plainest honest proxy, and through `remit proxy`.

    python -m benchmarks.proxy

All are real processes on one machine, called by the SDK's own client. Blocks of calls to the paths alternate in an order
drawn anew each round, so that whatever else the machine does strikes all of them; ratios of one run are what counts.
`remit proxy` enforces an envelope of 20 tools with four conditions each: every decision and every outcome is durable
before the agent sees the result, so a read waits for one sync of the disk and a write for two. The bare proxy decides
nothing and writes nothing. So the same is measured once more with the store in memory (`/dev/shm`), where a sync costs
nothing.

*added* is what a path takes beyond the direct one, as a share of what the bare proxy takes beyond it.
"""

from __future__ import annotations

import asyncio
import gc
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from benchmarks.proxy_parts import READS, WRITES

ROUNDS = 24
BLOCK = 10
"""Calls of one block."""
WARM = 20
"""Calls of each kind before anything is timed."""
TARGET = 1.2
ERAS = {"2026-07-28": "2026-07-28", "2025-11-25": "legacy"}
"""Protocol revision and how the SDK's client is asked for it."""
MEMORY = Path("/dev/shm")
KINDS = {"read": READS, "write": WRITES}
SIZES = {"small": 0, "10 KB": 10_000}
Case = tuple[str, str]
"""Kind of tool, size of the result."""
CASES: tuple[Case, ...] = tuple((kind, size) for kind in KINDS for size in SIZES)


@dataclass(slots=True)
class Times:
    """What the calls of one path and case took."""

    wall_s: list[float] = field(default_factory=list)
    cpu_s: float = 0.0
    """Of all processes, of all calls together."""

    @property
    def median_ms(self) -> float:
        """Half the calls took no longer."""
        return statistics.median(self.wall_s) * 1e3

    @property
    def p90_ms(self) -> float:
        """Nine in ten took no longer."""
        return statistics.quantiles(self.wall_s, n=10)[8] * 1e3

    @property
    def cpu_ms(self) -> float:
        """Of one call."""
        return self.cpu_s / len(self.wall_s) * 1e3


class Way:
    """One way to the tools: the client and the processes behind it."""

    def __init__(self, client: Client, others: set[int]) -> None:
        self.client = client
        self._others = others
        self._processes: list[psutil.Process] = []
        self._made = 0

    def look(self) -> None:
        """Find the processes behind the pipe; once all of them run."""
        children = psutil.Process().children(recursive=True)
        self._processes = [one for one in children if one.pid not in self._others]

    def _cpu_s(self) -> float:
        return time.process_time() + sum(_cpu_s(process) for process in self._processes)

    def _arguments(self, number: int, size: int) -> dict[str, str | int]:
        self._made += 1
        text = f"note {self._made} of the customer: the parcel {self._made * 7919} came late and open"
        return {"order_id": f"O-{self._made}", "text": text, "amount": number, "size": size}

    async def block(self, case: Case, into: Times, calls: int = BLOCK) -> None:
        """Make the calls of one block, one after the other."""
        kind, size = case
        tools = KINDS[kind]
        before = self._cpu_s()
        for number in range(calls):
            arguments = self._arguments(number, SIZES[size])
            started = time.perf_counter()
            found = await self.client.call_tool(tools[number % len(tools)], arguments)
            into.wall_s.append(time.perf_counter() - started)
            if found.is_error or len(str(getattr(found.content[0], "text", ""))) < max(5, SIZES[size]):
                raise SystemExit(f"a call of the benchmark was not answered as it must be: {found}")
        into.cpu_s += self._cpu_s() - before


def _cpu_s(process: psutil.Process) -> float:
    """CPU seconds of one process; in nanoseconds of resolution where the kernel tells (Linux, threads that live)."""
    try:
        tasks = Path(f"/proc/{process.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9
    except OSError:
        times = process.cpu_times()
        return float(times.user + times.system)


def envelope_text() -> str:
    """Twenty tools with four conditions each, in force."""
    tools = "".join(_tool(name, n) for n, name in enumerate((*READS, *WRITES)))
    return f"""apiVersion: remit/v1
kind: CapabilityEnvelope
metadata: {{name: bench, version: "1"}}
spec:
  enforcement: enforce
  tools:{tools}
"""


def _tool(name: str, number: int) -> str:
    return f"""
    {name}:
      effect: {"read" if name in READS else "write"}
      args:
        type: object
        additionalProperties: false
        required: [order_id, text, amount, size]
        properties:
          order_id: {{type: string, pattern: "^O-[0-9]{{1,12}}$"}}
          text: {{type: string, maxLength: 5000}}
          amount: {{type: integer}}
          size: {{type: integer}}
      require:
        - {{id: ceiling, expr: "args.amount <= {100 + 20 * number}"}}
        - {{id: size, expr: "args.size <= 20000"}}
        - {{id: order, expr: "args.order_id != 'O-0'"}}
        - {{id: text, expr: "size(args.text) < 4000"}}"""


def commands(folder: Path, memory: Path | None, mode: str) -> dict[str, list[str]]:
    """The command line of each path."""
    server = [sys.executable, "-m", "benchmarks.proxy_parts", "server"]
    envelope = folder / "envelope.yaml"
    envelope.write_text(envelope_text(), encoding="utf-8")

    def remit(store: Path) -> list[str]:
        own = [sys.executable, "-m", "remit.cli.main", "proxy", "--envelope", str(envelope)]
        return [*own, "--store", f"sqlite:///{store}", "--", *server]

    found = {
        "direct": server,
        "bare": [sys.executable, "-m", "benchmarks.proxy_parts", "bare", mode, *server],
        "remit": remit(folder / f"{mode}.db"),
    }
    return found if memory is None else {**found, "remit, no disk": remit(memory / f"{mode}.db")}


Found = dict[tuple[str, Case], Times]


async def measure(mode: str, folder: Path, memory: Path | None) -> tuple[Found, list[float]]:
    """Every path and case in one protocol era, and the seconds of single syncs in between."""
    lines = commands(folder, memory, mode)
    found = {(path, case): Times() for path in lines for case in CASES}
    syncs: list[float] = []
    async with AsyncExitStack() as stack:
        ways = {name: await _opened(stack, line, mode, folder) for name, line in lines.items()}
        gc.collect()
        gc.disable()
        order = list(found)
        for _ in range(ROUNDS):
            random.shuffle(order)
            for name, case in order:
                await ways[name].block(case, found[name, case])
            syncs.append(_sync_s(folder))
        gc.enable()
    return found, syncs


async def _opened(stack: AsyncExitStack, line: list[str], mode: str, folder: Path) -> Way:
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    env = {**os.environ, "REMIT_HOME": str(folder / "home")}
    log = stack.enter_context((folder / "stderr").open("a", encoding="utf-8"))
    transport = stdio_client(StdioServerParameters(command=line[0], args=line[1:], env=env), errlog=log)
    way = Way(await stack.enter_async_context(Client(transport, mode=mode, cache=None)), before)
    await way.client.list_tools()
    way.look()
    for case in CASES:
        await way.block(case, Times(), WARM)
    return way


def _sync_s(folder: Path) -> float:
    """Append 4 KB and sync them, as a commit does."""
    handle = os.open(folder / "raw", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        started = time.perf_counter()
        os.write(handle, bytes(4096))
        os.fdatasync(handle)
        return time.perf_counter() - started
    finally:
        os.close(handle)


def main() -> None:
    """Print one table for each protocol era."""
    print(f"A tool call over stdio, {ROUNDS * BLOCK} calls of each kind, blocks of {BLOCK} in turn; ms")
    for era, mode in ERAS.items():
        with (
            tempfile.TemporaryDirectory(dir=os.environ.get("REMIT_BENCH_DIR")) as folder,
            _in_memory() as memory,
        ):
            found, syncs = asyncio.run(measure(mode, Path(folder), memory))
        print(f"\nprotocol {era}; one sync of this disk: median {statistics.median(syncs) * 1e3:.2f}")
        _print(found)


@contextmanager
def _in_memory() -> Iterator[Path | None]:
    """A folder in memory; None where this system has none."""
    if not (MEMORY.is_dir() and os.access(MEMORY, os.W_OK)):
        yield None
        return
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        yield Path(folder)


def _print(found: Found) -> None:
    head = f"{'tool, result':14} {'path':15} {'median':>7} {'p90':>7} {'CPU':>6}"
    print(f"{head} {'x direct':>9} {'x bare':>7} {'CPU x bare':>11} {'added':>6}  target")
    for case in CASES:
        direct, bare = found["direct", case], found["bare", case]
        for (path, its), one in found.items():
            if its != case:
                continue
            line = f"{', '.join(case):14} {path:15} {one.median_ms:7.2f} {one.p90_ms:7.2f} {one.cpu_ms:6.2f}"
            line += f" {one.median_ms / direct.median_ms:9.2f} {one.median_ms / bare.median_ms:7.2f}"
            line += f" {one.cpu_ms / bare.cpu_ms:11.2f}"
            if path.startswith("remit"):
                added = (one.median_ms - direct.median_ms) / (bare.median_ms - direct.median_ms)
                line += f" {added:6.2f}  <= {TARGET}"
            print(line)


if __name__ == "__main__":
    main()
