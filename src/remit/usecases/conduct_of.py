"""What a recorded session did, in numbers, as the envelope that judged it sees it: for change evidence and drift."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from typing import Any

import msgspec

from remit.core.conduct import Conduct, Line
from remit.core.types import (
    Decision,
    Fingerprint,
    Integrity,
    Json,
    OnViolation,
    Result,
    Role,
    Segment,
    ToolEffect,
)
from remit.usecases.cases import failure_of, fingerprint_of
from remit.usecases.replay import Judged, Replayed

MOST_LEAVES = 64
"""Argument leaves of one call that are counted; what is beyond is a document, and no argument."""
_NO_KEY = b"recorded sessions"
_ENCODER = msgspec.json.Encoder(order="deterministic")


def conduct_of(
    replayed: Replayed, at: float, fingerprint: Fingerprint | None = None, agent: str = ""
) -> Conduct:
    """One recorded session in numbers.

    Args:
        replayed: the session, judged.
        at: when it ran; its place in the stream where nobody knows.
        fingerprint: what was running; None: what the record itself says.
        agent: whose session it is; empty: its suite's.
    """
    session = replayed.session
    violations, holds = lines_of([(one.call.tool, one.decision) for one in replayed.judged])
    ran = [one for one in replayed.judged if one.decision.result is Result.ALLOW or not one.decision.acts]
    numbers, values = arguments_of(_args(ran), _NO_KEY)
    failed = sum(step.role == "tool" and step.failed for step in session.steps)
    return Conduct(
        session=session.session_id,
        agent=agent or session.suite or "agent",
        at=at,
        fingerprint=fingerprint_of(session) if fingerprint is None else fingerprint,
        calls=dict(Counter(one.call.tool for one in replayed.judged)),
        violations=violations,
        holds=holds,
        ran=dict(Counter(one.call.tool for one in ran)),
        effects=sum(one.decision.effect is not ToolEffect.READ for one in ran),
        numbers=numbers,
        values=values,
        failures=failed + (failure_of(session) is not None),
        untrusted=has_content(replayed.segments),
    )


def lines_of(decided: Sequence[tuple[str, Decision]]) -> tuple[dict[Line, int], dict[Line, int]]:
    """How many calls did not meet each clause, and how many each clause held.

    Args:
        decided: tool and decision of each call. A call counts once for a clause; a clause that could not be evaluated
            denies, whatever it would have done.
    """
    violations, holds = Counter[Line](), Counter[Line]()
    for tool, decision in decided:
        held = {v.clause for v in decision.violations if v.on_violation is OnViolation.HOLD and not v.error}
        other = {v.clause for v in decision.violations} - held
        holds.update((tool, clause) for clause in held)
        violations.update((tool, clause) for clause in other)
    return dict(violations), dict(holds)


def has_content(segments: Sequence[Segment]) -> bool:
    """Whether anything came in that is not trusted: a tool's result, or a customer's own words."""
    return any(
        one.role is not Role.ASSISTANT and one.label.integrity is not Integrity.TRUSTED for one in segments
    )


def arguments_of(
    calls: Sequence[tuple[str, Mapping[str, Json]]], key: bytes
) -> tuple[dict[str, tuple[float, ...]], dict[str, tuple[str, ...]]]:
    """Numeric arguments, and digests of all others, by `tool.path`; the items of a list share one path.

    Args:
        calls: tool and canonical arguments of each.
        key: of the digests, so that nobody can look a value up; at most 64 bytes.

    >>> arguments_of([("pay", {"to": ["a", "b"], "amount": 5})], b"k")[0]
    {'pay.amount': (5.0,)}
    """
    numbers, values = dict[str, list[float]](), dict[str, list[str]]()
    for tool, args in calls:
        for path, value in _leaves(args):
            name = f"{tool}.{path}" if path else tool
            if isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value):
                numbers.setdefault(name, []).append(float(value))
            else:
                values.setdefault(name, []).append(_digest(value, key))
    return {k: tuple(v) for k, v in numbers.items()}, {k: tuple(v) for k, v in values.items()}


def _digest(value: Json, key: bytes) -> str:
    return hashlib.blake2b(_ENCODER.encode(value), digest_size=8, key=key).hexdigest()


def _leaves(args: Mapping[str, Json]) -> Iterator[tuple[str, Json]]:
    waiting: list[tuple[str, Any]] = [("", args)]
    found = 0
    while waiting and found < MOST_LEAVES:
        path, value = waiting.pop(0)
        if isinstance(value, Mapping):
            waiting += [(f"{path}.{name}" if path else str(name), below) for name, below in value.items()]
        elif isinstance(value, list):
            waiting += [(f"{path}[]", below) for below in value]
        else:
            found += 1
            yield path, value


def _args(ran: Sequence[Judged]) -> list[tuple[str, Mapping[str, Json]]]:
    return [(one.call.tool, one.decision.canonical or {}) for one in ran]
