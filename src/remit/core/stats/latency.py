"""Did runs become slower? Ranks of durations within their tasks, permuted there.

Ranks, since durations have long tails and runs may have been cut off; within tasks, since tasks differ more than versions
do. It sees that runs of a task are slower on the whole. One run in twenty that hangs it does not see: `tail` does.

Source: van Elteren, Bulletin of the International Statistical Institute 37 (1960) 351-361, permuted instead of
approximated; the ratio as in Hodges and Lehmann, Annals of Mathematical Statistics 34 (1963) 598-611.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from remit.core.stats.dealing import PERMUTATIONS, Permuted, deals, judged


@dataclass(frozen=True, slots=True)
class Slower:
    """Whether runs take longer than before."""

    result: Permuted
    """One-sided: its statistic is the weighted sum of the candidate's ranks, above what is expected."""
    p_either: float | None
    """Two-sided."""
    ratio: float | None
    """Candidate's duration by the baseline's: the median over all pairs of runs of one task; None without any."""


def latency_test(
    seconds: Sequence[float],
    candidate: Sequence[bool],
    tasks: Sequence[Hashable],
    *,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> Slower:
    """Whether the candidate's runs take longer than the baseline's of the same task.

    Args:
        seconds: of each run, shape (runs,); infinite where one was cut off.
        candidate: whether a run is the candidate's, shape (runs,).
        tasks: of the runs, shape (runs,).
        permutations: random deals.
        seed: of the deals.

    The candidate has ranks 3 and 4 of 4, where 5 is expected; weighted by 1 / (4 + 1).

    >>> found = latency_test([1.0, 2.0, 3.0, 6.0], [False, False, True, True], ["t"] * 4)
    >>> round(found.result.statistic, 6), found.ratio
    (0.4, 3.0)
    """
    dealt = deals(candidate, tasks, permutations, seed)
    values = np.asarray(seconds, np.float64)[dealt.members]
    places: dict[Hashable, list[int]] = defaultdict(list)
    for at, member in enumerate(dealt.members.tolist()):
        places[tasks[member]].append(at)
    scores = np.zeros(len(values))
    for among in places.values():
        scores[among] = _ranks(values[among]) / (len(among) + 1) - 0.5
    sums = dealt.candidate.astype(np.float64) @ scores
    result = judged(sums, dealt, rounding=1e-9)
    either = judged(np.abs(sums), dealt, rounding=1e-9).p
    chosen = dealt.candidate[0].astype(bool)
    return Slower(result, either, _ratio(values, chosen, list(places.values())))


def _ranks(values: Any) -> Any:
    """From 1; equal values share the mean of theirs."""
    ordered = np.sort(values)
    return (np.searchsorted(ordered, values) + np.searchsorted(ordered, values, side="right") + 1) / 2


def _ratio(values: Any, chosen: Any, places: Sequence[Sequence[int]]) -> float | None:
    found: list[Any] = []
    for among in places:
        own, which = values[among], chosen[among]
        before, after = own[~which], own[which]
        before, after = before[np.isfinite(before) & (before > 0)], after[np.isfinite(after)]
        with np.errstate(
            over="ignore"
        ):  # hours against almost nothing: a ratio without an end, and the median bears it
            found.append((after[:, None] / before[None, :]).ravel())
    ratios = np.concatenate(found) if found else np.zeros(0)
    middle = float(np.median(ratios)) if len(ratios) else None
    return middle if middle is None or np.isfinite(middle) else None
