"""What remit did, in the words of OCSF's profile `security_control`: one line for each case."""

from __future__ import annotations

from typing import NamedTuple

from remit.core.alert import Alert

ACTIONS = {0: "Unknown", 1: "Allowed", 2: "Denied", 3: "Observed", 4: "Modified"}
DISPOSITIONS = {
    0: "Unknown",
    1: "Allowed",
    2: "Blocked",
    14: "Delayed",
    15: "Detected",
    17: "Logged",
    25: "Rejected",
    27: "Error",
}


class Control(NamedTuple):
    """`action_id`, `disposition_id`, and the reason in words."""

    action: int
    disposition: int
    detail: str


_WATCHED = Control(3, 17, "would have been refused: remit only watched")
_ENFORCED = {
    "denied": Control(2, 2, "refused by a clause"),
    "error": Control(2, 27, "refused: a clause could not be evaluated"),
    "rejected": Control(2, 25, "a person said no"),
    "held": Control(4, 14, "waits for a person"),
    "output": Control(2, 2, "the call ran and its result was withheld"),
    "answer": Control(2, 2, "the final answer was withheld"),
    "drift": Control(2, 2, "the tool was withheld"),
}
"""What was acted upon, by kind of anomaly."""
_ANYWAY = {
    "flagged": Control(3, 17, "a clause was not met and the call ran"),
    "unknown-outcome": Control(0, 0, "nobody knows how the call ended"),
    "infrastructure": Control(1, 1, "the call was allowed and failed by itself"),
    "gap": Control(3, 15, "the journal could not be written"),
    "tampering": Control(3, 15, "the journal was altered"),
    "drift-watch": Control(3, 15, "conduct changed"),
    "breaker": Control(3, 15, "the breaker changed the agent's mode"),
}
"""The same whether remit enforces or watches."""
_OTHER = Control(3, 17, "recorded")
_UNKNOWN = Control(0, 0, "not told whether remit only watched")
_BEFORE = frozenset({"denied", "error", "rejected", "held"})
"""What is decided before a call: whether it ran says whether it was acted upon."""


def control(alert: Alert) -> Control:
    """The line for *alert*. A call that ran although it was denied was only watched, whatever else is said."""
    if alert.kind in _ANYWAY:
        return _ANYWAY[alert.kind]
    if alert.kind not in _ENFORCED:
        return _OTHER
    before, acted = alert.kind in _BEFORE, alert.enforced
    if before and alert.ran is not None:
        acted = not alert.ran and acted is not False
    return _UNKNOWN if acted is None else _ENFORCED[alert.kind] if acted else _WATCHED
