"""Several processes on one store: the bound holds for any number of them, and an approval is used once.

The short form runs always; `REMIT_SOAK=1` repeats each as often as the acceptance table asks.
"""

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from remit.core.envelope import BreakerRule
from remit.core.types import Mode, Severity, ToolEffect
from remit.store import control_breaker
from remit.testing import control_race as races
from remit.testing.control import AGENT, ControlTables, call, question

SOAK = bool(os.environ.get("REMIT_SOAK"))
PROCESSES = 8
N = 5
RULE = BreakerRule(threshold=N, max_violations=N, window_s=600.0, lease_s=60.0)


def executed(path: Path, worker: object, share: float) -> int:
    ControlTables(path)
    return sum(races.race(worker, path, PROCESSES, RULE, 25, share))


@pytest.mark.parametrize("share", [1.0, 0.3])
@pytest.mark.parametrize("run", range(20 if SOAK else 2))
def test_exactly_n_violating_actions_run_for_any_number_of_processes(tmp_path: Path, share: float, run: int):
    assert executed(tmp_path / f"{run}.db", races.act_by_reservation, share) == N


def test_where_calls_are_only_counted_those_in_flight_at_the_trip_come_on_top(tmp_path: Path):
    counting = replace(RULE, admission={ToolEffect.IRREVERSIBLE: "count"})
    ControlTables(tmp_path / "g3.db")

    ran = sum(races.race(races.act_by_reservation, tmp_path / "g3.db", PROCESSES, counting, 25, 1.0))
    assert N <= ran <= N + PROCESSES - 1


def test_checking_first_and_acting_then_overshoots(tmp_path: Path):
    """The negative control: without it the test above could be blind."""
    assert executed(tmp_path / "c.db", races.act_by_check, 1.0) >= PROCESSES > N


def test_an_approval_lets_one_process_run_one_call_once(tmp_path: Path):
    rounds = [f"r{n}" for n in range(200 if SOAK else 25)]
    world = ControlTables(tmp_path / "a.db", time.time)
    world.hire("ann")
    for name in rounds:
        world.ask(question(f"q-{name}", name, max_pending=10**6))
        world.answer(f"q-{name}", "ann")

    won = [
        name
        for names in races.race(races.claim_approvals, tmp_path / "a.db", PROCESSES, rounds)
        for name in names
    ]

    assert sorted(won) == sorted(rounds)
    assert {world.status(f"q-{name}").state for name in rounds} == {"claimed"}


def test_a_limit_is_never_exceeded_by_processes_together(tmp_path: Path):
    ControlTables(tmp_path / "l.db")

    taken = races.race(races.use_limit, tmp_path / "l.db", 4, 20, 3, 100)

    assert sum(taken) == 33


def test_a_process_that_dies_in_flight_blocks_its_place_for_a_lease_and_a_window(tmp_path: Path):
    rule = BreakerRule(max_violations=1, threshold=100, lease_s=30.0, window_s=60.0)
    path = tmp_path / "c.db"
    clock = [time.time()]
    world = ControlTables(path, lambda: clock[0])
    context = races.get_context("spawn")
    dying = context.Process(target=races.take_and_crash, args=(path, 1, rule))
    dying.start()
    dying.join(600.0)
    assert dying.exitcode == 1

    clock[0] = time.time()
    assert world.admit(call("a", rule=rule)).status == "hold"
    clock[0] += 31.0
    assert world.admit(call("b", rule=rule)).status == "hold"
    assert control_breaker.counts(world.connection, AGENT, 0) == {Severity.MEDIUM: 1}
    clock[0] += 61.0
    assert world.admit(call("c", rule=rule)).status == "admitted"
    assert world.mode() is Mode.AUTONOMOUS


@pytest.mark.soak
@pytest.mark.skipif(not SOAK, reason="REMIT_SOAK=1 runs it")
@pytest.mark.parametrize("processes", [2, 4, 16])
def test_the_bound_does_not_depend_on_how_many_processes_there_are(tmp_path: Path, processes: int):
    for run in range(5):
        path = tmp_path / f"{run}.db"
        ControlTables(path)
        assert sum(races.race(races.act_by_reservation, path, processes, RULE, 25, 1.0)) == N
