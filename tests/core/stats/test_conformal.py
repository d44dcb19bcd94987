"""The promise of the drift watch, by simulation, and what it finds."""

from __future__ import annotations

import numpy as np
import pytest

from remit.core.stats.bets import BETS, EDGES, RATES, rates, table
from remit.core.stats.conformal import NEVER, WARM_UP, Streams
from remit.core.stats.ranks import Bag, grid


def alarms(values, needed, *, every=True, seed=0):
    """Where a stream gives alarms, and since when."""
    draws, found = np.random.default_rng([seed, 1]), []
    streams = Streams(2)
    row = streams.open(every=every)
    for place, value in enumerate(values):
        told = {} if every and value == 0 else {row: value}
        if streams.step(place, draws.random(), told)[row] >= needed:
            found.append((place, streams.split(row).since))
            streams.restart(row)
    return found


def test_every_bet_is_fair_where_p_values_are_uniform():
    lengths = np.diff(EDGES)

    assert np.allclose(lengths @ table(BETS), 1.0)
    assert (table(BETS) > 0).all()


@pytest.mark.parametrize("share", [0.002, 0.3, 0.999])
def test_a_bet_on_a_rate_is_fair_at_every_border(share):
    below, above = rates(np.array([share]), np.array([share / 2])), rates(np.array([share]), np.array([1.0]))

    assert np.allclose(share * below + (1 - share) * above, 1.0)
    assert below.shape == (1, len(RATES))


def test_nothing_is_bet_where_every_value_was_a_hit():
    assert (rates(np.array([1.0]), np.array([0.5])) == 1.0).all()


CALM = {
    "one violation in a thousand sessions": (True, lambda r, n: (r.random(n) < 0.001).astype(float)),
    "one in ten": (True, lambda r, n: (r.random(n) < 0.1).astype(float)),
    "most sessions": (True, lambda r, n: (r.random(n) < 0.9).astype(float)),
    "bursts within sessions": (
        True,
        lambda r, n: np.where(r.random(n) < 0.05, r.geometric(0.03, n), 0).astype(float),
    ),
    "counts": (True, lambda r, n: r.poisson(3, n).astype(float)),
    "amounts with a heavy tail": (False, lambda r, n: np.exp(r.normal(3, 2, n))),
    "always the same": (False, lambda r, n: np.full(n, 7.0)),
    "kinds": (False, lambda r, n: [f"{min(k, 255):02x}" for k in r.zipf(1.5, n)]),
    "kinds that never come twice": (False, lambda r, n: [f"{k:02x}" for k in r.integers(0, 256, n)]),
}


@pytest.mark.parametrize("name", CALM)
def test_while_nothing_changes_there_are_no_more_false_alarms_than_promised(name):
    every, draw = CALM[name]
    needed, sessions, runs = 50.0, 500, 24

    found = sum(
        len(alarms(draw(np.random.default_rng([7, run]), sessions), needed, every=every, seed=run))
        for run in range(runs)
    )

    # The promise is an expectation of at most 240; three standard errors of a Poisson count above it.
    assert found <= runs * sessions / needed + 3 * (runs * sessions / needed) ** 0.5
    assert found > 0 or name.startswith("one violation in a thousand")


def test_violations_that_were_absent_are_found_with_the_session_they_began_in():
    generator = np.random.default_rng(3)
    values = [0.0] * 800 + list((generator.random(400) < 0.1).astype(float))

    (place, since), *_ = alarms(values, 1e6)

    assert 800 < place < 1000
    assert abs(since - 800) < 50


@pytest.mark.parametrize(
    ("before", "after"),
    [(3.0, 3.7), (3.7, 3.0)],
    ids=["larger", "smaller"],
)
def test_amounts_that_double_or_halve_are_found_within_fifty_sessions(before, after):
    generator = np.random.default_rng(5)
    values = np.exp(np.concatenate([generator.normal(before, 0.5, 300), generator.normal(after, 0.5, 100)]))

    (place, since), *_ = alarms(values, 1e6, every=False)

    assert 300 <= place < 350
    assert abs(since - 300) < 20


def test_a_receiver_that_nobody_knew_and_who_gets_everything_is_found():
    generator = np.random.default_rng(6)
    values = [f"{k:02x}" for k in generator.integers(0, 40, 300)] + ["7f"] * 100

    (place, _), *_ = alarms(values, 1e6, every=False)

    assert 300 < place < 400


def test_no_alarm_comes_before_the_warm_up_is_over():
    values = [0.0] * (WARM_UP // 2) + [1.0] * (WARM_UP // 2)

    assert alarms(values, 1.5) == []


def test_a_stream_that_nobody_had_met_was_zero_all_along():
    late, early = Streams(3), Streams(3)
    known = early.open(every=True)
    for place in range(200):
        late.step(place, (place * 0.37) % 1, {})
        early.step(place, (place * 0.37) % 1, {})
    row = late.open(every=True)

    assert late.step(200, 0.5, {row: 1.0})[row] == early.step(200, 0.5, {known: 1.0})[known]
    assert late.step(201, 0.5, {})[NEVER] == early.step(201, 0.5, {})[NEVER]


def test_read_again_it_goes_on_as_if_nothing_had_been():
    values = np.random.default_rng(1).poisson(2, 120).astype(float)
    whole = Streams(3)
    row, size = whole.open(every=True), whole.open(every=False)
    for place, value in enumerate(values):
        if place == 60:
            whole = Streams.read(whole.told())
        whole.step(place, (place * 0.61) % 1, {row: value, **({size: value * 3} if value else {})})
    again = Streams(3)
    again.open(every=True), again.open(every=False)
    for place, value in enumerate(values):
        again.step(place, (place * 0.61) % 1, {row: value, **({size: value * 3} if value else {})})

    assert whole.told() == again.told()


def test_there_is_no_room_beyond_the_rows_and_a_closed_one_is_free_again():
    streams = Streams(2)
    row = streams.open(every=True)

    assert streams.open(every=False) is None
    streams.close(row)
    assert streams.open(every=False) == row


def test_a_rank_counts_all_values_above_and_breaks_ties_by_the_draw():
    assert Bag([(1, 3), (5, 4)]).more(5, 0.0) == 0.0
    assert Bag([(1, 3), (5, 4)]).more(1, 1.0) == 1.0
    assert Bag([(1, 3), (5, 4)]).more(3, 0.5) == (4 + 0.5) / 8


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan"), 1e308, -1e-308])
def test_any_number_has_a_place_on_the_grid(value):
    assert abs(grid(value)) <= 481
