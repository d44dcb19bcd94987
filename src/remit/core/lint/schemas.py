"""Schemas that admit more than they seem to."""

from __future__ import annotations

from collections.abc import Iterator

from remit.core.envelope import Envelope
from remit.core.lint.finding import Finding, found_at, tools_of
from remit.core.yamltext import Node


def unanchored_patterns(envelope: Envelope, spec: Node) -> Iterator[Finding]:
    """A JSON Schema pattern is a search: without ^ and $ it admits anything around the match."""
    places = [keys["args"] for _, keys in tools_of(envelope, spec)]
    if "session" in spec.mapping():
        places.append(spec.mapping()["session"])
    for place in places:
        for node in _under_key(place, "pattern"):
            if isinstance(node.value, str) and not anchored(node.value):
                told = (
                    f"pattern {node.value[:60]!r} is a search and admits text around the match; write ^(?:…)$"
                )
                yield found_at("unanchored-pattern", node, told)


def _under_key(node: Node, key: str, *, names: bool = False) -> Iterator[Node]:
    """Values of the keyword *key* in a schema; an argument that is called so is no keyword."""
    if isinstance(node.value, dict):
        for name, inner in node.value.items():
            if name == key and not names:
                yield inner
            elif name not in ("enum", "const", "examples", "default") or names:
                yield from _under_key(inner, key, names=name in ("properties", "$defs") and not names)
    elif isinstance(node.value, list):
        for inner in node.value:
            yield from _under_key(inner, key)


def anchored(pattern: str) -> bool:
    r"""Whether a pattern can only match the whole text.

    >>> anchored("^O-[0-9]+$"), anchored("O-[0-9]+"), anchored("^a|b$"), anchored(r"^(a|b)\$")
    (True, False, False, False)
    """
    begins = pattern.startswith(("^", r"\A"))
    escaped = (len(pattern) - len(pattern.rstrip("$").rstrip("\\")) - 1) % 2 if pattern.endswith("$") else 0
    ends = (pattern.endswith("$") and not escaped) or pattern.endswith(r"\z")
    return begins and ends and not _alternates(pattern)


def _alternates(pattern: str) -> bool:
    """Whether a `|` stands outside every group and class."""
    depth, inside, skip = 0, False, False
    for char in pattern:
        if skip:
            skip = False
        elif char == "\\":
            skip = True
        elif inside:
            inside = char != "]"
        elif char == "[":
            inside = True
        elif char in "()":
            depth += 1 if char == "(" else -1
        elif char == "|" and depth == 0:
            return True
    return False
