"""Do more runs hang? The share of the candidate's runs above a limit, compared with the baseline's.

If one run in twenty hangs for half a minute, the mean hardly moves beside its own spread, and ranks move by a
fortieth. The share above a limit sees it. The limit is declared, or it is the baseline's own p99; then it depends on
who the baseline is, so that every deal of runs has its own.

With a declared limit, the candidate's number above it is, given each task's number above it, a sum of hypergeometric
numbers: the p-value is exact. With the baseline's p99 it comes from random deals within tasks, and is exact, too.

Source: Fisher, The Design of Experiments (1935), over strata as in Birch, Journal of the Royal Statistical Society B 26
(1964) 313-324; exceedances as in Gumbel and von Schelling, Annals of Mathematical Statistics 21 (1950) 247-262.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np

from remit.core.stats.dealing import PERMUTATIONS, Deals, deals, judged


@dataclass(frozen=True, slots=True)
class SlowTail:
    """How many runs took longer than a limit."""

    limit: float | None
    """Seconds."""
    how: str
    """`declared`, or where the limit comes from."""
    before: int
    """Baseline runs above it."""
    n: int
    after: int
    """Candidate runs above it."""
    m: int
    p: float | None
    """One-sided, of "no more than before"; None where it cannot be tested: `told` says why."""
    told: str = ""


def slow_tail(
    seconds: Sequence[float],
    candidate: Sequence[bool],
    tasks: Sequence[Hashable],
    *,
    limit: float | None = None,
    q: float = 0.99,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> SlowTail:
    """Whether more of the candidate's runs than of the baseline's take longer than a limit.

    Args:
        seconds: of each run, shape (runs,); infinite where one was cut off.
        candidate: whether a run is the candidate's, shape (runs,).
        tasks: of the runs, shape (runs,).
        limit: None: the *q*-quantile of the baseline.
        q: in (0, 1).
        permutations: random deals, where the limit is the baseline's.
        seed: of the deals.

    Three of four above a declared limit, none of four before: 4 of the 56 ways to be above it.

    >>> found = slow_tail([1, 1, 1, 1, 1, 9, 9, 9], [False] * 4 + [True] * 4, ["t"] * 8, limit=5)
    >>> found.before, found.after, round(found.p, 6)
    (0, 3, 0.071429)
    """
    dealt = deals(candidate, tasks, permutations if limit is None else 0, seed)
    values = np.asarray(seconds, np.float64)[dealt.members]
    if not dealt.tasks:
        return SlowTail(
            limit, "declared" if limit is not None else "", 0, 0, 0, 0, None, "no task has runs in both arms"
        )
    chosen = dealt.candidate[0].astype(bool)
    if limit is None:
        rank = min(dealt.n, max(1, ceil(dealt.n * q - 1e-9)))
        bound = float(np.sort(values[~chosen])[rank - 1])
        how = f"the {rank}th of {dealt.n} baseline runs, their p{q * 100:g}"
        p = judged(_exceeding(values, dealt, rank), dealt).p
    else:
        bound, how = limit, "declared"
        p = _exact_p(values > limit, chosen, [tasks[place] for place in dealt.members.tolist()])
    above = values > bound
    return SlowTail(
        bound, how, int((above & ~chosen).sum()), dealt.n, int((above & chosen).sum()), dealt.m, p
    )


def _exceeding(values: Any, dealt: Deals, rank: int) -> Any:
    """Candidates above the *rank*-th smallest value of the baseline, in every deal."""
    order = np.argsort(values, kind="stable")
    ordered, rows = values[order], dealt.candidate[:, order]
    base = np.cumsum(1 - rows.astype(np.int32), axis=1)
    at = (base < rank).sum(axis=1)  # the place of that baseline value
    last = np.searchsorted(ordered, ordered[at], side="right")  # the first place beyond all that equal it
    reached = np.concatenate(
        [np.zeros((len(rows), 1), np.int32), np.cumsum(rows, axis=1, dtype=np.int32)], axis=1
    )
    return reached[:, -1] - reached[np.arange(len(rows)), last]


def _exact_p(above: Any, candidate: Any, tasks: Sequence[Hashable]) -> float:
    """The chance of as many candidates above the limit, given how many of each task are: a sum over tasks."""
    members: dict[Hashable, list[int]] = {}
    for place, task in enumerate(tasks):
        members.setdefault(task, []).append(place)
    chance = np.ones(1)
    for places in members.values():
        chance = np.convolve(
            chance, _hypergeometric(len(places), int(candidate[places].sum()), int(above[places].sum()))
        )
    return min(1.0, float(chance[int((above & candidate).sum()) :].sum()))


def _hypergeometric(size: int, drawn: int, special: int) -> Any:
    """Chances of 0, 1, … special ones among *drawn* of *size*, shape (special + 1,)."""
    import importlib

    gammaln: Any = importlib.import_module("scipy.special").gammaln
    k = np.arange(special + 1)
    possible = (k <= drawn) & (special - k <= size - drawn)

    def choose(n: Any, r: Any) -> Any:
        return gammaln(n + 1) - gammaln(r + 1) - gammaln(n - r + 1)

    k_, rest = np.where(possible, k, 0), np.where(possible, special - k, 0)
    k_ = np.minimum(k_, drawn)
    logs = choose(drawn, k_) + choose(size - drawn, np.minimum(rest, size - drawn)) - choose(size, special)
    return np.where(possible, np.exp(logs), 0.0)
