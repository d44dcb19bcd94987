"""False alarms of the comparisons on real sessions: the same agent against itself, and different agents as a check.

    REMIT_DATA=path/to/data python -m benchmarks.aa               # success: 2,000 splits of each shape
    REMIT_DATA=path/to/data python -m benchmarks.aa --behaviour   # and every comparison of a report, 300 splits

In `agentdojo_reruns` the same cell (model, defence, task, injected text) ran two to six times. Its runs are dealt to two
arms at random, so nothing changed, and whatever the comparison calls a change is a false alarm.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from remit.core.stats.cmh import cmh
from remit.core.stats.compare_rates import (
    POPULATION,
    SUITE,
    RateComparison,
    compare_rates,
    score_of,
    surprise,
)
from remit.core.stats.fisher import fisher_p
from remit.core.stats.paired_bets import PairedBets
from remit.core.stats.proportion import clopper_pearson
from remit.core.stats.task_pair import TaskPair, task_pairs
from remit.core.trial.run import Run
from remit.core.trial.trial import Trial
from remit.usecases.trials.imported import read_run

LEVEL = 0.05
RERUNS, RUNS, TAU2 = "agentdojo_reruns", "agentdojo_runs", "tau2_systems"
Groups = Mapping[str, Sequence[Trial]]
Dealt = list[tuple[str, list[Trial], list[Trial]]]
"""Task, runs in the baseline, runs in the candidate."""


@dataclass(frozen=True)
class Shape:
    """How a suite is made of the cells, for one split."""

    name: str
    deal: Callable[[Any], Dealt]


def cells(data: Path) -> tuple[Run, dict[str, list[Trial]]]:
    """The reruns, and the trials of each cell."""
    run = read_run([data / RERUNS], arm="agent", task_by=["meta.group"])
    return run, run.by_task("agent")


def shapes(groups: Groups) -> list[Shape]:
    """Suites as teams have them, and all there is."""
    names = list(groups)
    many = [name for name in names if len(groups[name]) >= 5]
    tasks = by_task(groups)

    def some(rng: Any) -> Dealt:
        return [_halved(rng, name, groups[name]) for name in _pick(rng, names, 40)]

    def all_of(rng: Any) -> Dealt:
        return [_halved(rng, name, groups[name]) for name in names]

    def deep(rng: Any) -> Dealt:
        return [_tossed(rng, name, groups[name]) for name in many]

    def unequal(rng: Any) -> Dealt:
        return [_tossed(rng, name, tasks[name]) for name in _pick(rng, list(tasks), 20)]

    return [
        Shape("40 cells, a run or two in each arm", some),
        Shape(f"{len(many)} cells of 5 or 6 runs, each run by a coin", deep),
        Shape("20 tasks of 5 to 60 runs, each run by a coin", unequal),
        Shape(f"all {len(names):,} cells", all_of),
    ]


def by_task(groups: Groups) -> dict[str, list[Trial]]:
    """Cells of one model and one task, whatever was injected, as one task of many runs."""
    found: dict[str, list[Trial]] = defaultdict(list)
    for name, trials in groups.items():
        found["/".join(name.split("/")[:3])] += trials
    return {name: trials for name, trials in found.items() if len(trials) >= 5}


def _pick(rng: Any, names: list[str], most: int) -> list[str]:
    return [names[at] for at in rng.permutation(len(names))[:most]]


def _halved(rng: Any, name: str, trials: Sequence[Trial]) -> tuple[str, list[Trial], list[Trial]]:
    order, n = [trials[at] for at in rng.permutation(len(trials))], len(trials)
    half = n // 2 + (n % 2 and int(rng.integers(2)))
    return name, order[:half], order[half:]


def _tossed(rng: Any, name: str, trials: Sequence[Trial]) -> tuple[str, list[Trial], list[Trial]]:
    sides = rng.integers(2, size=len(trials))
    return (
        name,
        [trial for trial, side in zip(trials, sides, strict=True) if side == 0],
        [trial for trial, side in zip(trials, sides, strict=True) if side == 1],
    )


# ------------------------------------------------------------------------------------------------ success
def counted(dealt: Dealt) -> list[TaskPair]:
    """Passes and runs of each task."""
    base, candidate = (
        [(sum(t.success is True for t in one), len(one)) for one in arms]
        for arms in ([b for _, b, _ in dealt], [c for _, _, c in dealt])
    )
    return task_pairs(base, candidate)


def pooled(pairs: Sequence[TaskPair]) -> float:
    """Fisher's test on all runs together: what one would do without tasks."""
    base = sum(p.baseline_runs - p.baseline for p in pairs), sum(p.baseline_runs for p in pairs)
    other = sum(p.candidate_runs - p.candidate for p in pairs), sum(p.candidate_runs for p in pairs)
    return fisher_p(*base, *other)


