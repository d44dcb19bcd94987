"""`cel`: a condition over the whole trial, checked against its types when the suite is read."""

from __future__ import annotations

from remit.core.cel import ConditionError
from remit.core.trial.judge import TrialCheck
from remit.core.trial.reach import Reach, read_condition, roots_of, untrue
from remit.core.trial.trial import Checked
from remit.core.trial.view import TrialView
from remit.core.yamltext import Node


def cel(id: str, node: Node, reach: Reach) -> TrialCheck:
    """A condition over `answer`, `calls`, `state`, `input`, `task`, `session` and `latency_s`.

    What cannot be evaluated has not passed, and the check says why.
    """
    condition = read_condition(node, reach)

    def check(view: TrialView) -> Checked:
        roots, flaw = roots_of(view, condition)
        if flaw:
            return Checked(id, passed=False, told=f"cannot be evaluated: {flaw}")
        try:
            if condition.evaluate(roots) is True:
                return Checked(id, passed=True)
        except ConditionError as error:
            return Checked(id, passed=False, told=f"cannot be evaluated: {error}")
        return Checked(id, passed=False, told=untrue(condition, roots))

    return check
