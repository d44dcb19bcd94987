"""A difference against one value of it: how surprising, with the corrections that few runs near a rate of 1 need.

The plain score statistic, read off a normal curve, is wrong in one direction where failures are rare: their number is
skewed and comes in steps. Its third moment and half a step's width set it right; the tables in the tests say how far.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf, sqrt
from statistics import NormalDist

STEP = 0.25
"""Share of the width of a step that is taken off; half of Yates' correction, which would be too much for both sides."""


@dataclass(frozen=True, slots=True)
class Score:
    """An estimated difference beside a value of it, with its distribution as it would be if that value were true."""

    far: float
    """Estimate minus value."""
    error: float
    """Standard error of the estimate; 0 only where it cannot vary."""
    third: float = 0.0
    """Third central moment of the estimate."""
    step: float = 0.0
    """By how much one run more or less moves it, both arms together."""
    df: float = inf
    """Degrees of freedom of the error."""

    @property
    def plain(self) -> float:
        """In standard errors, without any correction."""
        if self.error < 1e-12:
            return 0.0 if abs(self.far) < 1e-9 else self.far * 1e9
        return self.far / self.error

    @property
    def z(self) -> float:
        """In standard errors, corrected for steps and for skew.

        Source: Gart and Nam, Biometrics 46 (1990) 637-643; Yates, Supplement to the Journal of the Royal Statistical
        Society 1 (1934) 217-235.
        """
        off = max(0.0, abs(self.far) - STEP * self.step)
        if self.error < 1e-12 or off == 0.0:
            return 0.0 if off == 0.0 else self.plain
        plain = off / self.error if self.far > 0 else -off / self.error
        bend = self.third / self.error**3 / 6
        if abs(bend) < 1e-9:
            return plain
        bent = (sqrt(max(0.0, 1 + 4 * bend * (plain + bend))) - 1) / (2 * bend)
        return max(0.0, bent) if self.far > 0 else min(0.0, bent)  # above the value stays above it

    @property
    def p(self) -> float:
        """One-sided p-value of "the true difference is this value, or below"."""
        if self.df == inf:
            return NormalDist().cdf(-self.z)
        from scipy.special import stdtr

        return float(stdtr(self.df, -self.z))


def interval(score: Callable[[float], Score], confidence: float) -> tuple[float, float]:
    """The differences that are not too surprising, from either side.

    Args:
        score: of any value of the difference in (-1, 1).
        confidence: of both sides together, in (0, 1).
    """
    tail = (1 - confidence) / 2
    return _where(score, lambda p: p < tail), _where(score, lambda p: p <= 1 - tail)


def _where(score: Callable[[float], Score], below: Callable[[float], bool]) -> float:
    """Where p-values stop being *below*: they rise with the value."""
    low, high = -1.0, 1.0
    for _ in range(45):
        middle = (low + high) / 2
        low, high = (middle, high) if below(score(middle).p) else (low, middle)
    if low == -1.0 or high == 1.0:
        return float(round(low))  # not ruled out anywhere
    return (low + high) / 2
