"""How often would this report raise an alarm although nothing changed? The agent's own runs, against themselves.

One arm's runs are split in two within tasks, again and again, and each split is compared as any baseline with any
candidate would be. Nothing changed, so each alarm is false. Where their share is above the level that the comparison
claims, its p-values are not to be trusted on this suite.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from remit.core.errors import BadInput
from remit.core.trial.report import Comparison
from remit.core.trial.run import Run, in_order
from remit.core.trial.suite import BASELINE, CANDIDATE
from remit.core.trial.trial import Trial

SPLITS, LEVEL, CONFIDENCE = 500, 0.05, 0.99
ANY = "any of them, corrected"
"""Name of the line that counts splits in which some metric still looks changed after the correction for all."""

Compare = Callable[[Run], Iterable[Comparison]]
"""What is compared of a run of two arms, `baseline` and `candidate`."""


@dataclass(frozen=True, slots=True)
class FalseAlarms:
    """One metric over all splits."""

    metric: str
    method: str
    question: str
    splits: int
    """In which it could be compared."""
    alarms: int
    """In which it looked changed: p at or below the level."""
    rate: float
    low: float
    """99 % Clopper-Pearson interval of the rate, over splits of these very runs."""
    high: float
    level: float
    """What the comparison claims."""

    @property
    def trusted(self) -> bool:
        """False where even the interval's lower end is above the level."""
        return self.low <= self.level


@dataclass(frozen=True, slots=True)
class SelfTest:
    """What came of all splits."""

    arm: str
    tasks: int
    """With two runs or more: one that ran once cannot be split."""
    left_out: int
    """Tasks that ran once."""
    trials: int
    """That were split."""
    splits: int
    metrics: tuple[FalseAlarms, ...]

    @property
    def trusted(self) -> bool:
        """Whether every metric holds its level."""
        return all(one.trusted for one in self.metrics)


def selftest(
    run: Run, arm: str, compare: Compare, *, splits: int = SPLITS, seed: int = 0, level: float = LEVEL
) -> SelfTest:
    """Compare one arm of a run with itself, many times.

    Args:
        run: of any number of arms.
        arm: whose runs are split.
        compare: what a report would compare.
        splits: how often.
        seed: of the splits.
        level: at which a p-value is an alarm.

    Raises:
        BadInput: no such arm, or no task with two runs.
    """
    if arm not in run.info.arms:
        told = f"there is no arm {arm!r}"
        raise BadInput("arm", told, f"its arms are {', '.join(run.info.arms)}")
    found = run.by_task(arm)
    tasks = {task: trials for task, trials in found.items() if len(trials) > 1}
    if not tasks:
        raise BadInput(
            "run", f"no task ran twice in arm {arm!r}", "run each task four times or more, then split"
        )
    counted: dict[str, _Count] = {}
    corrected = False
    for halved in split_runs(run, tasks, splits, seed):
        some = False
        for one in compare(halved):
            counted.setdefault(one.metric, _Count(one.method, one.question)).see(one.p, level)
            some = some or (one.adjusted is not None and one.adjusted <= level)
            corrected = corrected or one.adjusted is not None
        counted.setdefault(ANY, _Count("Benjamini-Hochberg", "")).see(0.0 if some else 1.0, level)
    if not corrected:
        counted.pop(ANY, None)
    return SelfTest(
        arm,
        len(tasks),
        len(found) - len(tasks),
        sum(map(len, tasks.values())),
        splits,
        tuple(count.told(metric, level) for metric, count in counted.items()),
    )


def split_runs(run: Run, tasks: dict[str, list[Trial]], splits: int, seed: int) -> Iterator[Run]:
    """Runs of two arms, each made of the same trials.

    Args:
        run: where they are from.
        tasks: the trials by task, two or more of each.
        splits: how many.
        seed: of the splits.
    """
    from remit.core.stats.halves import halves

    info = replace(
        run.info,
        arms=(BASELINE, CANDIDATE),
        tasks={task: one for task, one in run.info.tasks.items() if task in tasks},
        fingerprints={},
    )
    for number, split in enumerate(halves([len(trials) for trials in tasks.values()], splits, seed)):
        dealt = [
            (trial, CANDIDATE if second else BASELINE)
            for trials, which in zip(tasks.values(), split, strict=True)
            for trial, second in zip(trials, which, strict=True)
        ]
        design = replace(run.info.design, seed=seed + number)
        yield Run(replace(info, design=design), in_order(_renamed(dealt), info.arms))


def _renamed(dealt: Sequence[tuple[Trial, str]]) -> Iterator[Trial]:
    """The trials in their new arms, each arm with epochs of its own."""
    epochs: dict[tuple[str, str], int] = {}
    for trial, arm in sorted(dealt, key=lambda one: one[0].draw):
        epoch = epochs.get((trial.task, arm), 0)
        epochs[trial.task, arm] = epoch + 1
        yield replace(trial, arm=arm, epoch=epoch)


class _Count:
    """Of one metric, while splits go by."""

    def __init__(self, method: str, question: str) -> None:
        self.method, self.question = method, question
        self.splits = self.alarms = 0

    def see(self, p: float | None, level: float) -> None:
        if p is not None:
            self.splits += 1
            self.alarms += p <= level

    def told(self, metric: str, level: float) -> FalseAlarms:
        from remit.core.stats.proportion import clopper_pearson

        if not self.splits:
            return FalseAlarms(metric, self.method, self.question, 0, 0, 0.0, 0.0, 1.0, level)
        low, high = clopper_pearson(self.alarms, self.splits, CONFIDENCE)
        rate = self.alarms / self.splits
        return FalseAlarms(
            metric, self.method, self.question, self.splits, self.alarms, rate, low, high, level
        )
