"""What the envelope `examples/envelopes/tau-airline.yaml` refuses and holds on recorded service sessions.

    REMIT_DATA=path/to/data python -m benchmarks.airline

There is no attacker here: these are ordinary customers and agents that make mistakes. A refusal tells the agent
which clause was not met, so that it can look the value up and try again; the recording cannot show that.

The data are published trajectories of tau-bench and tau2-bench (MIT licence); they are not part of this project.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

from benchmarks.agentdojo import ENVELOPES, interval, sessions
from remit.core.selftest import load_envelope
from remit.core.types import PrincipalKind
from remit.usecases.replay import replay_session

RUNS = ("tau_bench_gpt4o_airline", "tau2_grok_trials", "tau2_systems")


def main() -> int:
    """Print one line for each set of sessions, and the clauses that were not met."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.airline", description=__doc__.splitlines()[0])
    parser.add_argument("--data", default=os.environ.get("REMIT_DATA", ""), help="folder, or REMIT_DATA")
    data = Path(parser.parse_args().data)
    if not data.name or not all((data / runs).is_dir() for runs in RUNS):
        print(
            f"skipped: no recorded sessions; give --data or REMIT_DATA, a folder that holds {', '.join(RUNS)}"
        )
        return 0
    file = ENVELOPES / "tau-airline.yaml"
    envelope = load_envelope(file.read_text(encoding="utf-8"), file.name)
    for runs in RUNS:
        sizes: Counter[bool] = Counter()
        touched: Counter[bool] = Counter()
        clauses: Counter[str] = Counter()
        for session in sessions(data / runs):
            if session.suite != "airline":
                continue
            replayed = replay_session(replace(session, principal_kind=PrincipalKind.CUSTOMER), envelope)
            solved = bool(session.extra["success"])
            sizes[solved] += 1
            touched[solved] += not replayed.untouched
            clauses.update({clause for each in replayed.judged for clause in each.decision.clauses})
        for solved, told in ((True, "solved"), (False, "failed")):
            print(
                f"{runs:26}{told}: {sizes[solved]:4} sessions, touched {interval(touched[solved], sizes[solved])}"
            )
        print("".join(f"    {count:4} {clause}\n" for clause, count in clauses.most_common()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
