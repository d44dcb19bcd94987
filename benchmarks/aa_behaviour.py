"""Every comparison that a report makes, on runs where nothing changed; see `benchmarks.aa`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from benchmarks.aa import LEVEL, Dealt
from remit.core.trial.analysis.compared import comparisons
from remit.core.trial.analysis.pair import pair_of
from remit.core.trial.analysis.vectors import texts
from remit.core.trial.run import Run, in_order
from remit.core.trial.suite import BASELINE, CANDIDATE
from remit.usecases.embedding.named import embedder_named


def behaviour_alarms(
    run: Run, deal: Callable[[Any], Dealt], splits: int, seed: int = 2
) -> tuple[Counter[str], Counter[str]]:
    """False alarms of every comparison of a report, and the splits in which it could be made."""
    import numpy as np

    answers = texts(run.trials)
    vectors = dict(zip(answers, embedder_named("lexical").embed(answers), strict=True))
    rng, found, could = np.random.default_rng(seed), Counter[str](), Counter[str]()
    for number in range(splits):
        pair = pair_of(as_run(run, deal(rng), number), vectors)
        assert pair is not None
        compared = comparisons(pair)
        for one in compared:
            found[one.metric] += one.p is not None and one.p <= LEVEL
            could[one.metric] += one.p is not None
        found["any, corrected"] += any(one.adjusted is not None and one.adjusted <= LEVEL for one in compared)
        could["any, corrected"] += 1
    return found, could


def as_run(run: Run, dealt: Dealt, seed: int) -> Run:
    """A run of two arms."""
    trials = [
        replace(trial, arm=arm, task=name, epoch=epoch)
        for name, base, candidate in dealt
        for arm, one in ((BASELINE, base), (CANDIDATE, candidate))
        for epoch, trial in enumerate(one)
    ]
    known = run.info.tasks[next(iter(run.info.tasks))]
    info = replace(
        run.info,
        arms=(BASELINE, CANDIDATE),
        tasks={name: known for name, _, _ in dealt},
        design=replace(run.info.design, seed=seed),
    )
    return Run(info, in_order(trials, info.arms))
