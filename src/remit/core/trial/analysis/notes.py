"""What a reader must know before believing a number. To add a note: write its function, add it to the table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from remit.core.stats.spread import COVERAGE, FEWEST
from remit.core.trial.analysis.counted import OWN_RUNS
from remit.core.trial.analysis.judged import judged
from remit.core.trial.analysis.merged import MERGED
from remit.core.trial.analysis.pair import pair_of
from remit.core.trial.analysis.vectors import Vectors
from remit.core.trial.gates.of_check import KEY
from remit.core.trial.percent import count, percent
from remit.core.trial.run import Run
from remit.core.trial.trial import Status, Trial
from remit.core.trial.verdict import Verdict

FEW = 29
"""Trials below which not even a perfect agent shows a rate of 90 %."""
LEXICAL = "lexical"
_BLIND = (
    "Embeddings cannot see the outcome: 'refunded' lies beside 'could not refund'. They say that answers moved or vary, "
    "never that they are right or wrong; numbers, ids and claims are compared beside them."
)

_WHAT_RETRIES_HIDE = (
    " Had they ended with their first attempt, and badly, it would not pass: an agent that knows when it errs, and then "
    "says that the world failed, has as many tries as attempts. `retries: 0` leaves it one."
)


def notes(run: Run, part: Run, vectors: Vectors | None, embedder: str) -> tuple[str, ...]:
    """Every note that applies.

    Args:
        run: all of it.
        part: the trials that rates are made of.
        vectors: of answers; None where none were embedded.
        embedder: that made them.
    """
    found = [told for note in NOTES for told in note(run)]
    behind = len(run.trials) - len(part.trials)
    if behind:
        found.append(
            f"{count(behind)} ended behind the decision, or behind one in start order that had not ended: only quick "
            "ones are among those, so they count for invariants, and for no rate."
        )
    if vectors is not None:
        found.append(_BLIND)
        if any(len(trials) >= FEWEST for arm in part.info.arms for trials in part.by_task(arm).values()):
            found.append(
                f"The interval of the spread of one task's answers is for display: of 95 %, it covers {COVERAGE}."
            )
        if embedder.startswith(LEXICAL):
            found.append("Vectors are lexical: they compare spelling. `remit[semantic]` compares meaning.")
    return tuple(found)


def _identical(run: Run) -> Iterator[str]:
    for arm in run.info.arms:
        repeated = [trials for trials in run.by_task(arm).values() if len(trials) > 1]
        known = repeated and all(trial.answer is not None for trials in repeated for trial in trials)
        if known and all(_same(trials) for trials in repeated):
            seeds = len({trial.seed for trials in repeated for trial in trials if trial.seed is not None}) > 1
            although = ", although each run has its own seed" if seeds else ""
            yield (
                f"All repeats of every task are identical in {arm}{although}: the agent is deterministic, or a cache "
                "answers for it. Then repeats tell nothing new, and intervals are narrower than what is known."
            )


def _same(trials: Sequence[Trial]) -> bool:
    first = trials[0]
    told = [(call.tool, call.args) for call in first.calls]
    return all(
        trial.answer == first.answer and [(call.tool, call.args) for call in trial.calls] == told
        for trial in trials
    )


def _few(run: Run) -> Iterator[str]:
    for arm in run.info.arms:
        n = sum(trial.success is not None for trial in run.of(arm))
        if 0 < n < FEW:
            most = percent(0.05 ** (1 / n))
            yield f"{arm} has {count(n)}: even without a failure, so many show no more than a rate of {most} (95 % sure)."


def _low_baseline(run: Run) -> Iterator[str]:
    """Nobody is worse by the margin than who succeeds no more often than the margin."""
    pair = pair_of(run, None)
    asked = [
        rule.settings
        for rule in run.info.design.gates
        if rule.kind == "not_worse" and KEY not in rule.settings
    ]
    margins = [margin for one in asked if isinstance(margin := one.get("margin"), int | float)]
    if pair is None or not margins:
        return
    judged = [trial.success for trial in run.of(pair.baseline) if trial.success is not None]
    if judged and sum(judged) <= max(margins) * len(judged):
        yield (
            f"{pair.baseline} succeeds in {percent(sum(judged) / len(judged))} of runs, no more than the margin: a "
            f"candidate that never succeeds is not worse. A bar of its own (`success: {{at_least: …}}`) says whether "
            f"{pair.candidate} is any good."
        )


def _once(run: Run) -> Iterator[str]:
    tasks = [trials for arm in run.info.arms for trials in run.by_task(arm).values()]
    if tasks and run.info.design.kind == "fixed" and all(len(trials) == 1 for trials in tasks):
        yield "Every task ran once, so how much runs of one task vary is not known."


def _interleaved(run: Run) -> Iterator[str]:
    if run.info.source.startswith(MERGED):
        yield (
            "The arms are two runs made at different times: a change of the provider in between looks like one of the "
            "agent. `arms:` in one suite runs them side by side."
        )
        return
    times = [[trial.at for trial in run.of(arm) if trial.at is not None] for arm in run.info.arms]
    if len(times) > 1 and all(len(one) > 1 for one in times):
        spans = sorted((min(one), max(one)) for one in times)
        if any(end <= start for (_, end), (start, _) in pairwise(spans)):
            yield (
                "The arms did not run side by side in time: a change of the provider in between looks like one of the "
                "agent."
            )


def _repeated(run: Run) -> Iterator[str]:
    if run.repeated:
        yield f"{count(run.repeated)} were in flight when the run was cut off, and ran again."
    retried = sum(trial.attempts > 1 for trial in run.trials)
    if retried:
        once = f"{count(retried)} needed more than one attempt, since the world failed at first."
        yield f"{once}{_WHAT_RETRIES_HIDE}" if _passed_by_retries(run) else once


def _passed_by_retries(run: Run) -> bool:
    """Whether it passes, and would not if every trial that was tried again had been lost, and gone against the agent."""
    if judged(run, ()).verdict is not Verdict.PASS:
        return False
    again = (replace(one, status=Status.INFRASTRUCTURE) if one.attempts > 1 else one for one in run.trials)
    return judged(replace(run, trials=tuple(again)), ()).verdict is not Verdict.PASS


def _world(run: Run) -> Iterator[str]:
    failed = sum(trial.status is Status.INFRASTRUCTURE for trial in run.trials)
    if failed:
        yield f"In {count(failed)} the world failed: they count neither as success nor as failure."
    late = sum(trial.status is Status.TIMEOUT for trial in run.trials)
    if late:
        yield f"{count(late)} had not ended by the deadline: a failure each."


def _stopped(run: Run) -> Iterator[str]:
    if run.stopped:
        yield f"It ended before all trials had run: {run.stopped}."
    if run.info.design.kind == "sequential" and len(run.info.arms) > 1:
        yield (
            "The gates decide with errors that hold at any stop. The p-values of the comparisons do not: the run "
            "ended when a gate had seen enough, so they are for exploring only."
        )
    if stopped := [arm for arm in run.info.arms if arm in run.info.stopped_arms]:
        gate = ", and so does the gate here" if run.info.design.gates else ""
        yield (
            f"The run of {' and that of '.join(stopped)} ended as soon as gates of its own knew enough; what ended "
            f"behind that is left out. The intervals of success hold at any stop{gate}. Those of comparisons and of "
            "single tasks, and all p-values, are as if the number of trials had been given: for exploring only."
        )


def _restarted(run: Run) -> Iterator[str]:
    """A gate's error is that of one run: whoever begins again until it passes has another."""
    earlier = run.info.earlier
    if earlier:
        ended = ", ".join(f"{n:,} {verdict or 'without a verdict'}" for verdict, n in sorted(earlier.items()))
        were = "was" if sum(earlier.values()) == 1 else "were"
        yield (
            f"{count(sum(earlier.values()), 'run')} of this suite and these agents {were} begun in this store before "
            f"({ended}). The chance of a false PASS is that of one run: it grows with each that is tried until one "
            "passes."
        )


