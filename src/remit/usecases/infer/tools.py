"""What is proposed for each tool: its effect, the schema of its arguments, and the clauses that guard it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from remit.core.types import Json, JsonSchema, ToolEffect
from remit.usecases.infer.flows import Learned, ProposedFlow, is_target, paths_of
from remit.usecases.infer.limits import Domains, domains, room_for
from remit.usecases.infer.observe import Observed, ObservedCall
from remit.usecases.infer.schemas import tightened
from remit.usecases.scaffold import closed
from remit.usecases.tool_effect import effect_of
from remit.usecases.tool_hint import ToolHint, tools_called

UNKNOWN = "its name does not say what it does"
LEAST_TASKS = 2
"""What fewer tasks show is told as seen once."""
FEW_TASKS = 3
"""A tool of which fewer tasks are known, and that nothing guards, asks a person for each call."""
COMMON_TASKS = 8
"""A tool of so many tasks is everyday work (see `next_breaks`): asking for each call
would only teach people to say yes, so it is told as unguarded instead."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.:/-]{0,127}\Z")
_RESERVED = frozenset({"user", "system", "assistant", "session"})


@dataclass(frozen=True, slots=True)
class ProposedTool:
    """One tool as the envelope will list it, with what speaks for each line."""

    name: str
    effect: ToolEffect
    why: str
    """Why this effect."""
    schema: JsonSchema
    calls: int
    tasks: int
    defined: bool
    """Whether its schema came with a definition, rather than from its calls."""
    notes: tuple[str, ...] = ()
    flows: tuple[ProposedFlow, ...] = ()
    domains: tuple[Domains, ...] = ()
    most: int = 0
    """Calls in a session at most, with room; 0 where nothing is known."""
    every_call: bool = False
    """Whether a person approves each call, because nothing else guards it."""
    kinds: Mapping[str, str] = field(default_factory=dict)
    """Shape of the values of each argument, where all had one."""
    description: str = ""

    @property
    def unguarded(self) -> bool:
        """Whether its calls run with nothing asked but their schema, although they cannot be taken back."""
        return self.effect.consequential and not (self.flows or self.domains or self.every_call)

    @property
    def unknown(self) -> bool:
        """Whether nothing tells what running it does."""
        return self.why == UNKNOWN


@dataclass(frozen=True, slots=True)
class ProposedTools:
    """All of them, and those that an envelope cannot list."""

    tools: tuple[ProposedTool, ...]
    left_out: Mapping[str, str]


def proposed_tools(observed: Observed, hints: Iterable[ToolHint] = ()) -> ProposedTools:
    """Proposals for every tool that was called or defined.

    Args:
        observed: the good sessions.
        hints: definitions; they win over what was seen, and add tools that were never called.
    """
    defined = {hint.name: hint for hint in hints}
    seen = {hint.name: hint for hint in tools_called(observed.sessions)}
    calls: defaultdict[str, list[ObservedCall]] = defaultdict(list)
    for call in observed.calls:
        calls[call.tool].append(call)
    floats = _hands_over_floats(observed.calls)
    left_out: dict[str, str] = {}
    listed: list[ProposedTool] = []
    for name in sorted({*defined, *seen}):
        if not _NAME.match(name) or name in _RESERVED:
            left_out[name] = "an envelope does not admit its name"
        else:
            listed.append(_tool(defined.get(name), seen.get(name), calls[name], floats))
    return ProposedTools(tuple(_guarded(listed, Learned(observed), calls)), left_out)


def _named(schema: Mapping[str, Any]) -> JsonSchema:
    """The schema without arguments that no condition could name; calls that use them are refused."""
    fields = schema.get("properties", {})
    named = {name: inner for name, inner in fields.items() if name.isidentifier()}
    return {**schema, "properties": named} | (
        {"required": [name for name in schema["required"] if name in named]} if "required" in schema else {}
    )


def _tool(
    defined: ToolHint | None, seen: ToolHint | None, calls: Sequence[ObservedCall], floats: bool
) -> ProposedTool:
    hint = defined or seen
    assert hint is not None  # noqa: S101 - one of the two named it
    effect, why = effect_of(hint)
    schema = closed(hint.schema) if defined else dict(hint.schema)
    schema = {"type": "object", "additionalProperties": False, "properties": {}} | schema
    schema = _named(schema)
    if defined:
        schema = _as_called(schema, calls, effect, floats)
    choices = [path for path in paths_of(schema) if not is_target(path)]
    bounded = tightened(schema, calls, choices)
    return ProposedTool(
        name=hint.name,
        effect=effect,
        why=why,
        schema=bounded.schema,
        calls=len(calls),
        tasks=len({call.task for call in calls}),
        defined=defined is not None,
        notes=bounded.notes,
        most=room_for(calls) if effect.consequential else 0,
        kinds=_kinds(calls),
        description=hint.description,
    )


