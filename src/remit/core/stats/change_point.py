"""Which of several instants fits best as the one at which a share changed?

If one of two candidates is the true one, the other's likelihood exceeds its by a factor of `e**x` with probability at
most `e**-x` (Ville's inequality), so a difference of log-likelihoods says how sure the choice is.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log

TOLD_APART = log(20)
"""Difference of log-likelihoods from which on one of two candidates is ruled out."""


def log_likelihood(hits: int, n: int) -> float:
    """Of *hits* among *n* at their own share: the highest that any share gives.

    >>> round(log_likelihood(1, 2), 4), log_likelihood(0, 5)
    (-1.3863, 0.0)
    """
    if hits <= 0 or hits >= n:
        return 0.0
    share = hits / n
    return hits * log(share) + (n - hits) * log(1 - share)


def split_likelihood(hits0: int, n0: int, hits1: int, n1: int) -> float:
    """Of two groups, each with its own share."""
    return log_likelihood(hits0, n0) + log_likelihood(hits1, n1)


def best_split(places: Sequence[int], n: int) -> tuple[int, float]:
    """Where to cut a sequence in two so that the shares explain it best.

    Args:
        places: indices of the hits among `n` members, rising.
        n: members.

    Returns:
        The first index of the second part, and the log-likelihood; (0, that of no cut) where nothing is gained.

    >>> best_split([4, 5, 6, 7], 8)
    (4, 0.0)

    The best cut stands right before a hit or right after one: between, moving it only helps one side.
    """
    best, highest = 0, log_likelihood(len(places), n)
    for seen, place in enumerate(places):
        for cut, before in ((place, seen), (place + 1, seen + 1)):
            if 0 < cut < n:
                found = split_likelihood(before, cut, len(places) - before, n - cut)
                if found > highest:
                    best, highest = cut, found
    return best, highest
