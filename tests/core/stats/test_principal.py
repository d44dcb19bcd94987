import numpy as np
import pytest

from remit.core.stats.principal import plane

SMITH = [
    [2.5, 2.4], [0.5, 0.7], [2.2, 2.9], [1.9, 2.2], [3.1, 3.0], [2.3, 2.7], [2.0, 1.6], [1.0, 1.1], [1.5, 1.6],
    [1.1, 0.9],
]  # fmt: skip
"""Smith, A tutorial on principal components analysis (2002): eigenvalues 1.28402771 and 0.0490833989."""


def test_it_is_the_published_analysis() -> None:
    found = plane(SMITH)

    assert found.explained == pytest.approx((1.28402771 / 1.33311111, 0.0490833989 / 1.33311111), abs=1e-8)
    published = [
        0.82797019, 1.77758033, 0.99219749, 0.27421042, 1.67580142,
        0.9129491, 0.09910944, 1.14457216, 0.43804614, 1.22382056,
    ]  # fmt: skip

    assert np.abs([x for x, _ in found.points]) == pytest.approx(published, abs=1e-8)


def test_many_places_and_few_vectors_give_the_same_as_few_places_and_many() -> None:
    rng = np.random.default_rng(0)
    low = rng.normal(size=(30, 5)) * [5, 3, 1, 1, 1]
    turned, _ = np.linalg.qr(rng.normal(size=(50, 5)))

    few, many = plane(low), plane(low @ turned.T)

    assert np.array(many.points) == pytest.approx(np.array(few.points), abs=1e-9)
    assert many.explained == pytest.approx(few.explained)


def test_the_same_vectors_give_the_same_map_also_upside_down() -> None:
    rows = np.random.default_rng(1).normal(size=(12, 4)) * [4, 2, 1, 1]

    one, other = np.array(plane(rows).points), np.array(plane(rows[::-1]).points)[::-1]

    assert one == pytest.approx(other, abs=1e-9)
    assert all(one[np.abs(one[:, axis]).argmax(), axis] > 0 for axis in (0, 1))


@pytest.mark.parametrize(
    ("rows", "points"),
    [
        (np.zeros((0, 3)), ()),
        ([[1.0, 2.0]], ((0.0, 0.0),)),
        ([[1.0, 2.0]] * 3, ((0.0, 0.0),) * 3),
        ([[1e8 + 0.1]] * 2, ((0.0, 0.0),) * 2),
    ],
)
def test_what_has_no_directions_lies_in_the_middle(rows, points) -> None:
    assert plane(rows).points == points
    assert plane(rows).explained == (0.0, 0.0)


def test_one_direction_is_a_line() -> None:
    found = plane([[0.0], [1.0], [3.0]])

    assert found.explained == pytest.approx((1.0, 0.0))
    assert [y for _, y in found.points] == [0.0, 0.0, 0.0]
