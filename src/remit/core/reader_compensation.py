"""How what a call of a tool did is undone: `compensation`. It is told to people; no decision reads it."""

from __future__ import annotations

from collections.abc import Mapping

from remit.core.cel import DYN, Condition
from remit.core.cel.types import DOUBLE, INT, ListOf, ObjectOf, Type
from remit.core.envelope import Compensation
from remit.core.reader_history import Shape, Shapes, condition
from remit.core.types import ToolEffect
from remit.core.yamltext import Node

COMPENSATION_KEYS = ("tool", "args", "note", "none")
_REMEDY = 'write {tool: cancel, args: {id: output.id}}, or {none: "why nothing can undo it"}'


def read_compensation(
    node: Node, env: Mapping[str, Type], effect: ToolEffect, shapes: Shapes
) -> Compensation:
    """What undoes a call, or why nothing does.

    Args:
        node: what the envelope says.
        env: the types of `args`, `output` and `session` of the call that would be undone.
        effect: of the tool.
        shapes: the types of all tools; the compensating one must be listed.

    Raises:
        BadInput: the tool is not listed, lacks an argument, or gets one of another name or type.
    """
    if not isinstance(node.value, dict):
        raise node.error(f"found {node.told}", _REMEDY)
    keys = node.keys(COMPENSATION_KEYS)
    if effect is ToolEffect.READ:
        raise node.error("a read changes nothing that could be undone", "remove it, or mend 'effect'")
    if ("tool" in keys) == ("none" in keys):
        raise node.error("needs one of tool, none", _REMEDY)
    if "none" in keys:
        return _nothing(keys)
    shape = shapes(keys["tool"])
    args = _arguments(node, keys, env, shape)
    return Compensation(keys["tool"].text(), args, keys["note"].text() if "note" in keys else "")


def _nothing(keys: Mapping[str, Node]) -> Compensation:
    for key in ("args", "note"):
        if key in keys:
            raise keys[key].error(f"'{key}' where nothing undoes it", "remove it, or name the tool")
    why = keys["none"].text().strip()
    if not why:
        raise keys["none"].error("an empty text", "say why nothing can undo it")
    return Compensation(why_none=why)


def _arguments(
    node: Node, keys: Mapping[str, Node], env: Mapping[str, Type], shape: Shape
) -> tuple[tuple[str, Condition], ...]:
    wanted = shape.args if isinstance(shape.args, ObjectOf) else ObjectOf({})
    tool = keys["tool"].text()
    given = keys["args"].mapping() if "args" in keys else {}
    for name in sorted(wanted.required - given.keys()):
        raise (keys.get("args") or node).error(
            f"'{name}' is missing, which '{tool}' needs", f"add {name}: output.{name}"
        )
    return tuple((name, _argument(name, value, env, wanted, tool)) for name, value in given.items())


def _argument(name: str, value: Node, env: Mapping[str, Type], wanted: ObjectOf, tool: str) -> Condition:
    if name not in wanted.fields:
        told = f"it has {', '.join(wanted.fields) or 'none'}"
        raise value.error(f"'{tool}' has no argument '{name}'", told)
    found = condition(value, env, DYN)
    if not fits(found.type, wanted.fields[name]):
        told = f"'{tool}' takes {wanted.fields[name]} as '{name}'"
        raise value.error(f"{found.text} is {found.type}", told)
    return found


def fits(found: Type, wanted: Type) -> bool:
    """Whether every value of type *found* may stand where *wanted* is asked for; true where nobody can tell.

    >>> fits(INT, DOUBLE), fits(DOUBLE, INT), fits(DYN, INT)
    (True, False, True)
    """
    if DYN in (found, wanted):
        return True
    if isinstance(found, ListOf) and isinstance(wanted, ListOf):
        return fits(found.item, wanted.item)
    if isinstance(found, ObjectOf) and isinstance(wanted, ObjectOf):
        known = found.fields.keys() <= wanted.fields.keys() and wanted.required <= found.required
        return known and all(fits(one, wanted.fields[name]) for name, one in found.fields.items())
    return found == wanted or (found == INT and wanted == DOUBLE)
