"""Equalities between an event and this call: the part of a `where` that an index can answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from remit.core.cel import nodes as n
from remit.core.cel.types import BOOL, DOUBLE, INT, STRING, Type

_ROOT = "event"
_PINNED = (STRING, INT, DOUBLE, BOOL)


@dataclass(frozen=True, slots=True)
class Equality:
    """One `event.… == …` that must hold, whatever else does."""

    path: tuple[str, ...]
    """Keys below `event`, such as ('args', 'order_id')."""
    text: str
    """The expression over this call that the field must equal."""


def equalities(tree: n.CelNode, text: str) -> tuple[tuple[Equality, ...], bool]:
    """The equalities that stand at the top of *tree*, joined by `&&`, and whether there is nothing else.

    >>> from remit.core.cel.parser import parse
    >>> text = "event.args.id == args.id && event.output.total > 5"
    >>> found, alone = equalities(parse(text), text)
    >>> [(e.path, e.text) for e in found], alone
    ([(('args', 'id'), 'args.id')], False)
    """
    found, others = list[Equality](), 0
    for part in _conjuncts(tree):
        equality = _equality(part, text)
        if equality is None:
            others += 1
        else:
            found.append(equality)
    return tuple(found), not others


def pinnable(event: Type, call: Type) -> bool:
    """Whether equality of these two types is equality of their spelling: the same scalar, known while loading."""
    return event == call and event in _PINNED


def _conjuncts(node: n.CelNode) -> Iterator[n.CelNode]:
    if isinstance(node, n.Logic) and node.op == "&&":
        for item in node.items:
            yield from _conjuncts(item)
    else:
        yield node


def _equality(node: n.CelNode, text: str) -> Equality | None:
    if not isinstance(node, n.Binary) or node.op != "==":
        return None
    for one, other in ((node.left, node.right), (node.right, node.left)):
        path = _path(one)
        if path and not _mentions_event(other):
            return Equality(path, text[other.start : other.end])
    return None


def _path(node: n.CelNode) -> tuple[str, ...]:
    """Keys below `event`; empty where *node* is anything else than a plain selection from it."""
    steps = list[str]()
    while isinstance(node, n.Select):
        steps.append(node.name)
        node = node.base
    named = isinstance(node, n.Name) and node.name == _ROOT
    return tuple(reversed(steps)) if named and len(steps) > 1 else ()


def _mentions_event(node: n.CelNode) -> bool:
    if isinstance(node, n.Name):
        return node.name == _ROOT
    return any(_mentions_event(child) for child in node.children())
