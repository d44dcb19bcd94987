"""How much do two sets share? Jaccard distance between all of some sets: 1 minus common members by members of either.

Source: Jaccard, New Phytologist 11 (1912) 37-50; that it is of negative type, so that energy tests hold with it, is in
Gower and Legendre, Journal of Classification 3 (1986) 5-48.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np


def set_distances(sets: Sequence[Collection[str]]) -> Any:
    """Jaccard distances, shape (n, n); two empty sets lie 0 apart.

    >>> set_distances([{"a", "b"}, {"b", "c"}, set(), set()]).round(3).tolist()[0]
    [0.0, 0.667, 1.0, 1.0]
    """
    own = [frozenset(one) for one in sets]
    counted = Counter(member for one in own for member in one)
    place = {member: at for at, member in enumerate(sorted(m for m, times in counted.items() if times > 1))}
    holds = np.zeros((len(own), len(place)), np.float32)
    for row, one in enumerate(own):
        holds[row, [place[member] for member in one if member in place]] = 1.0
    sizes = np.array([len(one) for one in own], np.float64)
    common = (holds @ holds.T).astype(np.float64)
    np.fill_diagonal(common, sizes)  # members that no other set has were left out
    either = sizes[:, None] + sizes[None, :] - common
    return np.where(either > 0, 1.0 - common / np.maximum(either, 1.0), 0.0)
