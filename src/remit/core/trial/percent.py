"""Numbers as a sentence says them: no more digits than tell, and as many as it takes to tell two apart."""

from __future__ import annotations

_MOST_DIGITS = 4
_EXACT = 12
"""Digits that a sum of weighted shares has right: what differs from 1 beyond them is 1."""


def percent(share: float, digits: int = 0) -> str:
    """A share, rounded; near 0 and 1 with the digits that keep it from looking certain.

    >>> percent(0.7819), percent(0.9666), percent(0.996), percent(0.0004), percent(1.0), percent(1 - 1e-15)
    ('78 %', '97 %', '99.6 %', '0.04 %', '100 %', '100 %')
    """
    share = round(share, _EXACT)
    for more in range(digits, _MOST_DIGITS):
        text = f"{100 * share:.{more}f}"
        if share in {0.0, 1.0} or float(text) not in {0.0, 100.0}:
            return f"{text} %"
    return f"{100 * share:.{_MOST_DIGITS}f} %"


def bar(share: float) -> str:
    """A share that somebody wrote, as they wrote it.

    >>> bar(0.9), bar(0.995)
    ('90 %', '99.5 %')
    """
    return f"{100 * share:.6g} %"


def beside(share: float, mark: float) -> str:
    """A share next to the *mark* that it is compared with: on the side of it where it is.

    >>> beside(0.902, 0.9), beside(0.8996, 0.9), beside(0.7, 0.9)
    ('90.2 %', '89.96 %', '70 %')
    """
    for digits in range(_MOST_DIGITS + 1):
        text = percent(share, digits)
        shown = float(text[:-2]) / 100
        if share == mark or ((shown > mark + 1e-12) == (share > mark) and abs(shown - mark) > 1e-12):
            return text
    return percent(share, _MOST_DIGITS)


def rarely(p: float) -> str:
    """In how many cases chance does something.

    >>> rarely(0.031), rarely(1e-9)
    ('3.1 % of cases', 'fewer than one in 10,000 cases')
    """
    return f"{percent(p, 1)} of cases" if p >= 1e-4 else "fewer than one in 10,000 cases"


def points(difference: float, digits: int = 1) -> str:
    """How far two shares are apart, in percentage points.

    >>> points(0.05), points(-0.1234), points(0.01), points(0.0)
    ('5 points', '12.3 points', '1 point', '0 points')
    """
    value = abs(round(100 * difference, digits))
    return f"{value:g} point" if value == 1 else f"{value:g} points"


def change(difference: float) -> str:
    """What became of a share, in percentage points.

    >>> change(-0.05), change(0.123), change(0.0)
    ('5 points less', '12.3 points more', '0 points')
    """
    told = points(difference)
    return told if told == "0 points" else f"{told} {'more' if difference > 0 else 'less'}"


def passed_by(low: float) -> str:
    """What would have kept a loss of at most *low* (a share, none where it is 0 or above) from passing.

    >>> passed_by(-0.016), passed_by(0.0)
    ('With a margin under 1.6 points it would not have passed.', 'A candidate that does worse than the baseline.')
    """
    if low >= 0:
        return "A candidate that does worse than the baseline."
    return f"With a margin under {points(low)} it would not have passed."


def count(n: int, one: str = "trial") -> str:
    """So many of something.

    >>> count(1), count(12000), count(0, "task")
    ('1 trial', '12,000 trials', '0 tasks')
    """
    return f"{n:,} {one}" if n == 1 else f"{n:,} {one}s"


def about(n: int) -> int:
    """A number of trials as nobody takes it for exact: two digits, rounded up.

    >>> about(7), about(118), about(2317)
    (7, 120, 2400)
    """
    step = 1
    while n // step >= 100:
        step *= 10
    return -(-n // step) * step


def ended(text: str) -> str:
    """A sentence that somebody else wrote, with its full stop.

    >>> ended("refund was refused"), ended("done.")
    ('refund was refused.', 'done.')
    """
    return text if text.endswith((".", "!", "?")) else f"{text}."


def seconds(value: float) -> str:
    """
    >>> seconds(0.0421), seconds(9.5), seconds(125)
    ('0.042 s', '9.5 s', '125 s')
    """
    return f"{value:.2g} s" if value < 10 else f"{value:.0f} s"
