"""Numbers."""

from __future__ import annotations


def double(number: int) -> float:
    """The same number as a double, for arithmetic with doubles.

    >>> double(3)
    3.0
    """
    return float(number)
