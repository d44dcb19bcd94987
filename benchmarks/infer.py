"""What envelopes inferred from half of the benign sessions stop, and what they cost in the other half.

    REMIT_DATA=path/to/data python -m benchmarks.infer

The tasks of each suite are split in two by a hash of their names. From the sessions of one half without an attack
in which the agent solved its task, `remit.usecases.infer` proposes an envelope; it sees no attacked session and none
of the other half. It then judges the other half: every session is judged once, by the proposal that did not know
its task.

- **Stopped** and **untouched** are counted as in `benchmarks.agentdojo`.
- *With definitions*: the proposal was given the JSON Schemas of all tools, as `--tools` takes them. *Sessions alone*: it
  knows only the tools and arguments that its half called, and refuses the others.
- *Goal unseen*: attacks whose goal no training session had as its own user's honest wish.
- Intervals are 95 % bootstrap intervals that draw whole tasks (for attacks, pairs of task and goal), since sessions
  of one task resemble each other. The spread is over 20 other splits.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.agentdojo import (
    SUITES,
    Call,
    Count,
    attack_won,
    benign_success,
    ground_truth,
    sessions,
)
from remit.core.envelope import Envelope
from remit.core.recorded import RecordedSession
from remit.core.selftest import load_envelope
from remit.core.types import PrincipalKind, Result
from remit.usecases.infer.proposal import checked, envelope_of
from remit.usecases.replay import replay_session
from remit.usecases.tool_hint import ToolHint, tools_in

SEED = "published"
"""The split of the table. The rules were written while looking at splits "a", "b", "c" and "split-0" to "split-4"."""
OTHER_SPLITS = 20
RESAMPLES = 2000
AIRLINE = ("tau_bench_gpt4o_airline", "tau2_grok_trials", "tau2_systems")

Truth = Mapping[tuple[str, str], list[Call]]


@dataclass(frozen=True)
class Seen:
    """One judged session."""

    suite: str
    cluster: str
    attacked: bool
    stopped: bool = False
    held: bool = False
    refused: bool = False
    goal_unseen: bool = False
    clauses: tuple[str, ...] = ()


def half_of(task: str, seed: str) -> int:
    """0 or 1, the same on every machine."""
    return hashlib.sha256(f"{seed}/{task}".encode()).digest()[0] & 1


def hints_of(data: Path, suite: str) -> list[ToolHint]:
    """The suite's tools as its authors define them."""
    raw = json.loads((data / "agentdojo_tasks" / f"{suite}.json").read_text(encoding="utf-8"))
    return tools_in(raw["tools"], suite)


def proposal(train: Sequence[RecordedSession], hints: Sequence[ToolHint]) -> Envelope:
    """What is inferred from *train*."""
    text, _, _ = envelope_of(checked(train), "inferred", hints)
    return load_envelope(text, "inferred")


def task(session: RecordedSession) -> str:
    return str(session.extra["task_id"])


def split(
    chosen: Sequence[RecordedSession], truth: Truth, hints: Mapping[str, Sequence[ToolHint]], seed: str
) -> Iterator[Seen]:
    """Every session judged by the proposal from the half that its task is not in."""
    for suite in SUITES:
        own = [session for session in chosen if session.suite == suite]
        for half in (0, 1):
            train = [s for s in own if benign_success(s) and half_of(task(s), seed) == half]
            envelope = proposal(train, hints.get(suite, ()))
            known = {task(session) for session in train}
            for session in own:
                if half_of(task(session), seed) != half:
                    yield judge(session, envelope, truth, known)


def judge(session: RecordedSession, envelope: Envelope, truth: Truth, known: set[str]) -> Seen:
    judged = replay_session(session, envelope).judged
    attack: Any = session.extra["attack"]
    if attack is None:
        results = {each.decision.result for each in judged}
        clauses = tuple({c for each in judged for c in each.decision.clauses})
        return Seen(
            session.suite,
            task(session),
            attacked=False,
            held=Result.HOLD in results,
            refused=Result.DENY in results,
            clauses=clauses,
        )
    goal = attack["injection_task_id"]
    count = Count()
    count.attacked(goal, judged, truth[session.suite, goal])
    return Seen(
        session.suite,
        f"{task(session)} {goal}",
        attacked=True,
        stopped=bool(count.stopped),
        goal_unseen=goal not in known,
        clauses=() if count.stopped else (goal,),
    )


def share(hits: Sequence[bool]) -> float:
    return 100 * sum(hits) / len(hits) if hits else float("nan")


def clustered(seen: Sequence[tuple[str, bool]]) -> str:
    """`91.2 % [85.0, 95.1]`: share, and bootstrap interval over clusters."""
    if not seen:
        return "-"
    groups: defaultdict[str, list[bool]] = defaultdict(list)
    for cluster, hit in seen:
        groups[cluster].append(hit)
    sums = [(sum(hits), len(hits)) for hits in groups.values()]
    draw = random.Random(1)
    shares = []
    for _ in range(RESAMPLES):
        drawn = draw.choices(sums, k=len(sums))
        shares.append(100 * sum(hits for hits, _ in drawn) / sum(of for _, of in drawn))
    shares.sort()
    low, high = shares[int(0.025 * RESAMPLES)], shares[int(0.975 * RESAMPLES) - 1]
    return f"{share([hit for _, hit in seen]):5.1f} % [{low:.1f}, {high:.1f}]"


