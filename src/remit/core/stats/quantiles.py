"""How slow are the slow ones? A quantile, and two values between which it lies whatever the distribution is.

The number of values at or below the q-quantile is binomial, so the chance that it lies above the k-th smallest value is
known without knowing anything about the values. With few of them no upper bound exists at all: that all n lie below the
p99 has chance .99^n, which is above 5 % up to n = 298. Then there is none, and it says how many are needed.

Where values are looked at as they come, and it may be stopped because of what was seen, that law does not hold: after
a gate of .90 / .97 has stopped, the 95 % interval of the p90 misses 6.4 %. Then bets on the same counts are used
(`mixture.py`), which hold at every look together.

Values may be infinite: a run that was cut off at its deadline took longer than anything that is known.

Source: Thompson, Annals of Mathematical Statistics 7 (1936) 122-128; Hyndman and Fan, The American Statistician 50 (1996)
361-365, definition 1, for the value itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, log
from typing import Any


@dataclass(frozen=True, slots=True)
class Quantile:
    """A quantile of values, and between which of them it surely lies."""

    q: float
    value: float | None
    """The smallest value that at least the share `q` does not exceed; None where there is none at all."""
    low: float | None
    """None where too few values lie below: it may be any smaller number."""
    high: float | None
    """None where there are too few values: `told` says how many are needed."""
    n: int
    confidence: float = 0.95
    told: str = ""


def needed(q: float, confidence: float = 0.95) -> int:
    """Values that are needed before any upper bound exists.

    >>> [needed(q) for q in (0.5, 0.9, 0.95, 0.99)]
    [5, 29, 59, 299]
    """
    return ceil(log(1 - confidence) / log(q) - 1e-9)


def quantile(values: Sequence[float], q: float, confidence: float = 0.95) -> Quantile:
    """The *q*-quantile of *values* with its interval.

    Args:
        values: in any order.
        q: in (0, 1).
        confidence: that low and high have the quantile between them, at least. Half of the rest goes to each side where
            there are values enough; where there are not, the upper bound comes first.

    Raises:
        ValueError: *q* or *confidence* is not between 0 and 1.

    >>> found = quantile(range(1, 101), 0.5)
    >>> found.value, found.low, found.high
    (50.0, 40.0, 61.0)
    >>> quantile(range(58), 0.95).told
    'too few runs for an upper bound: 58, and 59 are needed'
    """
    if not 0 < q < 1 or not 0 < confidence < 1:
        raise ValueError(f"quantile {q} with confidence {confidence}: both must lie between 0 and 1")
    found, n = sorted(map(float, values)), len(values)
    if not n:
        return Quantile(q, None, None, None, 0, confidence, "no runs")
    value = found[max(0, ceil(n * q - 1e-9) - 1)]
    upper, spent = _upper(n, q, 1 - confidence)
    lower = _lower(n, q, min((1 - confidence) / 2, 1 - confidence - spent))
    told = "" if upper else f"too few runs for an upper bound: {n}, and {needed(q, confidence)} are needed"
    low = found[lower - 1] if lower else None
    return Quantile(q, value, low, found[upper - 1] if upper else None, n, confidence, told)


def quantile_at_any_time(values: Sequence[float], q: float, confidence: float = 0.95) -> Quantile:
    """As `quantile`, with an interval that contains the quantile at all moments at once with that probability.

    The share of values at or below the quantile is q or more, of those below it q or less: each is a bet on counts.

    Args: as of `quantile`.

    >>> found = quantile_at_any_time(range(1, 101), 0.5)
    >>> found.value, found.low, found.high
    (50.0, 34.0, 67.0)
    """
    from remit.core.stats.mixture import log_e_block, log_e_pass

    fixed, n = quantile(values, q, confidence), len(values)
    if not n:
        return fixed
    reach, found = -log((1 - confidence) / 2), sorted(map(float, values))
    below = _first(n + 1, lambda k: log_e_block(k, n - k, q) < reach)
    above = _first(n + 1, lambda k: log_e_pass(k, n - k, q) >= reach)
    low = found[below - 1] if below else None
    if above <= n:
        return Quantile(q, fixed.value, low, found[above - 1], n, confidence)
    enough = _first(MOST_NEEDED, lambda k: log_e_pass(k, 0, q) >= reach)
    told = f"too few runs for an upper bound at any stop: {n}, and {enough:,} are needed"
    return Quantile(q, fixed.value, low, None, n, confidence, told)


MOST_NEEDED = 1_000_000
"""Values beyond which nobody waits for an upper bound."""


def _first(end: int, holds: Callable[[int], bool]) -> int:
    """The first of 0, 1, …, *end* - 1 for which it holds, and from there on; *end* if for none."""
    low, high = 0, end
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low


def _upper(n: int, q: float, alpha: float) -> tuple[int, float]:
    """The first rank, from 1, that lies below the quantile with chance alpha/2 at most (the last: alpha), and its chance.

    The k-th smallest value lies below the quantile where k values or more do.
    """
    special = _special()
    rank = max(1, int(special.bdtrik(1 - alpha / 2, n, q)) - 1)
    while rank <= n and float(special.bdtrc(rank - 1, n, q)) > alpha / 2:
        rank += 1
    if rank <= n:
        return rank, float(special.bdtrc(rank - 1, n, q))
    return (n, q**n) if q**n <= alpha else (0, alpha / 2)


def _lower(n: int, q: float, alpha: float) -> int:
    """The last rank that lies above the quantile with chance *alpha* at most; 0 where none does."""
    special = _special()
    rank = 0
    while rank < n and float(special.bdtr(rank, n, q)) <= alpha:
        rank += 1
    return rank


def _special() -> Any:
    import importlib

    return importlib.import_module("scipy.special")
