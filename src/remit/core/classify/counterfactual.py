"""A call asked for again, with the suspicious text and without it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from remit.core.types import Json


@dataclass(frozen=True, slots=True)
class Arm:
    """Runs of one kind."""

    name: str
    """`factual` (as recorded), `masked` (the span replaced by neutral text), `old` (the former configuration)."""
    k: int
    """Runs that gave an answer."""
    hits: int
    """Of those, how many asked for the same tool with the same flagged values."""
    failed: int = 0
    """Runs without an answer: no miss, and no hit."""


@dataclass(frozen=True, slots=True)
class Counterfactual:
    """What came of the arms."""

    arms: tuple[Arm, ...]
    p: float | None
    """One-sided exact test that the factual arm hits more than the masked one; None where it was not made."""
    conclusion: str
    """`confirmed`, `not-confirmed`, `not-reproducible` or `not-made`."""
    told: str
    facts: Mapping[str, Json]
    """Seeds, the model, the hash of what was masked."""
