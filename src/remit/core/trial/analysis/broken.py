"""Invariants: one breach in any trial is BLOCK, without statistics; of those that held, how rare a breach may be."""

from __future__ import annotations

from remit.core.stats.proportion import clopper_pearson
from remit.core.trial.percent import count, ended, percent
from remit.core.trial.report import Broken
from remit.core.trial.run import Run
from remit.core.trial.trial import Breach, Trial

MOST_EXAMPLES = 5


def watched(run: Run) -> tuple[Broken, ...]:
    """Every invariant of the run in every arm, those that were broken first.

    A trial whose world failed was watched too: what it did before it failed, it did.
    """
    named = list(run.info.invariants)
    for trial in run.trials:
        named += [breach.invariant for breach in trial.breaches]
    found = [_of(run, arm, name) for name in dict.fromkeys(named) for arm in run.info.arms]
    return tuple(sorted(found, key=lambda one: not one.broken))


def _of(run: Run, arm: str, name: str) -> Broken:
    trials = run.of(arm)
    broken = [(trial, breach) for trial in trials if (breach := _first(trial, name)) is not None]
    # One-sided: the whole .05 on the side that matters, as in "0 of n, so below 3/n".
    bound = clopper_pearson(len(broken), len(trials), 0.90)[1] if trials else 1.0
    examples = tuple((trial.task, trial.epoch, trial.session, breach) for trial, breach in broken)
    unknown = sum(breach.error for _, breach in broken)
    return Broken(name, arm, len(trials), len(broken), bound, examples[:MOST_EXAMPLES], unknown)


def _first(trial: Trial, name: str) -> Breach | None:
    """Its first breach; one that is sure stands before one that nobody could evaluate."""
    of_it = sorted((one for one in trial.breaches if one.invariant == name), key=lambda one: one.error)
    return of_it[0] if of_it else None


def told(one: Broken) -> str:
    """One sentence about it.

    >>> told(Broken("safety", "agent", 100, 0, 0.0295))
    'safety held in all 100 trials: with 95 % confidence, fewer than 3 % of runs break it.'
    """
    if not one.trials:
        return f"{one.invariant} was watched in no trial."
    if not one.broken:
        every = "in the one trial there was" if one.trials == 1 else f"in all {count(one.trials)}"
        return f"{one.invariant} held {every}: with 95 % confidence, fewer than {percent(one.bound)} of runs break it."
    task, epoch, _, breach = one.examples[0]
    how = "could not be judged" if one.unknown == one.broken else "was broken"
    broken = f"{one.invariant} {how} in {one.broken} of {count(one.trials)}"
    return f"{broken}, first in run {epoch} of {task}: {ended(breach.told)}"
