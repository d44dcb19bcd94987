import numpy as np
import pytest

from remit.core.stats.sign_flip import sign_flip

FAR = [-0.2, 0.0, -0.6, 0.0, 0.2, -0.6, 0.0, -0.2]


def test_task_means_agree_with_scipy() -> None:
    # permutation_test(permutation_type='samples', n_resamples=inf) of scipy 1.17.
    found = sign_flip(FAR)

    assert (found.p_worse, found.p_better, found.p_two_sided) == pytest.approx((0.125, 0.96875, 0.25))
    assert found.exact


def test_darwins_maize_gives_fishers_own_count() -> None:
    # Crossed minus self-fertilised, in eighths of an inch: 863 of 32,768 ways reach so much (Fisher, section 21).
    maize = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]

    assert sign_flip(maize).p_better == pytest.approx(863 / 32_768)
    assert sign_flip(maize).p_two_sided == pytest.approx(2 * 863 / 32_768)


def test_weights_make_a_task_count_more() -> None:
    # The heavy task decides alone: half of the ways.
    assert sign_flip([-0.1, 0.1, 0.1], [10, 1, 1]).p_worse == pytest.approx(0.5)


def test_many_tasks_are_drawn_by_a_seed() -> None:
    rng = np.random.default_rng(0)
    far = rng.normal(-0.05, 0.2, size=40).tolist()

    drawn = sign_flip(far, seed=1)

    assert not drawn.exact
    assert drawn == sign_flip(far, seed=1)
    assert drawn.p_worse >= 1 / 10_000


def test_drawn_signs_come_to_what_a_coin_does() -> None:
    # Twenty of thirty worse by as much as the others are better: 20 heads or more of 30 have a chance of .0494.
    drawn = sign_flip([-0.1] * 20 + [0.1] * 10)

    assert not drawn.exact
    assert (drawn.p_worse, drawn.p_two_sided) == pytest.approx((0.0494, 0.0987), abs=0.01)
    assert drawn.p_better == pytest.approx(1 - 0.0214, abs=0.01)  # 21 or more: .0214


def test_no_drawn_p_value_is_smaller_than_one_of_all_that_were_drawn() -> None:
    # What was seen is one of the ways, too: else a p-value could be 0.
    assert sign_flip([-0.1] * 40, flips=999).p_worse == pytest.approx(1 / 1000)


def test_tasks_that_do_not_differ_say_nothing() -> None:
    assert sign_flip([0.0] * 30).p_worse == sign_flip([]).p_two_sided == 1.0
    assert sign_flip([-0.2, *[0.0] * 50]).p_worse == 0.5
