"""Fisher's exact test: is a hit more frequent in one of two groups?"""

from __future__ import annotations

from math import exp, fsum, lgamma


def fisher_p(hits0: int, n0: int, hits1: int, n1: int) -> float:
    """How surprising so many hits in the second group are if both groups are alike.

    Args:
        hits0: hits in the first group.
        n0: its size.
        hits1: hits in the second group.
        n1: its size.

    Returns:
        One-sided p-value of "more frequent in the second"; 1.0 where a group is empty.

    Raises:
        ValueError: more hits than members, or fewer than none.

    The lady tells three of the four cups that had the milk first:

    >>> round(fisher_p(1, 4, 3, 4), 4)
    0.2429

    Source: Fisher, The Design of Experiments (1935), chapter 2.
    """
    if not (0 <= hits0 <= n0 and 0 <= hits1 <= n1):
        raise ValueError(f"{hits0} of {n0} and {hits1} of {n1} are no shares")
    hits, most = hits0 + hits1, min(hits0 + hits1, n1)
    if hits1 == max(0, hits - n0):
        return 1.0
    whole = _log_choose(n0 + n1, hits)
    tail = (
        exp(_log_choose(n1, k) + _log_choose(n0, hits - k) - whole) for k in range(most, hits1 - 1, -1)
    )  # smallest first, so that nothing is lost in the sum
    return min(1.0, fsum(tail))


def _log_choose(n: int, k: int) -> float:
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)
