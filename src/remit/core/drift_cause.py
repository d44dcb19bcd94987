"""Which change goes along with a drift? The findings of `core.classify.change`, asked about any stream.

A session *hits* where the stream's value lies on the side that the drift went to, beyond a border among all values around
(of categories: where it is of a kind that is rare, or common). Whether hits became more frequent with a change,
and with which of several, is then the question that violations ask, and the same exact tests and likelihoods answer it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

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
    finding: ChangeFinding

    @property
    def told(self) -> str:
        """In one sentence, with the numbers."""
        f = self.finding
        return (
            f"correlates with {described(self.change)}: {f.hit1} of {f.sessions1} sessions after it are on the side that "
            f"it went to, {f.hit0} of {f.sessions0} before (p = {f.p_corrected:.2g})"
        )

    def body(self) -> dict[str, Json]:
        """As plain JSON."""
        f = self.finding
        return {
            "change": self.change.told(),
            "before": {"hits": f.hit0, "sessions": f.sessions0},
            "after": {"hits": f.hit1, "sessions": f.sessions1},
            "p": f.p,
            "p_corrected": f.p_corrected,
            "rivals": list(f.rivals),
            "told": self.told,
        }


def cause_of(drift: Drift, conduct: Sequence[Conduct], changes: Sequence[Change]) -> Cause | None:
    """The change that a drift goes along with best; None where no change that is known does.

    Args:
        drift: the alarm.
        conduct: the agent's sessions around it, in their order.
        changes: told and seen ones.
    """
    if not changes:
        return None
    found = findings(changes, _marked(drift, conduct), once=True)
    named = [one for one in found if one.line != ANY and one.significant and one.likeliest]
    best = min(named, key=lambda one: one.p_corrected, default=None)
    return None if best is None else Cause(best.change, best)


def _marked(drift: Drift, conduct: Sequence[Conduct]) -> list[Conduct]:
    """The sessions that have a value, with one violation for each border beyond which it lies."""
    told = [(one, _value(drift.stream, one)) for one in conduct]
    present = [(one, value) for one, value in told if value is not None]
    # Borders are drawn through all values, those after the change too: then an exact test of who lies beyond is exact.
    numbers = sorted(value for _, value in present if not isinstance(value, str))
    kinds = Counter(value for _, value in present if isinstance(value, str))
    met = sorted(kinds[one] for one in kinds.elements())

    def beyond(value: float | str) -> list[str]:
        if isinstance(value, str):
            return _kind(met, kinds[value])
        return _beyond(numbers, value, more=drift.more)

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

    >>> _beyond([0.0, 1.0, 2.0, 3.0], 2.5, more=True), _beyond([0.0, 0.0, 0.0, 5.0], 0.0, more=False)
    (['half'], ['half'])
    """
    found = []
    for border, share in _BORDERS.items():
        limit = every[min(int(len(every) * (share if more else 1 - share)), len(every) - 1)]
        # Where most are zero, and there are to be fewer of the others, zero itself is beyond.
        if value > limit if more else value < limit or (value == limit == every[0] and border == "half"):
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
