"""Samples are drawn as they say: right numbers, right probabilities by hand, and no bias by simulation."""

from __future__ import annotations

from collections import Counter
from math import sqrt

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from remit.core.trial.sampling import SamplingUnit, allocated, picked

gently = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # on a busy machine
sizes = st.dictionaries(
    st.text("abcdef", min_size=1, max_size=2),
    st.integers(1, 60).flatmap(lambda units: st.tuples(st.integers(units, units * 5), st.just(units))),
    min_size=1,
    max_size=8,
)


@gently
@given(sizes, st.integers(8, 80), st.integers(0, 1))
def test_an_allocation_sums_up_and_keeps_every_bound(
    found: dict[str, tuple[int, int]], n: int, floor: int
) -> None:
    numbers = allocated(found, n, floor)

    assert sum(numbers.values()) == min(n, sum(units for _, units in found.values()))
    assert all(min(floor, found[name][1]) <= count <= found[name][1] for name, count in numbers.items())


def test_an_allocation_is_proportional_by_hand() -> None:
    assert allocated({"a": (60, 60), "b": (30, 30), "c": (10, 10)}, 10) == {"a": 6, "b": 3, "c": 1}
    assert allocated({"a": (98, 98), "b": (1, 1), "c": (1, 1)}, 10) == {"a": 8, "b": 1, "c": 1}
    assert allocated({"a": (50, 2), "b": (50, 50)}, 10) == {"a": 2, "b": 8}
    with pytest.raises(ValueError, match="are more than 2"):
        allocated({"a": (1, 1), "b": (1, 1), "c": (1, 1)}, 2)


@gently
@given(st.lists(st.integers(1, 30), min_size=1, max_size=25), st.data(), st.integers())
def test_a_sample_has_n_different_units_whose_weights_sum_to_the_mass(
    masses: list[int], data: st.DataObject, seed: int
) -> None:
    units = [SamplingUnit(f"u{at}", mass) for at, mass in enumerate(masses)]
    n = data.draw(st.integers(1, len(units)))

    found = picked(units, n, seed, "s")

    assert len({one.unit.id for one in found}) == len(found) == n
    assert sum(one.weight for one in found) == pytest.approx(sum(masses))
    assert picked(list(reversed(units)), n, seed, "s") == found


def test_all_units_stand_for_themselves() -> None:
    units = [SamplingUnit("a", 3), SamplingUnit("b", 1), SamplingUnit("c", 2)]

    assert {one.unit.id: one.weight for one in picked(units, 3, seed=5)} == {"a": 3.0, "b": 1.0, "c": 2.0}


def test_units_are_drawn_in_proportion_to_their_mass() -> None:
    # n = 2 of masses 1, 2, 3, 4: probabilities n * m / M = .2, .4, .6, .8 by hand, weights M / n = 5.
    units = [SamplingUnit("a", 1), SamplingUnit("b", 2), SamplingUnit("c", 3), SamplingUnit("d", 4)]
    drawn: Counter[str] = Counter()
    for seed in range(4_000):
        found = picked(units, 2, seed)
        assert {one.weight for one in found} == {5.0}
        drawn.update(one.unit.id for one in found)

    for unit in units:
        p = 0.2 * unit.mass
        assert abs(drawn[unit.id] / 4_000 - p) < 4 * sqrt(p * (1 - p) / 4_000)


def test_the_weighted_mean_over_samples_is_the_mean_over_all() -> None:
    # Rare strata are drawn more often than they are, and heavy units, too: without weights the mean is far off.
    strata = {
        "often": [(SamplingUnit(f"o{at}", 1 + at % 3), at % 10 < 9) for at in range(300)],
        "rare": [(SamplingUnit(f"r{at}"), at % 4 == 0) for at in range(12)],
        "once": [(SamplingUnit("x", 40), False), (SamplingUnit("y"), True)],
    }
    truth = {unit.id: good for units in strata.values() for unit, good in units}
    mass = sum(unit.mass for units in strata.values() for unit, _ in units)
    mean = sum(unit.mass for units in strata.values() for unit, good in units if good) / mass
    sized = {name: (sum(u.mass for u, _ in units), len(units)) for name, units in strata.items()}
    numbers = allocated(sized, 20, floor=3)

    estimates, plain = [], []
    for seed in range(2_000):
        found = [
            one
            for name, units in strata.items()
            for one in picked([unit for unit, _ in units], numbers[name], seed, name)
        ]
        whole = sum(one.weight for one in found)
        assert whole == pytest.approx(mass)
        estimates.append(sum(one.weight for one in found if truth[one.unit.id]) / whole)
        plain.append(sum(truth[one.unit.id] for one in found) / len(found))

    average = sum(estimates) / len(estimates)
    spread = sqrt(sum((one - average) ** 2 for one in estimates) / len(estimates))
    assert abs(average - mean) < 4 * spread / sqrt(len(estimates))
    assert abs(sum(plain) / len(plain) - mean) > 0.05
