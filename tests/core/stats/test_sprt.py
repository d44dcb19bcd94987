import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.core.soon import soon

from remit.core.stats.fixed_test import Fixed, fixed_n
from remit.core.stats.proportion import clopper_pearson
from remit.core.stats.sprt import Plan, plan

GATES = [
    # p0, p1, fixed n and need, cap, exact alpha and beta, mean trials at p0, at p1, at p0 - .15, of a perfect agent
    (0.90, 0.97, (103, 98), 129, 0.0497, 0.0886, 50.8, 70.2, 13.0, 40),
    (0.80, 0.90, (112, 97), 140, 0.0469, 0.0985, 49.8, 70.5, 15.2, 27),
    (0.95, 0.99, (153, 150), 192, 0.0447, 0.0736, 61.2, 113.6, 10.1, 81),
    (0.70, 0.85, (69, 55), 87, 0.0469, 0.0930, 31.0, 43.2, 12.5, 17),
    (0.90, 0.95, (239, 223), 299, 0.0472, 0.0928, 115.2, 156.8, 20.9, 58),
]


@pytest.mark.parametrize("gate", GATES, ids=lambda gate: f"{gate[0]}-{gate[1]}")
def test_gates_are_as_an_independent_search_found_them(gate: tuple) -> None:
    p0, p1, fixed, cap, alpha, beta, at_p0, at_p1, below, perfect = gate
    found = plan(p0, p1)

    assert found.fixed == fixed
    assert found.cap == cap
    assert found.expected(p0).passes == pytest.approx(alpha, abs=5e-5)
    assert 1 - found.expected(p1).passes == pytest.approx(beta, abs=5e-5)
    told = [found.expected(p).trials for p in (p0, p1, p0 - 0.15, 1.0)]
    assert told == pytest.approx([at_p0, at_p1, below, perfect], abs=0.051)


def test_mean_trials_at_other_rates() -> None:
    gate = plan(0.90, 0.97)

    told = [gate.expected(p).trials for p in (0.60, 0.75, 0.85, 0.935, 0.985)]
    assert told == pytest.approx([8, 13, 27, 78, 53], abs=0.5)
    assert gate.expected(0.0) == (0.0, 3.0, 0.0)


@pytest.mark.parametrize(("p0", "p1", "n", "needed"), [(0.99, 0.999, 473, 472), (0.5, 0.8, 23, 16)])
def test_fixed_tests(p0: float, p1: float, n: int, needed: int) -> None:
    assert fixed_n(p0, p1) == Fixed(n, needed)


def test_a_small_gate_as_by_hand() -> None:
    # Two coins' worth: PASS with 2 of 2 has probability .01 at .1 and .9025 at .95.
    assert fixed_n(0.1, 0.95, 0.05, 0.10) == Fixed(2, 2)
    gate = plan(0.1, 0.95, 0.05, 0.10, most=2)
    assert (gate.step(1, 0), gate.step(2, 0), gate.step(1, 1), gate.step(2, 1)) == (
        None, "pass", "block", "block",
    )  # fmt: skip
    assert gate.expected(0.5) == pytest.approx((0.25, 1.5, 0.0))


def enumerated(gate: Plan, p: float) -> tuple[float, float]:
    """P(PASS) and mean trials by walking every path."""
    paths, passes, trials = {0: 1.0}, 0.0, 0.0
    for n in range(1, gate.cap + 1):
        new: dict[int, float] = {}
        for failures, mass in paths.items():
            for more, share in ((0, p), (1, 1 - p)):
                told = gate.step(n, failures + more)
                passes += mass * share * (told == "pass")
                trials += mass * share * n * (told is not None)
                if told is None:
                    new[failures + more] = new.get(failures + more, 0.0) + mass * share
        paths = new
    assert not paths, "at the cap it has decided"
    return passes, trials


rates = st.floats(0.3, 0.93).flatmap(lambda low: st.tuples(st.just(low), st.floats(low + 0.05, 0.985)))


