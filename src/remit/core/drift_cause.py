"""Which change goes along with a drift? The findings of `core.classify.change`, asked about any stream.

A session *hits* where the stream's value lies on the side that the drift went to, beyond a border among all values around
(of categories: where it is of a kind that is rare, or common). Whether hits became more frequent with a change,
and with which of several, is then the question that violations ask, and the same exact tests and likelihoods answer it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf, nextafter

from remit.core.change import Change
from remit.core.classify.change import ANY, ChangeFinding, findings
from remit.core.classify.change_told import described
from remit.core.conduct import Conduct
from remit.core.drift import values_of
from remit.core.drifted import Drift, Stream
from remit.core.types import Json

LOOK_BACK = 400
"""Sessions before the estimated beginning that are compared; of those after it, all up to the alarm."""
_TOOL = "drift"
_BORDERS = {"half": 0.5, "upper": 0.75, "edge": 0.9}
"""Shares of values that lie on this side; each border is a comparison, and they are corrected for together."""


@dataclass(frozen=True, slots=True)
class Cause:
    """The change that a drift goes along with best. Observational: it correlates."""

    change: Change
    before: tuple[int, int]
    """Sessions on the side that the drift went to, of how many before the change."""
    after: tuple[int, int]
    p: float
    p_corrected: float
    """For all borders that were tried."""
    rivals: tuple[str, ...] = ()
    """Ids of changes that cannot be told from this one."""

    @property
    def told(self) -> str:
        """In one sentence, with the numbers."""
        return (
            f"correlates with {described(self.change)}: {self.after[0]} of {self.after[1]} sessions after it are on the "
            f"side that it went to, {self.before[0]} of {self.before[1]} before (p = {self.p_corrected:.2g})"
        )

    def body(self) -> dict[str, Json]:
        """As plain JSON."""
        return {
            "change": self.change.told(),
            "before": {"hits": self.before[0], "sessions": self.before[1]},
            "after": {"hits": self.after[0], "sessions": self.after[1]},
            "p": self.p,
            "p_corrected": self.p_corrected,
            "rivals": list(self.rivals),
            "told": self.told,
        }


def cause_of(drift: Drift, conduct: Sequence[Conduct], changes: Sequence[Change]) -> Cause | None:
    """The change that a drift goes along with best; None where no change that is known does.

    Args:
        drift: the alarm.
        conduct: the agent's sessions around it, in their order.
        changes: told and seen ones.
    """
    told = [(one, _value(drift.stream, one)) for one in conduct]
    present = [(one, value) for one, value in told if value is not None]
    if not changes or not present:
        return None
    numbers = sorted(value for _, value in present if not isinstance(value, str))
    by_id = {one.id: one for one in changes}
    fewer = bool(numbers) and not drift.more and numbers[len(numbers) // 2] == numbers[0]
    marked = _marked(present, numbers, more=drift.more or fewer)
    if fewer:  # what became rarer towards the end became more frequent towards the beginning
        marked, changes = [_turned(one) for one in marked], [_turned_change(one) for one in changes]
    best = _best(findings(changes, marked, once=True))
    if best is None:
        return None
    first, second = (best.hit0, best.sessions0), (best.hit1, best.sessions1)
    if fewer:
        first, second = ((of - hits, of) for hits, of in (second, first))
    return Cause(by_id[best.change.id], first, second, best.p, best.p_corrected, best.rivals)


def _best(found: Sequence[ChangeFinding]) -> ChangeFinding | None:
    named = [one for one in found if one.line != ANY and one.significant and one.likeliest]
    return min(named, key=lambda one: one.p_corrected, default=None)


def _turned(one: Conduct) -> Conduct:
    """A session in a time that runs backwards."""
    return replace(one, at=-one.at)


def _turned_change(one: Change) -> Change:
    """A change there: what ran before it runs after it."""
    return replace(one, at=nextafter(-one.at, inf), before=one.after, after=one.before)


def _marked(
    present: Sequence[tuple[Conduct, float | str]], numbers: Sequence[float], *, more: bool
) -> list[Conduct]:
    """The sessions that have a value, with one violation for each border beyond which it lies.

    Borders are drawn through all values, those after the change too: then an exact test of who lies beyond is exact.
    """
    kinds = Counter(value for _, value in present if isinstance(value, str))
    met = sorted(kinds[one] for one in kinds.elements())

    def beyond(value: float | str) -> list[str]:
        return _kind(met, kinds[value]) if isinstance(value, str) else _beyond(numbers, value, more=more)

    return [
        replace(
            one,
            calls={_TOOL: 1},
            violations={(_TOOL, border): 1 for border in beyond(value)},
            holds={},
            clean=True,
        )
        for one, value in present
    ]


def _beyond(every: Sequence[float], value: float, *, more: bool) -> list[str]:
    """The borders beyond which a number lies.

    >>> _beyond([0.0, 1.0, 2.0, 3.0], 2.5, more=True), _beyond([0.0, 1.0, 2.0, 3.0], 0.0, more=False)
    (['half'], ['half', 'upper'])
    """
    found = []
    for border, share in _BORDERS.items():
        limit = every[min(int(len(every) * (share if more else 1 - share)), len(every) - 1)]
        if value > limit if more else value < limit:
            found.append(border)
    return found


def _kind(met: Sequence[int], times: int) -> list[str]:
    """Whether a kind is rare or common.

    >>> _kind([1, 1, 2, 2, 4, 4, 4, 4], 4), _kind([1, 1, 2, 2, 4, 4, 4, 4], 1)
    (['common'], ['rare'])
    """
    rare, common = met[len(met) // 4], met[-1 - len(met) // 4]
    return [*(["rare"] if times <= rare < common else []), *(["common"] if times >= common > rare else [])]


def _value(stream: Stream, conduct: Conduct) -> float | str | None:
    """What a session says about a stream; zero where it has a value in every session."""
    for known, value in values_of(conduct, lambda _: 0.0):
        if known == stream:
            return value
    return 0.0 if stream.every else None
