"""The list macros. Each visits every element, since an error in any of them is an error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from remit.core.cel.steps import Closure, Env, charge

ItemCheck: TypeAlias = "Callable[[Any], Any] | None"


def _counting(
    over: Closure, var: str, body: Closure, check: ItemCheck
) -> Callable[[Env], tuple[list[Any], list[Any]]]:
    """Return what visits every element, since an error in any of them is an error."""

    def visit(env: Env) -> tuple[list[Any], list[Any]]:
        items = over(env)
        charge(env, len(items))
        if check is not None:
            items = [check(item) for item in items]
        answers = []
        for item in items:
            env[var] = item
            answers.append(body(env))
        return items, answers

    return visit


def _all(over: Closure, var: str, body: Closure, check: ItemCheck) -> Closure:
    visit = _counting(over, var, body, check)
    return lambda env: False not in visit(env)[1]


def _exists(over: Closure, var: str, body: Closure, check: ItemCheck) -> Closure:
    visit = _counting(over, var, body, check)
    return lambda env: True in visit(env)[1]


def _exists_one(over: Closure, var: str, body: Closure, check: ItemCheck) -> Closure:
    visit = _counting(over, var, body, check)
    return lambda env: visit(env)[1].count(True) == 1


def _map(over: Closure, var: str, body: Closure, check: ItemCheck) -> Closure:
    visit = _counting(over, var, body, check)
    return lambda env: visit(env)[1]


def _filter(over: Closure, var: str, body: Closure, check: ItemCheck) -> Closure:
    visit = _counting(over, var, body, check)

    def kept(env: Env) -> list[Any]:
        items, answers = visit(env)
        return [item for item, keep in zip(items, answers, strict=True) if keep]

    return kept


MACROS: Final = {"all": _all, "exists": _exists, "exists_one": _exists_one, "filter": _filter, "map": _map}
"""Closure makers: list, variable, body, check of an element."""