@settings(deadline=None, max_examples=12, suppress_health_check=[HealthCheck.too_slow])
@given(rates, st.sampled_from([0.01, 0.05, 0.1]), st.sampled_from([0.05, 0.1, 0.2]))
def test_exact_errors_are_kept(between: tuple[float, float], alpha: float, beta: float) -> None:
    gate = plan(*between, alpha, beta)
    p0, p1 = between

    assert enumerated(gate, p0) == pytest.approx(gate.expected(p0)[:2], rel=1e-9)
    assert gate.expected(p0).passes <= alpha + 1e-12
    assert gate.expected(p1).passes >= 1 - beta - 1e-12
    assert gate.cap <= 1.25 * gate.fixed.n + 1
    assert max(gate.expected(p).trials for p in (p0, (p0 + p1) / 2, p1)) <= gate.fixed.n


def test_fewer_trials_than_the_fixed_test_needs_leave_it_undecided() -> None:
    assert plan(0.90, 0.97, most=50).passes == plan(0.90, 0.97).passes
    at_cap = plan(0.90, 0.97, most=115)
    assert at_cap.cap == 115
    assert at_cap.expected(0.90).passes <= 0.05 and at_cap.expected(0.97).passes >= 0.90
    assert at_cap.blocks[-1] == at_cap.passes[-1] + 1  # at the cap one cut decides, and it is told as such


def stops(gate: Plan) -> list[tuple[int, int]]:
    alive, found = {0}, []
    for n in range(1, gate.cap + 1):
        new = {failures + more for failures in alive for more in (0, 1)}
        found += [(n, failures) for failures in new if gate.step(n, failures)]
        alive = {failures for failures in new if not gate.step(n, failures)}
    return found


@pytest.mark.parametrize("p", [0.5, 0.8, 0.85, 0.9, 0.935, 0.97, 0.99])
def test_the_interval_after_stopping_covers_and_clopper_pearson_does_not_always(p: float) -> None:
    gate = plan(0.70, 0.85)
    covers = {end: gate.interval(*end) for end in stops(gate)}
    draw = random.Random(11)
    hits = 0
    for _ in range(2_000):
        n = failures = 0
        while gate.step(n, failures) is None:
            n, failures = n + 1, failures + (draw.random() >= p)
        low, high = covers[n, failures]
        hits += low <= p <= high
    assert clopper_pearson(hits, 2_000, 0.98)[1] >= 0.95


def test_intervals_by_hand() -> None:
    # PASS after 2 of 2 only: the lower bound solves p ** 2 = .025.
    gate = plan(0.1, 0.95, 0.05, 0.10, most=2)
    assert gate.interval(2, 0) == pytest.approx((0.025**0.5, 1.0), abs=1e-6)
    # A failure at once is the worst end: the upper bound solves 1 - p = .025.
    assert gate.interval(1, 1) == pytest.approx((0.0, 0.975), abs=1e-6)


def test_an_interval_of_a_run_that_was_cut_off() -> None:
    low, high = plan(0.90, 0.97).interval(20, 1)

    assert low < 0.95 < high
    exact = clopper_pearson(19, 20)
    assert (low, high) == pytest.approx(exact, abs=0.03)
    with pytest.raises(ValueError, match="cannot end at 19 failures of 20"):
        plan(0.90, 0.97).interval(20, 19)
    with pytest.raises(ValueError, match="cannot end"):
        plan(0.90, 0.97).interval(0, 0)


def test_a_gate_is_designed_in_less_than_a_second() -> None:
    with soon():
        first = plan(0.901, 0.951)
        plan(0.991, 0.999)

    assert plan(0.901, 0.951) is first


@pytest.mark.parametrize(
    ("settings_", "told"),
    [
        ((0.97, 0.90), "0 < p0 < p1 < 1"),
        ((0.9, 1.0), "0 < p0 < p1 < 1"),
        ((0.9, 0.95, 0.0), "errors between"),
        ((0.9, 0.905), "more than 5000 trials"),
        ((float("nan"), 0.9), "0 < p0"),
    ],
)
def test_what_is_no_gate_is_told(settings_: tuple, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        plan(*settings_)
