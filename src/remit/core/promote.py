"""Promotion: single clauses that bind while the rest of the envelope only monitors, each for a share of the sessions.

An envelope that monitors names them in `spec.enforced`. What binds for one session depends on nothing but the session's
id and the clause's: the same session gets the same answer in every process and after it is resumed, and whoever was in
stays in when a share grows. Where the clauses of a tool bind, so does what must hold before they can be evaluated: the
arguments can be read, fit their schema, and the session's facts are there. Else a malformed call would get past a clause
that nobody could ask.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace

from remit.core.decide import need_of
from remit.core.envelope import Envelope, Tool, clauses_of
from remit.core.types import Decision, Enforcement, OnViolation, Result, Violation

BEFORE_ALL = ("canonical", "schema", "session")
"""Of each tool: what comes before its clauses can be evaluated."""


def bindable(envelope: Envelope) -> frozenset[str]:
    """Every id that `spec.enforced` may name: the clauses, and what the language itself asserts about each call."""
    return bindable_ids(
        envelope.tools.values(),
        [*(a.clause.id for a in envelope.outputs), *(e.clause.id for e in envelope.session_ensure)],
    )


def bindable_ids(tools: Iterable[Tool], at_the_end: Iterable[str]) -> frozenset[str]:
    """As `bindable`, from the parts of an envelope that is being read.

    Args:
        tools: all of them.
        at_the_end: ids of the clauses on the final answer.
    """
    found = {"unlisted", *at_the_end}
    for tool in tools:
        found.update(clause.id for clause in clauses_of(tool))
        found.update(f"{tool.name}.{built_in}" for built_in in BEFORE_ALL)
    return frozenset(found)


def binding(envelope: Envelope, session_id: str) -> frozenset[str]:
    """Ids of the clauses that bind for one session: all where the envelope enforces, else the promoted ones.

    Args:
        envelope: the envelope.
        session_id: whose share is asked about.
    """
    if envelope.enforcement is Enforcement.ENFORCE:
        return bindable(envelope)
    named = {clause for clause, share in envelope.promoted.items() if includes(clause, share, session_id)}
    if not named:
        return frozenset()
    for tool in envelope.tools.values():
        if named.intersection(_asked_before(tool)):
            named.update(f"{tool.name}.{built_in}" for built_in in BEFORE_ALL)
    return frozenset(named)


def watched_binding(envelope: Envelope, session_id: str) -> frozenset[str]:
    """As `binding`, and empty where the envelope enforces: there nobody needs to ask clause by clause."""
    enforced = envelope.enforcement is Enforcement.ENFORCE
    return frozenset() if enforced else binding(envelope, session_id)


def acting(envelope: Envelope, session_id: str) -> frozenset[str] | None:
    """As `core.prepare.prepare` takes it: what binds while the envelope monitors; None where it enforces."""
    return None if envelope.enforcement is Enforcement.ENFORCE else binding(envelope, session_id)


def _asked_before(tool: Tool) -> set[str]:
    """Clauses that need the arguments: all but those on nothing else than what came back."""
    output = tool.output.clause if tool.output is not None else None
    back = {clause.id for clause in (output, tool.deadline) if clause is not None}
    return {clause.id for clause in clauses_of(tool)} - back


def includes(clause: str, share: float, session_id: str) -> bool:
    """Whether a session is among the *share* of sessions for which a clause binds.

    >>> [includes("refund.ceiling", share, "s-1") for share in (0.1, 0.5, 1.0)]
    [False, False, True]
    """
    drawn = hashlib.sha256(f"{clause}\x1f{session_id}".encode("utf-8", "replace")).digest()[:8]
    return int.from_bytes(drawn) < share * 2**64


def binds(violation: Violation, binding: frozenset[str]) -> bool:
    """Whether a violation is of a clause that binds, and does more than flag."""
    return violation.clause in binding and (violation.error or violation.on_violation is not OnViolation.FLAG)


def restrict(decision: Decision, binding: frozenset[str], tool: Tool | None) -> Decision | None:
    """The decision as the clauses that bind make it; None where none of them stands against the call.

    The other violations stay in it, recorded and not acted upon; `bound` names those that are.

    Args:
        decision: of the whole envelope.
        binding: from `binding`.
        tool: whose call it is; None where the envelope does not list it.
    """
    against = [v for v in decision.violations if binds(v, binding)]
    if not against:
        return None
    held = not any(v.error or v.on_violation is OnViolation.DENY for v in against)
    clauses = tuple(dict.fromkeys(v.clause for v in against))
    return replace(
        decision,
        result=Result.HOLD if held else Result.DENY,
        clauses=clauses,
        need=need_of(tool, clauses) if held and tool is not None else None,
        bound=clauses,
    )


def acted(decision: Decision, envelope: Envelope, binding: frozenset[str], tool: Tool | None) -> Decision:
    """The decision that is acted upon: by every clause where the envelope enforces, else by what binds.

    Args:
        decision: of the whole envelope.
        envelope: that made it.
        binding: from `binding`; not looked at where the envelope enforces.
        tool: whose call it is.
    """
    if envelope.enforcement is Enforcement.ENFORCE:
        return decision
    return restrict(decision, binding, tool) or replace(decision, bound=())


def withheld_by(
    violations: Iterable[Violation], envelope: Envelope, binding: frozenset[str]
) -> tuple[Violation, ...]:
    """Why the agent does not get to see what came back, or its user the answer; empty where nothing is in the way."""
    stopping = [v for v in violations if v.error or v.on_violation is not OnViolation.FLAG]
    if not stopping:
        return ()
    enforced = envelope.enforcement is Enforcement.ENFORCE
    return tuple(v for v in stopping if enforced or v.clause in binding)


def marked(decision: Decision, envelope: Envelope, session_id: str) -> Decision:
    """The decision of the whole envelope, with the clauses that would act in this session named in `bound`.

    Args:
        decision: of the whole envelope.
        envelope: that made it.
        session_id: whose share is asked about.
    """
    if envelope.enforcement is Enforcement.ENFORCE:
        return decision
    ids = binding(envelope, session_id)
    bound = dict.fromkeys(v.clause for v in decision.violations if binds(v, ids))
    return replace(decision, bound=tuple(bound))
