"""JSON values compared and looked into: equality across int and float, subsets, paths."""

from __future__ import annotations

import copy
import re
from typing import Any

from remit.core.types import Json, ValuePath
from remit.core.yamltext import Node

_PLAIN = (str, int, float, bool)
_STEP = re.compile(r"([^.\[\]]+)?((?:\[[0-9]+\])*)\Z")


class MissingValue(Exception):
    """Nothing stands at a path; the message says how far it leads."""


def same(one: Json, other: Json) -> bool:
    """Whether two values are equal: 1 is 1.0, and true is not 1.

    >>> same({"a": [1]}, {"a": [1.0]}), same(True, 1)
    (True, False)
    """
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and one == other if not _numbers(one, other) else one == other


def _numbers(one: Json, other: Json) -> bool:
    return isinstance(one, int | float) and isinstance(other, int | float)


def copied(value: Any) -> Any:
    """A copy of a JSON value, ten times as fast as `copy.deepcopy`, which copies what is none.

    >>> copied({"a": [1, {"b": None}]})
    {'a': [1, {'b': None}]}
    """
    kind = type(value)
    if kind is dict:
        return {key: copied(one) for key, one in value.items()}
    if kind is list:
        return [copied(one) for one in value]
    if value is None or kind in _PLAIN:
        return value
    return copy.deepcopy(value)


def holds(value: Json, part: Json) -> bool:
    """Whether *value* has everything that *part* says: of objects all its keys, of lists every item in its place.

    >>> holds({"id": "A", "amount": 5}, {"amount": 5}), holds({"tags": ["a", "b"]}, {"tags": ["a"]})
    (True, False)
    """
    if isinstance(part, dict):
        return isinstance(value, dict) and all(
            key in value and holds(value[key], inner) for key, inner in part.items()
        )
    if isinstance(part, list):
        return isinstance(value, list) and len(value) == len(part) and all(map(holds, value, part))
    return same(value, part)


def read_value_path(node: Node) -> ValuePath:
    """The path at *node*: `orders.A-1.lines[0].price`, or a list of its steps where a key has dots or brackets."""
    if isinstance(node.value, list):
        steps = [item.value for item in node.items()]
        for item, step in zip(node.items(), steps, strict=True):
            if isinstance(step, bool) or not isinstance(step, str | int):
                raise item.error(f"found {item.told}", "write a key or an index")
        return tuple(steps)
    text = node.text()
    found: list[str | int] = []
    for at, part in enumerate(text.split(".") if text else ()):
        match = _STEP.match(part)
        if match is None or not part or (match[1] is None and at):
            raise node.error(
                f"found {node.shown}", "write a path such as orders.A-1.lines[0], or [orders, A-1]"
            )
        found.extend([match[1]] if match[1] else [])
        found.extend(int(index) for index in re.findall(r"\[([0-9]+)\]", match[2]))
    return tuple(found)


def at_path(value: Json, path: ValuePath) -> Json:
    """What stands at a path.

    Raises:
        MissingValue: nothing does.

    >>> at_path({"orders": [{"id": "A"}]}, ("orders", 0, "id"))
    'A'
    """
    for place, step in enumerate(path):
        inside = isinstance(value, dict) if isinstance(step, str) else isinstance(value, list)
        there = inside and (step in value if isinstance(step, str) else step < len(value))
        if not there:
            raise MissingValue(f"nothing stands at {told_path(path[: place + 1])}")
        value = value[step]
    return value


def told_path(path: ValuePath) -> str:
    """A path as it is written.

    >>> told_path(("orders", 0, "id"))
    'orders[0].id'
    """
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")
