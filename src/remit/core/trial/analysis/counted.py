"""Which trials of a run count for rates: in a sequential design, those up to the decision of its gates, and of a run
that was cut off those up to the first in start order that had not ended."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from remit.core.trial.gates.gate import Gate, contiguous
from remit.core.trial.gates.table import gates_of
from remit.core.trial.run import Run
from remit.core.trial.trial import Trial
from remit.core.trial.verdict import Verdict

OWN_RUNS = "remit trial run"
"""The source of runs whose design is known to have been fixed beforehand: of them, all trials must be there."""
_PART = re.compile(r" --shard (\d{1,4})-of-(\d{1,4})$")
"""How the source of one part of a run ends."""


def gates_for(run: Run) -> tuple[Gate, ...]:
    """The gates of its design, none of them fed yet."""
    weights = {task: info.weight for task, info in run.info.tasks.items()}
    return tuple(gates_of(run.info.design, run.info.arms, weights))


def fed(gates: Sequence[Gate], found: Sequence[Mapping[str, Trial]], *, sequential: bool) -> int:
    """Feed the gates until all have decided or one blocks, as the run itself was; draws that they took.

    Behind the block of one gate, trials were cut off; those that ended all the same are the quick ones, which would
    tell a gate that is still open too much good.
    """
    for at, draw in enumerate(found, 1):
        said = [gate.step(draw) for gate in gates]
        if sequential and said and (Verdict.BLOCK in said or None not in said):
            return at
    return len(found)


def missing(run: Run) -> int:
    """Trials of a fixed design that have not ended; 0 where the design was not ours."""
    design = run.info.design
    if design.kind != "fixed" or not run.info.source.startswith(OWN_RUNS):
        return 0
    return max(0, len(run.info.tasks) * design.epochs * len(run.info.arms) - len(run.trials))


def unbroken(run: Run) -> Run:
    """Of a fixed design that was cut off, the trials up to the first in start order that had not ended.

    Behind it only the quick ones have ended: rates of all that did would be theirs.
    """
    if not missing(run):
        return run
    draw, step = part_of(run) or (0, 1)
    ended = Counter(trial.draw for trial in run.trials)
    while ended[draw] == len(run.info.arms):
        draw += step
    return replace(run, trials=tuple(trial for trial in run.trials if trial.draw < draw))


def part_of(run: Run) -> tuple[int, int] | None:
    """Of one part of a run in several processes, its first draw and how many draws lie from one to its next.

    None of a whole run, also of one whose parts were put together.
    """
    found = _PART.search(run.info.source)
    if found is None:
        return None
    first, step = int(found[1]) - 1, int(found[2])
    own = step > 1 and all(trial.draw % step == first for trial in run.trials)
    return (first, step) if own else None


def counting(run: Run, upto: int) -> Run:
    """The trials that rates and comparisons are made of: in a sequential design, those up to the decision.

    Behind it, and behind a gap, only the quick ones have ended: what is slow was cut off when the run stopped. So they
    have behind the first gap of a fixed design that was cut off.
    """
    if run.info.design.kind != "sequential":
        return unbroken(run)
    return replace(run, trials=tuple(trial for trial in run.trials if trial.draw < upto))


def counted(run: Run) -> Run:
    """As `counting`, of a run whose gates are not to be judged.

    Raises:
        BadInput: a gate of its design is none.
    """
    sequential = run.info.design.kind == "sequential"
    return counting(run, fed(gates_for(run), draws(run), sequential=True) if sequential else 0)


def draws(run: Run) -> list[Mapping[str, Trial]]:
    """What gates are fed: in a sequential design the draws up to the first gap, in a fixed one all that count."""
    if run.info.design.kind == "sequential":
        return contiguous(run, run.info.arms)
    found: dict[int, dict[str, Trial]] = {}
    for trial in unbroken(run).trials:
        found.setdefault(trial.draw, {})[trial.arm] = trial
    return [found[draw] for draw in sorted(found)]
