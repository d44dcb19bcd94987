"""Whether each clause of a tool is answered by one, or by several, that are at least as strict.

For every clause of the old tool a function here yields why it is *not* covered; nothing where it is. Two orders are
kept apart: a call may only fall from allowed to held to refused, and an error, which always refuses, may not become
a hold or a flag. So a clause that does not deny is only covered by one that errs wherever it does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from remit.core.cel import Condition
from remit.core.envelope import ApprovalRule, Cap, Clause, Flow, Limit, OutputRule, Require, Tool
from remit.core.limits import spoken
from remit.core.narrow.conditions import (
    SchemaFacts,
    TypedNode,
    conjuncts,
    implied,
    keeps,
    known_of,
    same_condition,
    total,
    whole,
)
from remit.core.narrow.place import equal
from remit.core.narrow.schemas import refers, schema_wider
from remit.core.types import OnViolation, Severity

STRICT = {OnViolation.FLAG: 0, OnViolation.HOLD: 1, OnViolation.DENY: 2}
WEIGHT = {severity: rank for rank, severity in enumerate(Severity)}
COMMON = frozenset({"id", "on_violation", "severity", "message", "accept_risk", "by", "expires", "people"})
KEYS: dict[str, frozenset[str]] = {
    "require": COMMON | {"expr"},
    "flow": COMMON | {"arg", "from", "integrity", "confidentiality_at_most", "unless"},
    "limits": COMMON | {"count", "sum", "within", "max", "hold_by"},
    "approve": COMMON | {"when"},
}
"""Keys of each kind of clause that the rules here understand; any other must stand equal in both."""


@dataclass(frozen=True, slots=True)
class Sides:
    """One tool in both envelopes, compiled and plain."""

    old: Tool
    new: Tool
    old_plain: Mapping[str, Any]
    new_plain: Mapping[str, Any]

    def beside(self, kind: str, short: str, side: str) -> dict[str, Any]:
        """Keys of a clause that no rule here understands."""
        plain = self.old_plain if side == "old" else self.new_plain
        for line in plain.get(kind, ()):
            if line.get("id") == short:
                return {key: value for key, value in line.items() if key not in KEYS[kind]}
        return {}


def short_id(clause: Clause) -> str:
    """The id as written, without its tool."""
    return clause.id.rpartition(".")[2]


def weaker(old: Clause, new: Clause) -> Iterator[str]:
    """In what *new* does less about a violation than *old*."""
    if STRICT[new.on_violation] < STRICT[old.on_violation]:
        yield f"on_violation is {new.on_violation} now, it was {old.on_violation}"
    if WEIGHT[new.severity] < WEIGHT[old.severity]:
        yield f"the severity is {new.severity} now, it was {old.severity}"
    if old.on_violation is new.on_violation is OnViolation.HOLD:
        if old.by and not (new.by and set(new.by) <= set(old.by)):
            yield f"others may approve: {', '.join(new.by) or 'any operator'} now, {', '.join(old.by)} before"
        if new.people < old.people:
            yield f"{new.people} must approve now, {old.people} before"
        if new.expires_s > old.expires_s:
            yield f"an approval waits for {spoken(new.expires_s)} now, {spoken(old.expires_s)} before"


def require_gaps(sides: Sides, old: Require) -> list[str]:
    """Why no condition of the new tool covers this one."""
    beside = sides.beside("require", short_id(old.clause), "old")
    lines = _first(sides.new.require, old.clause)
    told: list[str] = []
    for new in lines:
        gaps = [*weaker(old.clause, new.clause), *_condition_gaps(old, new)]
        if not equal(beside, sides.beside("require", short_id(new.clause), "new")):
            gaps.append("keys beside the condition changed")
        if not gaps:
            return []
        told = told or (gaps if new.clause.id == old.clause.id else [])
    if not beside and total(whole(old.condition)) and _always_held(sides, old.clause, before_repeats=True):
        return []
    if not beside and implied(_denying(sides, old), whole(old.condition), facts_of(sides.new)):
        return []
    return told or [f"'{old.condition.text}' is not asked any more"]


def facts_of(tool: Tool) -> SchemaFacts:
    """What the schema of *tool* says of its arguments, except those that an obligation lowers after it was asked."""
    lowered = {
        "args." + ".".join(one.duty.arg)
        for one in tool.obligations
        if isinstance(one.duty, Cap) and one.duty.arg is not None
    }
    return {path: said for path, said in known_of(tool.schema).items() if path not in lowered}


def _first(lines: Sequence[Any], wanted: Clause) -> list[Any]:
    """The line of the same id before the others."""
    return sorted(lines, key=lambda line: line.clause.id != wanted.id)


def _denying(sides: Sides, old: Require) -> list[TypedNode]:
    """Conditions of the new tool of which each one refuses by itself."""
    return [
        part
        for line in sides.new.require
        if line.clause.on_violation is OnViolation.DENY
        and WEIGHT[line.clause.severity] >= WEIGHT[old.clause.severity]
        and not sides.beside("require", short_id(line.clause), "new")
        for part in conjuncts(whole(line.condition))
    ]


def _condition_gaps(old: Require, new: Require) -> Iterator[str]:
    mine, theirs = whole(old.condition), whole(new.condition)
    if not implied([theirs], mine):
        yield f"'{new.condition.text}' does not imply '{old.condition.text}'"
    elif new.clause.on_violation is not OnViolation.DENY and not (total(mine) or keeps(theirs, mine)):
        yield "where the old condition is an error, and refuses, the new one may only hold or flag"


def flow_gaps(sides: Sides, old: Flow) -> list[str]:
    """Why no flow clause of the new tool covers this one."""
    beside = sides.beside("flow", short_id(old.clause), "old")
    told: list[str] = []
    for new in _first(sides.new.flow, old.clause):
        gaps = [*weaker(old.clause, new.clause), *_flow_gaps(old, new)]
        if not equal(beside, sides.beside("flow", short_id(new.clause), "new")):
            gaps.append("keys beside the flow changed")
        if not gaps:
            return list(_freed(sides, old))
        told = told or (gaps if new.clause.id == old.clause.id else [])
    errs = old.unless is not None and not total(whole(old.unless))
    if not beside and not errs and _always_held(sides, old.clause, before_repeats=True):
        return []
    return told or [f"nobody asks any more where '{'.'.join(old.arg)}' comes from"]


def _flow_gaps(old: Flow, new: Flow) -> Iterator[str]:
    if new.arg != old.arg:
        yield "it asks about another argument"
    if old.sources and not (new.sources and set(new.sources) <= set(old.sources)):
        extra = [source for source in new.sources if source not in old.sources]
        yield f"values may also come from {', '.join(extra) or 'any source'}"
    if old.integrity is not None and (new.integrity is None or new.integrity.rank > old.integrity.rank):
        yield f"integrity {new.integrity or 'of any kind'} is enough now, {old.integrity} was needed"
    most, before = new.confidentiality_at_most, old.confidentiality_at_most
    if before is not None and (most is None or most.rank > before.rank):
        yield f"{most or 'any confidentiality'} may pass now, {before} at most could"
    yield from _unless_gaps(old.unless, new.unless)


def _unless_gaps(old: Condition | None, new: Condition | None) -> Iterator[str]:
    if new is None:
        if old is not None and not total(whole(old)):
            yield f"where 'unless: {old.text}' was an error, the call was refused; now nobody asks"
        return
    if old is None:
        yield f"'{new.text}' lifts it now"
    elif not implied([whole(new)], whole(old)):
        yield f"'{new.text}' lifts it now, '{old.text}' did before"
    elif not (total(whole(old)) or keeps(whole(new), whole(old))):
        yield "where the old 'unless' was an error the call was refused; the new one may have an answer"


def _freed(sides: Sides, flow: Flow) -> Iterator[str]:
    """Values that the old schema had traced and the new one exempts, since it spells them out."""
    for path in sorted(sides.new.exempt_paths - sides.old.exempt_paths):
        if path[: len(flow.arg)] == flow.arg or flow.arg[: len(path)] == path:
            yield f"'{'.'.join(path)}' is an enum, a constant or a boolean now, so that no flow clause asks about it"
    name = flow.arg[0]
    before, after = _below(sides.old.schema, name), _below(sides.new.schema, name)
    moved = refers(before) and not equal(sides.old.schema.get("$defs"), sides.new.schema.get("$defs"))
    if (moved or not equal(before, after)) and not (_names_all_keys(before) and _names_all_keys(after)):
        yield f"the schema of '{name}' changed, and keys that it names are not asked about"


_OUTSIDE = frozenset(
    {"type", "properties", "required", "additionalProperties", "description", "title", "$defs"}
)


def _below(schema: Mapping[str, Any], name: str) -> Any:
    """What is said about one argument; the whole schema where it says more than its properties."""
    return schema.get("properties", {}).get(name) if schema.keys() <= _OUTSIDE else schema


_APPLIED = ("$ref", "$dynamicRef", "allOf", "anyOf", "oneOf", "not", "if", "then", "else", "prefixItems", "contains",
            "dependentSchemas", "unevaluatedProperties", "unevaluatedItems")  # fmt: skip


def _names_all_keys(schema: Any) -> bool:
    """Whether a value of this schema can have no key that the schema does not name."""
    if not isinstance(schema, Mapping) or any(
        key in schema for key in (*_APPLIED, "patternProperties", "propertyNames")
    ):
        return False
    kind = schema.get("type")
    if not isinstance(kind, str):
        listed = [schema["const"]] if "const" in schema else schema.get("enum", [{}])
        return not any(isinstance(value, dict | list) for value in listed)
    if kind == "object":
        closed = schema.get("additionalProperties") is False
        return closed and all(_names_all_keys(inner) for inner in schema.get("properties", {}).values())
    return kind != "array" or _names_all_keys(schema.get("items"))


def _always_held(sides: Sides, old: Clause, *, before_repeats: bool = False) -> bool:
    """Whether a person must approve every call, and no other person than *old*, which does no more, would ask.

    A repeat that gets the first call's result needs no approval: there only what stands before can hold.
    """
    repeats = sides.new.idempotency
    if before_repeats and repeats is not None and repeats.on_repeat == "return_first":
        return False
    return any(
        new.when is None
        and not any(weaker(old, new.clause))
        and not sides.beside("approve", short_id(new.clause), "new")
        for new in sides.new.approve
    )


def limit_gaps(sides: Sides, old: Limit) -> list[str]:
    """Why the limit of this id does not cover the old one. What was used is kept under the id, so it must stay."""
    new = next((line for line in sides.new.limits if line.clause.id == old.clause.id), None)
    mine, theirs = (sides.beside("limits", short_id(old.clause), side) for side in ("old", "new"))
    if new is None:
        never_errs = old.sum is None and all(total(whole(key)) for key in old.by)
        if not mine and never_errs and _always_held(sides, old.clause):
            return []
        return ["the limit is gone; under another id what was used so far would be forgotten"]
    gaps = list(weaker(old.clause, new.clause))
    if not same_condition(old.sum, new.sum):
        gaps.append("it counts something else")
    if len(old.by) != len(new.by) or not all(map(same_condition, old.by, new.by)):
        gaps.append("it counts by another key")
    if new.max > old.max:
        gaps.append(f"the maximum is {new.max:g} now, it was {old.max:g}")
    if new.within_s < old.within_s:
        gaps.append(f"the window is {spoken(new.within_s)} now, it was {spoken(old.within_s)}")
    return gaps if equal(mine, theirs) else [*gaps, "keys beside the limit changed"]


def approve_gaps(sides: Sides, old: ApprovalRule) -> list[str]:
    """Why no approval of the new tool covers this one."""
    beside = sides.beside("approve", short_id(old.clause), "old")
    told: list[str] = []
    for new in _first(sides.new.approve, old.clause):
        gaps = [*weaker(old.clause, new.clause), *_when_gaps(old.when, new.when)]
        if not equal(beside, sides.beside("approve", short_id(new.clause), "new")):
            gaps.append("keys beside the approval changed")
        if not gaps:
            return []
        told = told or (gaps if new.clause.id == old.clause.id else [])
    return told or ["nobody has to approve any more"]


def _when_gaps(old: Condition | None, new: Condition | None) -> Iterator[str]:
    if new is None:
        if old is not None and not total(whole(old)):
            yield f"where 'when: {old.text}' was an error, the call was refused; now a person may allow it"
    elif old is None:
        yield f"only when '{new.text}' now, always before"
    elif not implied([whole(old)], whole(new)):
        yield f"only when '{new.text}' now, when '{old.text}' before"
    elif not (total(whole(old)) or keeps(whole(old), whole(new))):
        yield "where the old 'when' was an error the call was refused; the new one may have an answer"


def beside_of(plain: Any, main: str) -> dict[str, Any]:
    """Keys beside *main* that no rule here understands; none where the value is written without its clause."""
    if not (isinstance(plain, Mapping) and main in plain):
        return {}
    return {key: value for key, value in plain.items() if key not in COMMON and key != main}


def output_gaps(old: OutputRule | None, new: OutputRule | None) -> list[str]:
    """Why the schema of the result does not cover the old one."""
    if old is None:
        return []
    if new is None:
        return ["the result is not checked any more"]
    wider = [f"{place.path}: {place.why}" for place in schema_wider(old.schema, new.schema, "output")]
    return [*weaker(old.clause, new.clause), *wider]


def deadline_gaps(old: Tool, new: Tool) -> list[str]:
    """Why the deadline does not cover the old one."""
    if old.deadline is None or old.deadline_s is None:
        return []
    if new.deadline is None or new.deadline_s is None:
        return ["there is no deadline any more"]
    longer = new.deadline_s > old.deadline_s
    told = (
        [f"the deadline is {spoken(new.deadline_s)} now, it was {spoken(old.deadline_s)}"] if longer else []
    )
    return [*weaker(old.deadline, new.deadline), *told]
