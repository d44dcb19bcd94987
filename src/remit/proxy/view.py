"""The result of an MCP call as an envelope sees it (`output`), and the result again, once clauses have cut the view.

A result may say one thing twice, as structured content and as text. The envelope judges one view of it; where an
obligation changes that, the whole result is built anew from it, so that what was cut is cut everywhere.

    all blocks are text, and structuredContent says no less     → structuredContent
    all blocks are text, and nothing else is there              → the text
    everything else                                             → the object: content, structuredContent
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from remit.core.canonical import encode, loads_strict
from remit.core.errors import BadInput
from remit.core.types import Json

_ENVELOPE_OF_RESULT: Final = frozenset({"content", "structuredContent", "isError", "resultType", "_meta"})
_PLAIN_BLOCK: Final = frozenset({"type", "text"})


def refused(text: str, *, modern: bool = False) -> dict[str, Any]:
    """A result by which the model reads *text* as the tool's error."""
    found: dict[str, Any] = {"content": [{"type": "text", "text": text}], "isError": True}
    return {**found, "resultType": "complete"} if modern else found


def view_of(result: Mapping[str, Any]) -> Json:
    """What an envelope's `output` is for this result.

    >>> view_of({"content": [{"type": "text", "text": "sunny"}]})
    'sunny'
    >>> view_of({"content": [{"type": "text", "text": '{"at": 3}'}], "structuredContent": {"at": 3}})
    {'at': 3}
    >>> view_of({"content": [{"type": "image", "data": "…", "mimeType": "image/png"}]})
    {'content': [{'type': 'image', 'data': '…', 'mimeType': 'image/png'}]}
    """
    text = _plain_text(result)
    if text is not None:
        structured = result.get("structuredContent")
        if structured is None:
            return text
        if isinstance(structured, dict) and _says_the_same(text, structured):
            return structured
    return {key: one for key, one in result.items() if key not in ("isError", "resultType", "_meta")}


def rebuilt(result: Mapping[str, Any] | None, before: Json, after: Json) -> dict[str, Any]:
    """The result that the client gets.

    Args:
        result: as it came from the server; None where it did not run, because an earlier one is given again.
        before: its view.
        after: its view as clauses left it.
    """
    kept = {key: one for key, one in (result or {}).items() if key in ("isError", "resultType")}
    if result is not None and (after is before or after == before):
        return dict(result)
    if isinstance(after, dict) and _is_whole(after):
        return {**after, **kept}
    if isinstance(after, str):
        return {"content": [_block(after)], **kept}
    if isinstance(after, dict):
        return {"content": [_block(_spelled(after))], "structuredContent": after, **kept}
    return {"content": [_block(_json(after))], **kept}


def error_text(result: Mapping[str, Any]) -> str:
    """What a failed call says, for the record: the text of its blocks, else its JSON."""
    content = result.get("content")
    blocks = content if isinstance(content, list) else []
    texts = [one["text"] for one in blocks if isinstance(one, dict) and isinstance(one.get("text"), str)]
    return "\n".join(texts) if texts else _json({k: v for k, v in result.items() if k != "_meta"})


def content_text(method: str, result: Mapping[str, Any]) -> str:
    """The text of a resource or a prompt, for the record and for provenance.

    >>> content_text("resources/read", {"contents": [{"uri": "a:b", "text": "hello"}]})
    'hello'
    """
    found: list[str] = []
    if method == "resources/read":
        found = [one["text"] for one in _objects(result.get("contents")) if isinstance(one.get("text"), str)]
    elif method == "prompts/get":
        for message in _objects(result.get("messages")):
            block = message.get("content")
            if isinstance(block, dict) and isinstance(block.get("text"), str):
                found.append(block["text"])
    return "\n".join(found) if found else _json({k: v for k, v in result.items() if k != "_meta"})


def _objects(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _plain_text(result: Mapping[str, Any]) -> str | None:
    """The text, where every block is text and nothing is said beside it."""
    content = result.get("content")
    if not isinstance(content, list) or not content or not result.keys() <= _ENVELOPE_OF_RESULT:
        return None
    for block in content:
        if (
            not isinstance(block, dict)
            or block.get("type") != "text"
            or not isinstance(block.get("text"), str)
        ):
            return None
        if not block.keys() <= _PLAIN_BLOCK:
            return None
    if len(content) == 1:
        text: str = content[0]["text"]
        return text
    return "\n".join(block["text"] for block in content)


def _says_the_same(text: str, structured: dict[str, Json]) -> bool:
    """Whether the text says nothing that structured content does not say."""
    inner = structured.get("result") if structured.keys() == {"result"} else None
    if isinstance(inner, str) and inner == text:
        return True
    if _spells(text, structured) or (inner is not None and _spells(text, inner)):
        return True
    return isinstance(inner, list) and _says_each(text, inner)


def _spells(text: str, value: Json) -> bool:
    """Whether *text* is the JSON of *value*, with no key twice, and no 1 for a true."""
    try:
        if msgspec.json.format(text, indent=-1) == msgspec.json.encode(value).decode():
            return True
        return encode(loads_strict(text)) == encode(value)
    except (msgspec.MsgspecError, BadInput, TypeError, ValueError, RecursionError):
        return False


def _says_each(text: str, items: list[Json]) -> bool:
    """Whether it is a list's items, a block each."""
    return text == "\n".join(one if isinstance(one, str) else _json(one) for one in items)


def _spelled(structured: dict[str, Json]) -> str:
    if structured.keys() == {"result"} and isinstance(structured["result"], str):
        return structured["result"]
    return _json(structured)


def _is_whole(value: dict[str, Json]) -> bool:
    content = value.get("content")
    if not isinstance(content, list) or not value.keys() <= _ENVELOPE_OF_RESULT:
        return False
    return all(isinstance(one, dict) and isinstance(one.get("type"), str) for one in content)


def _block(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _json(value: Json) -> str:
    try:
        return msgspec.json.encode(value).decode()
    except (TypeError, ValueError, OverflowError, RecursionError):
        return json.dumps(value)
