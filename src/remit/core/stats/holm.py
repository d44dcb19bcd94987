"""Many comparisons at once: p-values corrected so that one false alarm among all of them stays rare."""

from __future__ import annotations

from collections.abc import Sequence


def holm(p_values: Sequence[float]) -> list[float]:
    """Corrected p-values, in the order given; each may be compared with the level by itself.

    Args:
        p_values: one for each comparison, however they depend on each other.

    >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03, 0.005])]
    [0.03, 0.06, 0.06, 0.02]

    Source: Holm, Scandinavian Journal of Statistics 6 (1979) 65-70.
    """
    corrected, highest = [1.0] * len(p_values), 0.0
    for rank, at in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        highest = max(highest, min(1.0, p_values[at] * (len(p_values) - rank)))
        corrected[at] = highest
    return corrected


def holm_among_possible(p_values: Sequence[float], smallest: Sequence[float], level: float) -> list[float]:
    """As `holm`, of counts: comparisons whose counts are too few to reach the level whatever they say do not count.

    Args:
        p_values: of exact tests, each conditional on its own total.
        smallest: the smallest p-value that each could have had, given its total.
        level: at which the corrected p-values are going to be read.

    Returns:
        Corrected p-values for that level; 1.0 for a comparison that could not reach it.

    Four comparisons, of which two could at best have come to .2:

    >>> holm_among_possible([0.002, 0.2, 0.2, 0.004], [0.001, 0.2, 0.2, 0.001], 0.01)
    [0.004, 1.0, 1.0, 0.004]

    Source: Tarone, Biometrics 46 (1990) 515-522.
    """
    count = _tarone(sorted(smallest), level)
    possible = [at for at, p in enumerate(smallest) if count and p <= level / count]
    corrected = [1.0] * len(p_values)
    # They are chosen by their totals alone, on which the tests are conditional: among them Holm holds.
    for at, p in zip(possible, holm([p_values[at] for at in possible]), strict=True):
        corrected[at] = p
    return corrected


def _tarone(smallest: Sequence[float], level: float) -> int:
    """The smallest number k such that no more than k comparisons can reach `level / k`."""
    for k in range(1, len(smallest) + 1):
        if sum(p <= level / k for p in smallest) <= k:
            return k
    return 0
