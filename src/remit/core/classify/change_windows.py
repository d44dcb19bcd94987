"""Which sessions speak about a change: windows that are fixed before anybody looks at a violation, and two arms.

A window reaches back to the agent's previous change and on to its next one. Where such a neighbour leaves fewer than
`ENOUGH` calls between, the window reaches beyond it, or a change an hour after another could never be tested; the
likelihood then tells the two apart (`change_naming`). Only numbers of calls decide, never what was violated.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from remit.core.change import Change, ChangeKind
from remit.core.conduct import Conduct
from remit.core.types import Fingerprint

ENOUGH = 714
"""Calls on each side with which a rise from .5 % to 3 % is seen in 91 % of cases at a level of 1 %, exactly computed."""

BEFORE, AFTER, ELSE_BEFORE, ELSE_AFTER = range(4)
"""What a session is to a change. With something else: a third version, which is compared with neither."""

FIELDS = {
    ChangeKind.MODEL: "model",
    ChangeKind.PROMPT: "prompt",
    ChangeKind.TOOL: "tools",
    ChangeKind.ENVELOPE: "envelope",
    ChangeKind.CONFIG: "config",
    ChangeKind.CODE: "code",
}
"""The field of a fingerprint that shows a change of this kind; `runtime` has keys of its own, a deploy shows nowhere."""


@dataclass(frozen=True, slots=True)
class ChangeWindow:
    """The sessions that one change is tested on, as places in the agent's sessions in order of time."""

    change: Change
    low: int
    cut: int
    """The first session that began with the change or after it."""
    high: int
    """Behind the last."""
    after: bytes
    """For every session of the agent: `AFTER` where it ran with the change, `BEFORE` where without; of those that ran
    with something else again, which of both they would be by time."""
    shown: bool = False
    """Whether the sessions say themselves that they ran with the change or without."""
    by_group: bool = False
    """Whether fingerprints say so otherwise than time does: two versions ran at once."""

    def members(self, arm: int) -> list[int]:
        """The sessions of one arm, in order of time."""
        return [at for at in range(self.low, self.high) if self.after[at] == arm]


def value_of(fingerprint: Fingerprint, change: Change) -> str | None:
    """What a fingerprint says about what was changed; None where it says nothing.

    A change of the runtime is written `region=eu`.
    """
    if change.kind is ChangeKind.RUNTIME:
        key, _, _ = (change.after or change.before).partition("=")
        found = fingerprint.runtime.get(key)
        return None if found is None else f"{key}={found}"
    field = FIELDS.get(change.kind)
    value = getattr(fingerprint, field) if field else None
    return None if value is None else str(value)


REPLACED = (ChangeKind.MODEL, ChangeKind.RUNTIME)
"""Kinds of which a third version owes nothing to the second; prompts, code and the like are built upon."""


def ran_with(fingerprint: Fingerprint, at: float, change: Change, *, shown: bool) -> bool:
    """Whether a session ran with a change: by what it says itself, else by its time.

    Args:
        fingerprint: of the session.
        at: when it began.
        change: which.
        shown: whether the change is told in the words of the sessions.
    """
    value = value_of(fingerprint, change) if shown else None
    if value in (change.before, change.after) or (value is not None and change.kind in REPLACED):
        return value == change.after
    return at >= change.at


def windows(changes: Sequence[Change], sessions: Sequence[Conduct]) -> list[ChangeWindow]:
    """The window of each change, in the order given.

    Args:
        changes: of one agent.
        sessions: of that agent, in order of time.
    """
    times = [one.at for one in sessions]
    made = [0]
    for one in sessions:
        made.append(made[-1] + one.made)
    cuts = {change.id: bisect_left(times, change.at) for change in changes}
    borders = sorted({0, len(sessions), *cuts.values()})
    return [_window(change, cuts[change.id], borders, made, sessions) for change in changes]


def _window(
    change: Change, cut: int, borders: Sequence[int], made: Sequence[int], sessions: Sequence[Conduct]
) -> ChangeWindow:
    low = next((b for b in reversed(borders) if b < cut and made[cut] - made[b] >= ENOUGH), 0)
    high = next((b for b in borders if b > cut and made[b] - made[cut] >= ENOUGH), len(sessions))
    by_time = bytes(at >= cut for at in range(len(sessions)))
    shown = _by_fingerprint(change, by_time, sessions)
    after = by_time if shown is None else shown
    mixed = AFTER in after[low:cut] or BEFORE in after[cut:high]
    return ChangeWindow(change, low, cut, high, after, shown is not None, mixed)


def _by_fingerprint(change: Change, by_time: bytes, sessions: Sequence[Conduct]) -> bytes | None:
    """What each session is to the change: by what it says itself, else by its time; None where none says anything."""
    if not (change.before and change.after):
        return None
    values = [value_of(one.fingerprint, change) for one in sessions]
    if change.after not in values or change.before not in values:
        return None  # told in other words than the sessions use
    arms = bytearray(by_time)
    for at, value in enumerate(values):
        if value == change.after:
            arms[at] = AFTER
        elif value == change.before:
            arms[at] = BEFORE
        elif value is not None:
            arms[at] = ELSE_AFTER if by_time[at] else ELSE_BEFORE
    return bytes(arms)
