"""Bets against uniform p-values, all of them step functions, so that one table look-up settles every bet of a stream.

A bet says "from now on p-values fall into this part of [0, 1] with probability *q*, and not with its length *d*"; it
pays q/d there and (1 - q)/(1 - d) elsewhere, which is 1 on average where p is uniform. Small p-values mean *more than
before*, large ones *less*. The grid of (d, q) reaches from a rare violation to a quantity that shifted by half its
spread; nobody has to know beforehand which change will come. Where most values are zero, the border of the bet moves: it
is the share of other values so far, on one side of which the newest value is going to be (`rates`).
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

EDGES = (0.0, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 0.97, 0.99, 1.0)
"""Borders of the cells within which every bet is constant."""


class Bet(NamedTuple):
    """One bet: p-values fall between `low` and `high` (or outside, where `outside`) with probability `q`."""

    low: float
    high: float
    q: float
    outside: bool = False

    def pays(self, p: float) -> float:
        """What one unit becomes.

        >>> Bet(0.0, 0.1, 0.5).pays(0.05), round(Bet(0.0, 0.1, 0.5).pays(0.5), 3)
        (5.0, 0.556)
        """
        length = self.high - self.low
        length = 1.0 - length if self.outside else length
        inside = (self.low <= p < self.high) is not self.outside
        return self.q / length if inside else (1.0 - self.q) / (1.0 - length)


_MORE = {
    0.003: (0.03,),
    0.01: (0.03, 0.1),
    0.03: (0.1, 0.3),
    0.1: (0.3, 0.6),
    0.3: (0.5, 0.8),
    0.5: (0.65, 0.9),
}
_LESS = {0.03: (0.1, 0.3), 0.1: (0.3, 0.6), 0.3: (0.5, 0.8), 0.5: (0.65, 0.9)}
_GONE = (0.1, 0.3)
"""Shares of high (or of low) values that come a fifth as often."""

BETS: tuple[Bet, ...] = (
    *(Bet(0.0, d, q) for d, qs in _MORE.items() for q in qs),
    *(Bet(1.0 - d, 1.0, q) for d, qs in _LESS.items() for q in qs),
    *(Bet(0.0, d, d / 5) for d in _GONE),
    *(Bet(1.0 - d, 1.0, d / 5) for d in _GONE),
    Bet(0.1, 0.9, 0.5, outside=True),
    Bet(0.3, 0.7, 0.7),
)
RATES = (0.003, 0.01, 0.03, 0.1, 0.2, 0.4, 0.7, 0.9)
"""Shares of values that are not zero, as they may be from now on: each is a bet against the share so far."""

TRACKED: tuple[Bet, ...] = (
    Bet(0.0, 0.1, 0.3),
    Bet(0.0, 0.3, 0.7),
    Bet(0.9, 1.0, 0.3),
    Bet(0.7, 1.0, 0.7),
    Bet(0.1, 0.9, 0.5, outside=True),
)
"""The bets by which the beginning of a change is estimated; with them, those of `RATES`."""


def table(bets: tuple[Bet, ...]) -> Any:
    """What each bet pays in each cell, shape (cells, bets)."""
    middles = [(low + high) / 2 for low, high in pairwise(EDGES)]
    return np.array([[bet.pays(p) for bet in bets] for p in middles])


def rates(share: Any, p: Any) -> Any:
    """What the bets of `RATES` pay.

    Args:
        share: of values that are not zero, as it would be if the newest is one of them; shape (streams,).
        p: p-values, shape (streams,).

    Returns:
        Shape (streams, len(RATES)); 1 where all values so far were not zero: there is nothing to bet on.

    >>> rates(np.array([0.1]), np.array([0.05])).round(2).tolist()
    [[0.03, 0.1, 0.3, 1.0, 2.0, 4.0, 7.0, 9.0]]
    """
    q, share = np.array(RATES), share[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        pays = np.where(p[:, None] < share, q / share, (1.0 - q) / (1.0 - share))
    return np.where(share < 1.0, pays, 1.0)
