"""Message lists of model interfaces as the steps of a session: OpenAI's chat form, and Anthropic's blocks.

Only what replay needs is read: who spoke, the text, the calls and what answers them. Images, audio and hidden
reasoning are passed over.
"""

from __future__ import annotations

from typing import Any

from remit.core.errors import BadInput

_ROLES = {"developer": "system", "human": "user", "ai": "assistant", "function": "tool"}
_TEXTS = (None, "text", "input_text", "output_text")


def steps_of(messages: object, where: str) -> list[dict[str, Any]]:
    """The steps that *messages* are.

    Args:
        messages: `[{role, content, tool_calls?, tool_call_id?}, …]`; content is text or a list of parts,
            among them `tool_use` and `tool_result` blocks.
        where: the place, for errors.

    Raises:
        BadInput: it is no list of messages with a role.

    >>> steps_of([{"role": "user", "content": "hi"}], "doc")
    [{'role': 'user', 'content': 'hi'}]
    """
    if not isinstance(messages, list):
        raise BadInput(f"{where}: messages", "is no list", "write a list of {role, content}")
    steps: list[dict[str, Any]] = []
    for at, message in enumerate(messages):
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise BadInput(f"{where}: messages[{at}]", "no 'role'", "write {role, content}")
        steps.extend(_steps(message, f"{where}: messages[{at}]"))
    return steps


def _steps(message: dict[str, Any], where: str) -> list[dict[str, Any]]:
    role = _ROLES.get(message["role"], message["role"])
    content: Any = message.get("content")
    blocks = [b for b in content if isinstance(b, dict)] if isinstance(content, list) else []
    answers = [_result(block) for block in blocks if block.get("type") == "tool_result"]
    asked = message.get("tool_calls") or []
    if not isinstance(asked, list):
        raise BadInput(f"{where}.tool_calls", "is no list", "write [{id, function: {name, arguments}}]")
    calls = [_asked(call, where) for call in asked]
    used = [block for block in blocks if block.get("type") == "tool_use"]
    calls += [_call(block.get("id"), block.get("name"), block.get("input"), where) for block in used]
    if blocks:
        content = [b for b in content if not isinstance(b, dict) or b.get("type") in _TEXTS]
    if answers and not content:
        return answers
    step: dict[str, Any] = {"role": role, "content": content}
    if calls:
        step["tool_calls"] = calls
    if role == "tool":
        step |= {"tool_call_id": message.get("tool_call_id"), "tool_name": message.get("name")}
    return [*answers, step]


def _result(block: dict[str, Any]) -> dict[str, Any]:
    return {"role": "tool", "content": block.get("content"), "tool_call_id": block.get("tool_use_id")}


def _asked(call: Any, where: str) -> dict[str, Any]:
    inner = call.get("function") if isinstance(call, dict) else None
    if not isinstance(inner, dict):
        raise BadInput(f"{where}.tool_calls", "no 'function'", "write {id, function: {name, arguments}}")
    return _call(call.get("id"), inner.get("name"), inner.get("arguments"), where)


def _call(call_id: Any, name: Any, args: Any, where: str) -> dict[str, Any]:
    if not isinstance(name, str):
        raise BadInput(f"{where}.tool_calls", "a call without a name", "name the tool")
    return {"id": call_id, "name": name, "args": args}
