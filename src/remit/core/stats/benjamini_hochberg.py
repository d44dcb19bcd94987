"""Many comparisons at once, to explore: p-values corrected so that few of what is called a change is none."""

from __future__ import annotations

from collections.abc import Sequence


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Corrected p-values, in the order given: of those at or below q, a share of at most q is false on average.

    It holds for independent comparisons, and for those that move together. For a gate take `holm`: it keeps *any* false
    alarm rare.

    Args:
        p_values: one for each comparison, each in [0, 1].

    >>> [round(p, 3) for p in benjamini_hochberg([0.01, 0.04, 0.03, 0.005])]
    [0.02, 0.04, 0.04, 0.02]

    Source: Benjamini and Hochberg, Journal of the Royal Statistical Society B 57 (1995) 289-300.
    """
    count = len(p_values)
    corrected, lowest = [1.0] * count, 1.0
    for rank, at in sorted(enumerate(sorted(range(count), key=lambda i: p_values[i]), 1), reverse=True):
        lowest = min(lowest, p_values[at] * count / rank)
        corrected[at] = lowest
    return corrected
