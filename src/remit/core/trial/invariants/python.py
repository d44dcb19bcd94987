"""`python`: a function that holds of every trial."""

from __future__ import annotations

from typing import Any

from remit.core.trial.checks.python import called_with
from remit.core.trial.invariants.settings import unknowable
from remit.core.trial.judge import Invariant
from remit.core.trial.reach import Reach
from remit.core.trial.trial import Breach
from remit.core.trial.view import TrialView
from remit.core.trial.words import shown
from remit.core.yamltext import Node

RETURNS = "return True or False, (bool, reason), or a list of reasons"


def python(id: str, node: Node, reach: Reach) -> Invariant:
    """A function `(trial) -> bool`, `(bool, reason)`, or a list of what was broken (none where nothing was).

    `module:function` or `file.py:function` beside the suite. It gets a copy of the trial. One that raises, or returns
    anything else, makes the run an ERROR.
    """
    named = node.keys(("function",), required=("function",))["function"] if _is_mapping(node) else node
    function = reach.function(named)

    def breaches(view: TrialView) -> list[Breach]:
        found, raised = called_with(function, view)
        if raised:
            return [unknowable(id, raised)]
        told = _told(found)
        if told is None:
            return [unknowable(id, f"it returned {shown(repr(found))}; {RETURNS}")]
        return [Breach(id, one) for one in told]

    return Invariant(id, "python", breaches)


def _is_mapping(node: Node) -> bool:
    return isinstance(node.value, dict)


def _told(found: Any) -> list[str] | None:
    """What was broken; None where the answer is none."""
    if (
        isinstance(found, tuple)
        and len(found) == 2
        and isinstance(found[0], bool)
        and isinstance(found[1], str)
    ):
        return [] if found[0] else [found[1] or "the function says no"]
    if isinstance(found, bool):
        return [] if found else ["the function says no"]
    if isinstance(found, list) and all(isinstance(one, str) for one in found):
        return list(found)
    return None