def _guarded(
    tools: Sequence[ProposedTool], learned: Learned, calls: Mapping[str, Sequence[ObservedCall]]
) -> list[ProposedTool]:
    """The tools with their flow clauses: first those that were called, then those that borrow from them."""
    own: dict[str, list[ProposedFlow]] = {}
    for tool in tools:
        if tool.effect is not ToolEffect.READ:
            own[tool.name] = learned.flows(
                tool.name, paths_of(tool.schema), _required(tool.schema), tool.effect.consequential
            )
            learned.learn_for_others(tool.name, own[tool.name])
    return [tool if tool.name not in own else _with(tool, own[tool.name], learned, calls) for tool in tools]


def _with(
    tool: ProposedTool,
    flows: list[ProposedFlow],
    learned: Learned,
    calls: Mapping[str, Sequence[ObservedCall]],
) -> ProposedTool:
    paths, required = paths_of(tool.schema), _required(tool.schema)
    named = {leaf.path for call in calls[tool.name] for leaf in call.leaves}
    unused = [path for path in paths if path not in named]
    flows = flows + learned.unseen(unused, _first(tool) if not tool.calls else "")
    found = [d for path in required if (d := domains(calls[tool.name], path)) is not None]
    flows = [flow for flow in flows if not _chooses(tool.schema, flow.arg)]
    # A clause on an argument that a call can leave out does not guard the call.
    guarded = any(flow.arg in required for flow in flows)
    every = not guarded and tool.tasks < (COMMON_TASKS if tool.effect.consequential else FEW_TASKS)
    return replace(tool, flows=tuple(flows), domains=tuple(found), every_call=every)


def _first(tool: ProposedTool) -> str:
    """What a tool that can be taken back works on, where no name tells: its first required text."""
    if tool.effect.consequential or any(is_target(name) for name in _required(tool.schema)):
        return ""
    fields = tool.schema.get("properties", {})
    texts = (name for name in _required(tool.schema) if fields.get(name, {}).get("type") == "string")
    return next(texts, "")


def _required(schema: Mapping[str, Any]) -> list[str]:
    return list(schema.get("required", ()))


def _chooses(schema: Mapping[str, Any], path: str) -> bool:
    """Whether the schema lists the values at *path*, so that no flow clause asks about them."""
    here: Any = schema
    for step in path.split("."):
        here = here.get("properties", {}).get(step.removesuffix("[]"), {}) if isinstance(here, dict) else {}
        here = here["items"] if isinstance(here, dict) and isinstance(here.get("items"), dict) else here
    return isinstance(here, dict) and ("enum" in here or "const" in here or here.get("type") == "boolean")


def _kinds(calls: Sequence[ObservedCall]) -> dict[str, str]:
    kinds: defaultdict[str, set[str]] = defaultdict(set)
    for call in calls:
        for leaf in call.leaves:
            kinds[leaf.path].add(leaf.kind)
    return {path: next(iter(found)) for path, found in kinds.items() if len(found) == 1}


def _as_called(
    schema: JsonSchema, calls: Sequence[ObservedCall], effect: ToolEffect, floats: bool
) -> JsonSchema:
    """The definition, admitting how models write it: a float for an integer, and in reads one value for a list.

    Only what at least two tasks show counts; a read that is called with an odd type does no harm.
    """
    seen: defaultdict[str, defaultdict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for call in calls if effect is ToolEffect.READ else ():
        for name, value in call.args.items():
            seen[name][_type(value)].add(call.task)
    often = {n: {k for k, tasks in types.items() if len(tasks) >= LEAST_TASKS} for n, types in seen.items()}
    fields = {
        name: _admitting(inner, often.get(name, set()) | ({"number"} if floats else set()))
        for name, inner in schema.get("properties", {}).items()
    }
    return schema | {"properties": fields}


def _admitting(schema: Any, types: set[str]) -> Any:
    if isinstance(schema, dict) and isinstance(schema.get("anyOf"), list):
        known = {str(one.get("type")) for one in schema["anyOf"] if isinstance(one, dict)}
        extra = types - known - (set() if "integer" in known else {"number"})
        return schema | {"anyOf": [*schema["anyOf"], *({"type": kind} for kind in sorted(extra))]}
    has = schema.get("type") if isinstance(schema, dict) else None
    if not isinstance(has, str | list):
        return schema
    own = {has} if isinstance(has, str) else set(has)
    if "integer" in own and "number" in types:
        own = own - {"integer"} | {"number"}
    own |= types - {"number"} - ({"integer"} if "number" in own else set())
    return schema | {"type": sorted(own) if len(own) > 1 else next(iter(own))}


def _hands_over_floats(calls: Iterable[ObservedCall]) -> bool:
    """Whether whole numbers come as floats: some models' interfaces know no others."""
    tasks = {
        c.task
        for c in calls
        for leaf in c.leaves
        if isinstance(leaf.value, float) and leaf.value.is_integer()
    }
    return len(tasks) >= LEAST_TASKS


def _type(value: Json) -> str:
    if value is None:
        return "null"
    names = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return names[type(value)]
