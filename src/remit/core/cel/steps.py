"""The environment of a running condition, and its budget of steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from remit.core.cel.errors import ConditionError

Env: TypeAlias = "dict[str, Any]"
Closure: TypeAlias = "Callable[[Env], Any]"

MAX_STEPS: Final = 10_000
"""Macro visits in one evaluation; long texts and lists looked at inside a macro count as several."""
STEPS: Final = "#"
"""Key of the environment under which visits are counted; no name can collide with it."""


def charge(env: Env, steps: int) -> None:
    """Take *steps* from the budget of this evaluation."""
    spent = env[STEPS] + steps
    if spent > MAX_STEPS:
        raise ConditionError(f"more than {MAX_STEPS} steps; bound the lists with maxItems")
    env[STEPS] = spent
