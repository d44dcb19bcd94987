"""What the readers of several invariants share."""

from __future__ import annotations

from collections.abc import Sequence

from remit.core.trial.trial import Breach, TrialCall
from remit.core.trial.view import TrialView, WorldCall
from remit.core.yamltext import Node

ATTEMPTS, EFFECTS = "attempts", "effects"
"""Which calls count: all that the agent asked for, or those that ran."""
_RAN = ("done", "failed", "unknown")


def optional(node: Node, known: Sequence[str], required: Sequence[str] = ()) -> dict[str, Node]:
    """The settings; none where the invariant stands there by its name alone."""
    if node.value is None and not required:
        return {}
    return node.keys(known, required=required)


def names(node: Node) -> tuple[str, ...]:
    """A list of at least one name."""
    found = tuple(item.text() for item in node.items())
    if not found or not all(found):
        raise node.error("no name", "write at least one")
    return found


def ran(call: TrialCall) -> bool:
    """Whether a call ran, or may have."""
    return call.outcome in _RAN


def in_order(view: TrialView) -> list[tuple[int, WorldCall]]:
    """What ran, with its place in `calls`: the world's calls as they ended one after the other, then those that the agent
    made by itself, as far as it reported them.
    """
    made = sorted(view.ran.items(), key=lambda item: (item[1].ended, item[0]))
    return made + [
        (at, _reported(view, at)) for at, call in enumerate(view.calls) if view.by_itself(at) and ran(call)
    ]


def _reported(view: TrialView, at: int) -> WorldCall:
    call, (output, flaw) = view.calls[at], view.output(at)
    return WorldCall(call.tool, call.args, output, "" if call.outcome == "done" else call.outcome, flaw)


def by_itself(what: str) -> str:
    """Why nothing is known of the world around a call."""
    return f"the agent made {what} by itself, not through the suite's world"


def unknowable(id: str, why: str, call: int | None = None) -> Breach:
    """The breach of an invariant that cannot be evaluated."""
    return Breach(id, f"cannot be evaluated: {why}", call, error=True)
