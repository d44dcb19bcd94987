from itertools import pairwise
from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.core.stats.tango import tango_interval, tango_z, task_score


def pairs(won: int, lost: int, n: int) -> list[float]:
    return [1.0] * won + [-1.0] * lost + [0.0] * (n - won - lost)


def test_airways_of_21_children_give_the_published_interval() -> None:
    # Before and after stem cell transplantation: 1 and 7 changes of 21; Tango's interval is (-.517, -.026)
    # (Fagerland, Lydersen and Laake, Statistics in Medicine 33 (2014) 2850-2875).
    children = pairs(1, 7, 21)

    assert tango_z(children, at=-0.51723) == pytest.approx(1.95996, abs=2e-4)
    assert tango_z(children, at=-0.02600) == pytest.approx(-1.95996, abs=2e-4)
    assert tango_interval(children) == pytest.approx((-0.517, -0.026), abs=5e-4)


@given(st.integers(1, 60), st.data())
def test_one_run_each_is_tangos_own_closed_form(n: int, data: st.DataObject) -> None:
    won = data.draw(st.integers(0, n))
    lost = data.draw(st.integers(0, n - won))
    margin = data.draw(st.sampled_from([0.0, 0.01, 0.05, 0.1, 0.3, -0.2]))
    a, q = 2 * n, -won - lost - (2 * n - won + lost) * margin
    share = (sqrt(max(0.0, q * q - 4 * a * lost * margin * (1 + margin))) - q) / (2 * a)
    variance = n * (2 * share - margin * (1 + margin))
    closed = (won - lost + n * margin) / sqrt(variance) if variance > 1e-9 else 0.0

    assert tango_z(pairs(won, lost, n), at=-margin) == pytest.approx(closed, abs=1e-5)


def test_nothing_seen_is_not_nothing_possible() -> None:
    # 50 tasks, all passed by both: 5 points would be missed with .95**50 = 7.7 %, so no test at 5 % may rule them out.
    assert tango_z([0.0] * 50, at=-0.05) == pytest.approx(sqrt(50 * 0.05 / 0.95))
    assert task_score([0.0] * 50, None, -0.05).p > 0.05
    assert task_score([0.0] * 62, None, -0.05).p < 0.05


def test_weights_in_whole_numbers_are_no_more_tasks() -> None:
    far = [-0.5, 0.0, 0.25, 0.0]

    assert tango_z(far, [2.0] * 4, -0.1) == pytest.approx(tango_z(far, None, -0.1))
    assert abs(tango_z(far, [3, 1, 1, 1], -0.1)) < abs(tango_z([-0.5, -0.5, *far], None, -0.1))


@given(st.lists(st.sampled_from([-1.0, -0.5, -0.2, 0.0, 0.0, 0.2, 1.0]), min_size=2, max_size=20))
def test_the_farther_the_value_the_smaller_the_p_value(far: list[float]) -> None:
    steps = [task_score(far, None, at).p for at in (-0.9, -0.5, -0.1, 0.0, 0.1, 0.5, 0.9)]

    assert all(a <= b + 1e-9 for a, b in pairwise(steps))


def test_what_cannot_be_a_difference_is_refused() -> None:
    with pytest.raises(ValueError, match="no task"):
        tango_z([])
    with pytest.raises(ValueError, match="above -1"):
        tango_z([0.0], at=-1.0)
