"""A run, analysed: every number with its interval, every verdict with its sentence."""

from __future__ import annotations

from remit.core.trial.analysis.broken import watched
from remit.core.trial.analysis.compared import comparisons, correction
from remit.core.trial.analysis.contrasts import contrasts
from remit.core.trial.analysis.counted import counting
from remit.core.trial.analysis.counts import counts
from remit.core.trial.analysis.estimates import CONFIDENCE, curves, estimates
from remit.core.trial.analysis.judged import judged
from remit.core.trial.analysis.map import answer_map
from remit.core.trial.analysis.notes import notes
from remit.core.trial.analysis.other_methods import other_methods
from remit.core.trial.analysis.pair import pair_of
from remit.core.trial.analysis.reasons import reasons
from remit.core.trial.analysis.sound import check_sound
from remit.core.trial.analysis.task_lines import task_lines
from remit.core.trial.analysis.vectors import Vectors
from remit.core.trial.gates.budget import latency_of
from remit.core.trial.report import Report
from remit.core.trial.run import Run
from remit.core.types import Json


def analyse(
    run: Run,
    *,
    vectors: Vectors | None = None,
    embedder: str = "",
    methods: bool = False,
    margin: float | None = None,
) -> Report:
    """Everything that is said about one run.

    Args:
        run: of one arm or more. Two runs that are to be compared are made one by `merged.merged`.
        vectors: of the answers, by their text; None where answers are not embedded.
        embedder: what made them, with its version: spreads of different embedders are not compared.
        methods: whether the arms are compared by other published methods, too; they decide nothing.
        margin: of those; by default that of the deciding gate.

    Raises:
        BadInput: a gate of the run's design is none, the run holds what cannot be reckoned with, or *methods* are asked
            for where no two arms are compared.
    """
    check_sound(run)
    invariants = watched(run)
    found = judged(run, invariants)
    part = counting(run, found.upto)
    pair = pair_of(part, vectors)
    compared = comparisons(pair) if pair is not None else ()
    others = other_methods(pair, run, found.rulings, margin) if methods else ((), "")
    return Report(
        run=run.info.id,
        suite=run.info.suite,
        verdict=found.verdict,
        sentence=found.sentence,
        would_change=found.would_change,
        arms=run.info.arms,
        design=_design(run, embedder),
        counts=counts(run),
        rulings=found.rulings,
        invariants=invariants,
        estimates={arm: estimates(part, arm, vectors) for arm in run.info.arms},
        curves=tuple(curve for arm in run.info.arms for curve in curves(part, arm)),
        tasks=task_lines(part, vectors),
        reasons=reasons(run),
        contrasts=contrasts(part, vectors),
        comparisons=compared,
        correction=correction(compared, len(found.rulings)),
        boundaries=found.boundaries,
        map=answer_map(run, vectors, embedder),
        latencies={arm: _latencies(part, arm) for arm in run.info.arms},
        notes=notes(run, part, vectors, embedder),
        coverage=run.info.coverage,
        methods=others[0],
        methods_told=others[1],
    )


def _design(run: Run, embedder: str) -> dict[str, Json]:
    design = run.info.design
    size = {"epochs": design.epochs} if design.kind == "fixed" else {"max_trials": design.max_trials}
    return {
        "kind": design.kind,
        **size,
        "seed": design.seed,
        "question": design.question.value,
        "confidence": CONFIDENCE,
        "max_infrastructure": design.max_infrastructure,
        "suite_hash": run.info.suite_hash,
        "hash": run.info.design_hash,
        "source": run.info.source,
        "stopped": run.stopped,
        **({"embedder": embedder} if embedder else {}),
    }


def _latencies(run: Run, arm: str) -> tuple[float, ...]:
    found = [
        trial.latency_s
        for trial in run.of(arm)
        if latency_of(trial) is not None and trial.latency_s is not None
    ]
    return tuple(sorted(found))
