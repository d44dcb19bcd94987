"""How far off is the session since which the drift watch says that a stream changed?

    python -m benchmarks.drift_since

Streams of one value a session, drawn from a seed: 400 sessions, then a change of known size, up to 1,200 more. Of alarms
after the change it is told by how many sessions the estimated beginning is early (below 0) or late (above).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from remit.core.drift import ALLOWED, EVERY, WHOLE, Tier
from remit.core.stats.conformal import Streams

CHANGE, MOST = 400, 1_600
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)

Draw = Callable[[Random], float]


def share(p: float) -> Draw:
    """One session in so many has something."""
    return lambda rng: float(rng.random() < p)


def amounts(times: float) -> Draw:
    """Log-normal, with a spread of 1."""
    return lambda rng: times * rng.lognormvariate(0.0, 1.0)


CASES: dict[str, tuple[Tier, Draw, Draw]] = {
    "violations from 1 in 100 sessions to 1 in 5": (WHOLE, share(0.01), share(0.2)),
    "violations from 1 in 200 sessions to 1 in 30": (WHOLE, share(0.005), share(1 / 30)),
    "violations from 1 in 10 sessions to 3 in 10": (WHOLE, share(0.1), share(0.3)),
    "amounts ten times as large": (ALLOWED, amounts(1.0), amounts(10.0)),
    "amounts twice as large": (ALLOWED, amounts(1.0), amounts(2.0)),
    "amounts half as large again": (ALLOWED, amounts(1.0), amounts(1.5)),
}
"""By what changes: the tier whose evidence an alarm needs, and a session before and after."""


@dataclass(frozen=True, slots=True)
class Off:
    """One alarm after the change."""

    since: int
    """Sessions from the change to its estimated beginning."""
    delay: int
    """Sessions from the change to the alarm."""


def off(tier: Tier, before: Draw, after: Draw, seed: int) -> Off | None:
    """What the first alarm of one stream is off by; None where there is none, or it comes before the change."""
    rng, streams = Random(seed), Streams(2)
    row = streams.open(every=True)
    assert row is not None
    for place in range(MOST):
        value = (after if place >= CHANGE else before)(rng)
        if streams.step(place, rng.random(), {row: value})[row] >= EVERY / tier.share:
            return Off(streams.split(row).since - CHANGE, place - CHANGE) if place >= CHANGE else None
    return None


def line(name: str, found: Sequence[Off], streams: int) -> str:
    """A row of the table."""
    since, delay = sorted(one.since for one in found), sorted(one.delay for one in found)
    told = " | ".join(f"{_quantile(since, q):+d}" for q in QUANTILES)
    return f"| {name} | {len(found)} of {streams} | {_quantile(delay, 0.5)} | {told} |"


def _quantile(values: Sequence[int], q: float) -> int:
    return values[min(len(values) - 1, int(q * len(values)))]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--streams", type=int, default=200, help="of each change")
    streams = parser.parse_args(arguments).streams
    told = " | ".join(f"{100 * q:.0f} %" for q in QUANTILES)
    print(f"| what changes | alarms | delay | {told} |")
    print("| --- | --- | ---: |" + " ---: |" * len(QUANTILES))
    for name, case in CASES.items():
        found = [one for seed in range(streams) if (one := off(*case, seed)) is not None]
        print(line(name, found, streams) if found else f"| {name} | 0 of {streams} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
