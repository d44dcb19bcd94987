"""Is the candidate not worse, where the two runs each ended as soon as their own gates knew enough?

When such a run ended hangs on how it went, and tests that take the number of trials for given do not know that: of an
agent that is held against itself they call up to 9.6 % worse at 5 %, and of candidates that are worse by just the margin
up to 7.4 % pass (gate .70/.85, true rate .775). What holds at any stop is a confidence sequence for each arm's rate, the
two sharing the level between them. It asks for many more trials than a fixed design, which the report says.

Source: Howard, Ramdas, McAuliffe, Sekhon, Annals of Statistics 49 (2021) 1055-1080; both at once: Bonferroni.
"""

from __future__ import annotations

from dataclasses import replace

from remit.core.stats.mixture import interval as confidence_sequence
from remit.core.stats.success_rate import rate, this_suite
from remit.core.trial.gates.settings import ALPHA
from remit.core.trial.gates.stopping import told_question
from remit.core.trial.percent import bar, change, passed_by, percent, points
from remit.core.trial.report import Estimate, Ruling
from remit.core.trial.run import Run, TaskInfo
from remit.core.trial.suite import BASELINE, CANDIDATE, Question, Rule
from remit.core.trial.verdict import Verdict

METHOD = "confidence sequence of each rate, valid at any stop"
_REMEDY = (
    "Two arms in one suite, or runs of a fixed design, tell it with far fewer trials: these ended as soon as gates of "
    "their own knew enough."
)


def at_any_stop(ruling: Ruling, rule: Rule, run: Run) -> Ruling:
    """What `not_worse` says of two runs, one of which at least ended as soon as its own gates knew enough.

    Args:
        ruling: what it says as if the number of trials had been given.
        rule: its settings.
        run: the two as one.
    """
    if run.info.design.question is Question.POPULATION:
        told = "Runs that end as soon as gates of their own know enough say nothing of tasks like these."
        return _said(ruling, Verdict.INCONCLUSIVE, told, "Runs of a fixed design.")
    alpha, margin = _share(rule, "alpha", ALPHA), _share(rule, "margin", 0.0)
    before, after = (_rate(run, arm, 1 - alpha) for arm in (BASELINE, CANDIDATE))
    if before.value is None or after.value is None:
        return ruling
    low, high = (after.low or 0.0) - (before.high or 0.0), (after.high or 0.0) - (before.low or 0.0)
    verdict = Verdict.PASS if low >= -margin else Verdict.BLOCK if high < 0 else Verdict.INCONCLUSIVE
    difference = Estimate(
        "success difference", after.value - before.value, low, high, 1 - 2 * alpha, METHOD, before.n + after.n,
        gating=True,
    )  # fmt: skip
    rates = (
        f"The candidate succeeds in {percent(after.value)} of runs, the baseline in {percent(before.value)}"
    )
    told, would_change = _told(verdict, low, high, margin, alpha)
    return replace(
        _said(ruling, verdict, f"{rates}: {told}", would_change),
        estimates=(difference,),
        details={
            "method": METHOD,
            "question": told_question(Question.SUITE),
            "unit": "trials",
            "n": difference.n,
            "margin": margin,
            "alpha": alpha,
            "beta": alpha,
            "stopped": list(run.info.stopped_arms),
        },
    )


def _told(verdict: Verdict, low: float, high: float, margin: float, alpha: float) -> tuple[str, str]:
    sure = f"{percent(1 - alpha)} sure, whenever the runs ended"
    if verdict is Verdict.PASS:
        told = f"it is worse by at most {points(min(low, 0.0))} ({sure}), and up to {points(margin)} less is allowed."
        return told, passed_by(low)
    if verdict is Verdict.BLOCK:
        return f"it is worse by at least {points(high)} ({sure}).", "A candidate that fails less often."
    span = f"from {change(low)} to {change(high)} ({bar(1 - 2 * alpha)} sure, whenever the runs ended)"
    told = f"that does not tell, since truly it may be anywhere {span}, and up to {points(margin)} less is allowed."
    return told, _REMEDY


def _rate(run: Run, arm: str, confidence: float) -> Estimate:
    """The rate of an arm, with an interval that holds however its run ended."""
    tasks = run.by_task(arm)
    passes = [sum(trial.success is True for trial in trials) for trials in tasks.values()]
    runs = [len(trials) for trials in tasks.values()]
    if not runs:
        return Estimate("success", None)
    if arm in run.info.stopped_arms:
        hits, n = sum(passes), sum(runs)
        return Estimate("success", hits / n, *confidence_sequence(hits, n - hits, confidence), n=n)
    weights = [run.info.tasks.get(task, TaskInfo()).weight for task in tasks]
    span = this_suite(passes, runs, weights, confidence)
    return Estimate("success", rate(passes, runs, weights), *span, n=sum(runs))


def _said(ruling: Ruling, verdict: Verdict, sentence: str, would_change: str) -> Ruling:
    return replace(
        ruling, verdict=verdict, sentence=sentence, would_change=would_change, estimates=(), details={}
    )


def _share(rule: Rule, key: str, default: float) -> float:
    value = rule.settings.get(key, default)
    return float(value) if isinstance(value, int | float) else default
