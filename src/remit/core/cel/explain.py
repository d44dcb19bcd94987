"""Why a condition answered as it did: its parts, with their values, as far as they were reached."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, TypeAlias

from remit.core.cel import nodes as n
from remit.core.cel.errors import ConditionError
from remit.core.cel.steps import MAX_STEPS, STEPS, Env

ExplainedValues: TypeAlias = "list[tuple[str, object]]"

_EXTRA_STEPS: Final = 3 * MAX_STEPS  # parts are evaluated again under their parents
_PLAIN: Final = (type(None), bool, int, float, str, list, dict)


def explain(tree: n.CelNode, text: str, run: Callable[[n.CelNode, Env], Any], env: Env) -> ExplainedValues:
    """Return (text of a part, its value or ConditionError), the whole first, each text once.

    Args:
        tree: the checked condition.
        text: its source.
        run: evaluates one node.
        env: roots by name.
    """
    found: dict[str, object] = {}
    env[STEPS] = -_EXTRA_STEPS
    for part, value in _parts(tree, text, run, env):
        found.setdefault(part, value)
    return list(found.items())


def _parts(
    node: n.CelNode, text: str, run: Callable[[n.CelNode, Env], Any], env: Env
) -> Iterator[tuple[str, object]]:
    if isinstance(node, n.Literal):
        return
    yield text[node.start : node.end], _value(node, run, env)
    for child in _reached(node, run, env):
        if isinstance(node, n.Macro) and child is node.body:
            yield node.var, env[node.var]
        yield from _parts(child, text, run, env)


def _value(node: n.CelNode, run: Callable[[n.CelNode, Env], Any], env: Env) -> object:
    try:
        value = run(node, env)
    except ConditionError as error:
        return error
    except Exception as error:  # noqa: BLE001 - an explanation never fails
        return ConditionError(f"{type(error).__name__}: {error}")
    return value if isinstance(value, _PLAIN) else str(value)


def _reached(node: n.CelNode, run: Callable[[n.CelNode, Env], Any], env: Env) -> Iterator[n.CelNode]:
    """Yield the parts that the evaluation looked at; *env* holds the macro variables they saw."""
    match node:
        case n.Logic(op=op, items=items):
            for item in items:
                yield item
                if _value(item, run, env) is not (op == "&&"):
                    return
        case n.Choice(test=test, then=then, otherwise=otherwise):
            yield test
            answer = _value(test, run, env)
            if isinstance(answer, bool):
                yield then if answer else otherwise
        case n.Macro(over=over):
            yield over
            yield from _deciding(node, run, env)
        case n.Select() | n.Has() | n.Name():
            return
        case _:
            yield from node.children()


def _deciding(node: n.Macro, run: Callable[[n.CelNode, Env], Any], env: Env) -> Iterator[n.CelNode]:
    """Yield the body for the first element that decided: false for all, true for exists, or an error."""
    items = _value(node.over, run, env)
    if not isinstance(items, list) or node.kind not in {"all", "exists"}:
        return
    for item in items:
        env[node.var] = item
        answer = _value(node.body, run, env)
        if answer is (node.kind == "exists") or isinstance(answer, ConditionError):
            yield node.body
            return
