"""What is known about a tool before anyone wrote a rule: from its definition, or from recorded calls."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from remit.core.canonical import canonical
from remit.core.errors import BadInput
from remit.core.recorded import RecordedSession
from remit.core.types import Json, ToolEffect
from remit.usecases.observed_args import ObservedArgs


@dataclass(frozen=True, slots=True)
class ToolHint:
    """What is known about one tool before anyone wrote a rule."""

    name: str
    description: str = ""
    schema: Mapping[str, Any] = field(default_factory=dict)
    reads_only: bool | None = None
    """The server's own word; it can make a proposal stricter, never looser."""
    destroys: bool | None = None
    """The same: the server says that a write cannot be undone."""
    server: str = ""
    """The MCP server that has it, whose name may stand before what the tool does: `git_show`."""
    user_text: bool = True
    """Whether remit sees what the user said where the tool is called. MCP carries none of it, so that no rule of a tool
    behind it may ask for a value from the user."""
    seen: int = 0
    """Calls in recorded sessions."""
    effect: ToolEffect | None = None
    """Where it is known, and need not be guessed from the name."""
    why: str = ""
    """What it is known from."""


def tools_in(raw: Json, where: str, *, server: str = "", namespace: str = "") -> list[ToolHint]:
    """Tools from a JSON file: MCP's `tools/list`, OpenAI's `tools`, Anthropic's, or a plain list of them.

    Args:
        raw: the file's value.
        where: the file, for errors.
        server: the MCP server that they are called over; empty where they are called otherwise.
        namespace: put before every name, with a slash.

    Raises:
        BadInput: it holds no tool.
    """
    listed = raw.get("tools", raw) if isinstance(raw, dict) else raw
    if isinstance(listed, dict):
        listed = listed.get("tools", [listed])
    prefix = f"{namespace}/" if namespace else ""
    found = [
        replace(one, name=prefix + one.name, server=server, user_text=not server)
        for one in (
            _tool(raw_tool, f"{where}: tools[{at}]")
            for at, raw_tool in enumerate(listed if isinstance(listed, list) else [])
        )
    ]
    if not found:
        raise BadInput(where, "no tools", "write a list of {name, description, inputSchema}")
    return found


def _tool(one: Json, where: str) -> ToolHint:
    inner = one.get("function", one) if isinstance(one, dict) else None
    if not isinstance(inner, dict) or not isinstance(inner.get("name"), str):
        raise BadInput(where, "no tool with a name", "write {name, description, inputSchema}")
    schema: Mapping[str, Any]
    keys = ("inputSchema", "input_schema", "parameters", "parameters_json_schema")
    schema = next((inner[key] for key in keys if isinstance(inner.get(key), dict)), {})
    notes = inner.get("annotations")
    notes = notes if isinstance(notes, dict) else {}
    reads, destroys = notes.get("readOnlyHint"), notes.get("destructiveHint")
    return ToolHint(
        name=inner["name"],
        description=str(inner.get("description") or ""),
        schema=schema,
        reads_only=reads if isinstance(reads, bool) else None,
        destroys=destroys if isinstance(destroys, bool) else None,
    )


def tools_called(sessions: Iterable[RecordedSession]) -> list[ToolHint]:
    """Tools as recorded sessions called them, each with a schema that admits what was seen."""
    seen: dict[str, ObservedArgs] = {}
    for session in sessions:
        for step in session.steps:
            for call in step.calls:
                args = canonical_args(call.args)
                if args is not None:
                    seen.setdefault(call.tool, ObservedArgs()).add(args)
    return [ToolHint(name, schema=one.schema(), seen=one.count) for name, one in sorted(seen.items())]


def canonical_args(args: Json) -> dict[str, Json] | None:
    """Arguments that a guarded call would admit; None for what it would refuse to read."""
    try:
        found = canonical(args)
    except BadInput:
        return None
    return found if isinstance(found, dict) else None
