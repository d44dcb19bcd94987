"""The tools that Claude Code brings, since nothing in a project lists them. To add one: add its line.

Names and arguments as Claude Code 2.1.330 gives them to the model; what later ones add is unlisted, and seen in monitor.
Options with a dash in their name (`-A` of Grep) cannot be named in an envelope.
"""

from __future__ import annotations

from typing import Any

from remit.core.types import JsonSchema, ToolEffect
from remit.usecases.tool_hint import ToolHint

_READ, _WRITE, _LEAVES = ToolEffect.READ, ToolEffect.WRITE, ToolEffect.EGRESS
_FINAL = ToolEffect.IRREVERSIBLE
_TEXT, _NUMBER, _YES, _LIST = {"type": "string"}, {"type": "number"}, {"type": "boolean"}, {"type": "array"}
_TEXTS = _LIST | {"items": _TEXT}

_TOOLS: tuple[tuple[str, ToolEffect, str, str, dict[str, Any]], ...] = (
    ("Read", _READ, "it reads a file", "file_path", {"offset": _NUMBER, "limit": _NUMBER, "pages": _TEXT}),
    ("Glob", _READ, "it finds files", "pattern", {"path": _TEXT}),
    (
        "Grep",
        _READ,
        "it searches files",
        "pattern",
        {"path": _TEXT, "glob": _TEXT, "type": _TEXT, "output_mode": _TEXT}
        | {"context": _NUMBER, "head_limit": _NUMBER, "offset": _NUMBER, "multiline": _YES},
    ),
    ("ToolSearch", _READ, "it finds tools", "query", {"max_results": _NUMBER}),
    ("Skill", _READ, "it loads instructions", "skill", {"args": _TEXT}),
    ("TodoWrite", _WRITE, "it keeps its own list", "", {"todos": _LIST}),
    ("Edit", _WRITE, "it changes a file", "file_path old_string new_string", {"replace_all": _YES}),
    ("Write", _WRITE, "it writes a file", "file_path content", {}),
    (
        "NotebookEdit",
        _WRITE,
        "it changes a notebook",
        "notebook_path new_source",
        {"cell_id": _TEXT, "cell_type": _TEXT, "edit_mode": _TEXT},
    ),
    (
        "Bash",
        _FINAL,
        "a command may do anything",
        "command",
        {"description": _TEXT, "timeout": _NUMBER, "run_in_background": _YES},
    ),
    ("WebFetch", _LEAVES, "it reads, and its argument 'url' says where", "url", {"prompt": _TEXT}),
    (
        "WebSearch",
        _LEAVES,
        "what it asks for leaves",
        "query",
        {"allowed_domains": _TEXTS, "blocked_domains": _TEXTS},
    ),
)
"""Name, effect, why, the texts it needs, and what else it takes."""


def claude_tools() -> tuple[ToolHint, ...]:
    """The tools of Claude Code itself; those of MCP servers are called `mcp__SERVER__TOOL` there."""
    return tuple(
        ToolHint(name, schema=_schema(needed.split(), more), effect=effect, why=why)
        for name, effect, why, needed, more in _TOOLS
    )


def _schema(needed: list[str], more: dict[str, Any]) -> JsonSchema:
    found: JsonSchema = {"type": "object", "properties": dict.fromkeys(needed, _TEXT) | more}
    return found | ({"required": needed} if needed else {})
