"""Data scopes: whose data a call may ask for, and whose may come back.

Every value at the path must be one of the session's own. A check that nobody notices to be skipped would be none, so an
argument that is left out is refused, as is a list that names nobody: to many a tool both mean *everyone's*. What came
back may be nothing at all (null) or no rows; a row that does not say whose it is, is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from remit.core.cel import ConditionError
from remit.core.envelope import DataScope
from remit.core.errors import BadInput
from remit.core.paths import MISSING, Astray, named, spelled_path, values_at
from remit.core.results import spelled, why_not
from remit.core.types import Json

_SCALARS = (str, int)


def scope_problem(scope: DataScope, value: Json, session: Mapping[str, Json]) -> str:
    """What is wrong with the arguments, or with the result; empty where the scope is kept.

    Args:
        scope: of the arguments or of the result.
        value: canonical arguments, or a result of exact JSON types; a text is read as the JSON that it spells.
        session: the facts.

    Returns:
        Words that repeat no value of a result: the agent reads them instead of it.

    Raises:
        ConditionError: it cannot be judged, since a fact is missing or something is of another kind.
    """
    own = _own(scope.allowed.evaluate({"session": session}))
    place = spelled_path(scope.path)
    if scope.of_output and value is None:
        return ""
    found = _found(scope, value)
    if not found and not scope.of_output:
        return f"{place} names nothing, and what that asks for is not said"
    for one in found:
        if one is MISSING:
            left_out = f"{place} is left out, and whose data that asks for is not said"
            return (
                "a part of the result does not say whose it is: no " + place if scope.of_output else left_out
            )
        if type(one) not in _SCALARS:
            raise ConditionError(f"{place}: found {named(one)}, a text or an integer is compared")
        if not any(type(one) is type(mine) and one == mine for mine in own):
            shown = "a value" if scope.of_output else _shown(one)
            return f"{place}: {shown} is not among {scope.allowed.text} of this session"
    return ""


def _found(scope: DataScope, value: Json) -> list[Json]:
    try:
        if scope.of_output and isinstance(value, str):
            value = spelled(value)
        return list(values_at(value, scope.path))
    except Astray as error:
        raise ConditionError(str(error)) from None
    except BadInput as error:
        raise ConditionError(why_not(error)) from None


def _own(allowed: object) -> list[str | int]:
    values: list[Any] = allowed if isinstance(allowed, list) else [allowed]
    for one in values:
        if type(one) not in _SCALARS:
            raise ConditionError(f"a fact of the session is {named(one)}, a text or an integer is compared")
    return values


def _shown(value: Json) -> str:
    told = repr(value)
    return told if len(told) <= 80 else told[:77] + "..."
