"""One change against all lines of an agent: exact tests at fixed looks, corrected for lines and for looking often.

Half of the level is for all lines together (`ANY`). The single lines share the rest, or all of it once the lines together
rose (Holm, among those whose counts could reach it: Tarone). Each look spends its share of that (`core.stats.looks`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from remit.core.classify.change_counts import ANY, Counts, Hits, counts_at, exposures
from remit.core.classify.change_windows import AFTER, ChangeWindow
from remit.core.conduct import Conduct, Line
from remit.core.stats.holm import holm_among_possible
from remit.core.stats.looks import TestLook, looks

ALPHA = 0.01
"""Chance that an unchanged agent shows any rise with a change, over all its lines and all looks."""

FOR_ALL = 0.5
"""Share of the level for all lines together."""


@dataclass(frozen=True, slots=True)
class LineAgainstChange:
    """One line against one change."""

    counts: Counts
    """Of all sessions so far."""
    rose: float
    """Corrected p-value of a rise, to be read at `ALPHA`."""
    fell: float


def compared(
    window: ChangeWindow, sessions: Sequence[Conduct], hits: Mapping[Line, Hits], *, once: bool
) -> dict[Line, LineAgainstChange]:
    """Every line against one change.

    Args:
        window: the change's.
        sessions: of the agent, in order of time.
        hits: by line, `ANY` among them.
        once: whether this is the only look that is taken.
    """
    due = _due(window, once=once)
    ran = exposures(window, [*(end for end, _ in due), window.high], sessions)
    counted = {line: counts_at(window, ran, line, found) for line, found in hits.items()}
    rose, fell = dict.fromkeys(counted, 1.0), dict.fromkeys(counted, 1.0)
    for at, (_, share) in enumerate(due):
        now = {line: by_look[at] for line, by_look in counted.items()}
        _lower(rose, now, share)
        _lower(fell, {line: counts.turned() for line, counts in now.items()}, share)
    return {line: LineAgainstChange(by_look[-1], rose[line], fell[line]) for line, by_look in counted.items()}


def _due(window: ChangeWindow, *, once: bool) -> list[tuple[int, float]]:
    """Behind which session each look ends, and its share of the level."""
    if once:
        return [(window.high, 1.0)]
    after = window.members(AFTER)
    before = window.cut - window.low
    return [(after[look.size - 1] + 1, look.share) for look in _looks(before, len(after))]


def _looks(before: int, after: int) -> list[TestLook]:
    return list(looks(before, after)) if before and after else []


def _lower(corrected: dict[Line, float], now: Mapping[Line, Counts], share: float) -> None:
    """Lower the corrected p-values to what one look says, where that is less."""
    found = correct({line: c for line, c in now.items() if c.testable}, ALPHA * share)
    for line, p in found.items():
        corrected[line] = min(corrected[line], p / share)


def correct(counts: Mapping[Line, Counts], level: float) -> dict[Line, float]:
    """Corrected p-values of a rise of each line, to be read at *level*.

    Source of the passing on: Bretz, Maurer, Brannath and Posch, Statistics in Medicine 28 (2009) 586-604.
    """
    single = [line for line in counts if line != ANY]
    p_values = [counts[line].p for line in single]
    smallest = [counts[line].smallest_p for line in single]
    whole = counts[ANY].p / FOR_ALL if ANY in counts else 1.0
    found = {ANY: min(1.0, whole)} if ANY in counts else {}
    passed_on = whole <= level
    share = 1.0 if passed_on else 1.0 - FOR_ALL
    for line, p in zip(single, holm_among_possible(p_values, smallest, level * share), strict=True):
        found[line] = max(p, whole) if passed_on else min(1.0, p / share)
    return found
