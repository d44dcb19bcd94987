"""How often an arm succeeded, from its trials alone: the rate, pass^k, pass@k and each task, with intervals.

Two intervals for two questions. *This suite*: what these very tasks would come to. *Tasks like these*: t over tasks,
which is wider, since other tasks would differ as these do; it says nothing where there is one task, or all are alike,
and there the interval that holds for every distribution stands instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from remit.core.stats import pass_hat, success_rate
from remit.core.stats.proportion import wilson
from remit.core.trial.report import Curve, Estimate, TaskLine
from remit.core.trial.run import Run
from remit.core.trial.trial import Status, Trial

MOST_K = 10
"""How far a curve goes where nobody says."""
T_COVERAGE = "about 95 % for tasks like these, more for this suite; less where nearly all runs succeed"
WILSON_COVERAGE = "95 % on average; 83 % and more from 10 trials at rates of .80 to .995"
_PASS_HAT, _PASS_AT = "pass^", "pass@"


@dataclass(frozen=True, slots=True)
class Tally:
    """Successes and runs of the tasks of one arm, those without a judged run left out."""

    tasks: tuple[str, ...]
    passes: tuple[int, ...]
    runs: tuple[int, ...]
    weights: tuple[float, ...]
    unjudged: tuple[str, ...] = ()
    """Tasks all of whose runs the world broke off, or nobody judged."""


def tally(run: Run, arm: str) -> Tally:
    """What the trials of one arm come to."""
    found = run.by_task(arm)
    passes = tuple(sum(trial.success is True for trial in trials) for trials in found.values())
    weights = tuple(run.info.tasks[task].weight if task in run.info.tasks else 1.0 for task in found)
    named = dict.fromkeys(trial.task for trial in run.of(arm))
    unjudged = tuple(task for task in named if task not in found)
    return Tally(tuple(found), passes, tuple(map(len, found.values())), weights, unjudged)


def success(found: Tally, confidence: float = 0.95) -> tuple[Estimate, ...]:
    """The success rate: for this suite, on which a gate may rest, and for tasks like these."""
    if not found.runs:
        return (Estimate("success", None, method="no run was judged", confidence=confidence),)
    rate = success_rate.rate(found.passes, found.runs, found.weights)
    low, high = success_rate.this_suite(found.passes, found.runs, found.weights, confidence)
    alike = len(set(found.runs)) == 1 and len(set(found.weights)) == 1
    method = "Clopper-Pearson" if alike else "bounded mean"
    n = sum(found.runs)
    first = Estimate("success", rate, low, high, confidence, f"{method}, this suite", n, gating=True)
    return (first, _over_tasks("success on tasks like these", found, 1, _PASS_HAT, confidence))


def curves(found: Tally, arm: str, most: int | None = None, confidence: float = 0.95) -> tuple[Curve, Curve]:
    """pass^k and pass@k for k from 1.

    Args:
        found: of the arm.
        arm: its name.
        most: the last k; None: as far as every task has runs, at most `MOST_K`. Points beyond what the runs say have no
            value.
        confidence: of the intervals.
    """
    reach = pass_hat.most_k(found.runs)
    points = range(1, (most or min(reach, MOST_K)) + 1)

    def curve(name: str) -> Curve:
        return Curve(arm, name, tuple(_point(name, found, k, reach, confidence) for k in points))

    return curve(_PASS_HAT), curve(_PASS_AT)


def _point(name: str, found: Tally, k: int, reach: int, confidence: float) -> Estimate:
    if k > reach:
        short = next((task for task, n in zip(found.tasks, found.runs, strict=True) if n < k), "no task")
        n = min(found.runs, default=0)
        return Estimate(f"{name}{k}", None, method=f"needs {k} runs of each task; {short} has {n}")
    return _over_tasks(f"{name}{k}", found, k, name, confidence)


def _over_tasks(told: str, found: Tally, k: int, name: str, confidence: float) -> Estimate:
    which = pass_hat.pass_hat if name == _PASS_HAT else pass_hat.pass_at
    counts = found.passes, found.runs, k, found.weights
    value = pass_hat.of_suite(*counts, which)
    n = len(found.tasks)
    shown = pass_hat.display_interval(*counts, confidence, which)
    if shown is not None:
        return Estimate(told, value, *shown, confidence, "t over tasks", n, "tasks", coverage=T_COVERAGE)
    low, high = pass_hat.gating_interval(*counts, confidence, which)
    method = "one task says little of others" if n == 1 else "all tasks alike: bounded mean over tasks"
    return Estimate(told, value, low, high, confidence, method, n, "tasks", gating=True)


def lines(run: Run, arm: str, confidence: float = 0.95) -> tuple[TaskLine, ...]:
    """One line for each task of an arm, with Wilson's interval."""
    found: dict[str, list[Trial]] = {}
    for trial in run.of(arm):
        found.setdefault(trial.task, []).append(trial)
    ordered = {task: found[task] for task in run.info.tasks if task in found} | found
    return tuple(_line(task, arm, trials, confidence) for task, trials in ordered.items())


def _line(task: str, arm: str, trials: Sequence[Trial], confidence: float) -> TaskLine:
    judged = [trial for trial in trials if trial.success is not None]
    n, passes = len(judged), sum(trial.status is Status.PASSED for trial in judged)
    low, high = wilson(passes, n, confidence) if n else (0.0, 1.0)
    sequences = len({tuple(call.tool for call in trial.calls) for trial in judged if trial.calls})
    agreement = (passes * (passes - 1) + (n - passes) * (n - passes - 1)) / (n * (n - 1)) if n > 1 else None
    return TaskLine(
        task, arm, n, passes, low, high, len(trials) - n, sequences=sequences, agreement=agreement
    )


def counts(run: Run, arm: str) -> Mapping[str, int]:
    """How the trials of an arm ended, in numbers."""
    trials = run.of(arm)
    ended = {status.value: sum(trial.status is status for trial in trials) for status in Status}
    return {"trials": len(trials), "tasks": len({trial.task for trial in trials}), **ended}
