import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import remit.core.stats.bounded_mean as module
from remit.core.stats.bounded_mean import interval, lower, p_at_most, upper
from remit.core.stats.proportion import clopper_pearson


@pytest.mark.parametrize(("hits", "of"), [(0, 1), (1, 2), (8, 10), (20, 20), (195, 200), (9_999, 10_000)])
def test_on_zeros_and_ones_it_is_the_exact_interval(hits: int, of: int) -> None:
    found = interval([1.0, 0.0], counts=[hits, of - hits])

    assert found == pytest.approx(clopper_pearson(hits, of), abs=2e-7)


def test_one_value_as_by_hand() -> None:
    # D is uniform: D * .5 + (1 - D) lies below .5 + .5 * u with probability u.
    assert upper([0.5], alpha=0.1) == pytest.approx(0.95, abs=1e-7)
    assert lower([0.5], alpha=0.1) == pytest.approx(0.05, abs=1e-7)


def test_it_is_the_quantile_of_uniform_spacings() -> None:
    values = np.random.default_rng(3).random(12)
    spacings = np.random.default_rng(4).dirichlet(np.ones(13), 200_000)

    drawn = np.quantile(spacings @ np.append(values, 1.0), 0.95)

    assert upper(list(values)) == pytest.approx(drawn, abs=2e-3)


def test_the_added_value_weighs_as_the_heaviest() -> None:
    # Weights 2 and 1 of values 0 and 0: the bound is that of E0 * 2 / (E0 * 2 + E1 * 2 + E2).
    e = np.random.default_rng(5).exponential(size=(200_000, 3)) * [2, 2, 1]
    drawn = np.quantile(e[:, 0] / e.sum(1), 0.95)

    assert upper([0.0, 0.0], [2.0, 1.0]) == pytest.approx(drawn, abs=3e-3)
    assert upper([0.0, 0.0], [20.0, 10.0]) == pytest.approx(upper([0.0, 0.0], [2.0, 1.0]))


def test_values_that_vary_less_have_a_narrower_interval() -> None:
    low, high = interval([0.75, 0.85] * 10)

    assert 0.6 < low < 0.8 < high < 0.87
    assert high - low < 0.5 * (clopper_pearson(16, 20)[1] - clopper_pearson(16, 20)[0])


@settings(deadline=None, max_examples=40)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.sampled_from([0.001, 0.025, 0.05, 0.2]))
def test_bounds_lie_around_the_mean_and_mirror(values: list[float], alpha: float) -> None:
    low, high = lower(values, alpha=alpha), upper(values, alpha=alpha)

    assert 0 <= low <= sum(values) / len(values) + 1e-6
    assert sum(values) / len(values) - 1e-6 <= high <= 1
    assert 1 - upper([1 - value for value in values], alpha=alpha) == pytest.approx(low, abs=1e-9)


def test_the_p_value_says_what_the_bound_says() -> None:
    values = [1.0, 0.9, 1.0, 0.8, 1.0, 1.0, 0.7]
    bound = lower(values, alpha=0.05)

    assert p_at_most(bound - 1e-4, values) < 0.05 < p_at_most(bound + 1e-4, values)
    assert p_at_most(0.5, [1.0, 0.0], counts=[9, 1]) == pytest.approx(11 / 1024, abs=1e-7)


@pytest.mark.parametrize(
    ("values", "weights"),
    [([], None), ([1.1], None), ([0.5], [0.0]), ([float("nan")], None), ([0.5], [1, 2])],
)
def test_what_is_no_value_is_refused(values: list[float], weights: list[float] | None) -> None:
    with pytest.raises(ValueError, match="values"):
        interval(values, weights)


def test_where_tasks_are_many_values_are_rounded_and_the_bounds_only_widen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    values = np.random.default_rng(3).beta(2.0, 1.0, size=120).tolist()
    exact = [bound(values, None, None, 0.05) for bound in (lower, upper)]
    monkeypatch.setattr(module, "_MANY", len(values) - 1)
    rounded = [bound(values, None, None, 0.05) for bound in (lower, upper)]

    assert exact[0] - 0.0011 <= rounded[0] <= exact[0] + 1e-6
    assert exact[1] - 1e-6 <= rounded[1] <= exact[1] + 0.0011
