"""What every form of a report says alike: which tasks are least stable, how many runs there were, how it was designed."""

from __future__ import annotations

from collections.abc import Iterable

from remit.core.notice import visible
from remit.core.trial.percent import count as counted
from remit.core.trial.report import Broken, Curve, Estimate, OtherMethod, Reason, Report, Ruling, TaskLine
from remit.core.trial.verdict import Verdict
from remit.usecases.trials.shown.numbers import plain


def instability(line: TaskLine) -> float:
    """How far a task is from ending alike each time: 0 where all runs do, 1 where half of many do not.

    >>> from remit.core.trial.report import TaskLine
    >>> instability(TaskLine("t", "agent", 4, 2, 0.1, 0.9)), instability(TaskLine("t", "agent", 4, 4, 0.4, 1.0))
    (1.0, 0.0)
    """
    if line.agreement is not None:
        return 2 * (1 - line.agreement)
    share = line.passes / line.n if line.n else 0.0
    return 4 * share * (1 - share)


def least_stable(lines: Iterable[TaskLine]) -> list[TaskLine]:
    """Those tasks whose runs do not all end alike or do not use the same tools, the least stable first."""
    shaky = [line for line in lines if line.n > 1 and (0 < line.passes < line.n or line.sequences > 1)]
    return sorted(shaky, key=lambda line: (-instability(line), -line.sequences, -(line.spread or 0.0)))


def spread_told(line: TaskLine) -> str:
    """How far the answers to a task lie apart, with the interval where there is one.

    >>> from remit.core.trial.report import TaskLine
    >>> spread_told(TaskLine("t", "agent", 5, 5, 0.5, 1.0, spread=0.25, spread_low=0.125, spread_high=0.5))
    '0.25 (0.125 to 0.5)'
    """
    if line.spread_low is None or line.spread_high is None:
        return plain(line.spread)
    return f"{plain(line.spread)} ({plain(line.spread_low)} to {plain(line.spread_high)})"


def counted_runs(report: Report, arm: str) -> str:
    """The runs of *arm*: how many, how they ended, what was left out of the rates."""
    count = report.counts.get(arm, {})
    runs, tasks = (counted(count.get(key, 0), one) for key, one in (("trials", "run"), ("tasks", "task")))
    told = f"{runs} of {tasks}: {count.get('passed', 0):,} passed"
    told += f", {count.get('failed', 0):,} failed, {count.get('timeout', 0):,} not done in time"
    for key, words in (
        ("infrastructure", "where the world failed (in no rate)"),
        ("diverged", "that left the recorded conversation (in no rate)"),
        ("retried", "tried more than once"),
        ("repeated", "run again after a cut"),
    ):
        if count.get(key):
            told += f", {count[key]:,} {words}"
    return told


def whose(one: Reason) -> str:
    """How many runs a reason is about, and of which tasks.

    >>> whose(Reason("agent", "paid twice", 3, ("clock", "cup"), 0)), whose(Reason("agent", "", 1, tuple("abcd"), 0))
    ('3 runs of clock, cup', '1 run of a, b, c and 1 task more')
    >>> whose(Reason("agent", "paid twice", 3, ("clock", "cup"), 0, stratum="de"))
    '3 runs of clock, cup, all in stratum de'
    """
    named, more = ", ".join(one.tasks[:3]), len(one.tasks) - 3
    told = f"{counted(one.trials, 'run')} of {named}" + (
        f" and {counted(more, 'task')} more" if more > 0 else ""
    )
    return f"{told}, all in stratum {one.stratum}" if one.stratum else told


def said_above(report: Report, ruling: Ruling) -> bool:
    """Whether the verdict of the whole says the same already: there is one gate, and nothing else spoke."""
    return len(report.rulings) == 1 and (ruling.sentence, ruling.would_change) == (
        report.sentence,
        report.would_change,
    )


