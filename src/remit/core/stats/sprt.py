"""A gate on one rate that stops as soon as enough is known: Wald's sequential test, cut off at a cap, with exact errors.

The theory. Is the rate p0 or less (then BLOCK), or p1 or more (then PASS)? After n trials with f failures the logarithm
of the likelihood ratio, n * log(p1 / p0) - f * s with s = log(p1 / p0) + log((1 - p0) / (1 - p1)), is compared with two
bounds, so that each n has a number of failures at which it passes and one at which it blocks. At the cap, 1.25 times the
trials of the fixed test, one cut decides. Failures are a walk on a lattice, so the probability of every path is summed
exactly; the bounds are searched until the exact errors keep what was promised, with the fewest expected trials.

It holds if trials are independent coins with one rate: draw each one's task at random by weight (then they are coins with
the suite's mean rate, whatever the tasks' spread), and feed trials in the order in which they STARTED.

After stopping the plain estimate is biased and its usual intervals are wrong; `Plan.interval` is right: it orders the
ends by their share of successes and inverts the exact test.

Source: Wald, Sequential Analysis (1947); exact errors by recursion: Aroian, Technometrics 10 (1968) 125-132; interval:
Jennison and Turnbull, Technometrics 25 (1983) 49-58.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import ceil, log
from typing import Any, Literal, NamedTuple

import numpy as np

from remit.core.stats.fixed_test import Fixed, fixed_n
from remit.core.stats.sprt_bounds import searched

CAP = 1.25
"""Cap, in trials of the fixed test."""


class Expected(NamedTuple):
    """What a plan does where the rate is known."""

    passes: float
    """P(PASS)."""
    trials: float
    """Mean number of trials."""
    undecided: float = 0.0
    """P(neither); BLOCK is the rest."""


class _Ends(NamedTuple):
    """Where a plan can stop: trials, failures, the logarithm of the number of paths there, and whether it passes."""

    n: Any
    failures: Any
    log_paths: Any
    passes: Any


@dataclass(frozen=True, slots=True)
class Plan:
    """A gate, designed before the first trial. Made by `plan`."""

    p0: float
    """A rate that does not suffice: PASS there has probability `alpha` at most, and below it less."""
    p1: float
    """The rate that is aimed for: BLOCK there has probability `beta` at most, and above it less."""
    alpha: float
    beta: float
    fixed: Fixed
    """What would be needed without looking before the end."""
    passes: tuple[int, ...]
    """At n trials: it passes with so many failures or fewer; negative while it cannot. One for n = 0, …, cap."""
    blocks: tuple[int, ...]
    """At n trials: it blocks with so many failures or more; more than n while it cannot."""

    @property
    def cap(self) -> int:
        """Trials after which it has decided, whatever came."""
        return len(self.passes) - 1

    def step(self, n: int, failures: int) -> Literal["pass", "block"] | None:
        """What is known after *n* trials; None to go on. Beyond the cap, what was known there.

        Args:
            n: trials so far, successes and failures alone, in start order.
            failures: among them.

        >>> gate = plan(0.90, 0.97)
        >>> gate.step(39, 0), gate.step(40, 0), gate.step(10, 5), gate.step(20, 1)
        (None, 'pass', 'block', None)
        """
        if not 0 <= failures <= n:
            raise ValueError(f"{failures} failures of {n}")
        at = min(n, self.cap)
        if failures <= self.passes[at]:
            return "pass"
        return "block" if failures >= self.blocks[at] else None

    def expected(self, p: float) -> Expected:
        """Probability of PASS and mean trials where the rate is *p*, in [0, 1], exactly.

        >>> told = plan(0.90, 0.97).expected(0.97)
        >>> round(told.passes, 3), round(told.trials, 1)
        (0.911, 70.2)
        """
        return self.cut_off(p, self.cap)

    def cut_off(self, p: float, most: int) -> Expected:
        """As `expected`, where there are no more than *most* trials.

        >>> told = plan(0.90, 0.97).cut_off(0.97, 50)
        >>> round(told.passes, 2), round(told.undecided, 2), round(told.trials, 1)
        (0.3, 0.68, 46.4)
        """
        ends = _ends(self, self.cap)
        mass, early = _mass(ends, p), ends.n <= most
        undecided = float(mass[~early].sum())
        trials = float((mass * ends.n)[early].sum()) + undecided * most
        return Expected(float(mass[ends.passes & early].sum()), trials, undecided)

    def interval(self, n: int, failures: int, confidence: float = 0.95) -> tuple[float, float]:
        """The rates that fit such an end, exactly; a gate may rest on it.

        Args:
            n: trials at which it stopped, by its own rule or because there were to be no more.
            failures: among them.
            confidence: in (0, 1).

        Raises:
            ValueError: the gate had stopped before, or *n* is 0.

        Forty successes in a row, where the gate passes:

        >>> [round(bound, 3) for bound in plan(0.90, 0.97).interval(40, 0)]
        [0.912, 1.0]
        """
        ends = _ends(self, max(n, 1) if self.step(n, failures) is None else self.cap)
        at = np.flatnonzero((ends.n == n) & (ends.failures == failures))
        if not len(at):
            raise ValueError(f"the gate cannot end at {failures} failures of {n}")
        rank = _rank(ends)
        tail = (1 - confidence) / 2
        better, worse = rank >= rank[at[0]], rank <= rank[at[0]]
        low = 0.0 if failures == n else _solved(ends, better, tail)
        return low, 1.0 if failures == 0 else _solved(ends, worse, tail)


@lru_cache(maxsize=64)
def plan(p0: float, p1: float, alpha: float = 0.05, beta: float = 0.10, most: int | None = None) -> Plan:
    """The sequential gate between two rates, with exact errors.

    Args:
        p0: rate that does not suffice, in (0, 1).
        p1: rate that is aimed for, in (*p0*, 1).
        alpha: probability of PASS at *p0*, at most.
        beta: probability of BLOCK at *p1*, at most.
        most: trials that there can be. Where they are fewer than the fixed test needs, the plan is the one without this
            bound: a run that ends before its cap is undecided, and both errors are only smaller.

    Raises:
        ValueError: as of `fixed_n`.

    >>> gate = plan(0.90, 0.97)
    >>> gate.cap, round(gate.expected(0.90).passes, 4), round(gate.expected(0.90).trials, 1)
    (129, 0.0497, 50.8)
    """
    fixed = fixed_n(p0, p1, alpha, beta)
    cap = ceil(CAP * fixed.n)
    tight = most is not None and fixed.n <= most < cap
    cap = most if most is not None and tight else cap
    passes, blocks = searched(p0, p1, alpha, beta, cap, fixed, tight=tight)
    return Plan(p0, p1, alpha, beta, fixed, passes, blocks)


@lru_cache(maxsize=256)
def _ends(of: Plan, upto: int) -> _Ends:
    """Every end within *upto* trials, at which what is still undecided ends, too."""
    middle = (of.p0 + of.p1) / 2
    alive, found = {0: 1.0}, []
    for n in range(1, upto + 1):
        new: dict[int, float] = {}
        for failures, mass in alive.items():
            new[failures] = new.get(failures, 0.0) + mass * middle
            new[failures + 1] = new.get(failures + 1, 0.0) + mass * (1 - middle)
        alive = {}
        for failures, mass in new.items():
            if n == upto or of.step(n, failures):
                found.append((n, failures, mass, failures <= of.passes[n]))
            else:
                alive[failures] = mass
    trials, failed, masses, passes = (np.array(column) for column in zip(*found, strict=True))
    with np.errstate(divide="ignore"):
        paths = np.log(masses) - (trials - failed) * log(middle) - failed * log(1 - middle)
    return _Ends(trials, failed, paths, passes.astype(bool))


def _mass(ends: _Ends, p: float) -> Any:
    """Probability of each end where the rate is *p*."""
    if p in (0.0, 1.0):
        sure = ends.failures == (0 if p else ends.n)
        return np.exp(np.where(sure, ends.log_paths, -np.inf))
    return np.exp(ends.log_paths + (ends.n - ends.failures) * log(p) + ends.failures * log(1 - p))


def _rank(ends: _Ends) -> Any:
    """Ends from worst to best: by their share of successes; of equal shares, more trials are further out."""
    share = (ends.n - ends.failures) / ends.n
    tie = np.where(ends.failures == 0, ends.n, -ends.n)
    order = np.lexsort((tie, share))
    rank = np.empty(len(order), int)
    rank[order] = np.arange(len(order))
    return rank


def _solved(ends: _Ends, members: Any, tail: float) -> float:
    """The rate at which *members* have probability *tail*."""
    rising = bool(members[ends.failures.argmin()])
    low, high = 0.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        more = float(_mass(ends, middle)[members].sum()) >= tail
        low, high = (low, middle) if more is rising else (middle, high)
    return (low + high) / 2
