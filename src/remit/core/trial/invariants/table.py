"""The kinds of invariants, listed by hand: to add one, write its file and add its line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from remit.core.trial.invariants.condition import cel
from remit.core.trial.invariants.deadline import deadline
from remit.core.trial.invariants.idempotent import idempotent
from remit.core.trial.invariants.known_tools import known_tools
from remit.core.trial.invariants.monotonic import monotonic
from remit.core.trial.invariants.python import python
from remit.core.trial.invariants.safety import safety
from remit.core.trial.invariants.schema import schema
from remit.core.trial.invariants.settings import unknowable
from remit.core.trial.judge import Invariant
from remit.core.trial.reach import Reach, kind_of, settings_node
from remit.core.trial.suite import Rule
from remit.core.trial.trial import Breach
from remit.core.trial.view import TrialView, WorldCall
from remit.core.trial.words import sentence
from remit.core.yamltext import Node

InvariantKind = Callable[[str, Node, Reach], Invariant]
"""Makes an invariant from its id, its settings and what they may refer to; `BadInput` where they are wrong."""

INVARIANTS: Mapping[str, InvariantKind] = {
    "safety": safety,
    "schema": schema,
    "known_tools": known_tools,
    "monotonic": monotonic,
    "idempotent": idempotent,
    "deadline": deadline,
    "cel": cel,
    "python": python,
}


def invariant_of(rule: Rule, reach: Reach, node: Node | None = None) -> Invariant:
    """An invariant, compiled.

    Args:
        rule: as the suite names it.
        reach: what it may refer to.
        node: its settings as they stand in the file, for the places of errors; made from the rule where there is none.

    Raises:
        BadInput: no such kind, or its settings are wrong.
    """
    made = kind_of(INVARIANTS, rule, "invariant")(rule.id, node or settings_node(rule), reach)

    def breaches(view: TrialView) -> list[Breach]:
        try:
            found = made.breaches(view)
        except Exception as error:  # noqa: BLE001 - answers and results may be anything; the trial must get its line
            found = [unknowable(rule.id, f"{type(error).__name__}: {error}")]
        return [replace(one, told=sentence(one.told)) for one in found]

    def keeps(at: int, call: WorldCall) -> Any:
        try:
            return made.keeps(at, call) if made.keeps is not None else None
        except Exception as error:  # noqa: BLE001 - as above; the agent's call has been made, and must come back
            return unknowable(rule.id, f"{type(error).__name__}: {error}", at)

    return replace(made, breaches=breaches, keeps=None if made.keeps is None else keeps)
