"""`cel`: a condition that holds of every trial."""

from __future__ import annotations

from remit.core.cel import ConditionError
from remit.core.trial.invariants.settings import unknowable
from remit.core.trial.judge import Invariant
from remit.core.trial.reach import Reach, read_condition, reads, roots_of, untrue
from remit.core.trial.trial import Breach
from remit.core.trial.view import TrialView
from remit.core.yamltext import Node


def cel(id: str, node: Node, reach: Reach) -> Invariant:
    """A condition over `answer`, `calls`, `state`, `input`, `task`, `session` and `latency_s`, true of every trial.

    One that reads `answer` is not asked of a trial without one. What cannot be evaluated makes the run an ERROR.
    """
    condition = read_condition(node, reach)

    def breaches(view: TrialView) -> list[Breach]:
        if not view.answered and reads(condition, "answer"):
            return []
        roots, flaw = roots_of(view, condition)
        if flaw:
            return [unknowable(id, flaw)]
        try:
            if condition.evaluate(roots) is True:
                return []
        except ConditionError as error:
            return [unknowable(id, str(error))]
        return [Breach(id, untrue(condition, roots))]

    return Invariant(id, "cel", breaches)
