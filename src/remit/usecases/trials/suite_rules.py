"""Checks, invariants and gates as a suite writes them: `{id: …, KIND: settings}`, or the kind's name alone."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection

from remit.core.trial.reach import settings_of
from remit.core.trial.suite import Rule
from remit.core.yamltext import Node

MOST_NAME = 200


def read_name(node: Node) -> str:
    """A name of 1 to 200 printable characters, as it stands in reports and plots."""
    name = node.text()
    if not name or len(name) > MOST_NAME or not name.isprintable() or name != name.strip():
        raise node.error(f"found {name[:40]!r}", f"write 1 to {MOST_NAME} printable characters")
    return name


def read_rules(
    node: Node, kinds: Collection[str], what: str, check: Callable[[Rule, Node], object]
) -> tuple[Rule, ...]:
    """The rules of a list.

    Args:
        node: the list.
        kinds: lines of the table.
        what: `checks`, `invariants` or `gates`, for errors.
        check: called with each rule and its settings; it raises `BadInput` where they are wrong.
    """
    found: dict[str, Rule] = {}
    for item in node.items():
        rule, settings = read_rule(item, kinds, what)
        if rule.id in found:
            raise item.error(f"two {what} have the id '{rule.id}'", "give each its own: {id: …}")
        check(rule, settings)
        found[rule.id] = rule
    return tuple(found.values())


def read_rule(node: Node, kinds: Collection[str], what: str) -> tuple[Rule, Node]:
    """One rule, and the node of its settings."""
    if isinstance(node.value, str):
        kind = node.choice(tuple(kinds))
        return Rule(kind, kind, {}, node.where), Node(None, node.line, node.path, node.file)
    inside = node.mapping()
    named = [key for key in inside if key != "id"]
    unknown = next((key for key in named if key not in kinds), None)
    if unknown is not None:
        near = difflib.get_close_matches(unknown, list(kinds), n=1)
        hint = f"did you mean '{near[0]}'? " if near else ""
        raise inside[unknown].error(f"unknown key '{unknown}'", f"{hint}{what} are: {', '.join(kinds)}")
    if len(named) != 1:
        raise node.error(f"found {', '.join(named) or 'no kind'}", f"write exactly one of {', '.join(kinds)}")
    settings = inside[named[0]]
    name = read_name(inside["id"]) if "id" in inside else named[0]
    return Rule(name, named[0], settings_of(settings), settings.where), settings
