"""What change evidence sees, and how often it is fooled, on sessions that are made up so that the rates are known."""

from __future__ import annotations

import random
from collections.abc import Sequence

from benchmarks.agentdojo import interval
from remit.core.change import Change, ChangeKind
from remit.core.classify.change import findings, named
from remit.core.conduct import Conduct, Line

SIZES = (500, 600, 714, 800, 1200, 2400)
"""Calls on each side."""
CALLS_OF_A_SESSION = 3
LINES: tuple[Line, ...] = tuple(("tool", f"tool.{number}") for number in range(20))
STREAMS = 200
UNCHANGED = 500
LOOKS = 10


def made_up(draw: random.Random, calls: int, rates: Sequence[tuple[float, float]]) -> list[Conduct]:
    """Sessions of three calls, so many calls on each side of a change, each line with its own rates."""
    each = calls // CALLS_OF_A_SESSION
    found = []
    for at in range(2 * each):
        hits = {
            line: sum(draw.random() < rate[at >= each] for _ in range(CALLS_OF_A_SESSION))
            for line, rate in zip(LINES, rates, strict=False)
        }
        violations = {line: times for line, times in hits.items() if times}
        calls_made = {"tool": CALLS_OF_A_SESSION}
        found.append(Conduct(f"s{at}", "agent", float(at), calls=calls_made, violations=violations))
    return found


def per_1000(hits: int, of: int) -> str:
    """A share that is small."""
    return f"{1000 * hits / of:.2f} in 1,000"


def change(at: int) -> Change:
    """One told change."""
    return Change("change", ChangeKind.DEPLOY, float(at))


def power() -> None:
    """Print how often .5 % becoming 3 % is seen on one line, beside four that stay at .5 %."""
    print(f"a line's rate rises from .5 % to 3 %, four others stay at .5 %; {STREAMS} streams each")
    print(f"{'calls a side':>12} {'one look':>22} {'any time':>22}")
    for size in SIZES:
        draw, seen = random.Random(size), [0, 0]
        for _ in range(STREAMS):
            stream = made_up(draw, size, [(0.005, 0.03), *[(0.005, 0.005)] * 4])
            for at, once in enumerate((True, False)):
                found = findings([change(len(stream) // 2)], stream, once=once)
                seen[at] += bool(named(found))
        print(f"{size:12} {interval(seen[0], STREAMS):>22} {interval(seen[1], STREAMS):>22}")


def unchanged() -> None:
    """Print false alarms where nothing changed: 20 lines of rates from .1 % to 3 %, one look and many."""
    rates = [(0.001 + 0.0015 * at, 0.001 + 0.0015 * at) for at in range(20)]
    draw, streams, lines, compared = random.Random(20), 0, 0, 0
    for _ in range(UNCHANGED):
        stream = made_up(draw, 800, rates)
        found = findings([change(len(stream) // 2)], stream, once=True)
        compared += len(found)
        lines += sum(one.significant for one in found)
        streams += bool(named(found))
    print(
        f"unchanged, 20 lines, 800 calls a side, one look: streams with a false alarm {interval(streams, UNCHANGED)}"
    )
    print(f"  of single comparisons {lines} of {compared}, {per_1000(lines, compared)}")
    fooled = 0
    for _ in range(UNCHANGED // 5):
        stream = made_up(draw, 800, rates)
        half = len(stream) // 2
        ends = (half + half * look // LOOKS for look in range(1, LOOKS + 1))
        fooled += any(named(findings([change(half)], stream[:end])) for end in ends)
    told = interval(fooled, UNCHANGED // 5)
    print(f"unchanged, looked at {LOOKS} times while sessions come in: streams with a false alarm {told}")
