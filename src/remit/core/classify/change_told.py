"""What a change finding says to people: "correlates with", numbers, and what cannot be said. Never "caused by"."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf, isfinite, isnan

from remit.core.change import Change
from remit.core.classify.change_compared import ALPHA, LineAgainstChange
from remit.core.classify.change_counts import ANY, Unit
from remit.core.classify.change_naming import CandidateStanding
from remit.core.classify.change_windows import ENOUGH, ChangeWindow
from remit.core.conduct import Line
from remit.core.notice import instant, visible
from remit.core.stats.rate_ratio import Ratio

_EARLIEST = 1e8
"""Smaller instants are places in a stream without times."""


def described(change: Change) -> str:
    """A change in a few words, safe to show.

    >>> from remit.core.change import Change, ChangeKind
    >>> described(Change("c1", ChangeKind.MODEL, 400.0, before="a", after="b"))
    'model: a → b, from session 401 on'
    """
    told = change.kind.value
    if change.before or change.after:
        told += (
            f": {visible(change.before, 80) or '(not known)'} → {visible(change.after, 80) or '(not known)'}"
        )
    elif change.note:
        told += f": {visible(change.note, 120)}"
    return f"{told}, {_from(change.at)}"


def _from(at: float) -> str:
    return f"from session {int(at) + 1} on" if at < _EARLIEST else f"from {instant(at)} on"


def told_of(
    window: ChangeWindow,
    agent: str,
    line: Line,
    result: LineAgainstChange,
    unit: Unit,
    standing: CandidateStanding | None,
    comparisons: int,
    without_content: int,
    known: Mapping[str, Change],
) -> str:
    """One finding in sentences.

    Args:
        window: of the change.
        agent: whose line it is.
        line: which.
        result: counts and corrected p-values.
        unit: what is counted.
        standing: what became of the change as a candidate; None where the line did not rise with it beyond chance.
        comparisons: lines that the correction is for.
        without_content: sessions after with the line, into which nothing came that is not trusted.
        known: all changes of the agent by id.
    """
    what, numbers = _what(line, agent), _numbers(result, unit)
    named = described(window.change)
    sure = f"corrected p {_p(result.rose)} over {comparisons} lines"
    if standing is not None and standing.stands:
        told = f"{what} correlates with {named}: {numbers}; {sure}.{_without(without_content)}"
    elif standing is not None:
        told = f"{what} rose with {named} ({numbers}; {sure}), but {_instead(standing, known)}."
    elif result.fell <= ALPHA:
        told = f"{what} became rarer with {named}: {numbers}; corrected p {_p(result.fell)}."
    else:
        told = f"No rise of {what} with {named} beyond chance: {numbers}.{_few(result)}"
    return told + (_rivals(standing, known) if standing is not None and standing.stands else "")


def _what(line: Line, agent: str) -> str:
    if line == ANY:
        return f"the rate of violations of {visible(agent, 80)}"
    return f"{visible(line[1], 120)}" + (f" on {visible(line[0], 80)}" if line[0] else "")


def _numbers(result: LineAgainstChange, unit: Unit) -> str:
    c = result.counts
    calls = "calls" if c.n1 != c.sessions1 or c.n0 != c.sessions0 else "sessions"
    shown = f"{c.x1} in {c.n1} {calls} after, {c.x0} in {c.n0} before"
    if calls == "calls":
        shown += f", in {c.hit1} of {c.sessions1} and {c.hit0} of {c.sessions0} sessions"
    ratio = c.ratio(unit)
    return shown if isnan(ratio.value) else f"{shown}, {_times(ratio)} counted in {unit}"


def _times(ratio: Ratio) -> str:
    interval = f"95 % interval {ratio.low:.3g} to {ratio.high:.3g}" if isfinite(ratio.high) else ""
    interval = interval or f"95 % interval from {ratio.low:.3g}"
    value = "never before" if ratio.value == inf else f"{ratio.value:.3g} times as often"
    return f"{value}, {interval},"


def _p(value: float) -> str:
    """
    >>> _p(0.0213), _p(1e-9)
    ('.021', 'below .0001')
    """
    return "below .0001" if value < 1e-4 else f"{value:.2g}".lstrip("0") or "0"


def _few(result: LineAgainstChange) -> str:
    c = result.counts
    if min(c.n0, c.n1) >= ENOUGH:
        return ""
    return f" Too few calls to tell: {c.n0} before, {c.n1} after; {ENOUGH} on each side would show .5 % becoming 3 %."


def _without(count: int) -> str:
    if count < 2:
        return ""
    return f" Into {count} of these sessions came nothing but trusted text."


def _instead(standing: CandidateStanding, known: Mapping[str, Change]) -> str:
    if standing.outdone:
        return f"{described(known[standing.outdone])} explains it better"
    at = standing.elsewhere if standing.elsewhere is not None else 0.0
    return f"the rate changed {_from(at)}, where no change is known"


def _rivals(standing: CandidateStanding, known: Mapping[str, Change]) -> str:
    if not standing.rivals:
        return ""
    others = "; ".join(described(known[id]) for id in standing.rivals[:3])
    more = f" and {len(standing.rivals) - 3} more" if len(standing.rivals) > 3 else ""
    return f" It cannot be told apart from: {others}{more}."
