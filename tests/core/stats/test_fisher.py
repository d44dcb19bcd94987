from math import comb

import pytest

from remit.core.stats.fisher import fisher_p


@pytest.mark.parametrize(
    ("masked", "factual", "k", "p"),
    [
        (0, 5, 5, 0.004),
        (0, 4, 5, 0.024),
        (1, 5, 5, 0.024),
        (0, 3, 5, 0.083),
        (2, 5, 5, 0.083),
        (1, 4, 5, 0.103),
    ],
)
def test_few_runs_in_two_arms_give_the_known_p_values(masked: int, factual: int, k: int, p: float) -> None:
    assert fisher_p(masked, k, factual, k) == pytest.approx(p, abs=0.0006)


def test_the_tea_tasting_lady_who_is_always_right_has_one_chance_in_seventy() -> None:
    assert fisher_p(0, 4, 4, 4) == pytest.approx(1 / 70)


@pytest.mark.parametrize("hits0", range(6))
@pytest.mark.parametrize("hits1", range(8))
def test_the_tail_is_the_sum_over_all_tables(hits0: int, hits1: int) -> None:
    n0, n1 = 5, 7
    hits = hits0 + hits1
    tables = [comb(n1, k) * comb(n0, hits - k) for k in range(hits1, min(hits, n1) + 1) if hits - k <= n0]

    assert fisher_p(hits0, n0, hits1, n1) == pytest.approx(sum(tables) / comb(n0 + n1, hits))


def test_an_empty_group_is_no_surprise() -> None:
    assert fisher_p(0, 0, 3, 5) == 1.0
    assert fisher_p(3, 5, 0, 0) == 1.0


def test_more_hits_than_members_are_refused() -> None:
    with pytest.raises(ValueError, match="6 of 5"):
        fisher_p(0, 5, 6, 5)


def test_large_groups_lose_no_digits() -> None:
    assert fisher_p(4, 800, 24, 800) == pytest.approx(7.959e-5, rel=1e-3)
    assert 0.4 < fisher_p(50_000, 100_000, 50_000, 100_000) < 0.6
