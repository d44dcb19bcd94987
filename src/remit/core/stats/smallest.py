"""The smallest number that is enough, where more is enough as well."""

from __future__ import annotations

from collections.abc import Callable

STEPS = 40
"""Halvings: of a range of one, a millionth of a millionth is left."""


def smallest(enough: Callable[[float], bool], most: float) -> float | None:
    """The smallest number up to *most* that is enough; None where *most* is not.

    Args:
        enough: never false above a number for which it is true.
        most: 0 or more.

    >>> round(smallest(lambda x: x * x >= 2, 2.0), 6), smallest(lambda x: x >= 3, 2.0)
    (1.414214, None)
    """
    if not enough(most):
        return None
    low, high = 0.0, most
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
