"""Idempotency: whether a call was made before, how that ended, and what its repeat gets.

none               it runs
in_flight          refused for now, or held
done               `return_first`: the first result, and nothing runs; else refused or held
withheld           as done, but there is no result to give again
failed, unknown    `after_error`: refused, held, or run again. A tool that raised may have done its work all the same
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from remit.core.canonical import digest
from remit.core.envelope import Idempotency
from remit.core.history import DONE, FAILED, IN_FLIGHT, UNKNOWN, Caller, spelled
from remit.core.types import Json, OnViolation, Severity, Violation


@dataclass(frozen=True, slots=True)
class RepeatAsk:
    """Was this call made before?"""

    rule: Idempotency
    tool: str
    key: str
    key_of: Callable[[Mapping[str, Json]], str]
    """The key that a call with other arguments would have had in this session."""


@dataclass(frozen=True, slots=True)
class First:
    """The first call with the same key, and how it stands."""

    token: str
    state: str
    """One of `core.history`'s states."""
    readable: bool = True
    """Whether its result is still there to be given again."""


def ask_of(rule: Idempotency, tool: str, roots: Mapping[str, object], caller: Caller) -> RepeatAsk:
    """The clause with the values of this call in place.

    Raises:
        ConditionError: the key cannot be computed.
    """
    scope = caller.scope(rule.across)

    def key_of(args: Mapping[str, Json]) -> str:
        values = [condition.evaluate({**roots, "args": args}) for condition in rule.key]
        texts = [condition.text for condition in rule.key]
        return digest([scope, texts, [spelled(value) for value in values]])

    args = roots["args"]
    assert isinstance(args, Mapping)  # noqa: S101 - canonical arguments are an object
    return RepeatAsk(rule, tool, key_of(args), key_of)


def returns_first(rule: Idempotency, first: First | None) -> bool:
    """Whether the call gets the first one's result instead of running."""
    return first is not None and rule.on_repeat == "return_first" and first.state == DONE and first.readable


def violation(rule: Idempotency, first: First | None) -> Violation | None:
    """What stands against running the call, or None where it may run."""
    if first is None or returns_first(rule, first):
        return None
    if first.state in (FAILED, UNKNOWN):
        ended = "raised an error" if first.state == FAILED else "ended nobody knows how"
        told = f"the same call was made before and {ended}: it may have done its work"
        return None if rule.after_error == "retry" else _against(rule, rule.after_error, told)
    if first.state == IN_FLIGHT:
        told = "the same call is still running"
        return _against(rule, "hold" if rule.on_repeat == "hold" else "wait", told)
    if rule.on_repeat == "return_first":
        return _against(rule, "wait", "the same call was made before, and its result cannot be given again")
    return _against(rule, rule.on_repeat, "the same call was made before")


def _against(rule: Idempotency, how: str, problem: str) -> Violation:
    clause = rule.clause
    told = f"{clause.message} ({problem})" if clause.message else problem
    on_violation = OnViolation.HOLD if how == "hold" else OnViolation.DENY
    severity = Severity.LOW if how == "wait" else clause.severity
    return Violation(clause.id, "idempotency", on_violation, severity, told)