def _excluded(pairs: Sequence[TaskPair], question: str) -> float:
    """1 where a 95 % interval of the difference holds 0, 0 where it does not."""
    p = score_of(pairs, question)(0.0).p
    return float(LEVEL / 2 <= p <= 1 - LEVEL / 2)


SUCCESS: dict[str, Callable[[Sequence[TaskPair]], float]] = {
    "this suite, worse": lambda pairs: surprise(pairs, SUITE).worse,
    "this suite, changed": lambda pairs: surprise(pairs, SUITE).either,
    "this suite, 95 % interval without 0": lambda pairs: _excluded(pairs, SUITE),
    "tasks like these, worse": lambda pairs: surprise(pairs, POPULATION).worse,
    "tasks like these, changed": lambda pairs: surprise(pairs, POPULATION).either,
    "tasks like these, 95 % interval without 0": lambda pairs: _excluded(pairs, POPULATION),
    "(CMH, worse)": lambda pairs: cmh(pairs).p_worse,
    "(Fisher on all runs, worse)": pooled,
}


def alarms(shape: Shape, splits: int, seed: int = 1) -> Counter[str]:
    """How often each comparison of success raised a false alarm."""
    import numpy as np

    rng, found = np.random.default_rng(seed), Counter[str]()
    for _ in range(splits):
        pairs = counted(shape.deal(rng))
        for name, compare in SUCCESS.items():
            found[name] += compare(pairs) <= LEVEL
    return found


def sequential_alarms(groups: Groups, splits: int, most: int = 400, seed: int = 3) -> int:
    """How often bets on pairs, looked at after each of *most* pairs, ever proved "worse": a cell for each, at random."""
    import numpy as np

    rng, found, names = np.random.default_rng(seed), 0, list(groups)
    for _ in range(splits):
        seen = PairedBets()
        for at in rng.integers(len(names), size=most):
            trials = groups[names[at]]
            base, other = (trials[one].success is True for one in rng.permutation(len(trials))[:2])
            seen = seen.step(base, other)
            if base != other and seen.e_worse() >= 1 / LEVEL:
                found += 1
                break
    return found


# ------------------------------------------------------------------------------------------------ different agents
PAIRS = (
    ("gpt-4o-2024-05-13__none", "gpt-3.5-turbo-0125__none"),
    ("claude-3-5-sonnet-20241022__none", "claude-3-haiku-20240307__none"),
    ("gpt-4o-2024-05-13__none", "gpt-4o-2024-05-13-repeat_user_prompt__none"),
    ("gpt-4o-2024-05-13__none", "gpt-4o-2024-05-13-tool_filter__none"),
    ("gpt-4o-2024-05-13__none", "gpt-4o-2024-05-13-transformers_pi_detector__none"),
)
TAU2_PAIR = (
    "gpt-4.1_airline_default_gpt-4.1_1trials",
    "ft:gpt-4.1-2025-04-14:sierra:tau2-full-sft:BzrYdMNm_airline_default_gpt-4.1_1trials",
)
MARGIN = 0.05


