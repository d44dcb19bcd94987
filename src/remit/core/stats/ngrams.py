"""Do the two arms use their tools in the same way? Jensen-Shannon divergence of pairs of tools that follow each other.

A run is its calls in order, with `^` before the first and `$` after the last, so that which tool comes first, which
last and how long a run is all count. Runs are dealt out anew, never calls: calls of one run depend on each other, and
a test on pooled calls raises an alarm in 42 of 100 comparisons where nothing changed.

A piece weighs as the square root of how often the run has it. As plain counts, the few runs that go round in circles
decide everything: on real sessions, of runs that say their last call twice 49 % are found instead of 69 %. Counted
once a run, a loop that becomes longer is never found.

Source: Lin, IEEE Transactions on Information Theory 37 (1991) 145-151.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from remit.core.stats.dealing import PERMUTATIONS, Deals, Permuted, deals, judged, tallies

START, END = "^", "$"


def ngrams(tools: Sequence[str], size: int = 2) -> list[tuple[str, ...]]:
    """The pieces of *size* tools of one run, with its ends.

    >>> ngrams(["find", "pay"])
    [('^', 'find'), ('find', 'pay'), ('pay', '$')]
    >>> ngrams([]), ngrams(["find"], 1)
    ([('^', '$')], [('find',)])
    """
    ends = size - 1
    padded = (*(START,) * ends, *tools, *(END,) * ends)
    return [padded[at : at + size] for at in range(len(padded) - size + 1)]


def jensen_shannon(one: Any, other: Any) -> Any:
    """How far two distributions lie apart, in bits: 0 where they are the same, 1 where they share nothing.

    Args:
        one: counts, shape (..., kinds); without any, it lies 0 from everything.
        other: counts of the same kinds.

    Returns:
        Shape (...).

    >>> jensen_shannon([[1.0, 0.0]], [[0.0, 3.0]]).tolist(), round(float(jensen_shannon([1, 1], [1, 0])), 6)
    ([1.0], 0.311278)
    """
    p, q = _shares(one), _shares(other)
    middle = (p + q) / 2
    found = _entropy(middle) - (_entropy(p) + _entropy(q)) / 2
    empty = (p.sum(axis=-1) == 0) | (q.sum(axis=-1) == 0)
    return np.where(empty, 0.0, np.clip(found, 0.0, 1.0))


def _shares(counts: Any) -> Any:
    counts = np.asarray(counts, np.float64)
    return counts / np.maximum(counts.sum(axis=-1, keepdims=True), 1e-300)


def _entropy(shares: Any) -> Any:
    return -(shares * np.log2(np.where(shares > 0, shares, 1.0))).sum(axis=-1)


def tool_test(
    sequences: Sequence[Sequence[str]],
    candidate: Sequence[bool],
    tasks: Sequence[Hashable],
    *,
    size: int = 2,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> Permuted:
    """Whether the candidate's runs use tools as the baseline's, task by task.

    Args:
        sequences: names of the tools of each run, in order.
        candidate: whether a run is the candidate's, shape (runs,).
        tasks: of the runs, shape (runs,).
        size: tools in a piece.
        permutations: random deals.
        seed: of the deals.

    Returns:
        The divergence in bits and its p-value.

    Nothing is shared: `^ a` and `a $` in both runs of the one, `^ b` and `b $` in those of the other.

    >>> found = tool_test([["a"], ["a"], ["b"], ["b"]], [False, False, True, True], ["t"] * 4)
    >>> found.statistic, 0.2 < found.p < 0.5
    (1.0, True)
    """
    dealt = deals(candidate, tasks, permutations, seed)
    counts, _ = piece_counts(sequences, size)
    return judged(divergences(np.sqrt(counts), dealt), dealt, rounding=1e-12)


def piece_counts(sequences: Sequence[Sequence[str]], size: int = 2) -> tuple[Any, list[tuple[str, ...]]]:
    """How often each run has each piece, shape (runs, pieces), and the pieces, sorted."""
    found = [Counter(ngrams(tools, size)) for tools in sequences]
    pieces = sorted({piece for own in found for piece in own})
    place = {piece: at for at, piece in enumerate(pieces)}
    counts = np.zeros((len(found), len(pieces)))
    for run, own in enumerate(found):
        for piece, times in own.items():
            counts[run, place[piece]] = times
    return counts, pieces


def divergences(counts: Any, dealt: Deals) -> Any:
    """The divergence between the arms in every deal, shape (permutations + 1,)."""
    if not dealt.tasks:
        return np.zeros(len(dealt.candidate))
    return jensen_shannon(*tallies(counts, dealt))


def moved(
    sequences: Sequence[Sequence[str]], candidate: Sequence[bool], size: int = 2, most: int = 3
) -> list[tuple[tuple[str, ...], float, float]]:
    """The pieces whose share differs most between the arms: the piece, its share of the baseline's, of the candidate's.

    >>> moved([["a"], ["a", "b"]], [False, True], most=1)
    [(('a', '$'), 0.5, 0.0)]
    """
    counts, pieces = piece_counts(sequences, size)
    chosen = np.asarray(candidate, bool)
    before, after = _shares(counts[~chosen].sum(axis=0)), _shares(counts[chosen].sum(axis=0))
    order = np.argsort(-np.abs(after - before), kind="stable")[:most]
    return [
        (pieces[at], float(before[at]), float(after[at])) for at in order.tolist() if before[at] != after[at]
    ]
