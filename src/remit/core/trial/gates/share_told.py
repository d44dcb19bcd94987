"""What a gate on a share says, for someone who has never seen a p-value."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from remit.core.trial.gates.stopping import MOST_MORE, Counted, Mark, Stopping
from remit.core.trial.verdict import Verdict
from remit.core.trial.percent import about, bar, beside, count, percent


@dataclass(frozen=True, slots=True)
class Said:
    """How sentences speak of a yes and a no."""

    name: str
    """Of the share: `success`."""
    right: str
    """`45 of 50 right`."""
    no: str
    """`5 of 50 failed`."""
    rate: str = "the true rate"


def sentence(verdict: Verdict, counted: Counted, said: Said, stopping: Stopping, *, early: bool) -> str:
    """The verdict in one sentence.

    Args:
        early: it was decided before the end, because of what was seen.
    """
    if not counted.n:
        return f"No trial counted, so nothing is known about {said.rate}; the bar is {bar(stopping.mark.bar)}."
    seen = f"{counted.yes:,} of {counted.n:,} {said.right}"
    if verdict is Verdict.INCONCLUSIVE:
        return _open(seen, counted, said, stopping)
    return _early(verdict, counted, said, stopping) if early else _at_the_end(verdict, seen, counted, said, stopping)


def _open(seen: str, counted: Counted, said: Said, stopping: Stopping) -> str:
    mark, estimate = stopping.mark, stopping.estimate(counted, said.name, early=False)
    low, high = estimate.low or 0.0, 1.0 if estimate.high is None else estimate.high
    aim = f" and the aim {bar(mark.aim)}" if mark.aim is not None else ""
    return (
        f"With {seen}, {said.rate} may be anywhere from {beside(low, mark.bar)} to {beside(high, mark.bar)}; "
        f"the bar is {bar(mark.bar)}{aim}."
    )


def _at_the_end(verdict: Verdict, seen: str, counted: Counted, said: Said, stopping: Stopping) -> str:
    mark, (low, high) = stopping.mark, stopping.bounds(counted)
    if verdict is Verdict.PASS:
        return (
            f"With {seen}, {said.rate} is at least {beside(low, mark.bar)} ({percent(1 - mark.alpha)} sure); "
            f"the bar is {bar(mark.bar)}."
        )
    told = f"With {seen}, {said.rate} is at most {beside(high, mark.floor)} ({percent(1 - mark.block)} sure)"
    if mark.aim is None:
        return f"{told}; the bar is {bar(mark.bar)}."
    return f"{told}, so the aim of {bar(mark.aim)} is missed, and nothing shows that the bar of {bar(mark.bar)} is reached."


def _early(verdict: Verdict, counted: Counted, said: Said, stopping: Stopping) -> str:
    mark = stopping.mark
    if verdict is Verdict.PASS:
        return (
            f"{counted.yes:,} of the first {count(counted.n)} {said.right}: enough to say that {said.rate} is above the "
            f"bar of {bar(mark.bar)}; at the bar, a pass happens in at most {percent(mark.alpha)} of cases."
        )
    failed = counted.n - counted.yes
    what = f"the aim of {bar(mark.aim)}" if mark.aim is not None else f"the bar of {bar(mark.bar)}"
    return (
        f"{failed:,} of the first {count(counted.n)} {said.no}: too many for {what}; an agent that reaches it is "
        f"blocked in at most {percent(mark.block)} of cases."
    )


def would_change(verdict: Verdict, counted: Counted, said: Said, stopping: Stopping) -> str:
    """What would change the verdict."""
    if not counted.n:
        return "Trials that count: see why the world failed, or what was not recorded."
    if verdict is not Verdict.INCONCLUSIVE:
        return _rates(verdict, counted, said, stopping)
    more = stopping.more(counted)
    if more is None:
        return (
            f"At this rate no reasonable number of trials decides, since it lies too close to the bar "
            f"(more than {MOST_MORE:,}). {_rates(verdict, counted, said, stopping)}"
        )
    return f"About {about(more):,} more {'trial' if more == 1 else 'trials'} at this rate would decide."


def _rates(verdict: Verdict, counted: Counted, said: Said, stopping: Stopping) -> str:
    """Which counts, of as many trials, would pass and would block."""
    passing, blocking = turning(counted, stopping)
    n = f"of {counted.n:,} {said.right}"
    passes = f"{passing:,} or more {n} would pass" if passing is not None else f"even {counted.n:,} {n} would not pass"
    blocks = f"{blocking:,} or fewer would block" if blocking is not None else "none would block"
    if verdict is Verdict.PASS:
        return f"With fewer than {passing:,} {n} it would not have passed." if passing is not None else ""
    if verdict is Verdict.BLOCK:
        return f"{passes[0].upper()}{passes[1:]}."
    return f"{passes[0].upper()}{passes[1:]}, {blocks}."


def turning(counted: Counted, stopping: Stopping) -> tuple[int | None, int | None]:
    """The least yes that passes after as many trials, and the most that blocks; None where no count does."""
    pass_line, block_line = stopping.line(counted.n)
    if (pass_line, block_line) != (None, None):
        passing = None if pass_line is None else counted.n - int(pass_line)
        return passing, None if block_line is None else counted.n - ceil(block_line)
    low, high = 0, counted.n + 1
    verdicts = {}

    def verdict(yes: int) -> Verdict:
        if yes not in verdicts:
            verdicts[yes] = stopping.end(alike(counted, yes))
        return verdicts[yes]

    while low < high:  # the least that passes
        middle = (low + high) // 2
        low, high = (low, middle) if middle > counted.n or verdict(middle) is Verdict.PASS else (middle + 1, high)
    passing = low if low <= counted.n else None
    low, high = -1, counted.n
    while low < high:  # the most that blocks
        middle = (low + high + 1) // 2
        low, high = (middle, high) if verdict(middle) is Verdict.BLOCK else (low, middle - 1)
    return passing, low if low >= 0 else None


def alike(counted: Counted, yes: int) -> Counted:
    """As many trials of the same tasks, with *yes* among them, shared out as evenly as may be."""
    tasks, left, trials = {}, yes, counted.n
    for task, (n, _) in counted.tasks.items():
        hits = round(left * n / trials) if trials else 0
        tasks[task] = n, hits
        left, trials = left - hits, trials - n
    return Counted(tasks, counted.n, yes)


def mark_told(mark: Mark) -> str:
    """The mark in a few words."""
    return f"at least {bar(mark.bar)}" + (f", aims for {bar(mark.aim)}" if mark.aim is not None else "")
