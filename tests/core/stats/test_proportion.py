import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remit.core.stats.proportion import clopper_pearson, covered, wilson

# Newcombe, Statistics in Medicine 17 (1998) 857-872, table I: hits, of, score method, exact method.
NEWCOMBE = [
    (81, 263, (0.2553, 0.3662), (0.2527, 0.3676)),
    (15, 148, (0.0624, 0.1605), (0.0578, 0.1617)),
    (0, 20, (0.0000, 0.1611), (0.0000, 0.1684)),
    (1, 29, (0.0061, 0.1718), (0.0009, 0.1776)),
]


@pytest.mark.parametrize(("hits", "of", "score", "exact"), NEWCOMBE)
def test_both_intervals_are_as_published(
    hits: int, of: int, score: tuple[float, float], exact: tuple[float, float]
) -> None:
    assert wilson(hits, of) == pytest.approx(score, abs=5e-5)
    assert clopper_pearson(hits, of) == pytest.approx(exact, abs=5e-5)


@settings(deadline=None)
@given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_intervals_contain_the_share_and_mirror_failures(counted: tuple[int, int]) -> None:
    hits, of = counted

    for interval in (wilson, clopper_pearson):
        low, high = interval(hits, of)
        assert 0 <= low <= hits / of <= high <= 1
        mirrored = interval(of - hits, of)
        assert (1 - mirrored[1], 1 - mirrored[0]) == pytest.approx((low, high), abs=1e-9)


def test_coverage_of_one_try_as_by_hand() -> None:
    # Told (.4, 1) for a hit and (0, .6) for none: .5 lies in both, .7 in the first alone.
    intervals = [(0.0, 0.6), (0.4, 1.0)]

    assert covered(intervals, 0.5) == pytest.approx(1.0)
    assert covered(intervals, 0.7) == pytest.approx(0.7)


@pytest.mark.parametrize("n", [10, 30, 100])
def test_the_exact_interval_covers_and_wilson_near_one_does_not(n: int) -> None:
    rates = [0.80 + 0.005 * step for step in range(40)]
    exact = [clopper_pearson(hits, n) for hits in range(n + 1)]
    score = [wilson(hits, n) for hits in range(n + 1)]

    assert min(covered(exact, p) for p in rates) >= 0.95
    assert min(covered(score, p) for p in rates) < 0.92


def test_what_is_no_share_is_refused() -> None:
    for interval in (wilson, clopper_pearson):
        with pytest.raises(ValueError, match="3 of 2"):
            interval(3, 2)
        with pytest.raises(ValueError, match="0 of 0"):
            interval(0, 0)
        with pytest.raises(ValueError, match="confidence 95"):
            interval(1, 2, 95)
