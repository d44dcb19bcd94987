"""Several changes, one rise: which of them fits best, and which cannot be told from it.

Each candidate is taken as the only instant (or group of sessions) at which the share of sessions with the line
changed; all are compared on the same sessions. Candidates that one line cannot tell apart are told apart by all lines
together, where these can. A candidate that fits worse by a factor of twenty or more is out, unless the rise shows in its
own stretch between the others too. So is every candidate where an instant without any known change fits far better.
Of those that cannot be told apart the one that the sessions show themselves is named first: it took effect then and
there, while what was only told may have come later, or not at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import log

from remit.core.change import ChangeKind
from remit.core.classify.change_compared import ALPHA
from remit.core.classify.change_counts import ANY, Hits, counts_at, exposures
from remit.core.classify.change_windows import AFTER, ELSE_AFTER, ChangeWindow
from remit.core.conduct import Conduct, Line
from remit.core.stats.change_point import TOLD_APART, best_split, split_likelihood

ELSEWHERE = log(10_000)
"""Difference of log-likelihoods from which on an instant without a known change is believed instead."""

_ORDER = {kind: rank for rank, kind in enumerate(ChangeKind)}


@dataclass(frozen=True, slots=True)
class CandidateStanding:
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
    windows: Mapping[str, ChangeWindow]
    """All changes of the agent, by id."""
    weight: int
    """How many comparisons the rise was picked from."""
    whole: Hits
    """Of all lines together."""
    _places: list[int] = field(default_factory=list)
    _all_places: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._places, self._all_places = sorted(self.hits), sorted(self.whole)

    def standings(self, risen: Sequence[str]) -> dict[str, CandidateStanding]:
        """What becomes of each of the changes with which the line rose, by id."""
        waiting, found = list(risen), dict[str, CandidateStanding]()
        while waiting:
            best, fits = self._best(waiting)
            found[best] = self._of_best(best, fits)
            waiting.remove(best)
            for other in list(waiting):
                standing = self._beside(other, best, fits, found[best].elsewhere)
                if standing is not None:
                    found[other] = standing
                    waiting.remove(other)
        return found

    def _best(self, waiting: Sequence[str]) -> tuple[str, dict[str, float]]:
        """The one that fits best where all of them are, and how well each change of the agent fits there."""
        low = min(self.windows[one].low for one in waiting)
        high = max(self.windows[one].high for one in waiting)
        compared = {
            id: window for id, window in self.windows.items() if id in waiting or low < window.cut < high
        }
        fits = {id: self.likelihood(window, low, high) for id, window in compared.items()}
        highest = max(fits[one] for one in waiting)
        close = [id for id in compared if highest - fits[id] < TOLD_APART]
        if self.line != ANY and len(close) > 1:  # between these, what all lines say counts too
            for id in close:
                fits[id] += self._likelihood(self._all_places, compared[id], low, high)
            among = max(fits[id] for id in close)
            fits = {id: fit if id in close else fit - highest + among for id, fit in fits.items()}
            waiting = [one for one in waiting if one in close]
        highest = max(fits[one] for one in waiting)
        close = [one for one in waiting if highest - fits[one] < TOLD_APART]
        return max(
            close, key=lambda one: (self.windows[one].shown, round(fits[one], 9), self._rank(one))
        ), fits

    def _rank(self, id: str) -> int:
        """Among equals, the kinds in their order."""
        return -_ORDER[self.windows[id].change.kind]

    def likelihood(self, window: ChangeWindow, low: int, high: int) -> float:
        """Log-likelihood of the line if nothing but this change made a difference between two places."""
        return self._likelihood(self._places, window, low, high)

    def _likelihood(self, hit: Sequence[int], window: ChangeWindow, low: int, high: int) -> float:
        after = window.after[low:high]
        members1 = after.count(AFTER) + after.count(ELSE_AFTER)
        places = [at for at in hit if low <= at < high]
        hit1 = sum(window.after[at] in (AFTER, ELSE_AFTER) for at in places)
        return split_likelihood(len(places) - hit1, high - low - members1, hit1, members1)

    def _of_best(self, best: str, fits: Mapping[str, float]) -> CandidateStanding:
        instant = self._elsewhere(self.windows[best])
        return CandidateStanding(
            stands=instant is None, rivals=self._rivals(best, best, fits), elsewhere=instant
        )

    def _rivals(self, of: str, best: str, fits: Mapping[str, float]) -> tuple[str, ...]:
        """Which fit about as well as the best one."""
        return tuple(id for id in fits if id != of and fits[best] - fits[id] < TOLD_APART)

    def _elsewhere(self, window: ChangeWindow) -> float | None:
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

    def _beside(
        self, other: str, best: str, fits: Mapping[str, float], elsewhere: float | None
    ) -> CandidateStanding | None:
        """What the best one leaves of another; None where both made a difference, or are far from each other."""
        mine, theirs = self.windows[other], self.windows[best]
        if mine.high <= theirs.low or theirs.high <= mine.low:
            return None
        if fits[best] - fits[other] < TOLD_APART:
            rivals = self._rivals(other, best, fits)
            return CandidateStanding(elsewhere is None, likeliest=False, rivals=rivals, elsewhere=elsewhere)
        if self.rises_without(mine, theirs.cut):
            return None
        return CandidateStanding(stands=False, likeliest=False, outdone=best)

    def rises_without(self, window: ChangeWindow, cut: int) -> bool:
        """Whether the rise shows in the part of a window that lies on its own side of another instant."""
        own = replace(window, high=min(window.high, cut)) if window.cut < cut else None
        own = own or replace(window, low=max(window.low, cut))
        if not own.low < own.cut < own.high:
            return False
        (counts,) = counts_at(own, exposures(own, [own.high], self.sessions), self.line, self.hits)
        return counts.testable and counts.p * self.weight <= ALPHA
