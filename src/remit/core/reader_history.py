"""The clauses of a tool that look at earlier calls: `history`, `idempotency`, `monotonic`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from remit.core.cel import DYN, Condition, compile_condition
from remit.core.cel.pins import equalities, pinnable
from remit.core.cel.types import BOOL, Type, record
from remit.core.envelope import EventPattern, History, Idempotency, Monotonic
from remit.core.errors import BadInput
from remit.core.reader_clauses import COMMON, clause_of, duration_s
from remit.core.types import OnViolation, ToolEffect
from remit.core.yamltext import Node

PHASES = ("request", "response")
ACROSS = ("session", "principal", "agent")
OPERATORS = ("formerly", "never", "since")
EVENT_KEYS = ("tool", "phase", "within", "across")
HISTORY_KEYS = (*OPERATORS, "where", "broken_by", *COMMON)
BROKEN_KEYS = ("tool", "phase", "across", "where")
IDEMPOTENCY_KEYS = (
    "id",
    "key",
    "within",
    "on_repeat",
    "after_error",
    "across",
    "severity",
    "message",
    "by",
    "expires",
    "people",
)
MONOTONIC_KEYS = ("value", "of", "order", *(k for k in COMMON if k != "by"), "by", "hold_by")


@dataclass(frozen=True, slots=True)
class Shape:
    """The types of one tool, for conditions of its own and of others."""

    args: Type
    output: Type


Shapes = Callable[[Node], Shape]
"""The shape of the tool that a node names; `BadInput` where there is none of that name."""


def where_of(node: Node) -> str:
    """The place of a condition, for its errors."""
    return f"{node.file}:{node.line}: {node.path}"


def condition(node: Node, env: Mapping[str, Type], result: Type = BOOL, *, world: bool = False) -> Condition:
    """The condition that is written at *node*; *world* where it may ask about the world."""
    return compile_condition(node.text(), env, where=where_of(node), result=result, world=world)


# ---------------------------------------------------------------------------------------------------- history
def read_history(
    tool: str, node: Node, env: Mapping[str, Type], effect: ToolEffect, shapes: Shapes
) -> History:
    """One history clause of *tool*."""
    keys = node.keys(HISTORY_KEYS, required=("id",))
    named = [operator for operator in OPERATORS if operator in keys]
    if len(named) != 1:
        raise node.error(
            f"found {', '.join(named) or 'none'} of formerly, never, since",
            "write exactly one: {tool: …, within: …}",
        )
    operator = named[0]
    if (operator == "since") != ("broken_by" in keys):
        remedy = "write since: {tool, within} and broken_by: {tool}, or formerly without broken_by"
        raise node.error("'since' and 'broken_by' belong together", remedy)
    inner = keys[operator].keys(EVENT_KEYS, required=("tool", "within"))
    absence = operator == "never"
    return History(
        clause=clause_of(tool, node, keys, effect=effect),
        operator=operator,
        event=_pattern(inner, keys.get("where"), env, shapes, absence=absence),
        within_s=duration_s(inner["within"]),
        broken_by=_broken(keys["broken_by"], env, shapes) if "broken_by" in keys else None,
    )


def _broken(node: Node, env: Mapping[str, Type], shapes: Shapes) -> EventPattern:
    keys = node.keys(BROKEN_KEYS, required=("tool",))
    return _pattern(keys, keys.get("where"), env, shapes, absence=True)


def _pattern(
    keys: Mapping[str, Node], where: Node | None, env: Mapping[str, Type], shapes: Shapes, *, absence: bool
) -> EventPattern:
    """Where something must be absent all is looked at that may count; where it must be there, the surest only."""
    shape = shapes(keys["tool"])
    phases = _phases(keys.get("phase"), PHASES if absence else ("response",))
    across = keys["across"].choice(ACROSS) if "across" in keys else ("agent" if absence else "session")
    plain = EventPattern(keys["tool"].text(), phases, across)
    return plain if where is None else _related(plain, where, env, shape)


def _phases(node: Node | None, default: tuple[str, ...]) -> tuple[str, ...]:
    if node is None:
        return default
    items = node.items() if isinstance(node.value, list) else [node]
    found = tuple(dict.fromkeys(item.choice(PHASES) for item in items))
    if not found:
        raise node.error("an empty list", "write request, response or both")
    return found


def _related(plain: EventPattern, node: Node, env: Mapping[str, Type], shape: Shape) -> EventPattern:
    event = record(args=shape.args, output=shape.output)
    whole = condition(node, {**env, "event": event})
    kept = tuple(dict.fromkeys(_kept(path) for path in whole.reads if path.split(".")[0] == "event"))
    if not kept:
        raise node.error("says nothing about 'event'", "relate it: event.args.order_id == args.order_id")
    if "request" in plain.phases and any(path[:1] != ("args",) for path in kept):
        raise node.error("reads event.output, which a request does not have", "write phase: response")
    found, alone = equalities(whole.tree, whole.text)
    pins = [pin for equality in found if (pin := _pin(equality.path, equality.text, event, env, node))]
    indexed = alone and len(pins) == len(found)
    return EventPattern(
        tool=plain.tool,
        phases=plain.phases,
        across=plain.across,
        pins=tuple(sorted(pins, key=lambda pin: pin[0])),
        where=None if indexed else whole,
        keeps=() if indexed else kept,
    )


def _kept(path: str) -> tuple[str, ...]:
    """`event.args.amount` as ('args', 'amount'); a list at the top of a result is kept whole."""
    steps = path.split(".")[1:3]
    if not steps:
        return ()
    return (steps[0].removesuffix("[]"),) if "[]" in steps[0] else tuple(s.replace("[]", "") for s in steps)


def _pin(
    path: tuple[str, ...], text: str, event: Type, env: Mapping[str, Type], node: Node
) -> tuple[tuple[str, ...], Condition] | None:
    """The equality as a pin, where both sides are always there and of one plain type; None leaves it to `where`."""
    try:
        theirs = compile_condition("event." + ".".join(path), {"event": event}, where="", result=DYN)
        ours = compile_condition(text, env, where=where_of(node), result=DYN)
    except BadInput:
        return None
    return (path, ours) if pinnable(theirs.type, ours.type) else None


# ---------------------------------------------------------------------------------------------------- idempotency
def read_idempotency(tool: str, node: Node, env: Mapping[str, Type]) -> Idempotency:
    """What a repeat of a call of *tool* gets."""
    keys = node.keys(IDEMPOTENCY_KEYS, required=("key", "within", "on_repeat"))
    on_repeat = keys["on_repeat"].choice(("return_first", "refuse", "hold"))
    after_error = (
        keys["after_error"].choice(("refuse", "hold", "retry")) if "after_error" in keys else "refuse"
    )
    key = tuple(condition(item, env, DYN) for item in keys["key"].items())
    if not key:
        raise keys["key"].error("an empty list", "name what makes two calls the same: [args.order_id]")
    holds = "hold" in (on_repeat, after_error)
    how = OnViolation.HOLD if holds else OnViolation.DENY
    return Idempotency(
        clause=clause_of(tool, node, keys, default_id="idempotency", on_violation=how),
        key=key,
        within_s=duration_s(keys["within"]),
        on_repeat=on_repeat,
        after_error=after_error,
        across=keys["across"].choice(ACROSS) if "across" in keys else "agent",
    )


# ---------------------------------------------------------------------------------------------------- monotonic
def read_monotonic(
    tool: str, node: Node, env: Mapping[str, Type], effect: ToolEffect, output: Type
) -> Monotonic:
    """A quantity of *tool* that never decreases, or a state that only moves forward."""
    keys = node.keys(MONOTONIC_KEYS, required=("id",))
    if ("value" in keys) == ("of" in keys):
        raise node.error("needs one of value, of", "write value: args.version, or of: args.state with order")
    written = keys["value"] if "value" in keys else keys["of"]
    value = condition(written, {**env, "output": output}, DYN)
    by = (
        tuple(condition(i, {**env, "output": output}, DYN) for i in keys["by"].items())
        if "by" in keys
        else ()
    )
    after = any(path.split(".")[0].removesuffix("[]") == "output" for c in (value, *by) for path in c.reads)
    shared = {"by" if k == "hold_by" else k: v for k, v in keys.items() if k != "by"}
    return Monotonic(
        clause=clause_of(tool, node, shared, effect=effect, hold=not after),
        value=value,
        by=by,
        order=_order(keys, value),
        after=after,
    )


def _order(keys: Mapping[str, Node], value: Condition) -> tuple[str, ...]:
    kind = str(value.type)
    if "value" in keys:
        if "order" in keys:
            raise keys["order"].error("'order' of a number", "states are named by 'of', not by 'value'")
        if kind not in ("int", "double", "dyn"):
            raise keys["value"].error(f"a value of {kind}", "name a number; a state is 'of' with 'order'")
        return ()
    if "order" not in keys:
        raise keys["of"].error("no 'order'", "list the states, first to last: [open, paid, closed]")
    order = tuple(item.text() for item in keys["order"].items())
    if len(order) < 2 or len(set(order)) != len(order):
        raise keys["order"].error(f"found {list(order)}", "list two or more different states, first to last")
    if kind not in ("string", "dyn"):
        raise keys["of"].error(f"a state of {kind}", "name a string")
    return order
