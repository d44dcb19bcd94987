"""Idempotency: whether a call was made before, how that ended, and what its repeat gets.

none               it runs
in_flight          refused for now, or held
done               `return_first`: the first result, and nothing runs; else refused or held
withheld           as done, but there is no result to give again
failed, unknown    `after_error`: refused, held, or run again. A tool that raised may have done its work all the same

Where several calls have the key, the one that says most counts: one that runs, then one that was done. The key may be the
same for two principals; the first result is given to the one alone who got it, and the other's call is refused. So is
one whose result would be judged or shown otherwise than the first was: under another version of the envelope, or with
other facts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from remit.core.canonical import digest
from remit.core.envelope import Idempotency
from remit.core.history import DONE, FAILED, IN_FLIGHT, UNKNOWN, WITHHELD, Caller, spelled
from remit.core.types import Json, OnViolation, Severity, Violation

WEIGHTIEST = (IN_FLIGHT, DONE, WITHHELD, UNKNOWN, FAILED)
"""States of earlier calls with the same key: the first that there is decides."""


@dataclass(frozen=True, slots=True)
class RepeatAsk:
    """Was this call made before?"""

    rule: Idempotency
    tool: str
    key: str
    key_of: Callable[[Mapping[str, Json]], str]
    """The key that a call with other arguments would have had in this session."""
    owner: str
    """To whom the first result may be given again, and as what it was judged (`owner_of`)."""


@dataclass(frozen=True, slots=True)
class First:
    """The first call with the same key, and how it stands."""

    token: str
    state: str
    """One of `core.history`'s states."""
    readable: bool = True
    """Whether its result is still there to be given again."""
    own: bool = True
    """Whether it was made for the same principal (of sessions that name none, in the same session), and judged alike."""


def ask_of(
    rule: Idempotency, tool: str, roots: Mapping[str, object], caller: Caller, view: Json = None
) -> RepeatAsk:
    """The clause with the values of this call in place.

    Args:
        rule: the clause.
        tool: the name of its tool.
        roots: `args` and `session` of this call.
        caller: whose call it is.
        view: what the result would be judged and shown by (`core.view`).

    Raises:
        ConditionError: the key cannot be computed.
    """
    scope = caller.scope(rule.across)

    def key_of(args: Mapping[str, Json]) -> str:
        values = [condition.evaluate({**roots, "args": args}) for condition in rule.key]
        texts = [condition.text for condition in rule.key]
        return digest([rule.across, scope, texts, [spelled(value) for value in values]])

    args = roots["args"]
    assert isinstance(args, Mapping)  # noqa: S101 - canonical arguments are an object
    return RepeatAsk(rule, tool, key_of(args), key_of, owner_of(caller, view))


def owner_of(caller: Caller, view: Json = None) -> str:
    """Whose results are whose: equal for sessions of one principal that see results alike, and for nobody else's.

    >>> owner_of(Caller("s-1", "ann")) == owner_of(Caller("s-2", "ann"))
    True
    >>> owner_of(Caller("s-1")) == owner_of(Caller("s-2"))
    False
    """
    named = ["session", caller.session] if caller.principal is None else ["principal", caller.principal]
    return digest(named if view is None else [*named, view])


def returns_first(rule: Idempotency, first: First | None) -> bool:
    """Whether the call gets the first one's result instead of running."""
    if first is None or rule.on_repeat != "return_first":
        return False
    return first.state == DONE and first.readable and first.own


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
        if not first.own:
            told = (
                "the same call was made for somebody else, or its result was judged by other clauses or facts"
            )
            return _against(rule, "refuse", told)
        return _against(rule, "wait", "the same call was made before, and its result cannot be given again")
    return _against(rule, rule.on_repeat, "the same call was made before")


def _against(rule: Idempotency, how: str, problem: str) -> Violation:
    clause = rule.clause
    told = f"{clause.message} ({problem})" if clause.message else problem
    on_violation = OnViolation.HOLD if how == "hold" else OnViolation.DENY
    severity = Severity.LOW if how == "wait" else clause.severity
    return Violation(clause.id, "idempotency", on_violation, severity, told)
