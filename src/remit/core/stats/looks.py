"""Looking again and again: a test that is repeated while data come in, and may be believed at any time.

Whoever asks "did it rise?" after every session, and stops at the first yes, is told so wrongly far more often than
the level says. Here the test is made only at sizes that are fixed beforehand, doubling with some between, and each look
may spend only its share of the level. The shares add up to one, so all looks together, and any stop in between, stay
within the level: Bonferroni's inequality, whatever the looks have to do with each other.

Why this and no e-value: the rate before is not known, and an e-process that holds for every such rate pays for that
at the small counts that violations are. The exact test conditions that rate away, and costs nothing but the share.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

_SHARES = (
    (0.125, 0.05),
    (0.25, 0.1),
    (0.5, 0.15),
    (0.75, 0.1),
    (1.0, 0.2),
    (1.5, 0.1),
    (2.0, 0.1),
    (3.0, 0.05),
)
"""Size after, as a multiple of the base, and its share of the level; .15 is left for all later ones."""
_LATER = 0.15
BASE = 200
"""A long time before the change does not make the first look late."""


@dataclass(frozen=True, slots=True)
class TestLook:
    """One instant at which the test is made."""

    size: int
    """Members of the second group by then."""
    share: float
    """Of the level."""


def looks(before: int, after: int) -> Iterator[TestLook]:
    """The looks that are due by now.

    Args:
        before: members of the first group: complete, and known beforehand.
        after: members of the second, so far.

    >>> [(look.size, look.share) for look in looks(40, 50)]
    [(5, 0.05), (10, 0.1), (20, 0.15), (30, 0.1), (40, 0.2)]
    >>> sum(look.share for look in looks(1000, 10**9)) <= 1.0
    True
    """
    base, last = max(1, min(before, BASE)), 0
    for multiple, share in _multiples():
        size = ceil(base * multiple)
        if size > after:
            return
        if size > last:
            yield TestLook(size, share)
        last = size


def _multiples() -> Iterator[tuple[float, float]]:
    yield from _SHARES
    multiple, share = 4.0, _LATER / 2
    while True:
        yield multiple, share
        multiple, share = multiple * 2, share / 2
