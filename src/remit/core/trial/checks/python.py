"""`python`: a function of the trial, where a table cannot say it."""

from __future__ import annotations

from collections.abc import Callable
from math import isnan
from typing import Any

from remit.core.trial.judge import TrialCheck
from remit.core.trial.reach import Reach
from remit.core.trial.trial import Checked
from remit.core.trial.view import TrialView
from remit.core.trial.words import shown
from remit.core.yamltext import Node

RETURNS = "return True or False, (bool, reason), a score in [0, 1], or (score, reason)"


def python(id: str, node: Node, reach: Reach) -> TrialCheck:
    """A function `(trial) -> bool`, `(bool, reason)`, a score in [0, 1] or `(score, reason)`.

    `module:function` or `file.py:function` beside the suite; `{function, at_least}` for a score. It gets a copy of the
    trial (`remit.core.trial.view.TrialView`). One that raises, or returns anything else, has not passed.
    """
    named = node
    at_least: float | None = None
    if isinstance(node.value, dict):
        keys = node.keys(("function", "at_least"), required=("function",))
        named = keys["function"]
        if "at_least" in keys:
            at_least = keys["at_least"].number(0)
            if at_least > 1:
                raise keys["at_least"].error(f"found {at_least}", "write a score from 0 to 1")
    function = reach.function(named)

    def check(view: TrialView) -> Checked:
        found, raised = called_with(function, view)
        if raised:
            return Checked(id, passed=False, told=f"cannot be evaluated: {raised}")
        return _checked(id, found, at_least)

    return check


def called_with(function: Callable[..., Any], view: TrialView) -> tuple[Any, str]:
    """What a user's function says of a trial, and what it raised (`Type: message`, empty where it returned)."""
    try:
        return plain(function(view.copy())), ""
    except (Exception, SystemExit) as error:  # noqa: BLE001 - somebody else's function may raise anything
        return None, f"{type(error).__name__}: {shown_error(error)}"


def shown_error(error: BaseException) -> str:
    """What an exception says, short; nothing where it cannot even say that."""
    try:
        return str(error)[:300]
    except Exception:  # noqa: BLE001 - its own __str__ fails
        return ""


def plain(found: Any) -> Any:
    """A scalar of numpy and its like as Python's own."""
    if isinstance(found, tuple):
        return tuple(plain(one) for one in found)
    item = getattr(found, "item", None)
    return item() if callable(item) and getattr(found, "shape", None) == () else found


def _checked(id: str, found: Any, at_least: float | None) -> Checked:
    value, reason = found if _is_pair(found) else (found, "")
    if isinstance(value, bool):
        return Checked(id, value, reason or ("" if value else "the function says no"))
    if not isinstance(value, int | float) or isnan(value) or not 0 <= value <= 1:
        return Checked(
            id, passed=False, told=f"cannot be evaluated: it returned {shown(repr(found))}; {RETURNS}"
        )
    if at_least is None:
        told = f"cannot be evaluated: it returned the score {value:g}, and nothing says how much is enough (at_least)"
        return Checked(id, passed=False, told=told, score=float(value))
    passed = value >= at_least
    told = "" if passed else f"the score is {value:g}, not at least {at_least:g}"
    return Checked(id, passed, f"{told}: {reason}" if told and reason else told or reason, float(value))


def _is_pair(found: Any) -> bool:
    return isinstance(found, tuple) and len(found) == 2 and isinstance(found[1], str)
