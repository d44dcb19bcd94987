"""What one call leaves in the journal: its decision, its outcome, and what the breaker counts of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from remit.core import anomaly, codec
from remit.core.admission import Admission, Misstep
from remit.core.decide import action_digest
from remit.core.envelope import Notify
from remit.core.errors import outcome_known
from remit.core.event import NOTIFIED, AnomalyIndex, Event
from remit.core.history import DONE, FAILED, UNKNOWN, WITHHELD
from remit.core.lifecycle import refine
from remit.core.obligations import tells
from remit.core.promote import withheld_by
from remit.core.types import (
    Decision,
    Enforcement,
    Json,
    Mode,
    OnViolation,
    Outcome,
    Severity,
    ToolCall,
    Violation,
)

if TYPE_CHECKING:
    from remit.usecases.governing import Under
    from remit.usecases.session import Session


_CUT = "..."
"""In a message that holds a part of a value only."""
_UNCOUNTED = ("breaker.", "approval.", "store.")
"""Refusals that are no violation of the agent, or were counted when a person said no."""


class CallEvents:
    """The events of one call of one session.

    Args:
        session: where it is made.
        call: as the agent asked for it.
        under: what governs it.
        token: names it in the store.
        once: names it in its session, where it is decided once only (`usecases.once`).
    """

    def __init__(self, session: Session, call: ToolCall, under: Under, token: str, once: str = "") -> None:
        self.session = session
        self.call = call
        self.under = under
        self.token = token
        self.once = once
        self.envelope = under.envelope
        self.binding = under.binding
        self.records = session.guard.records
        self.ids = session.guard.ids

    def who(self) -> tuple[str, str, str]:
        """Tenant, agent and version of the agent."""
        info = self.session.info
        return info.tenant, info.agent, self.session.guard.agent_version

    def missteps(self, decision: Decision, *, enforced: bool) -> Sequence[Misstep]:
        """What the breaker counts of a decision, once."""
        told = tuple((_weighed(v), v.clause) for v in decision.violations if _counts(v))
        if not told:
            return ()
        key = "" if decision.canonical is None else action_digest(decision.tool, decision.canonical)
        return (
            self.misstep(told, anomaly.misstep_kind(decision.result, [s for s, _ in told]), key, enforced),
        )

    def misstep(
        self, told: tuple[tuple[Severity, str], ...], kind: str, collapse: str, enforced: bool
    ) -> Misstep:
        """One misstep of the call.

        Args:
            told: severity and clause of each violation.
            kind: what it is counted as.
            collapse: digest of the arguments; repeats of one proposal count once.
            enforced: whether it was acted upon.
        """
        tenant, agent, version = self.who()
        effect = self.envelope.tools[self.call.tool].effect if self.call.tool in self.envelope.tools else None
        return Misstep(
            id=self.ids.new(),
            tenant=tenant,
            agent=agent,
            session=self.session.id,
            rule=self.envelope.breaker,
            violations=told,
            agent_version=version,
            effect=effect,
            kind=kind,
            collapse=collapse,
            enforce=enforced,
            envelope=self.envelope.hash,
        )

    def admitted(
        self, decision: Decision, admission: Admission, approval_id: str | None, enforced: bool
    ) -> Event:
        """The event of a call that the store was asked to admit."""
        enforced = enforced or admission.status != "admitted" or decision.acts
        refined = refine(decision, admission, final=approval_id is not None) if enforced else decision
        return self.decided(
            refined, enforced=enforced, mode=admission.mode, approval_id=admission.approval_id
        )

    def decided(
        self,
        decision: Decision,
        *,
        enforced: bool,
        mode: Mode | None = None,
        approval_id: str | None = None,
    ) -> Event:
        """The event of a decision."""
        index = anomaly.of_decision(decision, enforced=enforced)
        body = codec.decision_body(self.quotable(decision))
        if decision.canonical is None:
            body["args"] = codec.plain_args(self.call.args, self.under.redactor.text)
        body |= {
            "call_id": self.call.call_id,
            "token": self.token,
            "enforced": enforced,
            "approval_id": approval_id,
            **({"once": self.once} if self.once else {}),
        }
        body["mode"] = mode.value if mode is not None else self._mode_now()
        return self.session.event("decided", body, index, decision, under=self.under)

    def quotable(self, decision: Decision) -> Decision:
        """Without quotes of what holds secrets: a quote may cut a secret so that no pattern finds it."""
        decision, holds = self.tellable(decision), self.session.seen.holds_secret
        if not any(holds(o.segment) for leaf in decision.provenance for o in leaf.origins):
            return decision
        leaves = (
            replace(
                leaf, origins=tuple(replace(o, quote="") if holds(o.segment) else o for o in leaf.origins)
            )
            for leaf in decision.provenance
        )
        return replace(decision, provenance=tuple(leaves))

    def tellable(self, decision: Decision) -> Decision:
        """Without messages that were cut, where the arguments that they quote hold a secret."""
        if not any(_CUT in v.message for v in decision.violations):
            return decision
        redacted = self.under.redactor.value
        if redacted(decision.canonical) == decision.canonical:
            return decision
        told = tuple(
            replace(v, message=f"{v.kind}: not met by arguments that hold a secret")
            if _CUT in v.message
            else v
            for v in decision.violations
        )
        errors = tuple(f"{v.clause}: {v.message}" for v in told if v.error)
        return replace(decision, violations=told, errors=errors)

    def _mode_now(self) -> str:
        return self.records.mode(*self.who(), None)[0].value

    def settled(
        self, decision: Decision, admission: Admission, outcome: Outcome, index: AnomalyIndex | None
    ) -> Event:
        """The event of what came back."""
        body = codec.outcome_body(outcome, self.under.redactor.text)
        body |= {
            "token": self.token,
            "call_id": self.call.call_id,
            "tool": decision.tool,
            "mode": admission.mode.value,
        }
        if outcome.error is None and isinstance(outcome.value, str):
            body["as_text"] = True
        if state_of(outcome, withheld=False) == UNKNOWN:
            body["outcome"] = UNKNOWN
        if index is not None:
            body["attempted"] = codec.decision_body(self.quotable(decision))
        text = codec.result_text(outcome.value) if outcome.error is None else None
        return self.came_back(body, index, decision, text, withheld=self.withheld(outcome))

    def came_back(
        self,
        body: dict[str, Json],
        index: AnomalyIndex | None,
        decision: Decision,
        text: str | None,
        *,
        withheld: bool,
    ) -> Event:
        """`settled`: what came back, which is also what the agent sees next, unless it was withheld."""
        blobs = {}
        if text is not None:
            if not withheld:
                segment = self.session.seen.append_result(decision.tool, text, self.envelope)
                body["segment"] = codec.segment_body(segment)
            blobs["text"] = self.under.redactor.text(text) if index is not None else self.under.kept(text)
        return self.session.event("settled", body, index, decision, blobs=blobs, under=self.under)

    def notified(self, decision: Decision, outcome: Outcome) -> Sequence[Event]:
        """The one event that tells people that the call ran, where an obligation says so; the store sends it out."""
        tool = self.envelope.tools.get(decision.tool)
        enforced = self.envelope.enforcement is Enforcement.ENFORCE
        found = tells(tool, decision.obligations, None if enforced else self.binding)
        if not found:
            return ()
        redactor = self.under.redactor
        body: dict[str, Json] = {
            "tool": decision.tool,
            "token": self.token,
            "ended": "error" if outcome.error is not None else "value",
            "clauses": [one.clause.id for one in found],
            "to": list(
                dict.fromkeys(one.duty.to for one in found if isinstance(one.duty, Notify) and one.duty.to)
            ),
            "preview": redactor.text(preview(decision.tool, redactor.value(decision.canonical or {}))),
        }
        return (self.session.event(NOTIFIED, body),)

    def withheld(self, outcome: Outcome) -> bool:
        """Whether the agent does not get to see what came back."""
        return bool(withheld_by(outcome.violations, self.envelope, self.binding))


def _weighed(violation: Violation) -> Severity:
    """A flag counts as low unless the clause says otherwise."""
    flagged = violation.on_violation is OnViolation.FLAG and not violation.error
    return Severity.LOW if flagged and violation.severity is Severity.MEDIUM else violation.severity


def _counts(violation: Violation) -> bool:
    if violation.clause.startswith(_UNCOUNTED):
        return False
    return violation.error or violation.on_violation is not OnViolation.HOLD


def preview(tool: str, args: Mapping[str, Json]) -> str:
    """What a call would do, in one line for people: tool and arguments, values cut at 200 characters.

    >>> preview("refund", {"order_id": "O-1", "amount": 120})
    "refund(order_id='O-1', amount=120)"
    """
    shown = []
    for key, value in args.items():
        if isinstance(value, bool | int | float) or value is None:
            shown.append(f"{key}={codec.result_text(value)}")
            continue
        text = value if isinstance(value, str) else codec.result_text(value)
        shown.append(f"{key}={text if len(text) <= 200 else text[:197] + '...'!r}")
    return f"{tool}({', '.join(shown)})"


def state_of(outcome: Outcome, *, withheld: bool) -> str:
    """How later calls see this one."""
    if outcome.error is not None:
        return FAILED if outcome_known(outcome.error) else UNKNOWN
    return WITHHELD if withheld else DONE
