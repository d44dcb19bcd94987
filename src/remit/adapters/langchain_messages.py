"""LangChain's messages as remit reads them: what was seen, what a tool gave, what was answered. Values in, values out."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langgraph.types import Command

from remit.core.errors import BadInput
from remit.core.reader_tool import RESERVED
from remit.core.results import spelled

INJECTED = "langchain"
"""Source of what nobody in the conversation wrote: summaries, and other messages that appear in the middle of a run."""
_REASONING = ("reasoning", "thinking", "reasoning_content", "redacted_thinking")
_CALLS = (
    "tool_call",
    "tool_call_chunk",
    "invalid_tool_call",
    "tool_use",
    "function_call",
    "input_json_delta",
)
_FUNCTIONS = ("function", "custom")
_RUN_HERE = ("bash", "text_editor", "computer", "memory", "local_shell")
"""Beginnings of provider tools that the client runs: their calls come through the hook as any other."""


@dataclass(frozen=True, slots=True)
class MessageText:
    """One text of one message."""

    key: str
    """Names the text in its session: equal only where the same message says the same."""
    role: str
    text: str
    source: str | None = None


# ---------------------------------------------------------------------------------------------- what was seen
def texts(
    messages: Sequence[BaseMessage], *, injected: bool = False, tool: str | None = None
) -> list[MessageText]:
    """Every text of *messages*, in order.

    Args:
        messages: of the state, or of a request.
        injected: a `HumanMessage` that was not seen before is not the user's.
        tool: where the messages came out of a tool: its name, which all of them get as their source.
    """
    found: list[MessageText] = []
    times: Counter[str] = Counter()
    called = {call["id"]: call["name"] for m in messages if isinstance(m, AIMessage) for call in m.tool_calls}
    for message in messages:
        mark = message.id
        if not mark:  # then it is told apart by its place among its likes
            like = f"{message.type}:{message.content!r}"
            times[like] += 1
            mark = f"{like}#{times[like]}"
        found += _of_message(message, mark, called, injected=injected)
    return found if tool is None else [replace(one, role="tool", source=source(tool)) for one in found]


def _of_message(
    message: BaseMessage, mark: str, called: Mapping[str | None, str], *, injected: bool
) -> Iterator[MessageText]:
    """Who gave the message is not known, only what it says of itself: a caller's list may name any tool."""
    text = readable(message)
    if isinstance(message, ToolMessage):
        name = message.name or called.get(message.tool_call_id) or "tool"
        yield MessageText(result_key(message), "tool", text, f"?{name}")
    elif isinstance(message, AIMessage):
        yield from spoken(message, mark)
    elif (
        isinstance(message, HumanMessage) and not injected and not message.additional_kwargs.get("lc_source")
    ):
        yield MessageText(key("user", mark, text), "user", text)
    else:
        yield MessageText(key("user", mark, text), "tool", text, INJECTED)


def system(message: SystemMessage) -> MessageText:
    """The agent's own prompt, as a request carries it; a system message in the state may be anybody's."""
    return MessageText(key("system", "", readable(message)), "system", readable(message))


def spoken(message: AIMessage, mark: str = "") -> list[MessageText]:
    """What the model wrote: its reasoning, what tools that ran at its provider brought, and its words."""
    mark, found = mark or message.id or "", list[MessageText]()
    for block in blocks(message):
        kind = str(block.get("type"))
        if kind == "text" or kind in _CALLS:
            continue
        if kind in _REASONING:
            text = _thought(block)
            found.append(MessageText(key("reasoning", mark, text), "assistant", text))
        else:
            text = _spelled(block)
            name = str(block.get("name") or kind)
            found.append(MessageText(key("block", mark, text), "tool", text, f"?{name}"))
    if said := message.text:
        found.append(MessageText(answer_key(message, mark), "assistant", str(said)))
    return [one for one in found if one.text]


def blocks(message: BaseMessage) -> list[dict[str, Any]]:
    """Its content blocks in LangChain's standard form, provider's own ones as they are."""
    try:
        standard: Any = message.content_blocks
    except Exception:  # noqa: BLE001 - a provider's translator that fails hides no text from the record
        standard = message.content if isinstance(message.content, list) else []
    plain = [block for block in standard if isinstance(block, dict)]
    return [
        b["value"] if b.get("type") == "non_standard" and isinstance(b.get("value"), dict) else b
        for b in plain
    ]


def _thought(block: Mapping[str, Any]) -> str:
    for name in ("reasoning", "thinking", "reasoning_content", "text", "summary"):
        value = block.get(name)
        if isinstance(value, str) and value:
            return value
        if isinstance(value, list):
            return "\n".join(str(p.get("text", "")) for p in value if isinstance(p, dict))
        if isinstance(value, dict):
            return str(value.get("text", ""))
    return ""


def readable(message: BaseMessage) -> str:
    """The message's text; of blocks that are none, what they are."""
    if isinstance(message.content, str):
        return message.content
    parts: list[str] = []
    for block in message.content:
        if isinstance(block, str):
            parts.append(block)
        elif isinstance(block.get("text"), str):
            parts.append(block["text"])
        else:
            parts.append(f"[{block.get('type', 'block')}: not text, and not captured]")
    return "\n".join(parts)


def key(kind: str, mark: str, text: str) -> str:
    """A short name of a text."""
    told = f"{kind}\0{mark}\0{text}".encode("utf-8", "replace")
    return hashlib.sha256(told).hexdigest()[:24]


def result_key(message: ToolMessage) -> str:
    """Names a tool's message by the call that it answers, since its own id comes late."""
    return key("result", message.tool_call_id, readable(message))


