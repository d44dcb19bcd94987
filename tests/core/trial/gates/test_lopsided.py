"""Many small losses beside few large gains: no worse on tasks like these, and not called worse."""

from __future__ import annotations

from itertools import count

from remit.core.trial.gates.table import gates_of
from remit.core.trial.report import Ruling
from remit.core.trial.run import Run, RunInfo, TaskInfo
from remit.core.trial.suite import Design, Question, Rule
from remit.core.trial.trial import Status, Trial
from remit.core.trial.verdict import Verdict

TASKS = [f"t{number}" for number in range(40)]


def ruled(baseline: int, candidate: dict[str, int], **levels: float) -> Ruling:
    """Of ten runs of each task in each arm, with so many successes."""
    rule = Rule("no-worse", "not_worse", {"margin": 0.01, **levels})
    design = Design(epochs=10, question=Question.POPULATION, gates=(rule,))
    draws, trials = count(), []
    for task in TASKS:
        for epoch in range(10):
            draw = next(draws)
            for arm, passes in (("baseline", baseline), ("candidate", candidate[task])):
                status = Status.PASSED if epoch < passes else Status.FAILED
                trials.append(Trial(draw, arm, task, epoch, status))
    info = RunInfo("r", "s", "h", design, ("baseline", "candidate"), dict.fromkeys(TASKS, TaskInfo()))
    run = Run(info, tuple(trials))
    (gate,) = gates_of(design, info.arms)
    for at in range(0, len(trials), 2):
        gate.step({one.arm: one for one in trials[at : at + 2]})
    return gate.ruling(run)


def lopsided(gain: int, losing: int) -> dict[str, int]:
    """So many tasks succeed always now, the others in *losing* of ten runs."""
    return {task: 10 if place < gain else losing for place, task in enumerate(TASKS)}


def test_a_loss_on_all_tasks_alike_blocks():
    assert ruled(8, dict.fromkeys(TASKS, 5)).verdict is Verdict.BLOCK


def test_small_losses_on_most_tasks_and_large_gains_on_few_do_not():
    found = ruled(5, lopsided(3, 4))

    assert found.details["p_worse"] < 0.05  # by Student's t alone it would be blocked
    assert found.verdict is Verdict.INCONCLUSIVE


def test_a_loss_that_the_interval_shows_blocks_only_at_the_level_that_was_set():
    found = ruled(5, lopsided(6, 3), beta=0.001)

    assert found.estimates[0].high < 0 and found.details["p_worse"] > 0.001
    assert found.verdict is Verdict.INCONCLUSIVE
    assert ruled(5, lopsided(6, 3)).verdict is Verdict.BLOCK