def _lost_tasks(run: Run) -> Iterator[str]:
    """An agent that breaks down where a task is hard may look like a world that fails there."""
    for arm in run.info.arms:
        lost, ran = Counter[str](), Counter[str]()
        for trial in run.of(arm):
            ran[trial.task] += 1
            lost[trial.task] += trial.status is Status.INFRASTRUCTURE
        those = [task for task, n in lost.items() if 2 * n > ran[task]]
        if those:
            some = ", ".join(f"{task} ({lost[task]:,} of {ran[task]:,})" for task in those[:3])
            more = ", …" if len(those) > 3 else ""
            yield (
                f"The world failed in most runs of {count(len(those), 'task')} of {arm}: {some}{more}. "
                "What such tasks ask is hardly judged; an agent that breaks down there looks the same."
            )


def _one_sided(run: Run) -> Iterator[str]:
    ran = [set(run.by_task(arm)) for arm in run.info.arms]
    if len(ran) == 2 and ran[0] & ran[1] and (apart := ran[0] ^ ran[1]):
        some = ", ".join(sorted(apart)[:3]) + (", …" if len(apart) > 3 else "")
        yield f"{count(len(apart), 'task')} ran in one arm only ({some}), and cannot be compared."


def _fingerprints(run: Run) -> Iterator[str]:
    prints = [run.info.fingerprints.get(arm) for arm in run.info.arms]
    if len(prints) == 2 and prints[0] and prints[0] == prints[1]:
        yield "Both arms have the same fingerprint: what differs is chance, or something that nobody recorded."


def _many(run: Run) -> Iterator[str]:
    pair = pair_of(run, None)
    if pair is not None and pair.left_out:
        kept = count(len(pair.trials), "run")
        yield f"Behaviour, time and cost were compared on {kept}, the same number of each task; success on all of them."


def _watched(run: Run) -> Iterator[str]:
    if run.trials and not run.info.invariants and run.info.source.startswith(OWN_RUNS):
        yield "No invariant was watched: what no run may ever do is not known to have been kept."


NOTES: tuple[Callable[[Run], Iterator[str]], ...] = (
    _stopped,
    _world,
    _lost_tasks,
    _restarted,
    _few,
    _low_baseline,
    _once,
    _identical,
    _interleaved,
    _one_sided,
    _fingerprints,
    _repeated,
    _many,
    _watched,
)