def different(data: Path) -> Iterator[tuple[str, RateComparison]]:
    """Pairs of agents on the same tasks, one run of each task in each arm."""
    for names in PAIRS:
        arms = [passes(data / RUNS / f"{name}.jsonl.gz", {"meta.kind": "user_task"}) for name in names]
        yield " / ".join(names).replace("__none", ""), compared(*arms)
    arms = [passes(data / TAU2, {"meta.config": name}) for name in TAU2_PAIR]
    yield "tau2: gpt-4.1 / its fine-tune", compared(*arms)


def passes(path: Path, where: Mapping[str, str]) -> dict[str, tuple[int, int]]:
    """Passes and runs of each task."""
    run = read_run([path], arm="agent", task_by=["suite", "task_id"], where=where)
    return {
        task: (sum(trial.success is True for trial in trials), len(trials))
        for task, trials in run.by_task("agent").items()
    }


def compared(base: Mapping[str, tuple[int, int]], other: Mapping[str, tuple[int, int]]) -> RateComparison:
    """For this suite, with the margin."""
    tasks = [task for task in base if task in other]
    return compare_rates(
        [base[task] for task in tasks], [other[task] for task in tasks], SUITE, margin=MARGIN
    )


def verdict(found: RateComparison) -> str:
    """What a gate with this margin says, at 5 % for either error."""
    if found.p_not_worse is not None and found.p_not_worse <= LEVEL:
        return "PASS"
    return "BLOCK" if found.p_worse <= LEVEL else "INCONCLUSIVE"


# ------------------------------------------------------------------------------------------------ printed
def _line(name: str, hits: int, of: int) -> None:
    low, high = clopper_pearson(hits, of, 0.99)
    mark = "" if low <= LEVEL else "   ABOVE"
    print(f"  {name:44} {hits:5} of {of:<6} {hits / of:6.2%}   [{low:.2%}, {high:.2%}]{mark}")


def main(words: Sequence[str] | None = None) -> int:
    """Print every table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", default=os.environ.get("REMIT_DATA", ""), help="folder, or REMIT_DATA")
    parser.add_argument("--splits", type=int, default=2_000)
    parser.add_argument("--behaviour", action="store_true", help="every comparison of a report, too: slow")
    parser.add_argument("--behaviour-splits", type=int, default=300)
    options = parser.parse_args(words)
    data = Path(options.data)
    if not options.data or not (data / RERUNS).is_dir():
        print(f"skipped: no recorded sessions; give --data or REMIT_DATA, a folder that holds {RERUNS}/")
        return 0
    run, groups = cells(data)
    differ = sum(len({trial.success for trial in trials}) > 1 for trials in groups.values())
    print(
        f"{len(run.trials):,} runs of {len(groups):,} cells; runs of {differ / len(groups):.1%} differ in success"
    )
    for shape in shapes(groups):
        splits = min(options.splits, 1_000) if shape.name.startswith("all") else options.splits
        began, found = time.perf_counter(), alarms(shape, splits)
        print(f"\n{shape.name}: {splits} splits, claimed {LEVEL:.0%} ({time.perf_counter() - began:.0f} s)")
        for name in SUCCESS:
            _line(name, found[name], splits)
        sys.stdout.flush()
    print("\nbets on pairs, looked at after each of 400, a cell drawn for each")
    _line("worse, ever", sequential_alarms(groups, options.splits), options.splits)
    sys.stdout.flush()
    if options.behaviour:
        from benchmarks.aa_behaviour import behaviour_alarms

        for shape in shapes(groups)[:3]:
            found, could = behaviour_alarms(run, shape.deal, options.behaviour_splits)
            print(f"\n{shape.name}: every comparison of a report, lexical vectors")
            for name, of in could.items():
                if of:
                    _line(name, found[name], of)
            sys.stdout.flush()
    print(f"\ndifferent agents, one run of each task, margin {MARGIN:.0%}")
    for name, one in different(data):
        rates = f"{one.tasks} tasks, {one.baseline:.1%} / {one.candidate:.1%}, {one.difference:+.1%}"
        tests = f"[{one.low:+.1%}, {one.high:+.1%}], worse p = {one.p_worse:.4f}, changed p = {one.p_two_sided:.6f}"
        print(f"  {name}\n    {rates} {tests}: {verdict(one)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
