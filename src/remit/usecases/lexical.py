"""An embedder without a model: signed hashing of pieces of words, three to five letters. It sees spelling, not meaning.

Always there, and named for what it is. Where meaning counts, plug in a model's embedder.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from math import sqrt

BUCKETS = 1024
MOST_CHARACTERS = 20_000


class LexicalEmbedder:
    """Vectors of length 1 with `BUCKETS` places.

    >>> close, far = LexicalEmbedder().embed(["transfer the money", "weather"])
    >>> round(sum(x * x for x in close), 6), len(far)
    (1.0, 1024)

    Source: Weinberger et al., "Feature hashing for large scale multitask learning", ICML 2009.
    """

    name = "lexical"
    version = "crc32-1024"

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector for each text; a text without a word gives zeros."""
        return [_vector(text[:MOST_CHARACTERS].lower()) for text in texts]


def _vector(text: str) -> list[float]:
    found = [0.0] * BUCKETS
    for word in text.split():
        padded = f" {word} "
        for size in (3, 4, 5):
            for start in range(len(padded) - size + 1):
                piece = zlib.crc32(padded[start : start + size].encode("utf-8", "replace"))
                found[piece % BUCKETS] += -1.0 if piece >> 31 else 1.0
    length = sqrt(sum(x * x for x in found))
    return [x / length for x in found] if length else found


embedder = LexicalEmbedder()
