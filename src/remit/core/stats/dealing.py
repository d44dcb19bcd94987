"""Runs dealt out to the two arms anew, within their tasks: what "nothing changed" would look like.

If nothing changed, the runs of one task are exchangeable: which of them belong to the candidate is chance. Every deal
that keeps each task's number of runs in each arm is then as likely as the real one, so the rank of the real statistic
among those of random deals gives an exact p-value, whatever the tasks are like and however the calls inside a run
depend on each other. Runs are dealt out within tasks only: tasks differ far more than versions of an agent do, and
dealing across them drowns what changed (a sentence put behind a quarter of real answers is found 39 % of the time
instead of 84 %).

Source: Pitman, Supplement to the Journal of the Royal Statistical Society 4 (1937) 119-130; the count of the real deal
among the others as in Phipson and Smyth, Statistical Applications in Genetics and Molecular Biology 9 (2010) 39.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

PERMUTATIONS = 999
MOST_COMPARED = 4_000
"""Runs that are compared with each other, all with all: of more, as many, drawn at random within tasks and arms."""
SMALL = 256
"""Members up to which products are worked out in double precision: there, deals that tie must be seen to tie."""


@dataclass(frozen=True, slots=True)
class Permuted:
    """What a permutation test says."""

    statistic: float | None
    """Of the real arms; None where it cannot be tested."""
    p: float | None
    """Of "nothing changed", in (0, 1]; None where it cannot be tested: `told` says why."""
    n: int = 0
    """Runs of the baseline that were compared."""
    m: int = 0
    """Runs of the candidate that were compared."""
    tasks: int = 0
    """With runs in both arms: runs of other tasks tell nothing, and are left out."""
    permutations: int = 0
    told: str = ""
    """Why there is no p-value; empty where there is one."""


@dataclass(frozen=True, slots=True)
class Deals:
    """The real arms and random ones, over the members that can be compared."""

    members: Any
    """Places of them in the caller's order, shape (members,)."""
    candidate: Any
    """Row 0: 1 where a member is the candidate's. The other rows: dealt out anew. Shape (permutations + 1, members)."""
    tasks: int

    @property
    def m(self) -> int:
        """Members of the candidate, the same in each row."""
        return int(self.candidate[0].sum()) if len(self.members) else 0

    @property
    def n(self) -> int:
        """Members of the baseline."""
        return len(self.members) - self.m


def deals(
    candidate: Sequence[bool],
    tasks: Sequence[Hashable],
    permutations: int = PERMUTATIONS,
    seed: int = 0,
    most: int | None = None,
) -> Deals:
    """Deal runs out to the arms anew, within tasks.

    Args:
        candidate: whether each run is the candidate's, shape (runs,).
        tasks: of each run, shape (runs,).
        permutations: random deals beside the real one.
        seed: of the deals; the same seed gives the same deals.
        most: runs beyond which as many are drawn, in the same share from each task and arm, one at least.

    Raises:
        ValueError: the lengths differ.

    >>> dealt = deals([False, True, False, True, True], ["a", "a", "b", "b", "alone"], permutations=3)
    >>> dealt.members.tolist(), dealt.n, dealt.m, dealt.tasks, dealt.candidate.sum(axis=1).tolist()
    ([0, 1, 2, 3], 2, 2, 2, [2, 2, 2, 2])
    """
    if len(candidate) != len(tasks):
        raise ValueError(f"{len(candidate)} runs with an arm, {len(tasks)} with a task")
    places: dict[Hashable, list[int]] = defaultdict(list)
    for place, task in enumerate(tasks):
        places[task].append(place)
    real, rng = np.asarray(candidate, np.uint8), np.random.default_rng(seed)
    both = [among for among in map(np.array, places.values()) if 0 < real[among].sum() < len(among)]
    total = sum(map(len, both))
    if most is not None and total > most:
        both = [_thinned(rng, among, real[among], most / total) for among in both]
    sizes: dict[int, list[Any]] = defaultdict(list)
    for among in both:
        sizes[len(among)].append(among)
    found = [_dealt(rng, real[np.array(alike)], permutations) for alike in sizes.values()]
    members = [np.array(alike).ravel() for alike in sizes.values()]
    if not found:
        return Deals(np.zeros(0, np.int64), np.zeros((permutations + 1, 0), np.uint8), 0)
    return Deals(np.concatenate(members), np.concatenate(found, axis=1), sum(map(len, sizes.values())))


def _thinned(rng: np.random.Generator, among: Any, real: Any, share: float) -> Any:
    """So many of a task's runs, of each arm one at least, in their order."""
    arms = [among[real == arm] for arm in (0, 1)]
    drawn = [rng.permutation(arm)[: max(1, round(share * len(arm)))] for arm in arms]
    return np.sort(np.concatenate(drawn))


def _dealt(rng: np.random.Generator, real: Any, permutations: int) -> Any:
    """Tasks with equally many runs together: shape (tasks, runs) to (permutations + 1, tasks * runs)."""
    anew = rng.permuted(np.broadcast_to(real, (permutations, *real.shape)), axis=-1)
    return np.concatenate([real[None], anew]).reshape(permutations + 1, -1)


def judged(statistics: Any, dealt: Deals, rounding: float = 0.0) -> Permuted:
    """The p-value of the real statistic among those of random deals; large ones speak against "nothing changed".

    Args:
        statistics: of each row of *dealt*.
        dealt: the deals.
        rounding: by how much two equal statistics may differ.
    """
    if not dealt.tasks:
        return Permuted(None, None, told="no task has runs in both arms")
    found = np.asarray(statistics, np.float64)
    real, others = float(found[0]), found[1:]
    p = (1 + int((others >= real - rounding).sum())) / (1 + len(others))
    return Permuted(real, p, dealt.n, dealt.m, dealt.tasks, len(others))


def between(affinity: Any, dealt: Deals) -> Permuted:
    """The test on `(s1 - s0)' A (s1 - s0)`, where s1 and s0 are the shares of the members in the two arms.

    With *A* centred, so that its rows add up to 0, this is `(1/n + 1/m)^2 c' A c` with *c* the candidate's row of 0
    and 1: all deals at once are one matrix product. Centring changes no value, since `s1 - s0` adds up to 0, and
    spares the digits that the difference of large sums would lose.

    Args:
        affinity: how alike two members of *dealt* are, shape (members, members), symmetric.
        dealt: the deals.
    """
    if not dealt.tasks:
        return judged((), dealt)
    exact = len(dealt.members) <= SMALL
    found = np.array(affinity, np.float64)
    size = float(np.abs(found).max())
    means = found.mean(axis=0)
    found -= means[None, :]
    found -= means[:, None]
    found += means.mean()
    kind = np.float64 if exact else np.float32
    rows, matrix = dealt.candidate.astype(kind), found.astype(kind)
    forms = np.einsum("ij,ij->i", rows @ matrix, rows, dtype=np.float64)
    scale = (1 / dealt.n + 1 / dealt.m) ** 2
    return judged(scale * forms, dealt, rounding=size * (1e-10 if exact else 1e-6))


def tallies(counts: Any, dealt: Deals) -> tuple[Any, Any]:
    """What baseline and candidate have of each kind, in every deal.

    Args:
        counts: how often each run has each kind, over all runs that the caller has, shape (runs, kinds).
        dealt: the deals.

    Returns:
        Of the baseline and of the candidate, each of shape (permutations + 1, kinds).
    """
    own = np.asarray(counts, np.float64)[dealt.members]
    of_candidate = dealt.candidate.astype(np.float64) @ own
    return own.sum(axis=0)[None, :] - of_candidate, of_candidate
