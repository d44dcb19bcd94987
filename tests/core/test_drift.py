"""Sessions in, alarms out: the streams of one agent."""

from __future__ import annotations

import hashlib

import msgspec
import numpy as np
import pytest

from remit.core.conduct import Conduct
from remit.core.drift import ALLOWED, ROWS, TIERS, AgentWatch
from remit.core.drifted import Direction, Drift, Measure, Stream, StreamKind, _numbers, measure


def session(generator, place, *, amount=1.0, refunds=1, violations=0.0, to=40, tool="refund"):
    """One session of a service agent: it looks things up, and in half of the sessions pays back."""
    ran = {"find": int(generator.poisson(2)) + 1}
    numbers, values = {}, {"find.order": (digest(generator.integers(10_000)),)}
    if generator.random() < 0.5:
        ran[tool] = refunds
        numbers[f"{tool}.amount"] = tuple((amount * np.exp(generator.normal(3, 0.5, refunds))).tolist())
        values[f"{tool}.to"] = tuple(digest(k) for k in generator.integers(0, to, refunds))
    found = {("refund", "refund.limit"): 1} if generator.random() < violations else {}
    return Conduct(
        f"s{place}", "shop", 100.0 * place, calls=ran, ran=ran, effects=ran.get(tool, 0), numbers=numbers,
        values=values, violations=found,
    )  # fmt: skip


def digest(value: object) -> str:
    return hashlib.sha256(str(value).encode()).hexdigest()


def watched(sessions, **options) -> list[Drift]:
    watch = AgentWatch("shop", **options)
    return [drift for one in sessions for drift in watch.add(one)]


def stream(before: int, after: int, seed=0, **change):
    generator = np.random.default_rng(seed)
    usual = [session(generator, place) for place in range(before)]
    return usual + [session(generator, before + place, **change) for place in range(after)]


def test_violations_that_began_are_told_with_numbers_and_as_worse():
    first, *_ = watched(stream(400, 150, violations=0.3))

    assert first.stream in (
        Stream(StreamKind.VIOLATIONS),
        Stream(StreamKind.LINE_VIOLATIONS, "refund", "refund.limit"),
    )
    assert first.direction is Direction.WORSE
    assert abs(first.since - 400) <= 10
    assert first.before.hits == 0
    assert "violations" in first.told and "of 400 sessions" in first.told.replace(str(first.since), "400")


def test_more_violations_in_sessions_that_all_had_one_are_told_by_their_number():
    before, after = measure(20, 20, 20.0, 20.0), measure(10, 10, 15.0, 25.0)

    assert "100 %" in _numbers(StreamKind.VIOLATIONS, before) and "a session" not in _numbers(
        StreamKind.VIOLATIONS, before
    )
    assert _numbers(StreamKind.VIOLATIONS, after).endswith(", 1.5 a session")


def test_larger_refunds_that_violate_nothing_are_found():
    found = watched(stream(400, 150, amount=2.0))

    assert Stream(StreamKind.SIZE, "refund", "refund.amount") in [drift.stream for drift in found]
    assert {drift.direction for drift in found} == {Direction.OTHER}
    assert all(drift.more for drift in found)


def test_a_tool_called_twice_as_often_is_found_and_all_its_alarms_are_one_group():
    found = watched(stream(400, 150, refunds=2))

    assert Stream(StreamKind.TOOL, "refund") in [drift.stream for drift in found]
    assert {drift.group for drift in found} == {found[0].id}


def test_a_tool_that_nobody_had_used_is_found():
    found = watched(stream(400, 150, tool="transfer"))

    assert Stream(StreamKind.TOOL, "transfer") in [drift.stream for drift in found]


def test_one_receiver_of_everything_is_found():
    found = watched(stream(400, 300, to=1))

    assert Stream(StreamKind.VALUE, "refund", "refund.to") in [drift.stream for drift in found]


def test_after_an_alarm_what_was_told_is_the_new_normal():
    found = watched(stream(400, 1000, amount=2.0))

    assert len([d for d in found if d.stream.kind is StreamKind.SIZE]) == 1


def test_the_streams_together_keep_the_promise():
    every, sessions, runs = 50, 250, 16

    found = sum(len(watched(stream(sessions, 0, seed=run), every=every)) for run in range(runs))

    assert found <= runs * sessions / every


