"""What changed between two arms, in the unit that the metric has: points, seconds, a number, or so many times as much."""

from __future__ import annotations

from remit.core.trial.report import Comparison, Estimate, OtherMethod
from remit.usecases.trials.shown.numbers import NOTHING, chance, change, change_span, percent, plain, valued


def sides(one: Comparison) -> tuple[str, str]:
    """The metric in the baseline, and in the candidate."""
    return _value(one.baseline), _value(one.candidate)


def _value(side: Estimate | None) -> str:
    return valued(side.name, side.value) if side else NOTHING


def difference(one: Comparison | OtherMethod) -> tuple[str, str]:
    """The difference, and where it lies; a distance has no unit that says anything, so that `statistic` shows it.

    >>> told = Comparison("latency", "", "", "", 9, None, None, Estimate("ratio", 1.05, 0.9, 1.2), 0.2, None)
    >>> difference(told)
    ('1.05 times', '0.90 to 1.20 times')
    """
    found = one.difference
    if found is None or _is_distance(found):
        return NOTHING, ""
    if _is_ratio(found):
        known = found.low is not None and found.high is not None
        return _times(found.value), f"{_factor(found.low)} to {_times(found.high)}" if known else ""
    between = change_span(_unit(one), found)
    return change(_unit(one), found.value), "" if between == NOTHING else between


def least(one: Comparison) -> str:
    """The smallest difference that so many runs find nine times in ten.

    >>> least(Comparison("tokens", "", "", "", 9, None, None, Estimate("ratio", 1.0), 0.2, None, 0.25))
    '1.25 times'
    >>> least(Comparison("tools", "", "", "", 9, None, None, Estimate("distance", 0.1), 0.2, None, 0.25))
    '25.0 % of runs'
    """
    if one.detectable is None:
        return NOTHING
    if one.difference is not None and _is_ratio(one.difference):
        return _times(1 + one.detectable)
    if one.difference is not None and _is_distance(one.difference):
        return f"{percent(one.detectable)} of runs"
    return change(_unit(one), one.detectable).lstrip("+")


def statistic(one: Comparison | OtherMethod) -> str:
    """A distance between the arms."""
    found = one.difference
    return plain(found.value) if found is not None and _is_distance(found) else NOTHING


def surprise(one: Comparison | OtherMethod) -> str:
    """The p-value, corrected where it was."""
    return chance(one.p if one.adjusted is None else one.adjusted)


def _unit(one: Comparison | OtherMethod) -> str:
    if isinstance(one, OtherMethod):
        return one.about
    return one.baseline.name if one.baseline else one.metric


def _times(value: float | None) -> str:
    return NOTHING if value is None else f"{_factor(value)} times"


def _factor(value: float | None) -> str:
    """With two decimals where it is near 1, so that "about as much" does not look like "exactly as much"."""
    return f"{value:.2f}" if value is not None and 0.1 <= value < 10 else plain(value)


def _is_ratio(found: Estimate) -> bool:
    return found.name.startswith("ratio")


def _is_distance(found: Estimate) -> bool:
    return found.name.endswith("distance")
