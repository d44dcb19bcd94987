"""How often the sequential comparison of two arms is wrong, looked at after every pair (see `core/stats/paired_bets.py`).

Pairs are drawn as a run draws them: a task at random, one trial in each arm. Capitals of all looks are computed at once;
where a gate would have stopped, and one pair before, the product's own function must say the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from remit.core.stats.paired_bets import BETS, PairedBets
from remit.core.stats.proportion import clopper_pearson

ALPHA, MARGIN = 0.05, 0.05
HORIZON = 2_000
"""Pairs after which it is given up."""


class Pairs(NamedTuple):
    """A true state of things."""

    discordance: float
    """Share of pairs that end unequally."""
    difference: float
    """Of the candidate's success rate, less the baseline's."""


@dataclass(frozen=True, slots=True)
class Compared:
    """What came of it."""

    truth: Pairs
    of: int
    passed: int
    blocked: int
    pairs: float
    """Mean number until it was decided, or given up."""

    @property
    def wrong(self) -> int | None:
        """PASS of one that is worse by the margin, BLOCK of one that is not worse; None where neither would be wrong."""
        if self.truth.difference <= -MARGIN:
            return self.passed
        return self.blocked if self.truth.difference >= 0 else None

    @property
    def least(self) -> float | None:
        """Lower bound of how often it is wrong, being right 99 % of the time."""
        return None if self.wrong is None else clopper_pearson(self.wrong, self.of, 0.98)[0]


def truths() -> Iterator[Pairs]:
    """Not worse, between, worse by the margin and by more."""
    for discordance in (0.06, 0.12, 0.25):
        for difference in (0.0, -0.02, -0.05, -0.10):
            if -difference <= discordance:
                yield Pairs(discordance, difference)


def compared(truth: Pairs, replications: int, seed: int) -> Compared:
    """Run it so many times."""
    rng = np.random.default_rng([seed, round(1000 * truth.discordance), round(-1000 * truth.difference)])
    won = (truth.discordance + truth.difference) / 2
    passed = blocked = 0
    pairs = 0.0
    for _ in range(replications):
        u = rng.random(HORIZON)
        ups, downs = np.cumsum(u < won), np.cumsum((u >= won) & (u < truth.discordance))
        good = _first(_capital(ups, downs, -MARGIN))
        bad = _first(_capital(downs, ups, 0.0))
        at = min(good, bad)
        _same(int(at), ups, downs, good <= bad)
        passed += good <= bad and good < HORIZON
        blocked += bad < good
        pairs += min(at + 1, HORIZON)
    return Compared(truth, replications, passed, blocked, pairs / replications)


def _capital(ups: Any, downs: Any, mean: float) -> Any:
    """Logarithm of the capital that bets on "above *mean*", after each pair."""
    bets = np.array(BETS)[:, None] / (1 + mean)
    same = np.arange(1, len(ups) + 1) - ups - downs
    logs = (
        np.log1p(bets * (1 - mean)) * ups
        + np.log1p(-bets * (1 + mean)) * downs
        + np.log1p(-bets * mean) * same
    )
    most = logs.max(0)
    return most + np.log(np.exp(logs - most).mean(0))


def _first(capital: Any) -> int:
    won = np.flatnonzero(capital >= -np.log(ALPHA))
    return int(won[0]) if len(won) else HORIZON


def _same(at: int, ups: Any, downs: Any, good: bool) -> None:
    """The product's own capital crosses at the same pair."""
    for place in (at - 1, at):
        if not 0 <= place < HORIZON:
            continue
        up, down = int(ups[place]), int(downs[place])
        seen = PairedBets(down, up, place + 1 - up - down)
        crossed = (seen.e_not_worse(MARGIN) if good else seen.e_worse()) >= 1 / ALPHA
        if crossed is not (place == at):
            raise AssertionError(f"{seen} at pair {place + 1}")
