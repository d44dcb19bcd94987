"""Why a call of the journal got its decision: as it was recorded, beside the envelope that made it.

What was decided, which clauses said so and where the values came from is told from the record and from nowhere else; the
envelope gives each clause's words. Values of conditions are computed anew from the recorded arguments, in which secrets
are tokens.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from remit.core.envelope import Envelope
from remit.core.explained import ClauseState, ExplainedLine, Explanation, lines_of
from remit.core.past import Past
from remit.core.prepare import Facts, Prepared
from remit.core.provenance import SessionText, trace
from remit.core.types import (
    Decision,
    Integrity,
    Json,
    Label,
    LeafOrigin,
    OnViolation,
    Origin,
    Result,
    Severity,
    ToolCall,
    Violation,
)


def explain_record(
    envelope: Envelope,
    decided: Mapping[str, Any],
    settled: Mapping[str, Any] | None,
    facts: Mapping[str, Any],
) -> Explanation:
    """The recorded decision, clause by clause.

    Args:
        envelope: that made it.
        decided: body of the `decided` event.
        settled: body of the `settled` event of the same call; None where it never ran.
        facts: of the session, as they were recorded.
    """
    decision = decision_of(decided, envelope)
    broken = {v.clause for v in decision.violations if v.kind in ("canonical", "schema", "unlisted")}
    prepared = Prepared(
        ToolCall(decision.tool, decision.canonical or {}),
        envelope.tools.get(decision.tool),
        decision.canonical,
        (),
        complete=not broken and decision.canonical is not None,
    )
    past = Past(SessionText(), decision.provenance, world=decision.world)
    lines = lines_of(prepared, Facts(facts), past, decision)
    after = [violation_of(v) for v in (settled or {}).get("violations", ())]
    ran = settled is not None and settled.get("ended") == "value"
    return Explanation(decision, tuple(_ended(line, after, ran=ran) for line in lines))


def _ended(line: ExplainedLine, after: Sequence[Violation], *, ran: bool) -> ExplainedLine:
    """A clause on what came back, once something did."""
    found = next((v for v in after if v.clause == line.clause), None)
    if found is not None:
        return replace(
            line, state=ClauseState.ERROR if found.error else ClauseState.UNMET, message=found.message
        )
    return replace(line, state=ClauseState.MET) if line.state is ClauseState.LATER and ran else line


def decision_of(body: Mapping[str, Any], envelope: Envelope) -> Decision:
    """The decision that a `decided` event tells of, as far as it was recorded.

    Args:
        body: of the event.
        envelope: that made the decision.
    """
    args = body.get("args")
    world = {tuple(w["asks"]): w.get("answer", w.get("error", "")) for w in body.get("world", ())}
    tool = envelope.tools.get(str(body.get("tool")))
    return Decision(
        result=Result(body["result"]),
        clauses=tuple(body.get("clauses", ())),
        flags=tuple(body.get("flags", ())),
        errors=tuple(body.get("errors", ())),
        violations=tuple(violation_of(v) for v in body.get("violations", ())),
        tool=str(body.get("tool")),
        canonical=args if isinstance(args, Mapping) else None,
        effect=tool.effect if tool is not None else None,
        provenance=_leaves(args, body.get("provenance", ())) if isinstance(args, Mapping) else (),
        envelope_hash=envelope.hash,
        repeats=str(body.get("repeats", "")),
        bound=tuple(body["bound"]) if "bound" in body else None,
        world=world or None,
        obligations=tuple(body.get("obligations", ())),
    )


def violation_of(body: Mapping[str, Any]) -> Violation:
    """What `codec.violation_body` wrote."""
    return Violation(
        clause=str(body["clause"]),
        kind=str(body["kind"]),
        on_violation=OnViolation(body["on_violation"]),
        severity=Severity(body["severity"]),
        message=str(body["message"]),
        error=bool(body["error"]),
    )


def _leaves(args: Mapping[str, Json], recorded: Sequence[Mapping[str, Any]]) -> tuple[LeafOrigin, ...]:
    """The leaves with their recorded origins; what a record does not say of a label is its default."""
    values = {leaf.path: leaf.value for leaf in trace(args, SessionText(), frozenset())}
    return tuple(
        LeafOrigin(
            leaf["path"], values.get(leaf["path"]), tuple(map(_origin, leaf["origins"])), leaf["exempt"]
        )
        for leaf in recorded
    )


def _origin(body: Mapping[str, Any]) -> Origin:
    label = Label(Integrity(body["integrity"]))
    return Origin(int(body["segment"]), str(body["source"]), label, str(body["quote"]))
