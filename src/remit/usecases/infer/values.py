"""What a single value looks like, and how much of a population a sample has shown."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable

from remit.core.types import Json

MOST_WORDS = 6
"""Values of more words are sentences: somebody may have written instructions there."""
MOST_PHRASE = 80
CONFIDENCE = 0.95

SHAPES: dict[str, str] = {
    "email": r"^[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}$",
    "iban": r"^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$",
    "url": r"^(https?://[^\s]+|www\.[^\s]+)$",
    "date": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
    "moment": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2})?$",
    "digits": r"^[0-9]{1,18}$",
}
"""Well-known shapes by name, each an anchored RE2 pattern; the first that fits names the value."""
_SHAPES = {name: re.compile(pattern.removesuffix("$") + r"\Z") for name, pattern in SHAPES.items()}
_NUMBERED = re.compile(r"([A-Za-z]{1,8}[-_#]?)[0-9]{1,12}\Z")
SPECIFIC = frozenset({"email", "iban", "url", "numbered"})
"""Shapes that by themselves tell what a value is for; a date or a few digits do not."""
TOKENS = frozenset({*SHAPES, "numbered", "number", "word"})
"""Kinds of values that hold no sentence."""


def kind_of(value: Json) -> str:  # noqa: PLR0911 - one for each kind
    """The shape of a leaf.

    >>> [kind_of(v) for v in ("a@corp.example", "2024-05-01", "O-17", 3, "Bob", "Team lunch", True)]
    ['email', 'date', 'numbered', 'number', 'word', 'phrase', 'constant']
    """
    if value is None or isinstance(value, bool):
        return "constant"
    if not isinstance(value, str):
        return "number"
    text = value.strip()
    if len(text) > 2_000:
        return "prose"
    for name, shape in _SHAPES.items():
        if shape.match(text):
            return name
    if _NUMBERED.match(text):
        return "numbered"
    words = text.split()
    if len(words) <= 1:
        return "word" if len(text) <= MOST_PHRASE else "prose"
    return "phrase" if len(words) <= MOST_WORDS and len(text) <= MOST_PHRASE else "prose"


def prefix_of(value: str) -> str:
    """`O-` of `O-17`; empty where the value is no numbered code."""
    match = _NUMBERED.match(value)
    return match[1] if match else ""


def upper_bound(hits: int, of: int, confidence: float = CONFIDENCE) -> float:
    """The highest rate that fits *hits* of *of*, one-sided and exact (Clopper and Pearson, Biometrika 26, 1934).

    >>> round(upper_bound(0, 29), 3), round(upper_bound(1, 10), 3), upper_bound(0, 0)
    (0.098, 0.394, 1.0)
    """
    if hits >= of:
        return 1.0
    low, high = hits / of, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        if _at_most(hits, of, middle) > 1 - confidence:
            low = middle
        else:
            high = middle
    return high


def _at_most(hits: int, of: int, rate: float) -> float:
    """P(X <= hits) of a binomial count, summed in logarithms so that large samples do not underflow."""
    if rate <= 0.0 or rate >= 1.0:
        return 1.0 if rate <= 0.0 else 0.0
    whole = math.lgamma(of + 1)
    logs = (
        whole
        - math.lgamma(k + 1)
        - math.lgamma(of - k + 1)
        + k * math.log(rate)
        + (of - k) * math.log1p(-rate)
        for k in range(hits + 1)
    )
    return math.fsum(math.exp(one) for one in logs)


def next_breaks(misses: int, tasks: int) -> float:
    """The chance that the next task breaks a rule, by the rule of succession (Laplace, 1774).

    >>> next_breaks(0, 3), next_breaks(1, 8)
    (0.2, 0.2)
    """
    return (misses + 1) / (tasks + 2)


def unseen_mass(seen_in: Iterable[int]) -> float:
    """How much of the population a closed set of values misses at most: Good-Turing, bounded.

    Args:
        seen_in: for each value, the number of tasks in which it stood.

    Returns:
        The upper bound on the share of values seen once, which estimates the chance of a new value
        (Good, Biometrika 40, 1953). 1.0 where nothing was seen.

    >>> unseen_mass([20, 15]) < 0.1 < unseen_mass([20, 15, 1, 1])
    True
    """
    counts = Counter(seen_in)
    total = sum(times * values for times, values in counts.items())
    return upper_bound(counts[1], total) if total else 1.0


def roomy(length: int, least: int = 64) -> int:
    """A bound with room: the next power of two that is at least four times as long.

    >>> roomy(3), roomy(100)
    (64, 512)
    """
    return max(least, 1 << (max(1, 4 * length) - 1).bit_length())