def design_line(report: Report) -> str:
    """How it was designed, in a line; what is not known is not said."""
    design = report.design
    told = [visible(str(design["kind"]), 40)] if design.get("kind") else []
    told += [
        f"{key} {visible(str(design[key]), 80)}"
        for key in ("seed", "question")
        if design.get(key) is not None
    ]
    if design.get("hash"):
        told.append(f"design {visible(str(design['hash']), 12)}")
    return ("Design: " + ", ".join(told)) if told else ""


def method(one: Estimate) -> str:
    """How a number was made, on how much it rests, and how often a display interval covers.

    >>> from remit.core.trial.report import Estimate
    >>> method(Estimate("success", 0.5, 0.4, 0.6, 0.95, "Wilson", 80, coverage="93 %"))
    'Wilson, 80 trials, 95 % (measured: 93 %)'
    """
    told = [visible(one.method, 160)] if one.method else []
    told += [counted(one.n, visible(one.unit, 40).removesuffix("s"))] if one.n else []
    told += [f"{100 * one.confidence:.4g} %"] if one.low is not None or one.high is not None else []
    measured = f" (measured: {visible(one.coverage, 120)})" if one.coverage and not one.gating else ""
    return ", ".join(told) + measured


def curves_of(report: Report) -> dict[str, list[Curve]]:
    """The curves by name; one that ends at k = 1 is the success rate once more, and left out."""
    found: dict[str, list[Curve]] = {}
    for curve in report.curves:
        found.setdefault(curve.name, []).append(curve)
    return {name: curves for name, curves in found.items() if max(len(curve.points) for curve in curves) > 1}


def meaning(curve: str) -> str:
    """What `pass^k` and `pass@k` say.

    >>> meaning("pass^k")
    'the chance that all of k runs of a task succeed'
    """
    many = "at least one" if "@" in curve else "all"
    return f"the chance that {many} of k runs of a task succeed{'s' if '@' in curve else ''}"


def ended(success: object) -> str:
    """How one run ended.

    >>> ended(True), ended(None)
    ('passed', 'not counted')
    """
    return "not counted" if success is None else "passed" if success is True else "failed"


def listed(value: object) -> list[str]:
    """The texts of a list in a `Contrast`."""
    return [str(one) for one in value] if isinstance(value, list | tuple) else []


def kept(one: Broken) -> tuple[Verdict, str]:
    """Whether an invariant held: as a verdict, and in words.

    >>> kept(Broken("safety", "agent", 9, 0, 0.3)), kept(Broken("safety", "agent", 9, 3, 0.7, unknown=1))
    ((<Verdict.PASS: 'PASS'>, 'held in 9 runs'), (<Verdict.BLOCK: 'BLOCK'>, 'broken in 2 of 9 runs, unknown in 1'))
    >>> kept(Broken("safety", "agent", 9, 1, 0.5, unknown=1))
    (<Verdict.ERROR: 'ERROR'>, 'unknown in 1 of 9 runs: it could not be evaluated')
    >>> kept(Broken("safety", "agent", 1, 1, 1.0))
    (<Verdict.BLOCK: 'BLOCK'>, 'broken in 1 of 1 run')
    """
    runs = counted(one.trials, "run")
    sure, of = one.broken - one.unknown, f"of {runs}"
    if not one.trials:
        return Verdict.INCONCLUSIVE, "no run was watched"
    if sure:
        return Verdict.BLOCK, f"broken in {sure:,} {of}" + (
            f", unknown in {one.unknown:,}" if one.unknown else ""
        )
    if one.unknown:
        return Verdict.ERROR, f"unknown in {one.unknown:,} {of}: it could not be evaluated"
    return Verdict.PASS, f"held in {runs}"


OTHER_METHODS = "The same question by other published methods (they decide nothing)"
"""The title of what they say."""


def asked_of(one: OtherMethod) -> str:
    """What a method's p-value is of, and which question it answers.

    >>> asked_of(OtherMethod("Tango (score)", "success", "either", "", "worse by 5 points or more"))
    'worse by 5 points or more; this suite and tasks like these'
    """
    return f"{one.asks}; {'this suite and tasks like these' if one.question == 'either' else one.question}"
