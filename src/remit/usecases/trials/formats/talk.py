"""What a recorded session says of a trial: the agent's calls with what came of them, and its last word."""

from __future__ import annotations

from remit.core.recorded import RecordedCall, RecordedSession, RecordedStep
from remit.core.trial.trial import MOST_RESULT, TrialCall


def calls_of(session: RecordedSession) -> tuple[TrialCall, ...]:
    """The agent's tool calls in order; one that got no answer has an unknown outcome."""
    answers: dict[int, RecordedStep] = {id(step.answers): step for step in session.steps if step.answers}
    return tuple(_call(call, answers.get(id(call))) for step in session.steps for call in step.calls)


def _call(call: RecordedCall, answer: RecordedStep | None) -> TrialCall:
    if answer is None:
        return TrialCall(call.tool, call.args, outcome="unknown")
    outcome = "failed" if answer.failed else "done"
    return TrialCall(call.tool, call.args, outcome=outcome, result=answer.text[:MOST_RESULT])


def answer_of(session: RecordedSession) -> str | None:
    """The last text of the agent; None where it said nothing."""
    said = (step.text for step in reversed(session.steps) if step.role == "assistant" and step.text.strip())
    return next(said, None)


def asked_in(session: RecordedSession) -> str:
    """The user's first text; empty where there is none."""
    return next((step.text for step in session.steps if step.role == "user" and step.text.strip()), "")
