"""How often benign traffic trips the breaker: recorded benign sessions, bootstrapped, arriving at random.

    REMIT_DATA=path/to/data python -m benchmarks.benign

Every AgentDojo session without an attack (solved or not) is replayed by its envelope; what the breaker would count of
it is kept. Then whole sessions are drawn with replacement and arrive as a Poisson process at 10, 100 and 1,000 an hour;
the calls of one session follow each other at once, which is the worst case for a window. One agent (one breaker) takes
all the traffic. A trip empties the log, as if people had reset it at once.
"""

from __future__ import annotations

import gzip
import os
import random
import sys
from pathlib import Path

from remit.core.anomaly import misstep_kind, worst
from remit.core.breaker import trips_of
from remit.core.recorded import read_session
from remit.core.types import Decision, OnViolation, Severity
from remit.usecases.replay import replay_session
from remit.wiring import read_envelope_file

SUITES = ("workspace", "banking", "slack", "travel")
ENVELOPES = Path(__file__).parent.parent / "examples" / "envelopes"
RATES_PER_HOUR = (10, 100, 1000)
DRAWN = 100_000
"""Sessions simulated for each rate."""

Marks = tuple[tuple[Severity, bool], ...]
"""(severity, whether it is a slip) of each violation of one session."""


def counted(decision: Decision) -> tuple[Severity, bool] | None:
    """What the breaker counts of one decision; None where nothing."""
    told = [v for v in decision.violations if v.error or v.on_violation is not OnViolation.HOLD]
    if not told:
        return None
    flagged = {v.severity if v.error or v.on_violation is OnViolation.DENY else Severity.LOW for v in told}
    severity = worst([v.severity for v in told] if decision.result.value == "deny" else list(flagged))
    return severity, misstep_kind(decision.result, [v.severity for v in told]) == "slip"


def marks(data: Path, suite: str, suffix: str) -> list[Marks]:
    """The violations of each benign session of a suite."""
    envelope = read_envelope_file(ENVELOPES / f"agentdojo-{suite}{suffix}.yaml")
    found: list[Marks] = []
    for file in sorted((data / "agentdojo_runs").glob("*__none.jsonl.gz")):
        with gzip.open(file) as lines:
            for at, line in enumerate(lines, start=1):
                session = read_session(line, f"{file}:{at}")
                if session.suite != suite or session.extra.get("attack") is not None:
                    continue
                seen: dict[str, tuple[Severity, bool]] = {}
                for judged in replay_session(session, envelope).judged:
                    mark = counted(judged.decision)
                    if mark is not None:  # the same refused call of one session counts once in 30 s
                        seen[f"{judged.decision.clauses}{judged.call.args}"] = mark
                found.append(tuple(seen.values()))
    return found


def trips(sessions: list[Marks], per_hour: float, suite: str, suffix: str) -> int:
    """Trips while `DRAWN` sessions arrive."""
    rule = read_envelope_file(ENVELOPES / f"agentdojo-{suite}{suffix}.yaml").breaker
    rng = random.Random(20261122)
    at, violations, slips = 0.0, [], []
    for _ in range(DRAWN):
        at += rng.expovariate(per_hour / 3600.0)
        for severity, slip in rng.choice(sessions):
            if slip:
                slips.append(at)
            else:
                violations.append((at, severity))
    return trips_of(violations, rule, slips)


def main() -> None:
    """Print the table."""
    data = Path(os.environ.get("REMIT_DATA", ""))
    if not (data / "agentdojo_runs").is_dir():
        print("REMIT_DATA names no folder with agentdojo_runs: nothing measured", file=sys.stderr)
        return
    print(f"trips per 10,000 benign sessions, {DRAWN} sessions drawn for each rate, Poisson arrivals")
    print(
        f"{'envelope':28} {'sessions':>8} {'slipping':>9} {'violating':>10} "
        + " ".join(f"{r:>6}/h" for r in RATES_PER_HOUR)
    )
    for suffix in ("", "-strict"):
        for suite in SUITES:
            sessions = marks(data, suite, suffix)
            slipping = sum(any(slip for _, slip in s) for s in sessions) / len(sessions)
            violating = sum(any(not slip for _, slip in s) for s in sessions) / len(sessions)
            rates = [trips(sessions, rate, suite, suffix) / DRAWN * 10_000 for rate in RATES_PER_HOUR]
            shown = " ".join(f"{rate:8.2f}" for rate in rates)
            print(
                f"{'agentdojo-' + suite + suffix:28} {len(sessions):8} {slipping:9.1%} {violating:10.1%} {shown}"
            )


if __name__ == "__main__":
    main()
