"""Results as Claude Code takes them: replaced in the shape that each tool has, and looked for in what the model reads.

Theory. A `PostToolUse` hook may give another result (`updatedToolOutput`). Of a built-in tool Claude Code takes it only
in the tool's own shape, and keeps the first one otherwise, telling nobody. So a result is replaced leaf by leaf, and
`PostToolBatch`, which shows what the model will read before it does, is asked whether a withheld line stands in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_KEPT = frozenset({"type", "mode", "filePath", "file_path", "status"})
"""Keys whose strings choose a shape: another word there, and the whole replacement is not taken."""
_SHOWN_IF = frozenset({"numFiles", "numLines"})
"""Counts of which Claude Code shows nothing at all where they are 0."""
_TELLING = 6
"""Characters of a line that is looked for: shorter ones stand in any text."""
_MOST_LINES = 20_000


def shape_of(tool: str, response: Any) -> Any:
    """What the envelope judges: the result as Claude Code tells it; of an MCP tool, the object that its text spells.

    >>> shape_of("mcp__shop__get", '{"paid": true}'), shape_of("Bash", {"stdout": "hi"})
    ({'paid': True}, {'stdout': 'hi'})
    """
    if tool.startswith("mcp__") and isinstance(response, str) and response[:1] in ("{", "["):
        from remit.core.canonical import loads_strict
        from remit.core.errors import BadInput

        try:
            return loads_strict(response)
        except BadInput:
            return response
    return response


def as_told(response: Any, value: Any) -> Any:
    """A judged value in the form in which Claude Code had told it."""
    if isinstance(response, str) and not isinstance(value, str):
        import msgspec

        return msgspec.json.encode(value).decode()
    return value


def withheld(tool: str, response: Any, told: str) -> Any:
    """*told* in place of a result, in the shape of the result.

    Args:
        tool: whose result it is.
        response: what the tool gave.
        told: what the model reads instead.

    >>> withheld("Bash", {"stdout": "secret", "stderr": "x", "interrupted": False}, "withheld")
    {'stdout': 'withheld', 'stderr': '', 'interrupted': False}
    >>> withheld("mcp__shop__get", '{"secret": 1}', "withheld")
    'withheld'
    """
    if isinstance(response, str):
        return told
    if tool.startswith("mcp__") or isinstance(response, list):
        return [{"type": "text", "text": told}]
    if tool == "Read" and isinstance(response, dict):  # also in place of an image
        path = (response.get("file") or {}).get("filePath", "")
        file = {"filePath": path, "content": told, "numLines": 1, "startLine": 1, "totalLines": 1}
        return {"type": "text", "file": file}
    left = [told]
    return _emptied(response, "", left)


def _emptied(value: Any, key: str, left: list[str]) -> Any:
    if isinstance(value, str):
        return value if key in _KEPT else left.pop() if left else ""
    if isinstance(value, dict):
        return {name: _emptied(item, name, left) for name, item in value.items()}
    if isinstance(value, list):
        return [_emptied(item, key, left) for item in value]
    if isinstance(value, bool) or value is None:
        return value
    return 1 if key in _SHOWN_IF else 0


def hidden_lines(response: Any, shown: Any) -> frozenset[str]:
    """Lines of a result that its replacement does not have.

    >>> sorted(hidden_lines({"stdout": "public line\\nsecret line"}, {"stdout": "public line"}))
    ['secret line']
    """
    kept = "\n".join(_strings(shown))
    found: set[str] = set()
    for text in _strings(response):
        for line in text.splitlines():
            plain = line.strip()
            if len(plain) >= _TELLING and plain not in kept:
                found.add(plain)
            if len(found) >= _MOST_LINES:
                return frozenset(found)
    return frozenset(found)


def stands_in(lines: frozenset[str], read: Any) -> bool:
    """Whether the model would read one of the lines."""
    text = "\n".join(_strings(read))
    return any(line in text for line in lines)


def text_of(read: Any) -> str:
    """All strings of what the model reads of a result."""
    return "\n".join(_strings(read))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            if key not in _KEPT:
                yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
