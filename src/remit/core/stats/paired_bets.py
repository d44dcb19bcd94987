"""Pairs that arrive one after the other: is the candidate worse, or no worse than a margin? Valid at every look.

Two gamblers bet on every pair. One wins where the candidate loses pairs that the baseline wins, and grows rich only if
the candidate is worse; the other bets that it is not worse by the margin. Each spreads one unit over eight sizes of bets,
since nobody knows how large the difference is. If a gambler's claim is false, its capital ever reaches 1/alpha with a
chance of at most alpha, however often one looks and whenever one stops: a claim is proven there.

"Worse" and "no worse than the margin" are both true between 0 and minus the margin: either may come first.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, fsum, inf, log, log1p

BETS = (0.05, 0.1, 0.2, 0.3, 0.45, 0.6, 0.75, 0.9)
"""Shares of the capital that can be lost on one pair."""


@dataclass(frozen=True, slots=True)
class PairedBets:
    """What was seen so far. Pairs are of trials of the same task, drawn at random for each pair.

    >>> seen = PairedBets()
    >>> for _ in range(8):
    ...     seen = seen.step(True, False)
    >>> seen.e_worse() > 20 > seen.e_not_worse(0.05)
    True

    Source: Waudby-Smith and Ramdas, Journal of the Royal Statistical Society B 86 (2024) 1-27; that 1/alpha suffices at
    all times is of Ville, Etude critique de la notion de collectif (1939).
    """

    lost: int = 0
    """Pairs that only the baseline passed."""
    won: int = 0
    """Pairs that only the candidate passed."""
    same: int = 0
    """Pairs that ended alike in both arms."""

    @property
    def pairs(self) -> int:
        """All so far."""
        return self.lost + self.won + self.same

    def step(self, baseline: bool, candidate: bool) -> PairedBets:
        """With one pair more."""
        if baseline == candidate:
            return PairedBets(self.lost, self.won, self.same + 1)
        return PairedBets(self.lost + baseline, self.won + candidate, self.same)

    def e_worse(self) -> float:
        """Capital of the bet on "worse": against a mean difference of 0 or above."""
        return _exp(log_above(self.lost, self.won, self.same, 0.0))

    def e_not_worse(self, margin: float) -> float:
        """Capital of the bet on "not worse by the margin": against a mean difference of -*margin* or below.

        Args:
            margin: in (0, 1).
        """
        return _exp(log_above(self.won, self.lost, self.same, -margin))

    def interval(self, alpha: float = 0.05) -> tuple[float, float]:
        """The mean differences (candidate minus baseline) that neither side's bets have ruled out.

        All of them together, over all looks, miss the truth with a chance of at most *alpha*.

        Args:
            alpha: both sides together, in (0, 1).
        """
        reach = log(2 / alpha)
        low = _ruled_out(self.won, self.lost, self.same, reach)
        return low, -_ruled_out(self.lost, self.won, self.same, reach)


def log_above(up: int, down: int, same: int, mean: float) -> float:
    """Logarithm of the capital of bets on "the mean of differences is above *mean*".

    Args:
        up: differences of +1.
        down: differences of -1.
        same: differences of 0.
        mean: in (-1, 1); the bets gain nothing on average where the mean is this, or below.
    """
    logs = []
    for bet in BETS:
        size = bet / (1 + mean)
        logs.append(up * log1p(size * (1 - mean)) + down * log1p(-bet) + same * log1p(-size * mean))
    most = max(logs)
    return most + log(fsum(exp(one - most) for one in logs) / len(logs))


def _ruled_out(up: int, down: int, same: int, reach: float) -> float:
    """The highest mean against which the capital of "above" has come to *reach*; -1 if none."""
    low, high = -1.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if log_above(up, down, same, middle) >= reach else (low, middle)
    return low


def _exp(value: float) -> float:
    return exp(value) if value < 700 else inf
