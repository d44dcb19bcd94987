"""Texts with their vectors, and who made them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from remit.core.errors import BadInput
from remit.ports import Embedder

MOST_COORDINATE = 1e100
"""Beyond which the square of a vector's length is no number any more."""


@dataclass(frozen=True, slots=True)
class EmbeddedTexts:
    """A vector for each of some texts."""

    embedder: str
    """Its name; of `lexical` vectors everything that is shown says so."""
    version: str
    """Of its weights: vectors of different ones are not comparable."""
    vectors: Mapping[str, tuple[float, ...]]
    """By text, all of one length."""

    def beside(self, other: EmbeddedTexts) -> EmbeddedTexts:
        """These texts and the others', where the same embedder made the vectors of both.

        Raises:
            BadInput: it did not.
        """
        mine, theirs = (self.embedder, self.version), (other.embedder, other.version)
        if mine != theirs:
            found = f"one side is by {mine[0]} ({mine[1]}), the other by {theirs[0]} ({theirs[1]})"
            raise BadInput("embedder", found, "embed both sides with the same one")
        return EmbeddedTexts(self.embedder, self.version, {**self.vectors, **other.vectors})


def embed_texts(texts: Sequence[str], embedder: Embedder) -> EmbeddedTexts:
    """The vectors of some texts; equal ones are embedded once.

    Raises:
        BadInput: what the embedder gives cannot be used: another number of vectors, of different length, not finite, or
            too long to be measured.
        Unavailable: it could not be reached.

    >>> from remit.usecases.lexical import LexicalEmbedder
    >>> found = embed_texts(["refunded", "could not refund", "refunded"], LexicalEmbedder())
    >>> found.embedder, list(found.vectors), len(found.vectors["refunded"])
    ('lexical', ['refunded', 'could not refund'], 1024)
    """
    different = list(dict.fromkeys(texts))
    rows = _checked(
        embedder.embed(different) if different else [], len(different), f"embedder {embedder.name}"
    )
    return EmbeddedTexts(embedder.name, embedder.version, dict(zip(different, rows, strict=True)))


def _checked(found: Any, n: int, where: str) -> list[tuple[float, ...]]:
    remedy = "mend it, or take another one"
    try:
        rows = [tuple(map(float, row)) for row in found]
    except (TypeError, ValueError, OverflowError) as error:
        raise BadInput(where, f"what it gives are no vectors: {error}", remedy) from None
    if len(rows) != n:
        raise BadInput(where, f"gives {len(rows)} vectors for {n} texts", remedy)
    lengths = sorted({len(row) for row in rows})
    if len(lengths) > 1 or lengths == [0]:
        raise BadInput(where, f"gives vectors of length {lengths}", remedy)
    if not all(abs(value) <= MOST_COORDINATE for row in rows for value in row):  # nan is not, either
        raise BadInput(where, f"gives a vector that is not finite, or beyond {MOST_COORDINATE:g}", remedy)
    return rows
