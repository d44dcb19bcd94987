"""One arm's runs split in two, within tasks: what a comparison says of an agent and itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def halves(runs: Sequence[int], times: int, seed: int = 0) -> Iterator[list[list[bool]]]:
    """Splits of each task's runs into two halves, at random; of an odd number, either half may be the larger.

    Args:
        runs: of each task, shape (n_tasks,). A single run falls into either half.
        times: how many splits.
        seed: the same seed gives the same splits.

    Yields:
        For each task whether each of its runs belongs to the second half.

    >>> [sum(task) for task in next(halves([4, 6], 1))]
    [2, 3]
    """
    import numpy as np

    rng = np.random.default_rng(seed)
    for _ in range(times):
        split = []
        for n in runs:
            second = np.zeros(n, dtype=bool)
            second[rng.permutation(n)[: n // 2 + (n % 2 and int(rng.integers(2)))]] = True
            split.append(second.tolist())
        yield split
