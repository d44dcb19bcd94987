"""The settings of a gate, checked: what is missing, unknown, of the wrong kind or out of range is told with its place."""

from __future__ import annotations

import difflib
import math
from collections.abc import Sequence

from remit.core.errors import BadInput
from remit.core.trial.gates.gate import Terms
from remit.core.trial.suite import BASELINE, CANDIDATE, Rule
from remit.core.types import Json

ALPHA = 0.05
"""Chance of a false PASS."""
BETA = 0.10
"""Chance of a false BLOCK."""
MOST_LEVEL = 0.5
OPTIONS = "--"
"""Where a rule stands whose settings were given as options of a command."""


def known(rule: Rule, keys: Sequence[str], required: Sequence[str] = ()) -> None:
    """Nothing but *keys* is set, and all that is required."""
    for key in rule.settings:
        if key not in keys:
            near = difflib.get_close_matches(key, keys, n=1)
            hint = f"did you mean '{near[0]}'? " if near else ""
            raise wrong(rule, "", f"unknown setting '{key}'", f"{hint}known here: {', '.join(keys)}")
    for key in required:
        if key not in rule.settings:
            raise wrong(rule, "", f"'{key}' is missing", f"add '{key}:' to gate '{rule.id}'")


def number(
    rule: Rule, key: str, low: float, high: float, default: float | None = None, *, closed: bool = False
) -> float:
    """A number between *low* and *high*; *closed*: it may be one of them."""
    value = rule.settings.get(key, default)
    bounds = (
        f"write a number {'from' if closed else 'above'} {low:g} {'to' if closed else 'and below'} {high:g}"
    )
    if high == math.inf:
        bounds = f"write a number {'of at least' if closed else 'greater than'} {low:g}"
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise wrong(rule, key, f"found {value!r}", bounds)
    if not (low <= value <= high if closed else low < value < high):
        raise wrong(rule, key, f"found {value!r}", bounds)
    return float(value)


def seconds(rule: Rule, key: str) -> float:
    """A duration: `10s`, `500ms`, `2m`, or a number of seconds."""
    from remit.core.reader_clauses import seconds_of

    value = rule.settings.get(key)
    found = seconds_of(value) if isinstance(value, str) else None
    if isinstance(value, str) and found is None:
        raise wrong(rule, key, f"found {value!r}", "write a duration such as 500ms, 10s or 2m")
    return number(rule, key, 0.0, math.inf) if found is None else found


def whole(rule: Rule, key: str, low: int, high: int, default: int | None = None) -> int:
    """A whole number from *low* to *high*."""
    value = rule.settings.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise wrong(rule, key, f"found {value!r}", f"write a whole number from {low} to {high}")
    return value


def word(rule: Rule, key: str, words: Sequence[str], default: str | None = None) -> str:
    """One of *words*."""
    value = rule.settings.get(key, default)
    if not isinstance(value, str) or value not in words:
        raise wrong(rule, key, f"found {value!r}", f"write one of {', '.join(words)}")
    return value


def level(rule: Rule, key: str, default: float) -> float:
    """A chance of error."""
    return number(rule, key, 0.0, MOST_LEVEL, default)


def arm_of(rule: Rule, terms: Terms) -> str:
    """The arm that the gate is about: the one that is set, else the candidate, else the only one."""
    default = CANDIDATE if CANDIDATE in terms.arms else terms.arms[0] if len(terms.arms) == 1 else None
    return word(rule, "arm", terms.arms, default)


def pair_of(rule: Rule, terms: Terms) -> tuple[str, str]:
    """The two arms that the gate compares."""
    if BASELINE not in terms.arms or CANDIDATE not in terms.arms:
        raise wrong(
            rule,
            "",
            f"gate '{rule.id}' compares two arms, and the suite has {', '.join(terms.arms) or 'none'}",
            f"name two arms, '{BASELINE}' and '{CANDIDATE}', in place of 'agent'",
        )
    return BASELINE, CANDIDATE


def fixed_only(rule: Rule, terms: Terms, why: str) -> None:
    """The design is a fixed one, or it is told why it must be."""
    if terms.design.kind != "fixed":
        remedy = "write 'design: {fixed: {epochs: N}}', or leave this gate out"
        raise wrong(rule, "", f"gate '{rule.id}' {why}, and the design is {terms.design.kind}", remedy)


def wrong(rule: Rule, key: str, found: str, remedy: str) -> BadInput:
    """The error to raise about a setting."""
    where = rule.where or f"gates: {rule.id}"
    if where == OPTIONS:
        return BadInput(f"--{key}", found, remedy)
    return BadInput(f"{where}.{key}" if key else where, found, remedy)


def value_of(rule: Rule, key: str) -> Json:
    """A setting as it is written; None where it is not."""
    return rule.settings.get(key)
