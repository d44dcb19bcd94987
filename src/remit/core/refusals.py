"""A no as an exception, raised at the end of a guarded call; adapters show it to the model as a tool result."""

from __future__ import annotations

from remit.core.errors import Refused
from remit.core.types import Decision, Mode, Violation


class CallDenied(Refused):
    """The call did not run."""

    def __init__(self, decision: Decision) -> None:
        self.decision = decision
        super().__init__(f"{decision.tool} refused: {decision.reason}")


class ResultWithheld(CallDenied):
    """The call ran, and what came back violates the envelope: the agent does not see it."""

    def __init__(self, decision: Decision, violations: tuple[Violation, ...]) -> None:
        self.violations = violations
        super().__init__(decision)
        told = "; ".join(f"{v.clause}: {v.message}" for v in violations)
        self.args = (f"{decision.tool} ran and its result is withheld: {told}",)


class ApprovalRequired(Refused):
    """The call is held for a human. Made again once it is approved, it continues."""

    def __init__(self, decision: Decision, approval_id: str, expires_in_s: float) -> None:
        self.decision = decision
        self.approval_id = approval_id
        self.expires_in_s = expires_in_s
        super().__init__(
            f"{decision.tool} is held for approval {approval_id} (expires in {expires_in_s:.0f} s): {decision.reason}."
            f" Answer it with: remit approvals approve {approval_id}"
        )


class AgentHalted(Refused):
    """The agent may not open sessions, or do anything: its mode says so."""

    def __init__(self, agent: str, mode: Mode, reason: str) -> None:
        self.agent = agent
        self.mode = mode
        self.reason = reason
        super().__init__(f"agent {agent} is {mode}: {reason}. See: remit breaker show {agent}")


class AnswerRefused(Refused):
    """The agent's final answer violates `outputs`."""

    def __init__(self, violations: tuple[Violation, ...]) -> None:
        self.violations = violations
        super().__init__("final answer refused: " + "; ".join(f"{v.clause}: {v.message}" for v in violations))
