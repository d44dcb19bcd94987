"""Did a stream change? Watched for ever, at every look, with no baseline that somebody would have to know.

The theory. If nothing changes, the values of a stream are *exchangeable*: no order of them is likelier than another. Then
the rank of the newest value among all so far, ties broken at random, is uniform and independent of the ranks before it
(a conformal p-value). Bets against uniform p-values (`bets`) win only where the order tells something. For each bet *j*

    R_j(t) = (R_j(t-1) + 1) * f_j(p_t)                                  (Shiryaev-Roberts)

so a new unit is staked at every value, and R(t) = mean of R_j(t) has expectation t while nothing changes: R(t) - t is a
martingale. An alarm at R >= c, after which the stream begins anew, therefore happens at most n / c times in n values,
in expectation, whatever their distribution. For many streams with thresholds c / w_k and weights that sum to one the
expected number of all false alarms in n sessions is at most n / c, however the streams depend on each other.

Not assumed: a distribution, a known rate, independence of calls within a session (a session is one value). Assumed: that
sessions are exchangeable while nothing changes. Work that differs by the hour or comes in waves is a change, too.

Source: Vovk, Nouretdinov and Gammerman, Testing exchangeability on-line, ICML 2003; Volkhonskiy et al., Inductive
conformal martingales for change-point detection, PMLR 60 (2017) 132-153; Shin, Ramdas and Rinaldo, E-detectors,
New England Journal of Statistics in Data Science 2 (2024) 229-260.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from remit.core.stats.bets import BETS, EDGES, RATES, TRACKED, rates, table
from remit.core.stats.ranks import Bag, bucket, grid, magnitude

WARM_UP = 30
"""Values of a stream before it bets: ranks among fewer say little."""
NEVER = 0
"""The row of a stream that was zero in every session so far: what any stream that nobody has met yet looks like."""

_PAYS = table(BETS)
_LOG_TRACKED = np.log(table(TRACKED))
_INNER = np.array(EDGES[1:-1])


@dataclass(frozen=True, slots=True)
class StreamPart:
    """What a stream did over some of its values."""

    n: int
    hits: int
    """Values that are not zero; of categories, those that had not been met before."""
    total: float
    square: float
    """Sum of squares."""


@dataclass(frozen=True, slots=True)
class Split:
    """A stream cut in two where its change seems to have begun."""

    since: int
    """Place of the first value after it, in the caller's count."""
    before: StreamPart
    after: StreamPart


