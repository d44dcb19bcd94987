"""What a condition asks about the world outside: questions that the enforcement point answers before the decision."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from remit.core.cel import nodes as n
from remit.core.cel.errors import ConditionError, Flaw
from remit.core.cel.functions import FUNCTIONS
from remit.core.cel.steps import STEPS, Env, WorldQuestion, charge

MAX_ASKS: Final = 64
"""Questions of one condition about one call; the others stay without an answer, which is an error."""


def world_call(tree: n.CelNode) -> n.Call | None:
    """Return a call whose answer comes from the world, if *tree* has one."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, n.Call) and _worldly(node):
            return node
        waiting.extend(node.children())
    return None


def refuse_world(tree: n.CelNode) -> None:
    """Refuse a condition that asks about the world, where nobody would answer it. Raises Flaw."""
    if (call := world_call(tree)) is not None:
        raise Flaw(
            f"{call.name!r} has no meaning here", call.pos, "use it in require, approve.when or flow.unless"
        )


def asks(tree: n.CelNode, run: Callable[[n.CelNode, Env], Any], env: Env) -> tuple[WorldQuestion, ...]:
    """Return all questions that the evaluation could come to, whichever answers it gets.

    What cannot be evaluated asks nothing: the evaluation meets the same error, or finds no answer.

    Args:
        tree: the checked condition.
        run: evaluates one node.
        env: roots by name.
    """
    found: dict[WorldQuestion, None] = {}
    env[STEPS] = 0
    _collect(tree, run, env, found)
    return tuple(found)[:MAX_ASKS]


def _worldly(node: n.Call) -> bool:
    return not node.method and node.name in FUNCTIONS and FUNCTIONS[node.name].world


def _collect(
    node: n.CelNode, run: Callable[[n.CelNode, Env], Any], env: Env, found: dict[WorldQuestion, None]
) -> None:
    if isinstance(node, n.Macro):
        _collect(node.over, run, env, found)
        for item in _items(node, run, env):
            env[node.var] = item
            _collect(node.body, run, env, found)
        return
    for child in node.children():
        _collect(child, run, env, found)
    if isinstance(node, n.Call) and _worldly(node) and (ask := _ask(node, run, env)) is not None:
        found[ask] = None


def _items(node: n.Macro, run: Callable[[n.CelNode, Env], Any], env: Env) -> list[Any]:
    if world_call(node.body) is None:
        return []
    try:
        items = run(node.over, env)
        charge(env, len(items))
    except Exception:  # noqa: BLE001 - the evaluation meets it again, and says so
        return []
    return items if isinstance(items, list) else []


def _ask(node: n.Call, run: Callable[[n.CelNode, Env], Any], env: Env) -> WorldQuestion | None:
    try:
        values = [run(arg, env) for arg in node.args]
        FUNCTIONS[node.name].call(*values)
    except (ConditionError, TypeError, AttributeError, KeyError):
        return None
    return (node.name, *values) if all(type(value) is str for value in values) else None
