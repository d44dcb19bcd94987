"""The kinds of checks, listed by hand: to add one, write its file and add its line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from remit.core.trial.checks.answer import answer
from remit.core.trial.checks.called import called, not_called, order
from remit.core.trial.checks.condition import cel
from remit.core.trial.checks.python import python
from remit.core.trial.checks.state import state
from remit.core.trial.judge import TrialCheck
from remit.core.trial.reach import Reach, kind_of, settings_node
from remit.core.trial.suite import Rule
from remit.core.trial.trial import Checked
from remit.core.trial.view import TrialView
from remit.core.trial.words import sentence
from remit.core.yamltext import Node

CheckKind = Callable[[str, Node, Reach], TrialCheck]
"""Makes a check from its id, its settings and what they may refer to; `BadInput` where they are wrong."""

CHECKS: Mapping[str, CheckKind] = {
    "answer": answer,
    "called": called,
    "not_called": not_called,
    "order": order,
    "state": state,
    "cel": cel,
    "python": python,
}


def check_of(rule: Rule, reach: Reach, node: Node | None = None) -> TrialCheck:
    """A check, compiled.

    Args:
        rule: as the suite names it.
        reach: what it may refer to.
        node: its settings as they stand in the file, for the places of errors; made from the rule where there is none.

    Raises:
        BadInput: no such kind, or its settings are wrong.
    """
    asked = kind_of(CHECKS, rule, "check")(rule.id, node or settings_node(rule), reach)

    def check(view: TrialView) -> Checked:
        try:
            found = asked(view)
        except Exception as error:  # noqa: BLE001 - answers and results may be anything; the trial must get its line
            found = Checked(
                rule.id, passed=False, told=f"cannot be evaluated: {type(error).__name__}: {error}"
            )
        return replace(found, told=sentence(found.told)) if found.told else found

    return check
