"""Whether a new envelope only narrows an old one: shown, or not claimed.

The statement. Where `not_narrowing(old, new)` is empty, then for every call, session and use of limits the decision of
*new* is the same as that of *old* or stricter, in the order ALLOW, HOLD, DENY; a hold asks for no fewer people, and for
none that *old* would not have asked; and the breaker takes autonomy away no later. Whoever wrote *new* may be hostile:
each difference is refused for which no rule here shows that it narrows, a key of the language that is unknown here
included. So the answer "not shown" says nothing against *new*, and names the place to look at.

Out of its reach: what a tool does, and how much a violation weighs that an earlier step catches now (a call that the
schema refuses counts as a slip).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from remit.core.cel.types import from_schema
from remit.core.envelope import Clause, Tool
from remit.core.narrow import clauses as c
from remit.core.narrow.conditions import alike
from remit.core.narrow.lines import line_places, promoted_places, session_ensure_places
from remit.core.narrow.place import Document, WiderPlace, equal, read_document
from remit.core.narrow.schemas import schema_wider
from remit.core.narrow.whole import (
    SPEC_KEYS,
    TOOL_KEYS,
    answer_places,
    breaker_places,
    enforcement_places,
    session_places,
    source_places,
)
from remit.core.types import ToolEffect

__all__ = ["Document", "WiderPlace", "not_narrowing", "read_document", "tool_places"]

_HARM = {ToolEffect.READ: 0, ToolEffect.WRITE: 1, ToolEffect.IRREVERSIBLE: 2, ToolEffect.EGRESS: 2}


def not_narrowing(old: Document, new: Document, *, child: bool = False) -> list[WiderPlace]:
    """Each place where it could not be shown that *new* only narrows *old*; empty where it does.

    Args:
        old: what was allowed.
        new: what would be.
        child: whether *new* is for another agent; else it must keep the name, under which limits and the breaker count.
    """
    found: list[WiderPlace] = []
    if not child and old.envelope.name != new.envelope.name:
        found.append(
            WiderPlace("metadata.name", "another agent: its limits and its breaker would start afresh")
        )
    found += enforcement_places(old.envelope, new.envelope)
    found += session_places(old.envelope, new.envelope)
    found += source_places(old, new)
    for name in new.envelope.tools:
        if name not in old.envelope.tools:
            found.append(WiderPlace(f"tools.{name}", "a new tool"))
        else:
            found += tool_places(old, new, name)
    found += answer_places(old, new)
    found += breaker_places(old, new)
    typed = _same_types(old, new)
    found += session_ensure_places(old, new, typed)
    found += promoted_places(old.envelope, new.envelope)
    return found + list(_unknown(old.spec, new.spec, SPEC_KEYS, "", typed))


def tool_places(old: Document, new: Document, name: str) -> Iterator[WiderPlace]:
    """What may be wider about one tool that both list."""
    ours, theirs = old.envelope.tools[name], new.envelope.tools[name]
    at = f"tools.{name}"
    yield from _effect(old, new, ours, theirs, at)
    if ours.target != theirs.target:
        yield WiderPlace(
            f"{at}.target", f"calls go to {theirs.target or 'nowhere named'!r} now, {ours.target!r} before"
        )
    yield from schema_wider(ours.schema, theirs.schema, f"{at}.args")
    sides = c.Sides(ours, theirs, old.spec["tools"][name], new.spec["tools"][name])
    yield from _told(at, "require", ours.require, [c.require_gaps(sides, line) for line in ours.require])
    yield from _told(at, "flow", ours.flow, [c.flow_gaps(sides, line) for line in ours.flow])
    yield from _told(at, "limits", ours.limits, [c.limit_gaps(sides, line) for line in ours.limits])
    yield from _told(at, "approve", ours.approve, [c.approve_gaps(sides, line) for line in ours.approve])
    yield from (WiderPlace(f"{at}.output", told) for told in c.output_gaps(ours.output, theirs.output))
    yield from (WiderPlace(f"{at}.deadline", told) for told in c.deadline_gaps(ours, theirs))
    for key, main in (("output", "schema"), ("deadline", "after")):
        beside = [c.beside_of(side.get(key), main) for side in (sides.old_plain, sides.new_plain)]
        if not equal(*beside):
            yield WiderPlace(f"{at}.{key}", "keys changed that cannot be compared")
    typed = _same_types(old, new)
    yield from line_places(sides, at, typed)
    yield from _unknown(sides.old_plain, sides.new_plain, TOOL_KEYS, at, typed)


def _told(at: str, kind: str, lines: Sequence[Any], gaps: Sequence[list[str]]) -> Iterator[WiderPlace]:
    for line, told in zip(lines, gaps, strict=True):
        clause: Clause = line.clause
        yield from (WiderPlace(f"{at}.{kind}[{c.short_id(clause)}]", one) for one in told)


def _effect(old: Document, new: Document, ours: Tool, theirs: Tool, at: str) -> Iterator[WiderPlace]:
    if ours.effect is theirs.effect:
        return
    before, after = old.envelope.breaker.admission, new.envelope.breaker.admission
    if _HARM[theirs.effect] <= _HARM[ours.effect]:
        yield WiderPlace(
            f"{at}.effect",
            f"{theirs.effect} now, it was {ours.effect}: approvals and the breaker depend on it",
        )
    elif before.get(ours.effect) == "reserve" and after.get(theirs.effect) != "reserve":
        yield WiderPlace(
            f"{at}.effect", f"{theirs.effect} calls are only counted, {ours.effect} ones were reserved"
        )


def _same_types(old: Document, new: Document) -> bool:
    """Whether facts, arguments and results are read alike: clauses of one tool may look at calls of another."""
    pairs = [(old.envelope.session_schema, new.envelope.session_schema)]
    for name, ours in old.envelope.tools.items():
        theirs = new.envelope.tools.get(name)
        if theirs is not None:
            pairs.append((ours.schema, theirs.schema))
            pairs.append((_result(ours), _result(theirs)))
    return all(alike(from_schema(a), from_schema(b)) for a, b in pairs)


def _result(tool: Tool) -> Mapping[str, Any] | None:
    return tool.output.schema if tool.output is not None else None


def _unknown(
    old: Mapping[str, Any], new: Mapping[str, Any], known: frozenset[str], at: str, typed: bool
) -> Iterator[WiderPlace]:
    """Keys without a rule: they must stand equal, and conditions in them must mean the same."""
    for key in sorted({*old, *new} - known):
        path = f"{at}.{key}".lstrip(".")
        if not (key in old and key in new and equal(old[key], new[key])):
            yield WiderPlace(path, "changed, and no rule says in which direction")
        elif not typed:
            yield WiderPlace(path, "the types that its conditions read changed")
