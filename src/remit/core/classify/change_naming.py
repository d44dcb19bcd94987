"""Several changes, one rise: which of them fits best, and which cannot be told from it.

Each candidate is taken as the only instant (or group of sessions) at which the share of sessions with the line
changed; all are compared on the same sessions. A candidate that fits worse by a factor of twenty or more is out, unless
the rise shows in its own stretch between the others too. So is every candidate where an instant without any known
change fits better by a factor of a thousand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import log

from remit.core.change import ChangeKind
from remit.core.classify.change_compared import ALPHA
from remit.core.classify.change_counts import Hits, counts_at, exposures
from remit.core.classify.change_windows import AFTER, ELSE_AFTER, Window
from remit.core.conduct import Conduct, Line
from remit.core.stats.change_point import TOLD_APART, best_split, split_likelihood

ELSEWHERE = log(1000)
"""Difference of log-likelihoods from which on an instant without a known change is believed instead."""

_ORDER = {kind: rank for rank, kind in enumerate(ChangeKind)}


@dataclass(frozen=True, slots=True)
class Standing:
    """What became of one candidate."""

    stands: bool = True
    """Whether the rise may be put down to it."""
    likeliest: bool = True
    rivals: tuple[str, ...] = ()
    """Ids of changes that cannot be told from it."""
    outdone: str = ""
    """Id of the change that fits better."""
    elsewhere: float | None = None
    """An instant without a known change that fits better."""


@dataclass(slots=True)
class Naming:
    """The rise of one line of one agent."""

    line: Line
    hits: Hits
    sessions: Sequence[Conduct]
    windows: Mapping[str, Window]
    """All changes of the agent, by id."""
    weight: int
    """How many comparisons the rise was picked from."""
    _places: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._places = sorted(self.hits)

    def standings(self, risen: Sequence[str]) -> dict[str, Standing]:
        """What becomes of each of the changes with which the line rose, by id."""
        waiting, found = list(risen), dict[str, Standing]()
        while waiting:
            best, likelihoods = self._best(waiting)
            low, high = self.windows[best].low, self.windows[best].high
            found[best] = self._of_best(best, likelihoods)
            waiting.remove(best)
            for other in list(waiting):
                window = self.windows[other]
                if window.high <= low or high <= window.low:
                    continue
                standing = self._beside(other, best, likelihoods)
                if standing is not None:
                    found[other] = standing
                    waiting.remove(other)
        return found

    def _best(self, waiting: Sequence[str]) -> tuple[str, dict[str, float]]:
        """The one that fits best where all of them are, and how well each change of the agent fits there."""
        low = min(self.windows[one].low for one in waiting)
        high = max(self.windows[one].high for one in waiting)
        fits = {
            id: self.likelihood(window, low, high)
            for id, window in self.windows.items()
            if id in waiting or low < window.cut < high
        }
        return max(waiting, key=lambda one: (round(fits[one], 9), self._plain(one))), fits

    def _plain(self, id: str) -> tuple[bool, int]:
        """Among equals, what the sessions show themselves comes first, then the kinds in their order."""
        change = self.windows[id].change
        return change.seen, -_ORDER[change.kind]

    def likelihood(self, window: Window, low: int, high: int) -> float:
        """Log-likelihood if nothing but this change made a difference between two places."""
        after = window.after[low:high]
        members1 = after.count(AFTER) + after.count(ELSE_AFTER)
        places = [at for at in self._places if low <= at < high]
        hit1 = sum(window.after[at] in (AFTER, ELSE_AFTER) for at in places)
        return split_likelihood(len(places) - hit1, high - low - members1, hit1, members1)

    def _of_best(self, best: str, fits: Mapping[str, float]) -> Standing:
        rivals = tuple(id for id, fit in fits.items() if id != best and fits[best] - fit < TOLD_APART)
        instant = self._elsewhere(self.windows[best])
        return Standing(stands=instant is None, rivals=rivals, elsewhere=instant)

    def _elsewhere(self, window: Window) -> float | None:
        """An instant in the window that fits far better and belongs to no known change, where the rise is gone
        without it."""
        if window.by_group:
            return None
        places = [at - window.low for at in self._places if window.low <= at < window.high]
        cut, highest = best_split(places, window.high - window.low)
        cut += window.low
        if highest - self.likelihood(window, window.low, window.high) < ELSEWHERE:
            return None
        if self.rises_without(window, cut):
            return None
        return self.sessions[cut].at

    def _beside(self, other: str, best: str, fits: Mapping[str, float]) -> Standing | None:
        """What the best one leaves of another; None where both made a difference."""
        if fits[best] - fits[other] < TOLD_APART:
            rivals = (
                best,
                *(id for id in fits if id not in (best, other) and fits[best] - fits[id] < TOLD_APART),
            )
            return Standing(likeliest=False, rivals=rivals)
        if self.rises_without(self.windows[other], self.windows[best].cut):
            return None
        return Standing(stands=False, likeliest=False, outdone=best)

    def rises_without(self, window: Window, cut: int) -> bool:
        """Whether the rise shows in the part of a window that lies on its own side of another instant."""
        own = replace(window, high=min(window.high, cut)) if window.cut < cut else None
        own = own or replace(window, low=max(window.low, cut))
        if not own.low < own.cut < own.high:
            return False
        (counts,) = counts_at(own, exposures(own, [own.high], self.sessions), self.line, self.hits)
        return counts.testable and counts.p * self.weight <= ALPHA