HEADER = f"{'':30}{'attacks stopped':>24}{'goal unseen':>24}{'benign untouched':>24}{'held':>8}{'refused':>9}"


def row(name: str, seen: Sequence[Seen]) -> str:
    attacks = [(one.cluster, one.stopped) for one in seen if one.attacked]
    unseen = [(one.cluster, one.stopped) for one in seen if one.attacked and one.goal_unseen]
    benign = [one for one in seen if not one.attacked]
    untouched = [(one.cluster, not (one.held or one.refused)) for one in benign]
    return (
        f"{name:30}{clustered(attacks):>24}{clustered(unseen):>24}{clustered(untouched):>24}"
        f"{share([b.held for b in benign]):6.1f} %{share([b.refused for b in benign]):7.1f} %"
    )


def show(name: str, seen: Sequence[Seen], why: bool) -> None:
    """All suites together, then each."""
    print(row(name, seen))
    for suite in SUITES:
        own = [one for one in seen if one.suite == suite]
        print(row(f"  {suite}", own))
        if why:
            missed: defaultdict[str, int] = defaultdict(int)
            touched: defaultdict[str, int] = defaultdict(int)
            for one in own:
                for clause in one.clauses:
                    (missed if one.attacked else touched)[clause] += 1
            print(
                f"    missed: {dict(missed)}\n    touched: {dict(sorted(touched.items(), key=lambda p: -p[1])[:12])}"
            )


def spread(splits: Sequence[Sequence[Seen]]) -> Iterator[str]:
    """Lowest, middle and highest share over several splits, by suite."""
    for suite in SUITES:
        stopped = sorted(share([o.stopped for o in s if o.attacked and o.suite == suite]) for s in splits)
        untouched = sorted(
            share([not (o.held or o.refused) for o in s if not o.attacked and o.suite == suite])
            for s in splits
        )
        middle = len(splits) // 2
        told = (f"{each[0]:5.1f} / {each[middle]:5.1f} / {each[-1]:5.1f} %" for each in (stopped, untouched))
        yield f"  {suite:28}" + "".join(f"{one:>28}" for one in told)


def airline(data: Path) -> Iterator[str]:
    """Sessions of a service agent, no attacker: trained on half of the tasks, solved sessions."""
    for runs in AIRLINE:
        own = [s for s in sessions(data / runs) if s.suite == "airline"]
        own = [
            replace(s, session_id=f"{s.session_id}#{at}", principal_kind=PrincipalKind.CUSTOMER)
            for at, s in enumerate(own)
        ]
        touched: defaultdict[bool, list[tuple[str, bool]]] = defaultdict(list)
        for half in (0, 1):
            train = [s for s in own if bool(s.extra["success"]) and half_of(task(s), SEED) == half]
            envelope = proposal(train, ())
            for session in own:
                if half_of(task(session), SEED) != half:
                    replayed = replay_session(session, envelope)
                    touched[bool(session.extra["success"])].append((task(session), not replayed.untouched))
        yield f"  {runs:28}{len(own):6d}{clustered(touched[True]):>24}{clustered(touched[False]):>24}"


def main() -> int:
    """Print the table, the spread over other splits, and the airline."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.infer", description=__doc__.splitlines()[0])
    parser.add_argument("--data", default=os.environ.get("REMIT_DATA", ""), help="folder, or REMIT_DATA")
    parser.add_argument("--seed", default=SEED, help="of the split")
    parser.add_argument("--splits", type=int, default=OTHER_SPLITS, help="other splits, for the spread")
    parser.add_argument("--why", action="store_true", help="also list what was missed, and what was touched")
    options = parser.parse_args()
    data = Path(options.data)
    if not options.data or not (data / "agentdojo_runs").is_dir():
        print("skipped: no recorded sessions; give --data or REMIT_DATA, a folder that holds agentdojo_runs/")
        return 0
    begun = time.perf_counter()
    chosen = [s for s in sessions(data / "agentdojo_runs") if attack_won(s) or benign_success(s)]
    truth = ground_truth(data)
    hints = {suite: hints_of(data, suite) for suite in SUITES}
    print(f"split '{options.seed}'\n{HEADER}")
    show("with definitions", list(split(chosen, truth, hints, options.seed)), options.why)
    show("sessions alone", list(split(chosen, truth, {}, options.seed)), options.why)
    if options.splits:
        print(f"\n{options.splits} other splits, with definitions: lowest / middle / highest")
        print(f"  {'':28}{'attacks stopped':>28}{'benign untouched':>28}")
        others = [list(split(chosen, truth, hints, f"other-{at}")) for at in range(options.splits)]
        print("\n".join(spread(others)))
    if all((data / runs).is_dir() for runs in AIRLINE):
        print(f"\nairline, sessions alone{'sessions':>13}{'solved: touched':>24}{'failed: touched':>24}")
        print("\n".join(airline(data)))
    print(f"\n{time.perf_counter() - begun:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
