"""Answers in two dimensions, for the eye: near is alike in words, and says nothing of right and wrong."""

from __future__ import annotations

from math import fsum

from remit.core.stats.principal import plane
from remit.core.trial.analysis.vectors import Vectors, embedded, with_vectors
from remit.core.trial.report import Map
from remit.core.trial.run import Run

MOST_POINTS = 2_000
MOST_TEXT = 80


def answer_map(run: Run, vectors: Vectors | None, embedder: str) -> Map | None:
    """Every answer that has a vector; None for fewer than three, which have no map."""
    known = with_vectors(run.trials, vectors)
    every = -(-len(known) // MOST_POINTS)
    trials = known[::every] if every else []
    if len(trials) < 3:
        return None
    found = plane(embedded(trials, vectors))
    points = tuple(
        (x, y, trial.arm, trial.task, trial.success, (trial.answer or "")[:MOST_TEXT])
        for (x, y), trial in zip(found.points, trials, strict=True)
    )
    return Map(embedder, fsum(found.explained), points)
