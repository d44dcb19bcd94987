"""`deadline`: every trial is done in time."""

from __future__ import annotations

from remit.core.reader_clauses import duration_s
from remit.core.trial.invariants.settings import optional
from remit.core.trial.judge import Invariant
from remit.core.trial.reach import Reach
from remit.core.trial.trial import Breach
from remit.core.trial.view import TrialView
from remit.core.yamltext import Node


def deadline(id: str, node: Node, reach: Reach) -> Invariant:
    """A trial takes `within` at most. It cannot be longer than a task's own deadline, at which a trial is cut off."""
    keys = optional(node, ("within",), required=("within",))
    within = duration_s(keys["within"])
    for task in reach.tasks:
        if within > task.deadline_s:
            raise keys["within"].error(
                f"{within:g} s is longer than task '{task.id}' may take ({task.deadline_s:g} s)",
                "shorten it, or raise the deadline of the tasks",
            )

    def breaches(view: TrialView) -> list[Breach]:
        if view.timed_out:
            return [
                Breach(id, f"it was cut off after {view.latency_s:.3f} s, at most {within:g} s are allowed")
            ]
        if view.latency_s > within:
            return [Breach(id, f"it took {view.latency_s:.3f} s, at most {within:g} s are allowed")]
        return []

    return Invariant(id, "deadline", breaches)
