"""The schema of one tool's arguments: types as called or as defined, then as tight as the record supports.

A schema refuses outright, so every bound here has room, and is written only where the sample shows that little was left
unseen: closed sets by Good-Turing, ranges by the rank of the next task, shapes by the rule of succession.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from remit.core.types import Json, JsonSchema
from remit.usecases.infer.observe import Leaf, ObservedCall
from remit.usecases.infer.values import SHAPES, next_breaks, prefix_of, roomy, unseen_mass

MOST_UNSEEN = 0.1
"""A set of values is closed where a new one comes with at most this chance."""
MOST_MEMBERS = 20
TASKS_FOR_A_RANGE = 19
"""The next task's largest value is above all of m earlier ones with chance 1/(m + 1): 5 % at 19."""
TASKS_FOR_A_LENGTH = 3
LEAST_SHAPED = 8
"""Different values of one shape that make it a pattern: the next has another with a chance of at most 10 %."""


@dataclass
class _Seen:
    """The values at one place of the arguments."""

    tasks: set[str] = field(default_factory=set)
    by_value: defaultdict[Json, set[str]] = field(default_factory=lambda: defaultdict(set))
    kinds: set[str] = field(default_factory=set)
    longest: int = 0
    highest: float = 0.0
    lowest: float = 0.0
    numbers: int = 0

    def add(self, leaf: Leaf, task: str) -> None:
        self.tasks.add(task)
        self.kinds.add(leaf.kind)
        if isinstance(leaf.value, str):
            self.longest = max(self.longest, len(leaf.value))
            self.by_value[leaf.value].add(task)
        elif isinstance(leaf.value, int | float) and not isinstance(leaf.value, bool):
            self.highest = max(self.highest, leaf.value)
            self.lowest = min(self.lowest, leaf.value)
            self.numbers += 1

    @property
    def closed(self) -> list[str]:
        """All values, where they are few and no new one is to be expected; else nothing."""
        if not 0 < len(self.by_value) <= MOST_MEMBERS or self.numbers or self.longest > 64:
            return []
        enough = unseen_mass(len(tasks) for tasks in self.by_value.values()) <= MOST_UNSEEN
        return sorted(map(str, self.by_value)) if enough else []


@dataclass(frozen=True, slots=True)
class Tightened:
    """A schema, and in words what was added to it and why."""

    schema: JsonSchema
    notes: tuple[str, ...]


def tightened(schema: JsonSchema, calls: Sequence[ObservedCall], choices: Iterable[str] = ()) -> Tightened:
    """The *schema* with the bounds that *calls* support.

    Args:
        schema: closed; what it says already stays.
        calls: of this tool.
        choices: arguments that may become closed sets; a target never does, since who is addressed changes.
    """
    seen: defaultdict[str, _Seen] = defaultdict(_Seen)
    most: defaultdict[str, int] = defaultdict(int)
    for call in calls:
        for leaf in call.leaves:
            seen[leaf.path].add(leaf, call.task)
        for name, value in call.args.items():
            if isinstance(value, list):
                most[name] = max(most[name], len(value))
    notes: list[str] = []
    found = _walk(schema, "", seen, frozenset(choices), notes)
    for name, count in most.items():
        _longest_list(found["properties"].get(name), count)
    return Tightened(found, tuple(notes))


def _walk(
    schema: Any, path: str, seen: defaultdict[str, _Seen], choices: frozenset[str], notes: list[str]
) -> Any:
    if not isinstance(schema, dict):
        return schema
    found = dict(schema)
    if isinstance(found.get("properties"), dict):
        dot = f"{path}." if path else ""
        found["properties"] = {
            name: _walk(inner, f"{dot}{name}", seen, choices, notes)
            for name, inner in found["properties"].items()
        }
    if isinstance(found.get("items"), dict):
        below = f"{path}[]" if found["items"].get("properties") else path
        found["items"] = _walk(found["items"], below, seen, choices, notes)
    elif path in seen and not {"enum", "const", "properties", "anyOf", "oneOf", "$ref"} & found.keys():
        _bound(found, path, seen[path], choices, notes)
    return found


def _bound(found: JsonSchema, path: str, seen: _Seen, choices: frozenset[str], notes: list[str]) -> None:
    types = {found["type"]} if isinstance(found.get("type"), str) else set(found.get("type", ()))
    if "string" in types and seen.by_value:
        few = len(seen.tasks) < TASKS_FOR_A_LENGTH
        least = (
            65_536 if few else 16_384 if "prose" in seen.kinds else 1_024 if "phrase" in seen.kinds else 128
        )
        found.setdefault("maxLength", roomy(seen.longest, least))
    if types == {"string"}:
        if path in choices and seen.closed:
            found.clear()
            found["enum"] = seen.closed
            notes.append(
                f"{path}: {len(seen.closed)} values in {len(seen.tasks)} tasks, no new one to be expected"
            )
        elif shape := _shape(seen):
            found.setdefault("pattern", shape)
            notes.append(f"{path}: all {len(seen.by_value)} different values have this shape")
    if types & {"integer", "number"} and seen.numbers:
        if seen.lowest >= 0 and len(seen.tasks) > 1:
            found.setdefault("minimum", 0)
        if len(seen.tasks) >= TASKS_FOR_A_RANGE:
            found.setdefault("maximum", _room(seen.highest))
            notes.append(
                f"{path}: at most {seen.highest:g} in {len(seen.tasks)} tasks, with room to ten times that"
            )


def _room(highest: float) -> int:
    """The power of ten that is at least ten times as much, so that nothing of the record can be read from it."""
    bound = 10
    while bound < 10 * highest:
        bound *= 10
    return bound


def _shape(seen: _Seen) -> str:
    if (
        len(seen.kinds) != 1
        or len(seen.by_value) < LEAST_SHAPED
        or next_breaks(0, len(seen.by_value)) > MOST_UNSEEN
    ):
        return ""
    (kind,) = seen.kinds
    if kind != "numbered":
        return SHAPES.get(kind, "")
    prefixes = {prefix_of(str(value)) for value in seen.by_value}
    return f"^{prefixes.pop()}[0-9]{{1,12}}$" if len(prefixes) == 1 else ""


def _longest_list(schema: Any, count: int) -> None:
    if isinstance(schema, dict) and "array" in str(schema.get("type", "")):
        schema.setdefault("maxItems", max(10, 4 * count))
