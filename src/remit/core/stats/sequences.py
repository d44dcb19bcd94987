"""How different is what two runs did? Normalised edit distance between their sequences of tools, and a test on it.

The distance is the fewest calls to add, remove or exchange, divided by the length of the longer run: 0 for the same
sequence, 1 where nothing is shared. It counts where in a run something changed; `ngrams` counts what follows what.

Source: Levenshtein, Soviet Physics Doklady 10 (1966) 707-710; all rows of one table at once, the chain of insertions
being a running minimum.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from remit.core.stats.dealing import MOST_COMPARED, PERMUTATIONS, Permuted, between, deals

MOST_CALLS = 200
"""Calls of a run that are compared, the first ones."""
MOST_RUNS = MOST_COMPARED // 2
"""Runs that are compared, all with all: each pair is a table to fill in."""


def sequence_test(
    sequences: Sequence[Sequence[str]],
    candidate: Sequence[bool],
    tasks: Sequence[Hashable],
    *,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> Permuted:
    """Whether the candidate's runs take the steps that the baseline's take, task by task.

    Args:
        sequences: names of the tools of each run, in order.
        candidate: whether a run is the candidate's, shape (runs,).
        tasks: of the runs, shape (runs,).
        permutations: random deals.
        seed: of the deals.

    Returns:
        The energy distance between the arms, by edit distance, and its p-value.
    """
    dealt = deals(candidate, tasks, permutations, seed, MOST_RUNS)
    return between(-sequence_distances([sequences[run] for run in dealt.members.tolist()]), dealt)


def sequence_distances(sequences: Sequence[Sequence[str]]) -> Any:
    """Normalised edit distances between all runs, shape (runs, runs).

    Each different sequence is compared once, however many runs took it.

    >>> sequence_distances([["a", "b"], ["a", "c", "b"], ["a", "b"], []]).round(3).tolist()[0]
    [0.0, 0.333, 0.0, 1.0]
    """
    cut = [tuple(tools[:MOST_CALLS]) for tools in sequences]
    different = sorted(set(cut), key=lambda tools: (len(tools), tools))
    place = {tools: at for at, tools in enumerate(different)}
    codes = {tool: at for at, tool in enumerate(sorted({tool for tools in different for tool in tools}))}
    lengths = np.array([len(tools) for tools in different])
    table = np.full((len(different), int(lengths.max(initial=0))), -1, np.int32)
    for at, tools in enumerate(different):
        table[at, : len(tools)] = [codes[tool] for tool in tools]
    found = np.zeros((len(different), len(different)))
    for at in range(1, len(different)):  # lengths rise, so the rows before are no longer than this one
        edits = _edits(table[at, : lengths[at]], table[:at], lengths[:at])
        found[at, :at] = found[:at, at] = edits / lengths[at]
    order = np.array([place[tools] for tools in cut], np.int64)
    return found[np.ix_(order, order)]


def _edits(one: Any, others: Any, lengths: Any) -> Any:
    """Edits between *one*, shape (k,), and each of *others*, shape (n, at least k), filled up; shape (n,)."""
    width = int(lengths.max(initial=0))
    others, steps = others[:, :width], np.arange(width + 1, dtype=np.int16)
    row = np.broadcast_to(steps, (len(others), width + 1)).copy()
    for at, tool in enumerate(one.tolist(), start=1):
        exchanged = row[:, :-1] + (others != tool)
        new = row + np.int16(1)
        new[:, 0] = at
        np.minimum(new[:, 1:], exchanged, out=new[:, 1:])
        row = np.minimum.accumulate(new - steps, axis=1) + steps
    return row[np.arange(len(others)), lengths]
