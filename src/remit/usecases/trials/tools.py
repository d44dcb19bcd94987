"""What an agent under test is told of its tools: name, description and parameters, as JSON Schema."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from remit.core.envelope import Envelope
from remit.core.types import Json

_TYPES: Mapping[object, str] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    list: "array",
    dict: "object",
    "str": "string",
    "int": "integer",
    "float": "number",
    "bool": "boolean",
    "list": "array",
    "dict": "object",
}


def described(
    tools: Mapping[str, Callable[..., Any]], envelope: Envelope | None = None
) -> tuple[Mapping[str, Json], ...]:
    """What is told of *tools*; of those in the envelope, its schema is the schema.

    Args:
        tools: of a world, by name.
        envelope: that governs their calls.

    >>> def get_order(order_id: str, full: bool = False) -> dict:
    ...     '''Look up an order.'''
    >>> described({"get_order": get_order})[0]["description"]
    'Look up an order.'
    """
    known = envelope.tools if envelope is not None else {}
    return tuple(
        {
            "name": name,
            "description": inspect.cleandoc(getattr(tool, "__doc__", None) or ""),
            "parameters": dict(known[name].schema) if name in known else _parameters(tool),
        }
        for name, tool in tools.items()
    )


def _parameters(tool: Callable[..., Any]) -> dict[str, Json]:
    try:
        return _of_function(getattr(tool, "__func__", tool))
    except TypeError:  # one that cannot be hashed
        return _of_function.__wrapped__(tool)


@lru_cache(maxsize=1_000)
def _of_function(tool: Callable[..., Any]) -> dict[str, Json]:
    """Parameters by a function's signature; types that JSON Schema has no word for are left open."""
    try:
        parameters = list(inspect.signature(tool).parameters.values())
    except (TypeError, ValueError):
        return {"type": "object"}
    named = [
        p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY) and p.name != "self"
    ]
    properties: dict[str, Json] = {p.name: _type(p.annotation) for p in named}
    open_ended = any(p.kind is p.VAR_KEYWORD for p in parameters)
    required: list[Json] = [p.name for p in named if p.default is p.empty]
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": open_ended,
    }


def _type(annotation: object) -> Json:
    word = _TYPES.get(annotation) if isinstance(annotation, type | str) else None
    return {"type": word} if word else {}
