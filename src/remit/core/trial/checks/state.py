"""`state`: what stands at a place of the world when the trial has ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from remit.core.schema import compile_schema
from remit.core.trial.judge import TrialCheck
from remit.core.trial.reach import Reach
from remit.core.trial.trial import Checked
from remit.core.trial.values import MissingValue, at_path, read_value_path, same, told_path
from remit.core.trial.view import TrialView
from remit.core.trial.words import shown
from remit.core.types import Json
from remit.core.yamltext import Node

KEYS = ("path", "equals", "json_schema", "at_least", "at_most", "absent")


def state(id: str, node: Node, reach: Reach) -> TrialCheck:
    """A part of the world's last state: it `equals` a value, fits a `json_schema`, is a number `at_least` or `at_most`
    of a size, or is `absent`. `path` is `orders.A-1.lines[0]`, or the list of its steps; without it, the whole state.
    """
    keys = node.keys(KEYS)
    if not reach.has_world:
        raise node.error("reads the state, and the suite has no world", "add 'world:', or look at calls")
    path = read_value_path(keys["path"]) if "path" in keys else ()
    absent = _absent(node, keys)
    parts = [_PARTS[key](keys[key]) for key in KEYS if key in keys and key in _PARTS]
    if not parts and absent is None:
        raise node.error("asks for nothing", f"write one of {', '.join(KEYS[1:])}")
    place = f"state.{told_path(path)}" if path else "state"

    def check(view: TrialView) -> Checked:
        if view.state_flaw:
            return Checked(id, passed=False, told=f"cannot be evaluated: {view.state_flaw}")
        try:
            value = at_path(view.state, path)
        except MissingValue as error:
            return Checked(id, absent is True, "" if absent else f"{place}: {error}")
        if absent:
            return Checked(id, passed=False, told=f"{place} is {shown(value)}, and should not be there")
        told = next((found for part in parts if (found := part(value))), "")
        return Checked(id, not told, f"{place} {told}" if told else "")

    return check


def _absent(node: Node, keys: Mapping[str, Node]) -> bool | None:
    if "absent" not in keys:
        return None
    if not isinstance(keys["absent"].value, bool):
        raise keys["absent"].error(f"found {keys['absent'].told}", "write true or false")
    if keys["absent"].value and not set(keys) <= {"path", "absent"}:
        raise node.error("'absent' beside what it should be", "write one or the other")
    return bool(keys["absent"].value)


def _equals(node: Node) -> Callable[[Json], str]:
    wanted = node.plain()
    return lambda value: "" if same(value, wanted) else f"is {shown(value)}, not {shown(wanted)}"


def _json_schema(node: Node) -> Callable[[Json], str]:
    _, errors = compile_schema(node, closed=False)

    def told(value: Json) -> str:
        found = errors(value)
        return f"does not fit: {'; '.join(found[:3])}" if found else ""

    return told


def _at_least(node: Node) -> Callable[[Json], str]:
    bound = node.number(float("-inf"))
    return lambda value: _no_number(value) or ("" if value >= bound else f"is {value}, not at least {bound}")


def _at_most(node: Node) -> Callable[[Json], str]:
    bound = node.number(float("-inf"))
    return lambda value: _no_number(value) or ("" if value <= bound else f"is {value}, not at most {bound}")


def _no_number(value: Json) -> str:
    is_one = isinstance(value, int | float) and not isinstance(value, bool)
    return "" if is_one else f"is {shown(value)}, no number"


_PARTS: dict[str, Callable[[Node], Callable[[Json], str]]] = {
    "equals": _equals,
    "json_schema": _json_schema,
    "at_least": _at_least,
    "at_most": _at_most,
}
