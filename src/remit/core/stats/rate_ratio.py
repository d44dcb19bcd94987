"""Did a rate rise? Two counts over two exposures, compared exactly, with no assumption about the rate itself."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many times as often, with its interval; infinite where nothing was counted before."""

    value: float
    low: float
    high: float


def rate_ratio_p(x0: int, n0: float, x1: int, n1: float) -> float:
    """How surprising so many after are if the rate did not rise.

    Given all `x0 + x1` events, and equal rates, `x1` is binomial with share `n1 / (n0 + n1)`.

    Args:
        x0: events before.
        n0: exposure before (calls, sessions, hours); more than 0.
        x1: events after.
        n1: exposure after; more than 0.

    Returns:
        One-sided p-value of `rate 1 > rate 0`; 1.0 where there is no event.

    Five of five events fall into the second of two equal halves:

    >>> round(rate_ratio_p(0, 100, 5, 100), 5)
    0.03125

    Source: Przyborowski and Wilenski, Biometrika 31 (1940) 313-323.
    """
    if x1 == 0:
        return 1.0
    from scipy.special import betainc

    return float(betainc(x1, x0 + 1, n1 / (n0 + n1)))


def rate_ratio(x0: int, n0: float, x1: int, n1: float, alpha: float = 0.05) -> Ratio:
    """The ratio of two rates, after by before, with an exact interval that covers at least `1 - alpha`.

    Args:
        x0: events before.
        n0: exposure before; more than 0.
        x1: events after.
        n1: exposure after; more than 0.
        alpha: both tails together.

    >>> rate_ratio(0, 100, 0, 100)
    Ratio(value=nan, low=0.0, high=inf)

    Source: Clopper and Pearson, Biometrika 26 (1934) 404-413, of the share of events after, turned into a ratio.
    """
    value = (x1 / n1) / (x0 / n0) if x0 else (inf if x1 else float("nan"))
    if x0 + x1 == 0:
        return Ratio(value, 0.0, inf)
    from scipy.special import betaincinv

    low = 0.0 if x1 == 0 else float(betaincinv(x1, x0 + 1, alpha / 2))
    high = 1.0 if x0 == 0 else float(betaincinv(x1 + 1, x0, 1 - alpha / 2))
    return Ratio(value, _odds(low) * n0 / n1, _odds(high) * n0 / n1)


def _odds(share: float) -> float:
    return inf if share >= 1.0 else share / (1.0 - share)
