"""Trials stand in the record of production and touch nothing of it: breaker, limits, incidents, drift, lists."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.usecases.trials.runs import launch, opened, suite_of
from tests.usecases.trials.test_running import shop

import remit as remit_package
from remit.core.errors import BadInput, Refused
from remit.core.trial.suite import Design, Task
from remit.core.types import Mode
from remit.ports import AgentTrial
from remit.settings import load_settings
from remit.store import control_hand, triage
from remit.store.sqlite import SqliteStore
from remit.testing import envelope as made_envelope
from remit.usecases.archive import archived
from remit.wiring import desk_of, drift_watch_of

STRICT = """
  enforcement: enforce
  tools:
    get_order:
      effect: read
      args: {type: object, additionalProperties: false, required: [order_id], properties: {order_id: {type: string}}}
    refund:
      effect: irreversible
      args: {type: object, additionalProperties: false, required: [amount], properties: {amount: {type: integer}}}
      require: [{id: ceiling, expr: "args.amount <= 50", severity: high}]
      history: [{id: once, never: {tool: refund, within: 1h}, where: "event.args.amount == args.amount"}]
      limits: [{id: total, sum: args.amount, within: 24h, max: 60}]
  breaker: {threshold: 4, max_violations: 2}
"""


@pytest.fixture
def store(folder: Path) -> Iterator[SqliteStore]:
    with opened(folder) as made:
        yield made


def violates(trial: AgentTrial) -> str:
    """Trips its own breaker, uses up its own limit."""
    told = []
    for amount in (90, 91, 92, 93):
        try:
            trial.call("refund", {"amount": amount})
        except Refused as error:
            told.append(str(error))
    return f"{len(told)} refused"


def spends(trial: AgentTrial) -> str:
    """Stays within the limits, if nobody else has used them."""
    return str(trial.call("refund", {"amount": 50}))


def suite(agent: Any, **settings: Any) -> Any:
    envelope = made_envelope(STRICT)
    return suite_of(
        agent,
        envelope=envelope,
        world=shop,
        tasks=(Task("a", "Refund it."),),
        design=Design(epochs=6),
        **settings,
    )


def test_trials_do_not_touch_each_others_limits_and_breakers(store: SqliteStore) -> None:
    assert all(trial.success for trial in launch(suite(spends), store).run.trials)
    ran = launch(suite(violates), store, run="r2")
    assert {trial.answer for trial in ran.run.trials} == {"4 refused"}


def test_a_run_full_of_violations_leaves_production_as_it_was(store: SqliteStore) -> None:
    trips = launch(suite(violates), store, ends=False).run.trials
    desk = desk_of(store, load_settings())

    for _ in range(200):
        if not desk.triage.step().looked:
            break
    while drift_watch_of(store, idle_s=0.0).watch_once().more:
        pass

    modes = store.read(lambda db: control_hand.list_scopes(db, store.wall_clock()))
    counts = {
        table: store.read(lambda db, t=table: db.execute(f"SELECT count(*) FROM {t}").get)
        for table in (
            "classified",
            "incident",
            "drift_state",
            "drift_session",
            "drift_open",
            "outbox",
            "approval",
        )
    }
    assert len(trips) == 6
    assert modes == []
    assert counts == dict.fromkeys(counts, 0)
    assert store.read(triage.backlog)[0] == 0
    assert list(store.events(anomalies_only=True, trials=False)) == []
    assert len(list(store.events(anomalies_only=True))) >= 18


def test_what_trials_counted_is_forgotten_when_the_run_has_ended(store: SqliteStore) -> None:
    launch(suite(violates), store, ends=False)
    tables = ("breaker_violation", "breaker_scope", "history_watch")
    before = [store.read(lambda db, t=t: db.execute(f"SELECT count(*) FROM {t}").get) for t in tables]
    launch(suite(violates), store)
    after = [store.read(lambda db, t=t: db.execute(f"SELECT count(*) FROM {t}").get) for t in tables]

    assert all(before)
    assert after == [0, 0, 0]


def test_one_envelope_is_kept_for_a_run_and_found_by_each_trial(store: SqliteStore) -> None:
    import asyncio

    from remit.wiring import trial_running_of

    loaded = suite(spends)
    asyncio.run(trial_running_of(loaded, store, "r1", 1).governed.begin("trial:r1"))  # type: ignore[union-attr]
    launch(loaded, store)

    kept = list(store.events(kinds={"envelope.loaded"}))
    assert len(kept) == 1
    assert archived(store.event, loaded.envelope.hash, "trial:r1:agent:3:1.1") == loaded.envelope.text


def test_each_trial_is_a_session_with_arm_and_seed(store: SqliteStore) -> None:
    (first, *_) = launch(suite(spends), store).run.trials

    (opening,) = list(store.events(first.session, {"session.opened"}))
    assert opening.event.body["arm"] == "agent"
    assert opening.event.body["seed"] == first.seed
    assert opening.event.tenant == f"trial:{first.session}"
    kinds = [stored.event.kind for stored in store.events(first.session)]
    assert kinds == ["session.opened", "observed", "decided", "settled", "finished", "session.closed"]


def test_nobody_else_takes_a_tenant_of_trials(folder: Path) -> None:
    with pytest.raises(BadInput, match="'trial:' begins the tenants of trials only"):
        remit_package.open(made_envelope(), f"sqlite:///{folder}/x.db", tenant="trial:r1")


def test_a_stop_of_the_whole_store_stops_trials_too(store: SqliteStore) -> None:
    from remit.core.scope import Scope, ScopeKind

    halted = {"id": "stop-1", "actor": "ops", "reason": "stop everything"}
    store.transact_now(lambda tx: control_hand.trip(tx, Scope(ScopeKind.STORE), Mode.HALTED, **halted))
    ran = launch(suite(spends, retries=2), store)

    assert {trial.status.value for trial in ran.run.trials} == {"infrastructure"}
    assert {trial.attempts for trial in ran.run.trials} == {1}
