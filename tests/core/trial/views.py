"""Trials as checks and invariants see them, in a line."""

from __future__ import annotations

from typing import Any

from remit.core.trial.checks.table import check_of
from remit.core.trial.invariants.table import invariant_of
from remit.core.trial.judge import Invariant, TrialCheck
from remit.core.trial.reach import ONLY, Reach
from remit.core.trial.suite import Rule, Task
from remit.core.trial.trial import Checked, TrialCall
from remit.core.trial.view import RepeatedCall, TrialView, WorldCall
from remit.testing.builders import envelope

TASK = Task("refund", "Refund A-1, please.", facts={"customer_id": "17"}, stratum="refunds")
ENVELOPE = envelope()


def function(node: Any) -> Any:
    """Functions stand in the settings themselves."""
    return node.value


REACH = Reach(function, has_world=True, tasks=(TASK,))
GOVERNED = Reach(function, ENVELOPE, has_world=True, tasks=(TASK,))
BARE = Reach(function, tasks=(TASK,))


def made(tool: str, outcome: str = "done", /, *clauses: str, effect: str = "write", **args: Any) -> TrialCall:
    return TrialCall(tool, args, effect, outcome, "ok", clauses)


def view(*calls: TrialCall, answer: Any = "I refunded 45.00.", **rest: Any) -> TrialView:
    return TrialView(TASK, answer, calls=calls, **{"has_world": True, "tools": ("refund", "look"), **rest})


def ran(*calls: WorldCall, effect: str = "write", **rest: Any) -> TrialView:
    """A trial whose calls the world ran, one after the other."""
    asked = tuple(TrialCall(one.tool, one.args, effect, "failed" if one.error else "done") for one in calls)
    placed = {at: _ended(one, at) for at, one in enumerate(calls)}
    return view(*asked, ran=placed, **rest)


def _ended(call: WorldCall, at: int) -> WorldCall:
    return WorldCall(call.tool, call.args, call.output, call.error, call.flaw, call.state, at, call.repeat)


def repeated(before: Any, after: Any, output: Any = None, error: str = "", flaw: str = "") -> RepeatedCall:
    return RepeatedCall(before, after, output, error, flaw)


def rule(kind: str, settings: Any) -> Rule:
    return Rule(
        kind, kind, settings if isinstance(settings, dict) else {} if settings is None else {ONLY: settings}
    )


def check(kind: str, settings: Any, reach: Reach = REACH) -> TrialCheck:
    return check_of(rule(kind, settings), reach)


def asked(kind: str, settings: Any, seen: TrialView, reach: Reach = REACH) -> Checked:
    return check(kind, settings, reach)(seen)


def invariant(kind: str, settings: Any = None, reach: Reach = REACH) -> Invariant:
    return invariant_of(rule(kind, settings), reach)