def test_an_agent_with_two_hundred_streams_keeps_it_as_well():
    every, sessions, runs = 50, 200, 6

    def wide(generator, place):
        tools = [f"t{k}" for k in np.unique(generator.integers(0, 60, 8))]
        numbers = {f"{tool}.n": (float(generator.integers(1, 50)),) for tool in tools}
        values = {f"{tool}.v": (digest(generator.integers(9)),) for tool in tools}
        ran = dict.fromkeys(tools, 1)
        return Conduct(f"s{place}", "wide", place, calls=ran, ran=ran, numbers=numbers, values=values)

    found, most = 0, 0
    for run in range(runs):
        generator, watch = np.random.default_rng([9, run]), AgentWatch("wide", every=every)
        for place in range(sessions):
            found += len(watch.add(wide(generator, place)))
        most = max(most, len(watch))

    assert most > 180
    assert found <= runs * sessions / every


def test_shares_of_all_streams_add_up_to_one():
    assert sum(tier.share * tier.most for tier in TIERS) == pytest.approx(1.0)


def test_the_same_sessions_give_the_same_alarms_whatever_restarts_between_them():
    sessions, straight, packed = stream(300, 120, amount=2.0), AgentWatch("shop"), AgentWatch("shop")
    found, again = [], []
    for place, one in enumerate(sessions):
        found += straight.add(one)
        again += packed.add(one)
        if place % 37 == 0:
            kept = msgspec.msgpack.encode(packed.told())
            packed = AgentWatch.read(msgspec.msgpack.decode(kept), key=b"remit")

    assert [drift.body() for drift in again] == [drift.body() for drift in found]
    assert found


def test_another_key_breaks_ties_otherwise_and_finds_the_same_change():
    sessions = stream(400, 150, refunds=3)

    kinds = [{d.stream.kind for d in watched(sessions, key=key)} for key in (b"one", b"two")]

    assert all(StreamKind.TOOL in found for found in kinds)


def test_sessions_that_are_all_alike_raise_no_alarm_however_ties_are_broken():
    alike = [
        Conduct(f"s{place}", "shop", 0.0, calls={"find": 1}, ran={"find": 1}, numbers={"find.n": (3.0,)},
                values={"find.order": (digest("O-1"),)})
        for place in range(300)
    ]  # fmt: skip

    told = [watched(alike, key=bytes([key]), every=1.5) for key in range(8)]

    assert told == [[]] * 8
    # One that differs, and the same promise: what was alike before is watched again.
    other = Conduct("t", "shop", 0.0, calls={"find": 9}, ran={"find": 9})
    assert watched([*alike, *[other] * 40], every=1.5)


def test_a_session_with_ten_thousand_tools_takes_room_for_a_while_and_no_more():
    watch, generator = AgentWatch("shop"), np.random.default_rng(0)
    ran = {f"evil{k}": 1 for k in range(10_000)}
    monster = Conduct("m", "shop", 0.0, calls=ran, ran=ran, numbers={f"{k}.n": (1.0,) * 10 for k in ran})

    for place in range(8):
        watch.add(monster if place % 2 else session(generator, place))

    assert len(watch) < ROWS
    assert watch.unwatched >= 4
    assert len(msgspec.msgpack.encode(watch.told())) < 500_000
    for place in range(150):
        watch.add(session(generator, place))
    watch.add(Conduct("n", "shop", 0.0, calls={"new": 1}, ran={"new": 1}))
    assert Stream(StreamKind.TOOL, "new") in watch.watched
    assert sum(s.kind in ALLOWED.kinds for s in watch.watched) <= ALLOWED.most


def test_numbers_that_no_sum_can_hold_break_nothing():
    odd = (float("inf"), float("-inf"), float("nan"), 1e308, -1e308)
    watch = AgentWatch("shop")

    for place in range(60):
        watch.add(Conduct(f"s{place}", "shop", 0.0, calls={"t": 1}, ran={"t": 1}, numbers={"t.n": odd}))

    assert watch.sessions == 60


def test_names_that_strangers_chose_are_told_visibly():
    part = measure(10, 2, 2.0, 2.0)
    drift = Drift(
        "a",
        "default",
        Stream(StreamKind.TOOL, "\x1b[2Jx"),
        9,
        "s",
        0.0,
        5,
        part,
        part,
        9.0,
        8.0,
        since_session="\u202e",
    )

    assert "\x1b" not in drift.told and "\u202e" not in drift.told


def test_a_measure_has_an_exact_interval():
    assert measure(10, 0, 0.0, 0.0) == Measure(10, 0, 0.0, pytest.approx(0.3085, abs=1e-4), 0.0, 0.0)
