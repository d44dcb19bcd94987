"""Two runs of one suite, compared as one run with two arms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from remit.core.errors import BadInput
from remit.core.trial.analysis.counted import OWN_RUNS, counted, missing
from remit.core.trial.percent import count
from remit.core.trial.run import Run, RunInfo, in_order
from remit.core.trial.suite import BASELINE, CANDIDATE, Rule
from remit.core.trial.trial import Trial

MERGED = "two runs"
"""How the source of a run begins that was made of two."""


def merged(
    baseline: Run,
    candidate: Run,
    *,
    gates: Sequence[Rule] | None = None,
    baseline_arm: str = "",
    candidate_arm: str = "",
) -> Run:
    """One run of the two: trials are paired by task and epoch.

    Args:
        baseline: the old agent's run.
        candidate: the new one's.
        gates: of the comparison; None: those of the candidate's run.
        baseline_arm: which arm of *baseline*; by default its only one, or the one of that name.
        candidate_arm: which arm of *candidate*.

    Raises:
        BadInput: the suites differ, so that their trials are not comparable; an arm is none; or both sides are the same
            trials, of which nothing but "no worse" can be found.
    """
    _same_suite(baseline.info, candidate.info)
    before_arm, after_arm = _arm(baseline, baseline_arm, BASELINE), _arm(candidate, candidate_arm, CANDIDATE)
    if before_arm == after_arm and baseline == candidate and baseline.info.source.startswith(OWN_RUNS):
        remedy = "name two; of one agent's own runs `remit trial selftest` says what chance does"
        raise BadInput("compare", f"both sides are the same runs ({baseline.info.id})", remedy)
    sides = (BASELINE, baseline, before_arm), (CANDIDATE, candidate, after_arm)
    before, after = _named(baseline, before_arm, BASELINE), _named(candidate, after_arm, CANDIDATE)
    tasks = {**baseline.info.tasks, **candidate.info.tasks}
    order = {task: place for place, task in enumerate(tasks)}
    cells = sorted({(t.epoch, order.get(t.task, len(order)), t.task) for t in (*before, *after)})
    draws = {(task, epoch): draw for draw, (epoch, _, task) in enumerate(cells)}
    trials = [replace(trial, draw=draws[trial.task, trial.epoch]) for trial in (*before, *after)]
    design = candidate.info.design
    kept = design.gates if gates is None else tuple(gates)
    info = replace(
        candidate.info,
        id=f"{baseline.info.id} / {candidate.info.id}",
        arms=(BASELINE, CANDIDATE),
        tasks=tasks,
        design=replace(
            design, kind="fixed", epochs=max((t.epoch for t in trials), default=0) + 1, gates=kept
        ),
        invariants=tuple(dict.fromkeys((*baseline.info.invariants, *candidate.info.invariants))),
        fingerprints={
            BASELINE: baseline.info.fingerprints.get(_arm(baseline, baseline_arm, BASELINE), {}),
            CANDIDATE: candidate.info.fingerprints.get(_arm(candidate, candidate_arm, CANDIDATE), {}),
        },
        source=MERGED,
        design_hash="",
        stopped_arms=tuple(name for name, run, arm in sides if arm in stopped_arms(run.info)),
    )
    stopped = "; ".join(dict.fromkeys(why for _, run, _ in sides if (why := _cut_short(run))))
    return Run(info, in_order(trials, info.arms), baseline.repeated + candidate.repeated, stopped)


def stopped_arms(info: RunInfo) -> tuple[str, ...]:
    """The arms of a run that ended as soon as gates of its own, or of the run that they were taken from, knew enough.

    >>> from remit.core.trial.suite import Design
    >>> stopped_arms(RunInfo("r", "s", "h", Design("sequential"), ("agent",), {}))
    ('agent',)
    >>> stopped_arms(RunInfo("r", "s", "h", Design(), ("old", "new"), {}, stopped_arms=("old",)))
    ('old',)
    """
    return info.arms if info.design.kind == "sequential" else info.stopped_arms


def _cut_short(run: Run) -> str:
    """Why it ended before all trials had run; empty where it did not."""
    absent, ended = missing(run), len(run.trials)
    if run.stopped or not absent:
        return run.stopped
    return f"run {run.info.id} was cut off with {ended:,} of {count(ended + absent)}"


def _same_suite(baseline: RunInfo, candidate: RunInfo) -> None:
    if baseline.suite_hash != candidate.suite_hash:
        found = (
            f"the baseline ran suite '{baseline.suite}' ({baseline.suite_hash[:12] or 'unknown'}), the candidate "
            f"'{candidate.suite}' ({candidate.suite_hash[:12] or 'unknown'})"
        )
        raise BadInput("compare", found, "run both with the same suite file")
    if not set(baseline.tasks) & set(candidate.tasks):
        raise BadInput("compare", "no task stands in both runs", "compare runs of the same tasks")


def _arm(run: Run, arm: str, default: str) -> str:
    arms = run.info.arms
    wanted = arm or (default if default in arms else arms[0] if len(arms) == 1 else "")
    if wanted not in arms:
        found = (
            f"run {run.info.id} has no arm '{wanted}'" if wanted else f"run {run.info.id} has several arms"
        )
        raise BadInput("compare", found, f"name one of {', '.join(arms)}")
    return wanted


def _named(run: Run, arm: str, name: str) -> list[Trial]:
    """The trials of an arm under its new name: those that count for rates, and any in which an invariant was broken."""
    kept = {trial.key for trial in counted(run).trials}
    return [replace(trial, arm=name) for trial in run.of(arm) if trial.key in kept or trial.breaches]
