"""How unusual is the newest of several values among all of them? Ranks of values, kept in a few counters.

Values are put on a fixed grid first, so that a stream of any length needs a bounded number of counters. The grid does not
depend on the data, hence exchangeable values stay exchangeable, and ties are broken by a number that the caller draws.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import isnan, log2

STEPS = 8
"""Grid steps for each doubling: two values that differ by less than 9 % may count as equal."""
_LOWEST, _HIGHEST = -20, 40
BUCKETS = 128
"""Kinds that a category can have; more share a place, by their digest."""


def grid(value: float) -> int:
    """The place of a number: 0 for zero, rising with the number, from 2^-20 to 2^40 in either sign.

    >>> grid(0.0), grid(1.0), grid(2.0) - grid(1.0), grid(-1.0), grid(1e300) == grid(1e200)
    (0, 161, 8, -161, True)
    """
    if value == 0 or isnan(value):
        return 0
    size = min(max(log2(abs(value)) if abs(value) < float("inf") else _HIGHEST, _LOWEST), _HIGHEST)
    place = 1 + int((size - _LOWEST) * STEPS)
    return place if value > 0 else -place


def bucket(text: str) -> int:
    """The place of a category, by the first hexadecimal digits of its digest.

    >>> bucket("00ff"), bucket("81aa"), bucket("no digest") == bucket("no digest")
    (0, 1, True)
    """
    try:
        return int(text[:2], 16) % BUCKETS
    except ValueError:
        return sum(text.encode("utf-8", "replace")) % BUCKETS


class Bag:
    """The values of one stream so far, as counters.

    Args:
        counts: how many values stand at each place of the grid.
    """

    __slots__ = ("counts", "size")

    def __init__(self, counts: Iterable[tuple[int, int]] = ()) -> None:
        self.counts: dict[int, int] = dict(counts)
        self.size = sum(self.counts.values())

    def more(self, place: int, draw: float) -> float:
        """Add a number, and return the p-value of "this is more than usual".

        Args:
            place: on the grid.
            draw: in [0, 1), anew for each value.

        The highest of four is in the first quarter:

        >>> Bag({1: 1, 2: 2}.items()).more(3, 0.5)
        0.125
        """
        counts = self.counts
        above = sum([n for at, n in counts.items() if at > place])
        counts[place] = same = counts.get(place, 0) + 1
        self.size += 1
        return (above + draw * same) / self.size

    def rare(self, place: int, draw: float) -> float:
        """Add a category, and return the p-value of "this comes less often than the others".

        >>> Bag({1: 3, 2: 3}.items()).rare(3, 0.5)
        0.07142857142857142
        """
        counts = self.counts
        counts[place] = mine = counts.get(place, 0) + 1
        self.size += 1
        times = list(counts.values())
        below = sum([n for n in times if n < mine])
        return (below + draw * mine * times.count(mine)) / self.size


def magnitude(value: float) -> float:
    """A number as far as sums are kept of it: finite, and no larger than 1e15 in either sign.

    >>> magnitude(float("inf")), magnitude(float("nan")), magnitude(-2.5)
    (1000000000000000.0, 0.0, -2.5)
    """
    if isnan(value):
        return 0.0
    return min(max(value, -1e15), 1e15)
