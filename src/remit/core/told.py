"""What the model reads in place of a result: one JSON object whose words do not change from case to case.

A model that reads a refusal decides what to do next from it. So it says in fixed words whether to repeat the call, and
in the clauses' own words why.

    refused      it did not run, and will not: do something else
    held         a person must approve this exact call: repeat it later
    withheld     it ran, and what came back is not shown: do not repeat it
    halted       the agent may do nothing more
    unavailable  it did not run, since it could not be recorded: it may be repeated
    unknown      it was started, and nobody knows whether it did its work: do not repeat it
"""

from __future__ import annotations

from remit.core.canonical import first_invisible
from remit.core.errors import BadInput, OutcomeUnknown, Refused, Unavailable
from remit.core.refusals import AgentHalted, AnswerRefused, ApprovalRequired, CallDenied, ResultWithheld
from remit.core.types import Json

REPEAT_NOT = "do not repeat this call; do something else, or tell the user why it cannot be done"
REPEAT_WHEN_APPROVED = "repeat the identical call once it is approved; any change to it needs a new approval"
RAN = "it ran, so do not repeat it; tell the user that its result is withheld"
STOP = "stop, and tell the user that a person must look at this agent"
LATER = "it did not run; it may be repeated later"
LOOK = "it may have done its work, so do not repeat it; tell the user that a person must look"
MEND = "it did not run; mend what is named, and make the call again"
_MOST_TOLD = 2_000


def told(error: BaseException) -> dict[str, Json]:
    """What is said of *error*, which ended a guarded call.

    Args:
        error: `Refused` and its kinds, `Unavailable`, `BadInput`, `OutcomeUnknown`; anything else is told as unavailable,
            by its type alone, since its message may be anybody's.

    >>> told(Unavailable("the disk is full"))
    {'remit': 'unavailable', 'reason': 'the disk is full', 'next': 'it did not run; it may be repeated later'}
    """
    match error:
        case ApprovalRequired():
            return _held(error)
        case ResultWithheld():
            clauses = list(dict.fromkeys(v.clause for v in error.violations))
            # Not in the clauses' words: they may quote what is withheld.
            reason = f"{error.decision.tool} ran, and its result violates {', '.join(clauses)}"
            return _said("withheld", reason, RAN, tool=error.decision.tool, clauses=clauses)
        case CallDenied():
            decision = error.decision
            clauses = list(decision.clauses)
            return _said("refused", decision.reason, REPEAT_NOT, tool=decision.tool, clauses=clauses)
        case AnswerRefused():
            clauses = list(dict.fromkeys(v.clause for v in error.violations))
            return _said("refused", str(error), "give another final answer", clauses=clauses)
        case AgentHalted():
            return _said("halted", str(error), STOP)
        case _:
            return _not_decided(error)


def _held(error: ApprovalRequired) -> dict[str, Json]:
    decision = error.decision
    return _said(
        "held",
        decision.reason,
        REPEAT_WHEN_APPROVED,
        tool=decision.tool,
        clauses=list(decision.clauses),
        approval_id=error.approval_id,
        expires_in_s=round(error.expires_in_s),
    )


def _not_decided(error: BaseException) -> dict[str, Json]:
    match error:
        case OutcomeUnknown():
            return _said("unknown", str(error), LOOK)
        case BadInput():
            return _said("refused", str(error), MEND)
        case Unavailable() if error.ran:
            return _said("unknown", str(error), LOOK)
        case Unavailable() | Refused():
            return _said("unavailable", str(error), LATER)
        case _:
            return _said("unavailable", f"remit failed: {type(error).__name__}", LATER)


def _said(kind: str, reason: str, then: str, **more: Json) -> dict[str, Json]:
    return {"remit": kind, **more, "reason": _shown(reason), "next": then}


def _shown(text: str) -> str:
    """Clauses quote values, which are anybody's: no invisible characters, and not without end."""
    cut = text if len(text) <= _MOST_TOLD else text[: _MOST_TOLD - 1] + "…"
    if first_invisible(cut) is None:
        return cut
    return "".join(c if first_invisible(c) is None else c.encode("unicode_escape").decode() for c in cut)


def told_text(error: BaseException) -> str:
    """`told` as JSON in one line.

    >>> told_text(Unavailable("the disk is full"))
    '{"remit":"unavailable","reason":"the disk is full","next":"it did not run; it may be repeated later"}'
    """
    import msgspec

    return msgspec.json.encode(told(error)).decode()
