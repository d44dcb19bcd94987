"""What is known of one arm: every number with its interval, and what the interval is worth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import fsum

from remit.core.stats import bounded_mean, pass_hat, success_rate
from remit.core.stats.mixture import interval as confidence_sequence
from remit.core.stats.proportion import clopper_pearson, covered, wilson
from remit.core.stats.spread import spread
from remit.core.trial.alike import calls_alike, claims_alike, ends_alike
from remit.core.trial.analysis.vectors import Vectors, embedded
from remit.core.trial.gates.budget import latency_of, quantile_of
from remit.core.trial.percent import count, percent
from remit.core.trial.report import Curve, Estimate
from remit.core.trial.run import ByTask, Run, TaskInfo
from remit.core.trial.suite import Question

CONFIDENCE = 0.95
MOST_K = 16
MOST_COUNTED = 2_000
"""Trials up to which the coverage of a display interval is worked out."""
QUANTILES = (0.5, 0.95, 0.99)
OVER_TASKS = "mean of bounded values over tasks (Gaffke), for tasks like these"

TaskCounts = tuple[list[int], list[int], list[float]]
"""Passes, runs and weight of each task."""


def estimates(run: Run, arm: str, vectors: Vectors | None = None) -> tuple[Estimate, ...]:
    """Every number of one arm; empty where no trial counts."""
    tasks, run = run.by_task(arm), _as_it_ended(run, arm)
    if not tasks:
        return ()
    found = [
        *success(run, arm),
        *_most_pass_hat(run, arm),
        *agreement(run, tasks),
        *_spread(run, tasks, vectors),
        *_score(run, tasks),
    ]
    trials = [trial for trials in tasks.values() for trial in trials]
    found += _spent(run, "latency", [value for trial in trials if (value := latency_of(trial)) is not None])
    found += _spent(run, "tokens", [float(trial.tokens) for trial in trials if trial.tokens is not None])
    found += _spent(run, "cost", [trial.cost for trial in trials if trial.cost is not None])
    return tuple(found)


def success(run: Run, arm: str) -> list[Estimate]:
    """The success rate: with an interval that covers, and with the narrow one that is often shown elsewhere."""
    passes, runs, weights = _counted(run, arm)
    hits, n = sum(passes), sum(runs)
    run = _as_it_ended(run, arm)
    if run.info.design.kind == "sequential":
        low, high = confidence_sequence(hits, n - hits, CONFIDENCE)
        method = "confidence sequence (beta-binomial mixture), valid at any stop"
        return [Estimate("success", hits / n, low, high, CONFIDENCE, method, n, gating=True)]
    rate = success_rate.rate(passes, runs, weights)
    if run.info.design.question is Question.POPULATION:
        low, high = success_rate.tasks_like_these(passes, runs, weights, CONFIDENCE)
        return [Estimate("success", rate, low, high, CONFIDENCE, OVER_TASKS, len(runs), "tasks", gating=True)]
    if len({w / r for w, r in zip(weights, runs, strict=True)}) > 1:
        low, high = success_rate.this_suite(passes, runs, weights, CONFIDENCE)
        method = "mean of bounded values over trials by weight (Gaffke)"
        return [Estimate("success", rate, low, high, CONFIDENCE, method, n, gating=True)]
    low, high = clopper_pearson(hits, n, CONFIDENCE)
    exact = Estimate("success", hits / n, low, high, CONFIDENCE, "Clopper-Pearson", n, gating=True)
    return [exact, _displayed(hits, n)]


def _displayed(hits: int, n: int) -> Estimate:
    low, high = wilson(hits, n, CONFIDENCE)
    measured = "not worked out for so many trials"
    if n <= MOST_COUNTED:
        at = min(max(hits / n, 0.5 / n), 1 - 0.5 / n)
        share = covered([wilson(k, n, CONFIDENCE) for k in range(n + 1)], at)
        measured = f"{percent(share, 1)} where the true rate is {percent(at, 1)}, exactly; for display only"
    return Estimate("success (display)", hits / n, low, high, CONFIDENCE, "Wilson", n, coverage=measured)


def curves(run: Run, arm: str) -> tuple[Curve, ...]:
    """pass^k and pass@k, up to the k that every task has runs enough for."""
    counted, run = _counted(run, arm), _as_it_ended(run, arm)
    points = range(1, _most_k(run, counted[1]) + 1)
    if not points:
        return ()
    return (
        Curve(arm, "pass^k", tuple(_of_k(f"pass^{k}", counted, k, pass_hat.pass_hat) for k in points)),
        Curve(arm, "pass@k", tuple(_of_k(f"pass@{k}", counted, k, pass_hat.pass_at) for k in points)),
    )


def _most_k(run: Run, runs: list[int]) -> int:
    """0 in a sequential design: how often a task was drawn there is chance."""
    return 0 if run.info.design.kind == "sequential" else min(MOST_K, pass_hat.most_k(runs))


def _of_k(name: str, counted: TaskCounts, k: int, of: pass_hat.Estimator) -> Estimate:
    passes, runs, weights = counted
    value = pass_hat.of_suite(passes, runs, k, weights, of)
    low, high = pass_hat.gating_interval(passes, runs, k, weights, CONFIDENCE, of)
    return Estimate(name, value, low, high, CONFIDENCE, OVER_TASKS, len(runs), "tasks", gating=True)


def _most_pass_hat(run: Run, arm: str) -> list[Estimate]:
    counted = _counted(run, arm)
    k = _most_k(run, counted[1])
    return [_of_k(f"pass^{k}", counted, k, pass_hat.pass_hat)] if k > 1 else []


def agreement(run: Run, tasks: ByTask) -> list[Estimate]:
    """How alike two runs of one task are: how they end, which tools they call, what they claim."""
    called = any(trial.calls for trials in tasks.values() for trial in trials)
    of = [
        ("agreement", ends_alike),
        *([("same tools", calls_alike)] if called else []),
        ("same claims", claims_alike),
    ]
    return [
        one
        for name, alike in of
        for one in _over_tasks(run, name, {task: alike(trials) for task, trials in tasks.items()})
    ]


def _over_tasks(
    run: Run, name: str, values: Mapping[str, float | None], most: float = 1.0
) -> Iterator[Estimate]:
    """The mean over tasks, each by its weight, of values up to *most*; nothing where no task has one."""
    known = {task: value for task, value in values.items() if value is not None}
    if not known:
        return
    weights = [run.info.tasks.get(task, TaskInfo()).weight for task in known]
    low, high = bounded_mean.interval([v / most for v in known.values()], weights, confidence=CONFIDENCE)
    mean = fsum(w * v for w, v in zip(weights, known.values(), strict=True)) / fsum(weights)
    fixed = run.info.design.kind == "fixed"
    method = OVER_TASKS if fixed else f"{OVER_TASKS}, as if the number of trials had been fixed"
    yield Estimate(
        name, mean, low * most, high * most, CONFIDENCE, method, len(known), "tasks", gating=fixed,
        coverage="" if fixed else "not after an early stop",
    )  # fmt: skip


def _spread(run: Run, tasks: ByTask, vectors: Vectors | None) -> Iterator[Estimate]:
    """How far the answers to one task lie apart: drift, never right or wrong."""
    rows = {task: embedded(trials, vectors) for task, trials in tasks.items()}
    # Vectors of length 1 lie in a ball, whose spread is 2 at most; longer ones are scaled to it.
    lengths = (fsum(x * x for x in row) for one in rows.values() if len(one) > 1 for row in one)
    values = {task: spread(one) if len(one) > 1 else None for task, one in rows.items()}
    yield from _over_tasks(run, "spread of answers", values, 2 * max([1.0, *lengths]))


def _score(run: Run, tasks: ByTask) -> Iterator[Estimate]:
    """The mean of graded results, where every run has one in [0, 1]."""
    scores = {task: [trial.score for trial in trials] for task, trials in tasks.items()}
    known = {task: [one for one in of if one is not None and 0 <= one <= 1] for task, of in scores.items()}
    if all(len(known[task]) == len(of) for task, of in scores.items()):
        yield from _over_tasks(run, "score", {task: fsum(of) / len(of) for task, of in known.items()})


def _spent(run: Run, name: str, values: Sequence[float]) -> list[Estimate]:
    """Quantiles with intervals that hold whatever the distribution is; nothing where nobody measured."""
    if not values:
        return []
    any_time = run.info.design.kind == "sequential"
    return [quantile_of(f"{name} p{100 * q:g}", values, q, CONFIDENCE, any_time=any_time) for q in QUANTILES]


def _as_it_ended(run: Run, arm: str) -> Run:
    """With the design that says how the arm's trials came to be as many as they are."""
    if arm not in run.info.stopped_arms:
        return run
    return replace(run, info=replace(run.info, design=replace(run.info.design, kind="sequential")))


def _counted(run: Run, arm: str) -> TaskCounts:
    tasks = run.by_task(arm)
    passes = [sum(trial.success is True for trial in trials) for trials in tasks.values()]
    runs = [len(trials) for trials in tasks.values()]
    return passes, runs, [run.info.tasks.get(task, TaskInfo()).weight for task in tasks]


def told(one: Estimate) -> str:
    """An estimate of a share, in a few words.

    >>> told(Estimate("success", 0.9, 0.78, 0.97, n=50))
    '90 % (78 % to 97 %, 50 trials)'
    """
    if one.value is None or one.low is None or one.high is None:
        return one.method
    units = count(one.n, one.unit.removesuffix("s"))
    return f"{percent(one.value)} ({percent(one.low)} to {percent(one.high)}, {units})"
