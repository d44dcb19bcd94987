"""Embedded answers: a vector for each text, made outside, since embedding one takes models and files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from remit.core.trial.trial import Trial

Vector = Sequence[float]
Vectors = Mapping[str, Vector]
"""The vector of each answer, by its text: equal answers are embedded once."""


def embedded(trials: Sequence[Trial], vectors: Vectors | None) -> list[Vector]:
    """The vectors of those trials that have an answer with one, in order."""
    return [
        vectors[trial.answer]
        for trial in with_vectors(trials, vectors)
        if vectors and trial.answer is not None
    ]


def with_vectors(trials: Sequence[Trial], vectors: Vectors | None) -> list[Trial]:
    """Those trials that have an answer with a vector."""
    if vectors is None:
        return []
    return [trial for trial in trials if trial.answer is not None and trial.answer in vectors]


def texts(trials: Sequence[Trial]) -> list[str]:
    """Every different answer, in order: what is to be embedded."""
    return list(dict.fromkeys(trial.answer for trial in trials if trial.answer))