def answer_key(message: AIMessage, mark: str = "") -> str:
    """Names the words of a model's message, without its reasoning."""
    return key("said", mark or message.id or "", str(message.text))


def source(name: str) -> str:
    """A tool's name as a source: one that calls itself `user` has no claim to the user's label."""
    return f"?{name}" if name in RESERVED else name or "tool"


def named(messages: Iterable[BaseMessage]) -> None:
    """Give every message an id now, so that it is known again in the state."""
    for message in messages:
        if not message.id:
            message.id = str(uuid4())


# ---------------------------------------------------------------------------------------------- what a tool gave
def parts(result: Any, call_id: str, messages_key: str) -> tuple[ToolMessage | None, list[BaseMessage]]:
    """The message that answers the call, and every other message that *result* brings along."""
    own: ToolMessage | None = None
    others: list[BaseMessage] = []
    for message in _messages(result, messages_key):
        if own is None and isinstance(message, ToolMessage) and message.tool_call_id == call_id:
            own = message
        else:
            others.append(message)
    return own, others


def _messages(result: Any, messages_key: str) -> Iterator[BaseMessage]:
    if isinstance(result, BaseMessage):
        yield result
    elif isinstance(result, Command):
        update: Any = result.update
        yield from _messages(
            update.get(messages_key, []) if isinstance(update, Mapping) else update, messages_key
        )
    elif isinstance(result, list | tuple):
        for one in result:
            yield from _messages(one, messages_key)


def exchanged(result: Any, old: ToolMessage, new: ToolMessage, messages_key: str) -> Any:
    """*result* with *new* in the place of *old*."""
    if result is old:
        return new
    if isinstance(result, list):
        return [exchanged(one, old, new, messages_key) for one in result]
    if isinstance(result, Command):
        update: Any = result.update
        if isinstance(update, Mapping) and messages_key in update:
            update = {**update, messages_key: exchanged(update[messages_key], old, new, messages_key)}
        elif isinstance(update, list):
            update = exchanged(update, old, new, messages_key)
        return replace(result, update=update)
    return result


def value_of(message: ToolMessage | None) -> Any:
    """What a tool gave, as clauses look at it.

    A dict or list that a tool returned stands in the message as JSON text, as LangChain writes it: that text is read
    again. Any other text is a text; content of text blocks alone is their text; other content is the list of blocks.
    """
    if message is None:
        return None
    content: Any = message.content
    if isinstance(content, list):
        textual = all(isinstance(b, str) or b.get("type") == "text" for b in content)
        return readable(message) if textual else content
    if content[:1] not in ("{", "["):
        return content
    try:
        value = spelled(content)
    except (BadInput, RecursionError):
        return content
    return value if _spelled(value) == content else content


def judged(message: ToolMessage, given: Any, value: Any) -> ToolMessage:
    """*message* as the agent may see it.

    Args:
        message: as the tool gave it.
        given: its value before it was judged.
        value: what the guard lets through. Where it is another one, the artifact goes too: it may hold what was cut.
    """
    if _same(given, value):
        return message
    return message.model_copy(update={"content": content_of(value), "artifact": None})


def content_of(value: Any) -> str | list[Any]:
    """A value as LangChain writes it into a tool's message."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value and all(isinstance(b, dict) and "type" in b for b in value):
        return value
    return _spelled(value)


def _same(one: Any, other: Any) -> bool:
    return one is other or (type(one) is type(other) and _spelled(one) == _spelled(other))


def _spelled(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


# ---------------------------------------------------------------------------------------------- the request, the answer
def turn_of(messages: Sequence[BaseMessage], call_id: str) -> str:
    """The id of the model's message that asked for the call; empty where there is none."""
    for message in reversed(messages):
        if isinstance(message, AIMessage) and any(call["id"] == call_id for call in message.tool_calls):
            return message.id or ""
    return ""


def hosted(tools: Iterable[Any]) -> list[str]:
    """Tools that run at the model's provider, where no hook sees them.

    >>> hosted([{"type": "web_search"}, {"type": "function", "function": {}}, {"google_search": {}}])
    ['web_search', 'google_search']
    """
    found: list[str] = []
    for tool in tools:
        if not isinstance(tool, Mapping) or {"function", "parameters", "input_schema", "args_schema"} & set(
            tool
        ):
            continue
        kind = str(tool.get("type") or next(iter(tool), "unknown"))
        if kind not in _FUNCTIONS and not kind.startswith(_RUN_HERE):
            label = tool.get("server_label") or tool.get("name")
            found.append(f"{kind} {label}" if label and label != kind else kind)
    return found


def answer_of(state: Mapping[str, Any], messages: Sequence[BaseMessage]) -> str | None:
    """The final answer's text; None where nothing was answered."""
    structured = state.get("structured_response")
    if structured is not None:
        dump = getattr(structured, "model_dump", None)
        return _spelled(dump(mode="json") if callable(dump) else structured)
    last = messages[-1] if messages else None
    if isinstance(last, AIMessage) and not last.tool_calls:
        return str(last.text)
    return readable(last) if isinstance(last, ToolMessage) else None


def replaced(last: BaseMessage, text: str, told: Mapping[str, Any]) -> BaseMessage:
    """The answer's message with *text* in its place, and nothing left of what it said."""
    mark: dict[str, Any] = {"remit": dict(told)}
    if isinstance(last, ToolMessage):
        return ToolMessage(
            text,
            id=last.id,
            name=last.name,
            tool_call_id=last.tool_call_id,
            status="error",
            additional_kwargs=mark,
        )
    return AIMessage(text, id=last.id, name=last.name, additional_kwargs=mark)
