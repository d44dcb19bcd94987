"""Processes that race on one control store, for the tests of the breaker's bound and of single use.

Each worker opens the file by itself, waits until all are ready, and returns what it saw through a queue. Started with
`spawn`, so that nothing is shared but the file.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from remit.core.admission import Settlement
from remit.core.envelope import BreakerRule
from remit.core.types import ApprovalNeed, Severity
from remit.store import connection, control, control_breaker
from remit.testing.control import AGENT, ControlTables, call, digest_of

ACTION_S = 0.005
_READY_S = 600.0
"""Only against hanging: many processes start on few cores."""


def race(worker: Any, path: Path, processes: int, *args: Any) -> list[Any]:
    """Run *worker(path, number, ready, *args)* in so many processes, and collect what each returned."""
    context = get_context("spawn")
    results, ready = context.Queue(), context.Barrier(processes)
    started = [
        context.Process(target=_report, args=(results, worker, path, number, ready, *args), daemon=True)
        for number in range(processes)
    ]
    for process in started:
        process.start()
    try:
        return [results.get(timeout=_READY_S) for _ in started]
    finally:
        for process in started:
            process.join(timeout=10.0)
            if process.is_alive():
                process.kill()


def _report(results: Any, worker: Any, path: Path, number: int, ready: Any, *args: Any) -> None:
    connection.BUSY_S = _READY_S  # SQLite is not fair to those who wait for its lock
    results.put(worker(path, number, ready, *args))


def act_by_reservation(
    path: Path, number: int, ready: Any, rule: BreakerRule, actions: int, share: float
) -> int:
    """Act through `control.admit`; returns how many violating actions ran."""
    world, draw = ControlTables(path, time.time), random.Random(number)  # noqa: S311 - a test's dice
    ready.wait(_READY_S)
    ran = 0
    for n in range(actions):
        violating = draw.random() < share
        token = f"{number}-{n}"
        if not _admitted(world, token, rule):
            continue
        time.sleep(ACTION_S)
        ran += violating
        told = ((Severity.LOW, "pay.output"),) if violating else ()
        settlement = Settlement(token, "violation" if violating else "clean", told)
        world.run(lambda tx, s=settlement: control.settle(tx, s))  # type: ignore[misc]
    return ran


def _admitted(world: ControlTables, token: str, rule: BreakerRule) -> bool:
    """Wait while the places are only taken; give up once the agent has lost its autonomy."""
    while True:
        admission = world.admit(call(token, rule=rule))
        if admission.status == "admitted":
            return True
        if [v.clause for v in admission.violations] != ["breaker.capacity"]:
            return False
        time.sleep(0.001)


def act_by_check(path: Path, number: int, ready: Any, rule: BreakerRule, actions: int, share: float) -> int:
    """The wrong way, as a control: count, then act, then count what went wrong; returns how many violating ran.

    Before the first action of any, all have counted: whether they meet otherwise is chance.
    """
    world, draw = ControlTables(path, time.time), random.Random(number)  # noqa: S311 - a test's dice
    ready.wait(_READY_S)
    ran = 0
    for n in range(actions):
        violating = draw.random() < share
        counts = control_breaker.counts(world.connection, AGENT, time.time() - rule.window_s)
        if n == 0:
            ready.wait(_READY_S)
        if sum(counts.values()) >= rule.max_violations:
            continue
        time.sleep(ACTION_S)
        ran += violating
        if violating:
            scope = (AGENT.tenant, AGENT.agent, "", "")
            entry = control_breaker.Violating(
                f"{number}-{n}", scope, Severity.LOW, "pay.output", "outcome", "s", executed=True
            )
            world.run(lambda tx, e=entry: control_breaker.log(tx.connection, e, tx.now))  # type: ignore[misc]
    return ran


def claim_approvals(path: Path, number: int, ready: Any, rounds: Sequence[str]) -> list[str]:
    """Try to run the same approved call as everybody else, round after round; returns the rounds that it won."""
    world = ControlTables(path, time.time)
    won: list[str] = []
    for name in rounds:
        request = call(f"{number}-{name}", digest=digest_of(name), needs_approval=ApprovalNeed())
        ready.wait(_READY_S)
        if world.admit(request).status == "admitted":
            won.append(name)
    return won


def take_and_crash(path: Path, number: int, rule: BreakerRule) -> None:
    """Take a place and die without a word."""
    import os

    world = ControlTables(path, time.time)
    world.admit(call(f"crash-{number}", rule=rule))
    os._exit(1)


def use_limit(path: Path, number: int, ready: Any, actions: int, micros: int, most: int) -> int:
    """Take from one limit as often as it lets; returns how often that was."""
    from remit.core.types import LimitClaim

    world = ControlTables(path, time.time)
    claims = (LimitClaim("pay.daily", "k", micros, most, 3600.0),)
    rule = BreakerRule(max_violations=10**6)
    ready.wait(_READY_S)
    return sum(
        world.admit(call(f"{number}-{n}", claims=claims, rule=rule)).status == "admitted"
        for n in range(actions)
    )


def act_through_journal(
    path: Path, number: int, ready: Any, rule: BreakerRule, actions: int, share: float
) -> int:
    """As `act_by_reservation`, in the real journal."""
    from remit.store.sqlite import SqliteStore

    store = SqliteStore.open(path, home=path.parent / "home", create=False, extensions=(control.DDL,))
    draw = random.Random(number)  # noqa: S311 - a test's dice
    ready.wait(_READY_S)
    ran = n = 0
    while n < actions:
        violating = draw.random() < share
        token = f"{number}-{n}"
        admission = store.transact_now(lambda tx, t=token: control.admit(tx, call(t, rule=rule)))  # type: ignore[misc]
        if [v.clause for v in admission.violations] == ["breaker.capacity"]:
            time.sleep(0.001)
            continue
        n += 1
        if admission.status == "admitted":
            time.sleep(ACTION_S)
            ran += violating
            told = ((Severity.LOW, "pay.output"),) if violating else ()
            settlement = Settlement(token, "violation" if violating else "clean", told)
            store.transact_now(lambda tx, s=settlement: control.settle(tx, s))  # type: ignore[misc]
    store.close()
    return ran
