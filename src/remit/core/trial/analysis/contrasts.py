"""The least stable tasks, each with two of its runs side by side: what "it varies" looks like.

Of a task that sometimes passes, the two are a pass and a failure that are as alike as possible, so that what differs is
near the reason. Of one that always ends alike, they are the two that lie farthest apart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations

from remit.core.stats.energy import distances
from remit.core.stats.sequences import sequence_distances
from remit.core.stats.spread import spread
from remit.core.trial.alike import calls_alike, claims_alike, ends_alike
from remit.core.trial.analysis.vectors import Vectors, embedded, with_vectors
from remit.core.trial.divergence import Divergence, compared
from remit.core.trial.percent import count
from remit.core.trial.report import Contrast
from remit.core.trial.run import Run
from remit.core.trial.trial import Trial, TrialCall
from remit.core.trial.words import shown
from remit.core.types import Json

MOST = 3
"""Tasks of each arm that are told."""
MOST_CALLS = 50
MOST_ARGS, MOST_CALL = 200, 80
"""Characters of arguments, beside each other and within a sentence."""
MOST_RUNS = 60
"""Runs of a task among which the two are looked for."""


def contrasts(run: Run, vectors: Vectors | None) -> tuple[Contrast, ...]:
    """The least stable tasks of every arm, the last arm first: it is the candidate."""
    found = []
    for arm in reversed(run.info.arms):
        tasks = run.by_task(arm)
        found += [_contrast(task, arm, tasks[task], vectors) for task in _least_stable(tasks, vectors)]
    return tuple(found)


def _least_stable(tasks: Mapping[str, Sequence[Trial]], vectors: Vectors | None) -> list[str]:
    """By how little alike runs end, then by their tools; where too few tasks vary in those, by what answers say."""
    done = {task: (_apart(trials, ends_alike), _apart(trials, calls_alike)) for task, trials in tasks.items()}
    found = sorted((task for task in done if any(done[task])), key=lambda task: done[task], reverse=True)[
        :MOST
    ]
    if len(found) < MOST:
        left = {task: trials for task, trials in tasks.items() if task not in found}
        said = {
            task: (_apart(trials, claims_alike), _spread(trials, vectors)) for task, trials in left.items()
        }
        found += sorted((task for task in said if any(said[task])), key=lambda task: said[task], reverse=True)
    return found[:MOST]


def _apart(trials: Sequence[Trial], alike: Callable[[Sequence[Trial]], float | None]) -> float:
    same = alike(trials)
    return 0.0 if same is None else 1 - same


def _spread(trials: Sequence[Trial], vectors: Vectors | None) -> float:
    rows = embedded(trials, vectors)
    return round(spread(rows), 9) if len(rows) > 1 else 0.0


def _contrast(task: str, arm: str, trials: Sequence[Trial], vectors: Vectors | None) -> Contrast:
    left, right = _two(trials[:MOST_RUNS], vectors)
    return Contrast(task, arm, _why(trials, left, right), _shown(left), _shown(right))


def _two(trials: Sequence[Trial], vectors: Vectors | None) -> tuple[Trial, Trial]:
    places = range(len(trials))
    apart = sequence_distances([[call.tool for call in trial.calls] for trial in trials])
    mixed = [(i, j) for i in places for j in places if trials[i].success and trials[j].success is False]
    if mixed:
        i, j = min(mixed, key=lambda pair: (apart[pair], pair))
        return trials[i], trials[j]
    i, j = max(combinations(places, 2), key=lambda pair: (apart[pair], -pair[0], -pair[1]))
    known = with_vectors(trials, vectors)
    if apart[i, j] > 0 or len(known) < 2:
        return trials[i], trials[j]
    far = distances(embedded(known, vectors))
    i, j = max(combinations(range(len(known)), 2), key=lambda pair: (far[pair], -pair[0], -pair[1]))
    return known[i], known[j]


def _why(trials: Sequence[Trial], left: Trial, right: Trial) -> str:
    n, failed = len(trials), sum(trial.success is False for trial in trials)
    told = []
    if 0 < failed < n:
        told.append(f"{failed} of {count(n, 'run')} {'fails' if failed == 1 else 'fail'}")
    ways = len({tuple(call.tool for call in trial.calls) for trial in trials})
    if ways > 1:
        told.append(f"{ways} different sequences of tools")
    first = compared(left.calls, right.calls).first
    if first is not None:
        told.append(_parting(first, left, right))
    if not told:
        told.append("same tools, other answers")
    text = "; ".join(told)
    return f"{text[0].upper()}{text[1:]}."


def _parting(first: Divergence, left: Trial, right: Trial) -> str:
    if first.made is None and first.recorded is not None:
        return f"of these two, only the first calls {_call(left.calls[first.recorded], MOST_CALL)}"
    if first.recorded is None and first.made is not None:
        return f"of these two, only the second calls {_call(right.calls[first.made], MOST_CALL)}"
    return f"these two part at call {(first.recorded or 0) + 1} (second against first): {first.told}"


def _shown(trial: Trial) -> Mapping[str, Json]:
    return {
        "epoch": trial.epoch,
        "session": trial.session,
        "success": trial.success,
        "reason": trial.reason,
        "calls": [_call(call) for call in trial.calls[:MOST_CALLS]],
        "answer": trial.answer,
    }


def _call(call: TrialCall, most: int = MOST_ARGS) -> str:
    ended = "" if call.outcome == "done" else f" ({call.outcome})"
    return f"{call.tool} {shown(call.args, most)}{ended}"
