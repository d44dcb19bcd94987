"""What a hook answers Claude Code, in its words: go on, no objection, a refusal in every way that it understands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from remit.adapters.claude_talk import Open


@dataclass(frozen=True, slots=True)
class HookReply:
    """What the hook is to do."""

    exit: int
    out: Mapping[str, Any]
    err: str = ""


GO_ON = HookReply(0, {"continue": True})


def refused(event: str, text: str) -> HookReply:
    """What makes Claude Code not go on, in each of the ways that it understands."""
    if event == "PreToolUse":
        said = {"hookEventName": event, "permissionDecision": "deny", "permissionDecisionReason": text}
        return HookReply(2, {"hookSpecificOutput": said}, text)
    if event in ("UserPromptSubmit", "PostToolBatch"):
        return HookReply(2, {"decision": "block", "reason": text}, text)
    if event == "PostToolUse":  # the result stands; `PostToolBatch` stops the turn
        return HookReply(2, {}, text)
    return HookReply(1, {}, text)


def no_objection(opened: Open) -> HookReply:
    """Claude Code's own permissions decide; what an obligation lowered is handed back."""
    said: dict[str, Any] = {"hookEventName": "PreToolUse"}
    if opened.decided != opened.asked:
        said["updatedInput"] = opened.decided
    return HookReply(0, {"hookSpecificOutput": said})


def again(value: Any) -> str:
    """The result of a call that was made before, for the model."""
    told = {
        "remit": "repeat",
        "result": value,
        "next": "this call was made before; this is its result, go on with it",
    }
    return msgspec.json.encode(told).decode()
