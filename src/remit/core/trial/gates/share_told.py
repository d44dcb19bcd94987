"""What a gate on a share says, for someone who has never seen a p-value."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from remit.core.trial.gates.stopping import Counted, Stopping
from remit.core.trial.percent import about, bar, beside, count, percent
from remit.core.trial.verdict import Verdict


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
    were: str = "were right"


FIRST_PASS = 10_000
"""Trials within which a gate passes an agent that never fails, or nobody waits for it."""


def sentence(verdict: Verdict, counted: Counted, said: Said, stopping: Stopping, *, early: bool) -> str:
    """The verdict in one sentence.

    Args:
        early: it was decided before the end, because of what was seen.
    """
    if not counted.n:
        return (
            f"No trial counted, so nothing is known about {said.rate}; the bar is {bar(stopping.mark.bar)}."
        )
    if verdict is Verdict.INCONCLUSIVE:
        return _open(counted, said, stopping)
    return (_early if early else _at_the_end)(verdict, counted, said, stopping)


def _open(counted: Counted, said: Said, stopping: Stopping) -> str:
    mark, estimate = stopping.mark, stopping.estimate(counted, said.name, early=False)
    low, high = estimate.low or 0.0, 1.0 if estimate.high is None else estimate.high
    aim = f" and the aim {bar(mark.aim)}" if mark.aim is not None else ""
    return (
        f"{_seen(counted, said, stopping)} may be anywhere from {beside(low, mark.bar)} to {beside(high, mark.bar)} "
        f"({percent(estimate.confidence)} sure); the bar is {bar(mark.bar)}{aim}."
    )


def _at_the_end(verdict: Verdict, counted: Counted, said: Said, stopping: Stopping) -> str:
    mark, (low, high), seen = stopping.mark, stopping.bounds(counted), _seen(counted, said, stopping)
    if verdict is Verdict.PASS:
        return f"{seen} is at least {beside(low, mark.bar)} ({percent(1 - mark.alpha)} sure); the bar is {bar(mark.bar)}."
    told = f"{seen} is at most {beside(high, mark.floor)} ({percent(1 - mark.block)} sure)"
    if mark.aim is None or high < mark.bar:
        return f"{told}; the bar is {bar(mark.bar)}."
    return f"{told}: the aim of {bar(mark.aim)} is missed, and nothing shows that the bar of {bar(mark.bar)} is reached."


def _seen(counted: Counted, said: Said, stopping: Stopping) -> str:
    """`With 45 of 50 right, the true rate`, with the tasks where they are the unit."""
    right = f"With {counted.yes:,} of {counted.n:,} {said.right}"
    if stopping.population:
        return f"{right} in {count(len(counted.tasks), 'task')}, {said.rate} on tasks like these"
    return f"{right}, {said.rate}"


def _early(verdict: Verdict, counted: Counted, said: Said, stopping: Stopping) -> str:
    mark = stopping.mark
    if verdict is Verdict.PASS:
        return (
            f"{counted.yes:,} of the first {count(counted.n)} {said.were}: enough to say that {said.rate} is above the "
            f"bar of {bar(mark.bar)}; an agent at the bar passes in at most {percent(mark.alpha)} of cases."
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
    if stopping.line(counted.n) != (None, None) and verdict is not Verdict.INCONCLUSIVE:
        return _gone_on(verdict, counted, said, stopping)
    if verdict is not Verdict.INCONCLUSIVE:
        return _counts(verdict, counted, said, stopping)
    more = stopping.more(counted)
    if more is None:
        told = "The rate lies too close to the bar for any reasonable number of trials."
        return f"{told} {_counts(verdict, counted, said, stopping)}"
    if stopping.population:
        tasks = max(1, round(more * len(counted.tasks) / counted.n))
        return f"About {count(about(tasks), 'more task')} like these would decide, at this rate."
    return f"About {count(about(more), 'more trial')} at this rate would decide."


def _gone_on(verdict: Verdict, counted: Counted, said: Said, stopping: Stopping) -> str:
    """Of a verdict before the end: what would have kept it open."""
    if verdict is Verdict.PASS:
        return f"Had one more of them {said.no}, it would not have passed here."
    fewest = next((n for n in range(1, FIRST_PASS) if stopping.line(n)[0] is not None), None)
    clean = f" A pass takes at least {count(fewest)}, none of which {said.no}." if fewest else ""
    _, blocks = stopping.line(counted.n)
    allowed = counted.n - counted.yes - 1 if blocks is None else ceil(blocks) - 1
    return f"With {allowed:,} or fewer that {said.no}, it would not have been blocked here.{clean}"


def _counts(verdict: Verdict, counted: Counted, said: Said, stopping: Stopping) -> str:
    """Which counts, of as many trials, would pass and would block."""
    passing, blocking = turning(counted, stopping)
    n = f"of {counted.n:,} {said.right}"
    if verdict is Verdict.PASS:
        return f"With fewer than {passing:,} {n} it would not have passed." if passing is not None else ""
    what = (
        f"{count(len(counted.tasks), 'task')} are too few"
        if stopping.population
        else f"{count(counted.n)} are too few"
    )
    passes = (
        f"{passing:,} or more {n} would pass"
        if passing is not None
        else f"{what} for a pass, even without a failure"
    )
    if verdict is Verdict.BLOCK:
        return f"{passes}."
    return f"{passes}; {blocking:,} or fewer would block." if blocking is not None else f"{passes}."


def turning(counted: Counted, stopping: Stopping) -> tuple[int | None, int | None]:
    """The least yes that passes after as many trials, and the most that blocks; None where no count does."""

    def verdict(yes: int) -> Verdict:
        return stopping.end(alike(counted, yes))

    low, high = 0, counted.n + 1
    while low < high:  # the least that passes
        middle = (low + high) // 2
        low, high = (low, middle) if verdict(middle) is Verdict.PASS else (middle + 1, high)
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
        hits = round(left * n / trials)
        tasks[task] = n, hits
        left, trials = left - hits, trials - n
    return Counted(tasks, counted.n, yes)
