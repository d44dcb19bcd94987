"""The collector looks less often while trials run, and as often as before afterwards."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from remit.usecases.trials.collecting import NEW_OBJECTS, seldom_collected


@pytest.fixture(autouse=True)
def collector() -> Iterator[None]:
    """Left as it was found."""
    before = gc.get_threshold()
    gc.set_threshold(700, 10, 10)
    yield
    gc.set_threshold(*before)


def test_it_looks_less_often_within_and_as_often_as_before_afterwards() -> None:
    with seldom_collected():
        assert gc.get_threshold() == (NEW_OBJECTS, 10, 10)
        with seldom_collected():
            assert gc.get_threshold() == (NEW_OBJECTS, 10, 10)
        assert gc.get_threshold() == (NEW_OBJECTS, 10, 10)

    assert gc.get_threshold() == (700, 10, 10)


def test_it_is_set_back_where_the_run_fails() -> None:
    with pytest.raises(KeyError), seldom_collected():
        raise KeyError

    assert gc.get_threshold() == (700, 10, 10)


@pytest.mark.parametrize("own", [(0, 10, 10), (50_000, 5, 5)])
def test_a_collector_that_looks_less_often_already_stays_as_it_is(own: tuple[int, int, int]) -> None:
    gc.set_threshold(*own)
    with seldom_collected():
        assert gc.get_threshold() == own

    assert gc.get_threshold() == own


def test_what_somebody_sets_meanwhile_stays() -> None:
    with seldom_collected():
        gc.set_threshold(123, 4, 5)

    assert gc.get_threshold() == (123, 4, 5)
