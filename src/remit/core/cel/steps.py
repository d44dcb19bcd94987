"""The environment of a running condition, and its budget of steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from remit.core.cel.errors import ConditionError

Env: TypeAlias = "dict[str, Any]"
Closure: TypeAlias = "Callable[[Env], Any]"

MAX_STEPS: Final = 10_000
"""Macro visits in one evaluation; long texts and lists looked at inside a macro count as several."""
STEPS: Final = "#"
"""Key of the environment under which visits are counted; no name can collide with it."""

ANSWERS: Final = "@"
"""Key of the environment under which the enforcement point puts its answers; no name can collide with it."""

WorldQuestion: TypeAlias = "tuple[str, ...]"
"""A question about the world: a function's name and its arguments."""
Answers: TypeAlias = "Mapping[WorldQuestion, bool | str]"
"""What the enforcement point found: the answer, or why there is none, as text."""


def charge(env: Env, steps: int) -> None:
    """Take *steps* from the budget of this evaluation."""
    spent = env[STEPS] + steps
    if spent > MAX_STEPS:
        raise ConditionError(f"more than {MAX_STEPS} steps; bound the lists with maxItems")
    env[STEPS] = spent


def recorded(name: str, check: Callable[..., object], args: Sequence[Closure]) -> Closure:
    """Return what looks an answer up; *check* refuses arguments that are no question."""

    def answer(env: Env) -> bool:
        values = [arg(env) for arg in args]
        check(*values)
        found = env.get(ANSWERS, {}).get((name, *values))
        if isinstance(found, bool):
            return found
        raise ConditionError(f"{name}: {found or 'not answered by the enforcement point'}")

    return answer
