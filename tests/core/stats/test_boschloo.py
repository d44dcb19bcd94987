from math import comb

import pytest

from remit.core.stats.boschloo import boschloo
from remit.core.stats.fisher import fisher_p


def test_two_shares_agree_with_the_published_example() -> None:
    # Job satisfaction of scipy's documentation: 74 of 105 against 43 of 75, p = .0355 one-sided.
    assert boschloo(43, 75, 74, 105).p_better == pytest.approx(0.0355, abs=3e-4)


@pytest.mark.parametrize(("hits0", "n0", "hits1", "n1"), [(9, 10, 5, 10), (5, 12, 1, 7), (3, 5, 0, 9)])
def test_it_is_the_worst_chance_of_a_table_with_no_larger_fisher_p(
    hits0: int, n0: int, hits1: int, n1: int
) -> None:
    mine = fisher_p(n0 - hits0, n0, n1 - hits1, n1)
    tables = [
        (i, j)
        for i in range(n0 + 1)
        for j in range(n1 + 1)
        if fisher_p(n0 - i, n0, n1 - j, n1) <= mine * (1 + 1e-9)
    ]
    worst = max(
        sum(comb(n0, i) * comb(n1, j) * p ** (i + j) * (1 - p) ** (n0 + n1 - i - j) for i, j in tables)
        for p in (step / 1_000 for step in range(1, 1_000))
    )

    found = boschloo(hits0, n0, hits1, n1)

    assert found.p_worse == pytest.approx(worst, rel=1e-4)
    assert found.p_worse <= mine
    assert found.p_two_sided == pytest.approx(2 * found.p_worse)


def test_equal_shares_at_the_edge_are_no_surprise() -> None:
    assert boschloo(5, 5, 7, 7).p_two_sided == boschloo(0, 5, 0, 7).p_worse == 1.0


def test_counts_that_are_no_shares_are_refused() -> None:
    with pytest.raises(ValueError, match="no shares"):
        boschloo(6, 5, 0, 5)
    with pytest.raises(ValueError, match="no shares"):
        boschloo(0, 0, 0, 5)
