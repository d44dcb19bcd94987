"""Monotonic quantities: a number per key that never decreases, a state that only moves forward.

A mark is the highest value that a call which ran, or is running, ever had. A call that did not run takes its value
back; one that raised keeps it, since it may have done its work.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal

from remit.core.canonical import digest
from remit.core.cel import ConditionError
from remit.core.envelope import Monotonic
from remit.core.history import spelled
from remit.core.limits import plain
from remit.core.types import Json, OnViolation, Severity, Violation

_MOST = 2**62


@dataclass(frozen=True, slots=True)
class MarkClaim:
    """The value that one call brings for one monotonic quantity."""

    rule: Monotonic
    tool: str
    key: str
    rank: int
    """The number in millionths, or the place of the state in its order."""
    claim_of: Callable[[Mapping[str, Json], Json], tuple[str, int]]
    """Key and rank that a call with other arguments and another result would have had in this session."""


def claim_of(rule: Monotonic, tool: str, roots: Mapping[str, object], output: Json = None) -> MarkClaim:
    """The clause with the values of this call in place.

    Args:
        rule: the clause.
        tool: the name of its tool.
        roots: `args` and `session` of this call.
        output: its result, for a clause that is judged after the call.

    Raises:
        ConditionError: value or key cannot be computed, or the value is no number and no known state.
    """

    def of(args: Mapping[str, Json], output: Json) -> tuple[str, int]:
        here = {**roots, "args": args, "output": output}
        values = [spelled(condition.evaluate(here)) for condition in rule.by]
        return digest([list(rule.order), rule.value.text, values]), _rank(rule, rule.value.evaluate(here))

    args = roots["args"]
    assert isinstance(args, Mapping)  # noqa: S101 - canonical arguments are an object
    return MarkClaim(rule, tool, *of(args, output), of)


def _rank(rule: Monotonic, value: object) -> int:
    if rule.order:
        if not isinstance(value, str) or value not in rule.order:
            found = "a state" if rule.after else repr(str(value)[:60])  # of a result nothing is quoted
            raise ConditionError(f"found {found}, which is none of {', '.join(rule.order)}")
        return rule.order.index(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ConditionError(f"needs a number, found {type(value).__name__}")
    if isinstance(value, float) and not math.isfinite(value):
        raise ConditionError(f"needs a finite number, found {value}")
    micros = int((Decimal(repr(value)) * 1_000_000).to_integral_value(rounding=ROUND_FLOOR))
    if abs(micros) > _MOST:
        raise ConditionError(f"needs a number between {-_MOST // 10**6} and {_MOST // 10**6}")
    return micros


def violations(claims: Sequence[MarkClaim], marks: Sequence[int | None]) -> tuple[Violation, ...]:
    """One violation for each value that goes back behind its mark; claims without an answer are errors.

    Args:
        claims: what one call brings.
        marks: the highest rank known for each claim, in the same order; None where there is none.
    """
    if len(claims) != len(marks):
        told = "cannot be evaluated: the store did not say what the quantity is"
        return tuple(
            Violation(c.rule.clause.id, "monotonic", OnViolation.DENY, Severity.LOW, told, error=True)
            for c in claims
        )
    pairs = zip(claims, marks, strict=True)
    return tuple(_violation(c, mark) for c, mark in pairs if mark is not None and c.rank < mark)


def _violation(claim: MarkClaim, mark: int) -> Violation:
    rule, clause = claim.rule, claim.rule.clause
    now, before = (rule.order[r] if rule.order else _number(r) for r in (claim.rank, mark))
    problem = f"{now} comes before {before}" if rule.order else f"{now} is less than {before}"
    problem = f"{rule.value.text} goes back behind a value" if rule.after else problem
    told = (
        f"{clause.message} ({problem}, which it was already)"
        if clause.message
        else f"{problem}, which it was already"
    )
    return Violation(clause.id, "monotonic", clause.on_violation, clause.severity, told)


def _number(micros: int) -> str:
    return f"-{plain(-micros)}" if micros < 0 else plain(micros)
