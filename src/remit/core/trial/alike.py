"""How alike the runs of one task are: in how they ended, in the tools they called, in what they claim.

Each is the chance that two runs, drawn at random from those of the task, are alike: 1 where all are, and without bias for
any number of runs. It knows nothing of right and wrong: an agent that always fails alike is stable.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence

from remit.core.trial.signature import signature
from remit.core.trial.trial import Trial


def ends_alike(trials: Sequence[Trial]) -> float | None:
    """Whether both pass or both fail; None for fewer than two runs whose world did not fail."""
    return _alike(trial.success for trial in trials if trial.success is not None)


def calls_alike(trials: Sequence[Trial]) -> float | None:
    """Whether both call the same tools in the same order; None for fewer than two runs."""
    return _alike(tuple(call.tool for call in trial.calls) for trial in trials)


def claims_alike(trials: Sequence[Trial]) -> float | None:
    """Whether both answers name the same numbers and ids, and claim the same; None for fewer than two answers."""
    return _alike(signature(trial.answer) for trial in trials if trial.answer is not None)


def _alike(kinds: Iterable[Hashable]) -> float | None:
    """
    >>> _alike("aab"), _alike("a")
    (0.3333333333333333, None)
    """
    counted = Counter(kinds)
    n = counted.total()
    return sum(k * (k - 1) for k in counted.values()) / (n * (n - 1)) if n > 1 else None
