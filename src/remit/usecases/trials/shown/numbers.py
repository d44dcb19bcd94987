"""How numbers are written: rates in percent, seconds with a unit, and no digit that the data does not carry."""

from __future__ import annotations

from math import isfinite
from typing import Final

from remit.core.trial.report import Estimate

NOTHING: Final = "-"
"""Stands where a number is unknown."""
_RATES: Final = ("success", "pass^", "pass@", "agreement", "same ", "share", "infrastructure", "timeout")
_SECONDS: Final = "latency"
FEW_TASKS: Final = 5
"""Below so many tasks an interval about tasks like these says nothing: it is nearly all that there is."""


def is_rate(name: str) -> bool:
    """Whether what goes by *name* is a share in [0, 1]: `success`, `pass^4`, …

    >>> is_rate("pass^4"), is_rate("latency p95")
    (True, False)
    """
    return name.startswith(_RATES)


def percent(share: float | None) -> str:
    """A share, with one decimal; 0 and 100 only where it is so.

    >>> percent(0.825), percent(1.0), percent(0.9997), percent(0.0001), percent(None)
    ('82.5 %', '100 %', '> 99.9 %', '< 0.1 %', '-')
    """
    digits = _digits(share)
    return digits if digits == NOTHING else f"{digits} %"


def _digits(share: float | None) -> str:
    if share is None or not isfinite(share):
        return NOTHING
    if share in (0, 1):
        return f"{share:.0%}"[:-1]
    if 0 < share < 1 and not 0.0005 <= share < 0.9995:
        return "< 0.1" if share < 0.5 else "> 99.9"
    return f"{100 * share:.1f}"


def plain(value: float | None) -> str:
    """A number with three digits that count, whole ones as they are.

    >>> plain(1234.5), plain(0.01234), plain(3.0), plain(None)
    ('1,234', '0.0123', '3', '-')
    """
    if value is None or not isfinite(value):
        return NOTHING
    if abs(value) >= 1e15:
        return f"{value:.3g}"
    if abs(value) >= 1000 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.3g}"


def seconds(value: float | None) -> str:
    """A duration.

    >>> seconds(0.0421), seconds(3.25), seconds(95), seconds(4000), seconds(None)
    ('42 ms', '3.25 s', '95.0 s', '67 min', '-')
    """
    if value is None or not isfinite(value):
        return NOTHING
    if abs(value) < 0.9995:
        return f"{1000 * value:.3g} ms" if abs(value) < 0.00995 else f"{1000 * value:.0f} ms"
    if abs(value) < 600:
        return f"{value:.2f} s" if abs(value) < 9.995 else f"{value:.1f} s"
    return f"{value / 60:,.0f} min"


def valued(name: str, value: float | None) -> str:
    """*value* in the unit of what goes by *name*.

    >>> valued("success", 0.5), valued("latency p95", 2.0), valued("tokens", 1200)
    ('50.0 %', '2.00 s', '1,200')
    """
    if is_rate(name):
        return percent(value)
    return seconds(value) if _SECONDS in name else plain(value)


def interval(name: str, estimate: Estimate | None) -> str:
    """Where the true value lies, as far as the data tell; nothing where there is no interval.

    >>> interval("success", Estimate("success", 0.5, 0.25, 0.75))
    '25.0 to 75.0 %'
    """
    if estimate is None or (estimate.low is None and estimate.high is None):
        return NOTHING
    low, high = estimate.low, estimate.high
    if low is None or not isfinite(low):
        return f"at most {valued(name, high)}"
    if high is None or not isfinite(high):
        return f"at least {valued(name, low)}"
    return span(name, low, high)


def span(name: str, low: float, high: float) -> str:
    """From *low* to *high*, the unit once.

    >>> span("latency", 1.5, 2.0), span("pass^2", 0.9, 1.0)
    ('1.50 to 2.00 s', '90.0 to 100 %')
    """
    first, last = valued(name, low), valued(name, high)
    number, _, unit = first.rpartition(" ")
    same_unit = bool(unit) and number and last.endswith(" " + unit)
    return f"{number if same_unit else first} to {last}"


def of_few_tasks(one: Estimate) -> bool:
    """Whether it is about tasks like these, and rests on so few that its interval says nothing.

    >>> of_few_tasks(Estimate("pass^2", 0.5, 0.1, 0.9, n=4, unit="tasks")), of_few_tasks(Estimate("success", 0.5, n=4))
    (True, False)
    """
    few = one.unit == "tasks" and one.n < FEW_TASKS
    return few and one.value is not None and not one.name.startswith("success")


def estimated(name: str, one: Estimate | None) -> tuple[str, str]:
    """A value, and its interval where it has one.

    >>> estimated("pass^2", Estimate("pass^2", None, 0.5, 1.0)), estimated("success", None)
    (('unknown', '50.0 to 100 %'), ('-', ''))
    >>> estimated("success difference", Estimate("success difference", -0.1, -0.2, 0.0))
    ('-10.0 points', '-20.0 to 0.0 points')
    >>> estimated("agreement", Estimate("agreement", 0.9, 0.023, 0.998, n=1, unit="tasks"))
    ('90.0 %', 'too few tasks to say')
    """
    if one is None:
        return NOTHING, ""
    if of_few_tasks(one):
        return valued(name, one.value), "too few tasks to say" if one.low is not None else ""
    differs = "difference" in name
    value = change(name, one.value) if differs else valued(name, one.value)
    between = change_span(name, one) if differs else interval(name, one)
    return "unknown" if one.value is None else value, "" if between == NOTHING else between


def change(name: str, value: float | None) -> str:
    """A difference, with its sign; of rates in percentage points.

    >>> change("success", -0.115), change("latency", 0.2), change("tokens", None)
    ('-11.5 points', '+200 ms', '-')
    """
    if value is None or not isfinite(value):
        return NOTHING
    size = f"{100 * abs(value):.1f} points" if is_rate(name) else valued(name, abs(value))
    return f"{_sign(value)}{size}"


def change_span(name: str, estimate: Estimate | None) -> str:
    """Where the true difference lies.

    >>> change_span("success", Estimate("difference", -0.1, -0.2, 0.05))
    '-20.0 to +5.0 points'
    """
    if estimate is None or (estimate.low is None and estimate.high is None):
        return NOTHING
    low, high = change(name, estimate.low), change(name, estimate.high)
    if low == NOTHING:
        return f"at most {high}"
    if high == NOTHING:
        return f"at least {low}"
    return f"{low.removesuffix(' points')} to {high}"


def _sign(value: float) -> str:
    return "+" if value > 0 else "-" if value < 0 else ""


def chance(p: float | None) -> str:
    """A p-value.

    >>> chance(0.0371), chance(0.00001), chance(1.0), chance(None)
    ('0.037', '< 0.001', '1.000', '-')
    """
    if p is None or not isfinite(p):
        return NOTHING
    return "< 0.001" if p < 0.0005 else f"{p:.3f}"
