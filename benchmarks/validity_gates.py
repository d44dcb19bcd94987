"""How often a gate that looks after every trial is wrong, in which order it is fed, and what stopping early saves.

Tasks differ (a few have most of the failures) and weigh unequally; each trial draws one at random by weight. Trials run
on several workers at once; a failure may take longer than a success, as timeouts and retries do. *Start order* feeds the
gate trial by trial as they started, whenever their results came; *order of ends* as they ended, which is the trap; *file
order* walks the suite with its easy tasks first, which is the other one. *Wilson after every trial* is what people do by
hand. The last three are controls that must fail.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from remit.core.stats.fixed_test import Fixed
from remit.core.stats.gate_plan import at_rates
from remit.core.stats.proportion import clopper_pearson, wilson
from remit.core.stats.sprt import plan
from remit.core.trial.gates.any_time import AnyTime
from remit.core.trial.gates.stopping import Counted, Mark
from remit.core.trial.gates.truncated import Truncated
from remit.core.trial.verdict import Verdict
from remit.usecases.trials.runner import AHEAD

GATES = ((0.90, 0.97), (0.80, 0.90), (0.95, 0.99), (0.70, 0.85), (0.90, 0.95))
ALPHA, BETA = 0.05, 0.10
TASKS, HARD = 50, 8
HORIZON = 600
"""Trials after which a gate without a cap is given up."""
TOKENS = 10_000
"""Of a trial that succeeds, on average; one that fails takes twice as many."""

Look = Callable[[int, int], Verdict | None]
"""Trials and failures so far; what is said of them."""


class Case(NamedTuple):
    """A gate and how it is fed."""

    method: str
    p0: float
    p1: float
    rate: float
    """The agent's true rate."""
    order: str = "start"
    workers: int = 8
    slower: float = 1.0
    """How many times as long a failure takes."""


@dataclass(frozen=True, slots=True)
class Found:
    """What came of it."""

    case: Case
    wrong: int
    """PASS of an agent at the bar, or BLOCK of one that is as aimed."""
    of: int
    trials: float
    """Mean number that were fed."""
    started: float
    """Mean number that had started when it decided."""
    tokens: float
    undecided: int

    @property
    def nominal(self) -> float:
        """How often it may be wrong."""
        return ALPHA if self.case.rate <= self.case.p0 else BETA

    @property
    def least(self) -> float:
        """Lower bound of how often it is wrong, being right 99 % of the time."""
        return clopper_pearson(self.wrong, self.of, 0.98)[0]

    @property
    def holds(self) -> bool:
        """Whether what was seen is in keeping with the promise."""
        return self.least <= self.nominal


def cases(wide: bool) -> Iterator[Case]:
    """Gates fed as they are to be."""
    for p0, p1 in GATES if wide else GATES[:1]:
        for method in ("truncated", "any time"):
            for rate in (p0, p1):
                yield Case(method, p0, p1, rate, "start", 8, 5.0)
    for workers, slower in ((1, 1.0), (8, 1.0), (32, 5.0), (8, 20.0)) if wide else ():
        yield Case("truncated", *GATES[0], GATES[0][0], "start", workers, slower)


def traps() -> Iterator[Case]:
    """Gates fed or made as they are not to be: each is wrong far more often than it says."""
    yield Case("truncated", 0.90, 0.97, 0.90, "ends", 8, 5.0)
    yield Case("truncated", 0.90, 0.97, 0.90, "ends", 8, 20.0)
    yield Case("truncated", 0.90, 0.97, 0.90, "ends", 32, 5.0)
    yield Case("truncated", 0.90, 0.97, 0.90, "file", 8, 1.0)
    yield Case("Wilson after every trial", 0.90, 0.97, 0.90, "start", 8, 1.0)


def measured(case: Case, replications: int, seed: int) -> Found:
    """Run it so many times."""
    p0, p1 = case.p0, case.p1
    rng = np.random.default_rng(
        [seed, *(round(1000 * x) for x in (p0, p1, case.rate, case.slower)), case.workers]
    )
    look, most = looks(case.method, p0, p1)
    wrong_verdict = Verdict.PASS if case.rate <= p0 else Verdict.BLOCK
    wrong = undecided = 0
    spent = np.zeros(3)
    for _ in range(replications):
        success = _successes(case, most, rng)
        began, ended = _times(success, case, rng)
        order = np.argsort(ended, kind="stable") if case.order == "ends" else np.arange(len(success))
        verdict, n = _fed(look, success[order], most)
        fed = order[:n]
        started = int((began <= ended[fed].max()).sum())
        wrong += verdict is wrong_verdict
        undecided += verdict is None
        spent += (n, started, TOKENS * (2 * n - success[fed].sum()))
    trials, started_by, tokens = (spent / replications).tolist()
    return Found(case, wrong, replications, trials, started_by, tokens, undecided)


