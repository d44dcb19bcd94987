"""What is known beyond the case itself when it is classified: findings that others made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from remit.core.classify.change import ChangeFinding
    from remit.core.classify.counterfactual import Counterfactual


@dataclass(frozen=True, slots=True)
class Opinion:
    """What an optional detector or embedding model says of the texts that came from outside.

    A weak witness: it never decides alone.
    """

    name: str
    version: str
    score: float
    """0 (nothing) to 1."""
    kind: str = "detector"
    """`detector`, or `similarity` between the call and the span that explains it."""


@dataclass(frozen=True, slots=True)
class Known:
    """Everything there is beside the case; nothing where nobody looked."""

    changes: tuple[ChangeFinding, ...] = ()
    """Tests of what changed, for the lines of this case."""
    counterfactual: Counterfactual | None = None
    """The call asked for again, with the suspicious text and without it; None where no agent can be run."""
    opinions: tuple[Opinion, ...] = ()
    repeats: int = 0
    """Other sessions in which the same origin explains the same line."""