class Streams:
    """Many streams of one agent, stepped together: one step a session.

    Row 0 (`NEVER`) is always there. Streams of *every session* have a value in each one, zero where nothing is told;
    streams *where present* only have those that they are told.

    Args:
        most: rows, the first included.

    A stream that is zero a hundred times, and then one:

    >>> streams = Streams(4)
    >>> row = streams.open(every=True)
    >>> for place in range(200):
    ...     evidence = streams.step(place, (place * 0.618) % 1.0, {row: float(place >= 100)})
    >>> bool(evidence[row] > 1e6), streams.split(row).since
    (True, 100)
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.every = np.zeros(most, bool)
        self.live = np.zeros(most, bool)
        self.n = np.zeros(most, np.int64)
        self._zero = np.zeros(most, np.int64)
        self._positive = np.zeros(most, np.int64)
        self._evidence = np.zeros((most, len(BETS) + len(RATES)))
        self._gain = np.zeros((most, len(TRACKED) + len(RATES)))
        self._sums = np.zeros((most, 3))
        """Hits, total and sum of squares since the stream began."""
        self._start = np.zeros((most, len(TRACKED) + len(RATES), 5))
        """Where each tracked bet began to win: the caller's place, n, and the sums before it."""
        self._bags: dict[int, Bag] = {}
        self._open(NEVER, every=True)

    def open(self, *, every: bool) -> int | None:
        """A row for a stream that nobody has met; None where there is no room.

        Args:
            every: whether it has a value in every session. Then it was zero in all so far, and has been watched.
        """
        free = np.flatnonzero(~self.live)
        if not len(free):
            return None
        row = int(free[0])
        self._open(row, every=every)
        if every:
            for rows in (
                self.n,
                self._zero,
                self._positive,
                self._evidence,
                self._gain,
                self._sums,
                self._start,
            ):
                rows[row] = rows[NEVER]
            self._bags[row] = Bag([(0, int(self.n[NEVER]))] if self.n[NEVER] else [])
        return row

    def _open(self, row: int, *, every: bool) -> None:
        self.restart(row)
        self.live[row], self.every[row] = True, every

    def close(self, row: int) -> None:
        """Watch it no longer; its row is free."""
        self.restart(row)
        self.live[row] = self.every[row] = False

    def restart(self, row: int) -> None:
        """Begin anew: what is usual is learnt from now on."""
        for rows in (self.n, self._zero, self._positive, self._evidence, self._gain, self._sums, self._start):
            rows[row] = 0
        self._bags[row] = Bag()

    def forget(self, row: int) -> None:
        """Take the evidence back, and keep what is usual."""
        self._evidence[row] = 0.0

    def alike(self, row: int) -> bool:
        """Whether all its values since it began stand at one place: then only the draws told one from another."""
        places = {at for at, count in self._bags[row].counts.items() if count}
        if self.every[row]:
            places.discard(0)
            return len(places) + bool(self._zero[row]) <= 1
        return len(places) <= 1

    def hits(self, row: int) -> int:
        """Values that were not zero, or kinds that were new, since the stream began."""
        return int(self._sums[row, 0])

    def step(self, place: int, draw: float, told: Mapping[int, float | str]) -> Any:
        """Add one session and return the evidence of each row, shape (most,).

        Args:
            place: of the session, rising; for `Split.since`.
            draw: in [0, 1), anew for each session, and the same for all its streams; it breaks ties.
            told: numbers and categories (as digests) by row.
        """
        zeros = self.every & self.live
        zeros[[row for row in told if zeros[row]]] = False
        quiet = np.flatnonzero(zeros)
        p = np.zeros(self.most)
        p[quiet] = (self._positive[quiet] + draw * (self._zero[quiet] + 1)) / (self.n[quiet] + 1)
        values = np.zeros((self.most, 3))
        for row, value in told.items():
            p[row], values[row] = self._place(row, value, draw)
        rows = np.concatenate([quiet, np.array(list(told), np.int64)]) if told else quiet
        self._bet(place, rows, p[rows], values[rows])
        self._zero[quiet] += 1
        return self._evidence.mean(axis=1)

    def _place(self, row: int, value: float | str, draw: float) -> tuple[float, tuple[float, float, float]]:
        """The p-value of one value, and what it adds to the sums."""
        bag = self._bags[row]
        if isinstance(value, str):
            at = bucket(value)
            new = float(at not in bag.counts)
            return bag.rare(at, draw), (new, new, new)
        at, size = grid(value), magnitude(value)
        if self.every[row]:
            bag.counts[0], bag.size = int(self._zero[row]), int(self.n[row])
        p = bag.more(at, draw)
        self._positive[row] += at > 0
        self._zero[row] += at == 0
        return p, (float(at != 0), size, size * size)

    def _bet(self, place: int, rows: Any, p: Any, values: Any) -> None:
        cells = np.searchsorted(_INNER, p, side="right")
        bets = self.n[rows] >= WARM_UP
        betting, cells_now = rows[bets], cells[bets]
        share = (self._sums[betting, 0] + 1.0) / (self.n[betting] + 1.0)
        by_rate = rates(share, p[bets])
        pays = np.concatenate([_PAYS[cells_now], by_rate], axis=1)
        self._evidence[betting] = (self._evidence[betting] + 1.0) * pays
        gain = self._gain[betting]
        begins = gain <= 0.0
        start = np.concatenate(
            [np.full((len(betting), 1), float(place)), self.n[betting, None], self._sums[betting]], axis=1
        )
        self._start[betting] = np.where(begins[:, :, None], start[:, None, :], self._start[betting])
        self._gain[betting] = np.maximum(gain, 0.0) + np.concatenate(
            [_LOG_TRACKED[cells_now], np.log(by_rate)], axis=1
        )
        self._sums[rows] += values
        self.n[rows] += 1

    def split(self, row: int) -> Split:
        """Where the change of a stream seems to have begun: where the best of the tracked bets began to win."""
        since, n, hits, total, square = self._start[row, int(self._gain[row].argmax())].tolist()
        all_hits, all_total, all_square = self._sums[row].tolist()
        before = StreamPart(int(n), int(hits), total, square)
        after = StreamPart(
            int(self.n[row]) - before.n, int(all_hits) - before.hits, all_total - total, all_square - square
        )
        return Split(int(since), before, after)

    # ------------------------------------------------------------------------------------------ as plain values
    def told(self) -> dict[str, Any]:
        """Everything, for msgpack or JSON: arrays as lists of bytes in little-endian order."""
        rows = np.flatnonzero(self.live)
        arrays = {name: _bytes(getattr(self, name)[rows]) for name in _ARRAYS}
        bags = [[list(pair) for pair in self._bags[int(row)].counts.items()] for row in rows]
        return {"most": self.most, "rows": rows.tolist(), "bags": bags, **arrays}

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> Streams:
        """What `told` told."""
        streams = cls(int(told["most"]))
        rows = np.array(told["rows"], np.int64)
        for name in _ARRAYS:
            into = getattr(streams, name)
            into[rows] = np.frombuffer(told[name], _kind(into)).reshape(into[rows].shape)
        streams._bags = {int(row): _bag(pairs) for row, pairs in zip(rows, told["bags"], strict=True)}
        return streams


_ARRAYS = ("every", "live", "n", "_zero", "_positive", "_evidence", "_gain", "_sums", "_start")


def _bag(pairs: Sequence[Sequence[int]]) -> Bag:
    return Bag((int(at), int(count)) for at, count in pairs)


def _kind(array: Any) -> Any:
    return array.dtype.newbyteorder("<")


def _bytes(array: Any) -> bytes:
    return bytes(array.astype(_kind(array)).tobytes())