def looks(method: str, p0: float, p1: float) -> tuple[Look, int]:
    """A gate as a function of what was counted, and the trials after which it has decided or is given up."""
    mark = Mark(p0, p1, ALPHA, BETA)
    if method == "Wilson after every trial":
        return cache(lambda n, failures: _by_hand(n, failures, p0)), HORIZON
    if method == "any time":
        stopping: Any = AnyTime(mark)
        return cache(lambda n, failures: stopping.look(_counted(n, failures))), HORIZON
    truncated = Truncated(mark, 10_000)
    return cache(lambda n, failures: truncated.look(_counted(n, failures))), truncated.plan.cap


def saved(
    gates: tuple[tuple[float, float], ...] = GATES,
) -> Iterator[tuple[str, Fixed, float, float, list[float]]]:
    """Of each gate: fixed test, its power and the sequential one's, and the shares of trials saved; exactly.

    The shares: at p0 - .15, at p0, at the costliest rate, at p1, of a perfect agent.
    """
    from scipy.special import bdtr

    for p0, p1 in gates:
        gate = plan(p0, p1, ALPHA, BETA)
        power = float(bdtr(gate.fixed.n - gate.fixed.needed, gate.fixed.n, 1 - p1))
        costly = min(one.saved for one in at_rates(gate))
        rates = [1 - gate.expected(p).trials / gate.fixed.n for p in (p0 - 0.15, p0, p1, 1.0)]
        told = [rates[0], rates[1], costly, *rates[2:]]
        yield f"{p0:.2f} / {p1:.2f}", gate.fixed, power, gate.expected(p1).passes, told


def _by_hand(n: int, failures: int, p0: float) -> Verdict | None:
    low, high = wilson(n - failures, n, 1 - 2 * ALPHA)
    return Verdict.PASS if low >= p0 else Verdict.BLOCK if high < p0 else None


def _counted(n: int, failures: int) -> Counted:
    return Counted({"": (n, n - failures)}, n, n - failures)


def _fed(look: Look, success: Any, most: int) -> tuple[Verdict | None, int]:
    failures = 0
    for n, won in enumerate(success[:most].tolist(), 1):
        failures += not won
        verdict = look(n, failures)
        if verdict is not None:
            return verdict, n
    return None, most


def _successes(case: Case, most: int, rng: np.random.Generator) -> Any:
    """Trials in start order, more than can be fed: others are under way when the last one ends."""
    n = most + (8 * case.workers if case.order == "ends" else case.workers)
    p, weights = suite(case.rate)
    if case.order == "file":
        order = np.argsort(-p, kind="stable")
        return rng.random(n) < np.tile(p[order], n // TASKS + 1)[:n]
    return rng.random(n) < rng.choice(p, n, p=weights)


@cache
def suite(rate: float) -> tuple[Any, Any]:
    """Success rate and weight of each task: a few hard ones have two thirds of the failures."""
    weights = np.exp(np.random.default_rng(1).normal(0.0, 0.7, TASKS))
    weights = weights / weights.sum()
    hard = np.arange(TASKS) < HARD
    failing = np.where(hard, 1.0, 0.0) * min(1.0, 2 / 3 * (1 - rate) / weights[hard].sum())
    failing = np.where(hard, failing, (1 - rate - weights @ failing) / weights[~hard].sum())
    return 1.0 - failing, weights


def _times(success: Any, case: Case, rng: np.random.Generator) -> tuple[Any, Any]:
    """When each trial began and ended, on so many workers; a run in start order goes no further ahead than it may."""
    takes = rng.exponential(size=len(success)) * np.where(success, 1.0, case.slower)
    free, ahead = [0.0] * case.workers, AHEAD * case.workers if case.order == "start" else len(success)
    began, counts = [0.0] * len(success), [0.0] * len(success)
    for at, duration in enumerate(takes.tolist()):
        begins = max(free[0], counts[at - ahead]) if at >= ahead else free[0]
        heapq.heapreplace(free, begins + duration)
        began[at] = begins
        counts[at] = max(begins + duration, counts[at - 1])
    return np.array(began), np.array(began) + takes
