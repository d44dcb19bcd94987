"""Gates that no run of a design could pass, told before the first trial is paid for.

Each gate is asked of the best runs that there could be: every trial passes at once, and of two arms also those in which
the baseline does as badly as it can. Where none of them is a PASS, the design is too small for the gate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice

from remit.core.trial.gates.gate import contiguous
from remit.core.trial.gates.table import gates_of
from remit.core.trial.report import Ruling
from remit.core.trial.run import Run, RunInfo, TaskInfo
from remit.core.trial.schedule import slots
from remit.core.trial.suite import BASELINE, Suite, Task
from remit.core.trial.trial import Checked, Slot, Status, Trial, TrialCall
from remit.core.trial.verdict import Verdict

MOST_TRIALS = 1_000
"""A design with more is not asked: nearly every gate can pass then, and it would take a while to see."""


def hopeless(suite: Suite) -> Iterator[str]:
    """One sentence for each gate that cannot pass, however good the agent is; one where there is nothing to pass."""
    if not suite.design.gates:
        if not suite.invariants:
            yield "no gate and no invariant is set, so there is nothing to pass; add one to 'gates:'"
        return
    best = _run(suite, _good)
    if best is None:
        return
    rulings = _rulings(suite, best)
    if BASELINE in suite.arms and (other := _run(suite, _lopsided)) is not None:
        pairs = zip(rulings, _rulings(suite, other), strict=True)
        rulings = [one if one.verdict is Verdict.PASS else beside for one, beside in pairs]
    for ruling in rulings:
        if ruling.verdict is not Verdict.PASS:
            yield (
                f"gate '{ruling.gate}' cannot pass here: of {len(best.trials):,} trials without a failure it would say "
                f"{ruling.verdict.value}. {ruling.would_change}"
            )


def _run(suite: Suite, made: Callable[[Slot, Task], Trial]) -> Run | None:
    """The run in which each trial ends as *made* says; None where it is too large."""
    tasks = suite.tasks
    weights = {name: task.weight for name, task in tasks.items()}
    planned = list(islice(slots(suite.design, weights, tuple(suite.arms)), MOST_TRIALS + 1))
    if len(planned) > MOST_TRIALS:
        return None
    info = RunInfo(
        "", suite.name, "", suite.design, tuple(suite.arms),
        {name: TaskInfo(task.weight, task.stratum, task.deadline_s) for name, task in tasks.items()},
    )  # fmt: skip
    return Run(info, tuple(made(slot, tasks[slot.task]) for slot in planned))


def _rulings(suite: Suite, run: Run) -> list[Ruling]:
    weights = {name: task.weight for name, task in suite.tasks.items()}
    gates = gates_of(suite.design, tuple(suite.arms), weights)
    draws: Iterable[Mapping[str, Trial]] = contiguous(run, run.info.arms)
    for draw in draws:
        for gate in gates:
            gate.step(draw)
    return [gate.ruling(run) for gate in gates]


def _good(slot: Slot, task: Task) -> Trial:
    return _ended(slot, task, passed=True)


def _lopsided(slot: Slot, task: Task) -> Trial:
    """The baseline fails, each time otherwise; every other arm passes."""
    return _ended(slot, task, passed=slot.arm != BASELINE)


def _ended(slot: Slot, task: Task, *, passed: bool) -> Trial:
    call = TrialCall(f"tool-{0 if passed else slot.epoch}", {})
    return Trial(
        slot.draw,
        slot.arm,
        slot.task,
        slot.epoch,
        Status.PASSED if passed else Status.FAILED,
        latency_s=0.0,
        answer="done" if passed else str(slot.epoch),
        calls=(call,),
        checks=tuple(Checked(rule.id, passed=passed) for rule in task.checks),
        tokens=0,
        cost=0.0,
    )
