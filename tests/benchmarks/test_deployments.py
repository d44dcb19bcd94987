"""Simulated deployments are what they say they are."""

from __future__ import annotations

import random
import sys
from math import inf, isnan

import pytest
from benchmarks.deployments import Pair, asked, drawn, groups, main, stream
from benchmarks.deployments_power import change, made_up

from remit.core.change import ChangeKind
from remit.core.conduct import Conduct


def pool(rate: int, size: int = 20) -> list[Conduct]:
    """Sessions of four calls; one in *rate* has a violation."""
    return [
        Conduct(
            f"s{at}",
            "a",
            0.0,
            calls={"t": 4},
            violations={("t", "t.c"): 1} if rate and at % rate == 0 else {},
        )
        for at in range(size)
    ]


def test_whole_sessions_are_drawn_until_there_are_enough_calls() -> None:
    assert len(drawn(random.Random(1), pool(5), 100)) == 25
    assert len(drawn(random.Random(1), pool(5), 101)) == 26


def test_pairs_are_grouped_by_the_ratio_of_all_their_sessions() -> None:
    def pair(before: int, after: int) -> Pair:
        return Pair(pool(before), pool(after), ChangeKind.MODEL, seen=True)

    assert pair(20, 5).ratio == 4.0
    assert pair(0, 5).ratio == inf
    assert isnan(pair(0, 0).ratio)
    sizes = {
        name: len(found) for name, found in groups([pair(20, 5), pair(0, 5), pair(0, 0), pair(5, 20)]).items()
    }
    assert {name for name, size in sizes.items() if size} == {
        "3 or more",
        "never before",
        "none at all",
        "below 1",
    }


@pytest.mark.parametrize("seen", [True, False])
def test_the_switch_is_among_the_changes_and_named(seen: bool) -> None:
    pair = Pair(pool(0), pool(3), ChangeKind.MODEL if seen else ChangeKind.PROMPT, seen)
    conduct, changes = stream(random.Random(2), pair, 800)

    assert len(conduct) == 400 and len(changes) == 3
    assert 200.0 in [one.at for one in changes if one.kind is pair.kind]
    assert asked(random.Random(2), pair, 800)[1][0].change.kind is pair.kind


def test_made_up_sessions_have_the_rates_that_they_were_given() -> None:
    found = made_up(random.Random(3), 3000, [(0.0, 0.5)])

    assert len(found) == 2000
    assert not any(one.violations for one in found[:1000])
    assert 0.45 < sum(sum(one.violations.values()) for one in found[1000:]) / 3000 < 0.55
    assert change(1000).at == 1000.0


def test_without_the_data_it_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("benchmarks.deployments.power", lambda: None)
    monkeypatch.setattr("benchmarks.deployments.unchanged", lambda: None)
    monkeypatch.setattr(sys, "argv", ["deployments", "--data", "nowhere"])

    assert main() == 0
    assert "skipped: no recorded sessions" in capsys.readouterr().err
