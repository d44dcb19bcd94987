"""Vectors of texts, with who made them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from remit.core.errors import BadInput
from remit.ports import Embedder


@dataclass(frozen=True, slots=True)
class Vectors:
    """One vector for each of some texts."""

    embedder: str
    """Its name; of `lexical` vectors everything that is shown says so."""
    version: str
    """Of its weights: vectors of different ones are not comparable."""
    rows: tuple[tuple[float, ...], ...]

    def beside(self, other: Vectors) -> tuple[tuple[float, ...], ...]:
        """These rows and the others', where the same embedder made both.

        Raises:
            BadInput: it did not.
        """
        mine, theirs = (self.embedder, self.version), (other.embedder, other.version)
        if mine != theirs:
            found = f"one side is by {mine[0]} ({mine[1]}), the other by {theirs[0]} ({theirs[1]})"
            raise BadInput("embedder", found, "embed both sides with the same one")
        return (*self.rows, *other.rows)


def embedded(texts: Sequence[str], embedder: Embedder) -> Vectors:
    """The vectors of some texts.

    Raises:
        BadInput: what the embedder gives cannot be used: another number of vectors, of different length, or not finite.
        Unavailable: it could not be reached.

    >>> from remit.usecases.lexical import LexicalEmbedder
    >>> found = embedded(["refunded", "could not refund"], LexicalEmbedder())
    >>> found.embedder, len(found.rows), len(found.rows[0])
    ('lexical', 2, 1024)
    """
    different = list(dict.fromkeys(texts))
    rows = _checked(embedder.embed(different) if different else [], len(different), embedder)
    place = dict(zip(different, rows, strict=True))
    return Vectors(embedder.name, embedder.version, tuple(place[text] for text in texts))


def _checked(found: Any, n: int, embedder: Embedder) -> list[tuple[float, ...]]:
    where = f"embedder {embedder.name}"
    try:
        rows = [tuple(map(float, row)) for row in found]
    except (TypeError, ValueError) as error:
        raise BadInput(
            where, f"what it gives are no vectors: {error}", "mend it, or take another one"
        ) from None
    if len(rows) != n:
        raise BadInput(where, f"gives {len(rows)} vectors for {n} texts", "mend it, or take another one")
    lengths = sorted({len(row) for row in rows})
    if len(lengths) > 1 or lengths == [0]:
        raise BadInput(where, f"gives vectors of length {lengths}", "mend it, or take another one")
    if not all(isfinite(value) for row in rows for value in row):
        raise BadInput(where, "gives a vector that is not finite", "mend it, or take another one")
    return rows
