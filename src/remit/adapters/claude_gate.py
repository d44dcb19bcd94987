"""The gate in front of the model's next turn: results are judged, and what it is about to read is what it may read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from remit.adapters.claude_reply import GO_ON, HookReply
from remit.adapters.claude_results import as_told, hidden_lines, shape_of, stands_in, text_of, withheld
from remit.adapters.claude_talk import Open, Talk
from remit.core.refusals import ResultWithheld
from remit.core.told import told_text
from remit.core.types import OnViolation, Severity, Violation
from remit.usecases.guard import Guard


def judged(talk: Talk, known: Open, call: str, response: Any) -> HookReply:
    """Judge a result: what the model reads of it."""
    judged = shape_of(known.tool, response)
    try:
        value = known.begun.end(judged)
    except ResultWithheld as error:
        shown = withheld(known.tool, response, told_text(error))
    else:
        if value == judged:
            return GO_ON
        shown = as_told(response, value)
    talk.hidden[call] = hidden_lines(response, shown)
    return HookReply(0, {"hookSpecificOutput": {"hookEventName": "PostToolUse", "updatedToolOutput": shown}})


def orphaned(guard: Guard, talk: Talk, call: str, tool: str, response: Any) -> HookReply:
    """The result of a call whose guard ended: nobody can judge it, so it is read only where nobody would."""
    rules = guard.envelope.tools.get(tool)
    if rules is not None and not (rules.output or rules.ensure or rules.obligations):
        return GO_ON
    told = {
        "remit": "withheld",
        "tool": tool,
        "reason": "the daemon that decided this call ended before its result was judged",
        "next": "it ran, so look at what it did before you repeat it",
    }
    shown = withheld(tool, response, msgspec.json.encode(told).decode())
    talk.hidden[call] = hidden_lines(response, shown)
    return HookReply(0, {"hookSpecificOutput": {"hookEventName": "PostToolUse", "updatedToolOutput": shown}})


def compare(talk: Talk, known: Open, call: str, ran: Any) -> None:
    """What ran must be what was decided: another hook may have changed it since. What the user changed is theirs."""
    if isinstance(ran, dict) and ran != known.decided:
        told = "it ran with other arguments than were decided: another hook changed them"
        violation = Violation("host.rewritten", "host", OnViolation.DENY, Severity.MEDIUM, told)
        talk.session.refuse(known.tool, ran, violation, call_id=call)


def problem(talk: Talk, event: Mapping[str, Any], call: Mapping[str, Any]) -> str:
    """Why the model may not read the result of a call; empty where it may."""
    name, tool, read = str(call.get("tool_use_id")), str(call.get("tool_name")), call.get("tool_response")
    lines = talk.hidden.pop(name, frozenset())
    if lines is None:
        return f"the result of {tool} could not be recorded, so it is not read"
    if stands_in(lines, read):
        talk.spoilt = f"a withheld result of {tool} stands in this conversation; begin another one (/clear)"
        return talk.spoilt
    if name in talk.open:
        return _left(talk, event, name)
    if name in talk.seen or str(event.get("prompt_id")) not in talk.prompts:
        return ""
    if text_of(read).startswith("<tool_use_error>") or talk.did_not_run(event, name):
        return ""  # the host found no such tool, or malformed arguments, or blocked it since our hook failed
    return _unseen(talk, call, name, tool)


def _left(talk: Talk, event: Mapping[str, Any], name: str) -> str:
    """A call that was admitted and of which no result was told: refused by the host, or lost on the way."""
    tool = talk.open[name].tool
    if talk.did_not_run(event, name):
        talk.settle(name)
        return ""
    talk.settle(name, last="its result was not told")
    return f"the result of {tool} was not told to remit, so it is not read"


def _unseen(talk: Talk, call: Mapping[str, Any], name: str, tool: str) -> str:
    told = "it went past the hooks: nobody decided about it"
    violation = Violation("host.unseen", "host", OnViolation.DENY, Severity.MEDIUM, told)
    asked = call.get("tool_input")
    talk.session.refuse(tool, asked if isinstance(asked, dict) else {}, violation, call_id=name)
    return f"{tool}: {told}"
