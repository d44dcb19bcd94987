"""One trial: its deadline, its retries, what it comes to, and what an agent may do in it."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from tests.usecases.trials.runs import launch, opened, suite_of

from remit.core.errors import Refused, Unavailable
from remit.core.trial.judge import Invariant, Judge
from remit.core.trial.suite import Design, Task
from remit.core.trial.trial import TOOLS_BEFORE, Breach, Checked, Status, Trial, TrialCall
from remit.core.trial.view import TrialView
from remit.core.types import Json
from remit.ports import AgentTrial, Answered
from remit.store.sqlite import SqliteStore
from remit.testing import envelope as made_envelope
from remit.usecases.trials.world import MadeWorld

ONE = Design(epochs=1)
QUICK = (Task("a", "go", deadline_s=0.3),)


@pytest.fixture
def store(folder: Path) -> Iterator[SqliteStore]:
    with opened(folder) as made:
        yield made


def run(agent: Any, store: SqliteStore, **settings: Any) -> Trial:
    """The one trial of a suite of one task."""
    settings = {"tasks": (Task("a", "go"),), "design": ONE, **settings}
    (trial,) = launch(suite_of(agent, **settings), store).run.trials
    return trial


class Shop:
    """A world with one order and a till."""

    def __init__(self) -> None:
        self.refunds: list[int] = []

    @property
    def tools(self) -> dict[str, Any]:
        return {"get_order": self.get_order, "refund": self.refund, "slow": self.slow}

    def get_order(self, order_id: str) -> dict[str, str]:
        """Look up an order."""
        if order_id == "none":
            raise KeyError(order_id)
        return {"order_id": order_id, "status": "sent"}

    def refund(self, amount: int) -> dict[str, str]:
        self.refunds.append(amount)
        return {"refund_id": "r1"}

    async def slow(self) -> str:
        await asyncio.sleep(0)
        return "slept"

    def snapshot(self) -> Json:
        return {"refunds": list(self.refunds)}

    def copy(self) -> Shop:
        other = Shop()
        other.refunds = list(self.refunds)
        return other


def shop(_task: Task, _seed: int) -> Shop:
    return Shop()


def test_an_agent_that_ends_without_an_error_has_succeeded_where_nothing_is_checked(
    store: SqliteStore,
) -> None:
    trial = run(lambda _: Answered("done", tokens=7, cost=0.5, extra={"model": "m"}), store)

    assert (trial.status, trial.answer, trial.tokens, trial.cost) == (Status.PASSED, "done", 7, 0.5)
    assert (trial.extra, trial.attempts, trial.session) == ({"model": "m"}, 1, "")
    assert trial.latency_s is not None


@pytest.mark.parametrize("plain", [True, False])
def test_a_late_agent_has_timed_out_and_does_not_block_the_run(store: SqliteStore, plain: bool) -> None:
    told: list[str] = []
    judged, over = threading.Event(), threading.Event()

    def late(trial: AgentTrial) -> str:
        judged.wait(60)
        try:
            trial.call("get_order", {"order_id": "1"})
        except Refused as error:
            told.append(str(error))
        over.set()
        return "late"

    async def hangs(_: AgentTrial) -> str:
        await asyncio.sleep(3600)
        return "late"

    trial = run(late if plain else hangs, store, tasks=QUICK, world=shop)
    judged.set()

    assert (trial.status, trial.reason, trial.answer) == (Status.TIMEOUT, "not done within 0.3 s", None)
    assert trial.success is False
    if plain:
        assert over.wait(60)
        assert "the trial is over" in told[0]


def test_an_agent_that_will_not_be_cancelled_is_left_behind(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("remit.usecases.trials.in_time.GRACE_S", 0.1)

    async def stubborn(_: AgentTrial) -> str:
        for _try in range(3):
            try:
                await asyncio.sleep(1)
            except asyncio.CancelledError:
                continue
        return "at last"

    assert run(stubborn, store, tasks=QUICK).status is Status.TIMEOUT


class Limited(Exception):
    status_code = 429


@pytest.mark.parametrize("error", [Unavailable("503"), ConnectionRefusedError("no"), Limited("slow down")])
def test_only_what_the_world_did_is_tried_again_and_counted(store: SqliteStore, error: Exception) -> None:
    asked: list[str] = []

    def agent(trial: AgentTrial) -> str:
        asked.append(trial.session_id)
        if len(asked) < 3:
            raise error
        return "done"

    trial = run(agent, store)

    assert (trial.status, trial.attempts) == (Status.PASSED, 3)
    assert len(set(asked)) == 3


def test_what_was_done_before_the_world_failed_is_kept_of_a_trial_that_is_tried_again(
    store: SqliteStore,
) -> None:
    asked: list[str] = []

    def agent(trial: AgentTrial) -> str:
        asked.append(trial.session_id)
        if len(asked) == 1:
            with suppress(LookupError):
                trial.call("wipe", {})
            raise Unavailable("503")
        return "done"

    assert run(agent, store).extra[TOOLS_BEFORE] == ["wipe"]


def test_a_world_that_stays_down_is_neither_success_nor_failure(store: SqliteStore) -> None:
    def down(_: AgentTrial) -> str:
        raise Unavailable("no connection")

    trial = run(down, store, retries=2)

    assert (trial.status, trial.success, trial.attempts) == (Status.INFRASTRUCTURE, None, 3)
    assert trial.reason == "no connection"


def test_an_agents_own_error_is_its_failure_and_not_tried_again(store: SqliteStore) -> None:
    asked = []

    def breaks(_: AgentTrial) -> str:
        asked.append(1)
        raise ValueError("no such\nmodel")

    trial = run(breaks, store)

    assert (trial.status, trial.attempts, len(asked)) == (Status.FAILED, 1, 1)
    assert trial.reason == "the agent broke down: ValueError: no such model"


def test_a_world_that_cannot_be_made_is_no_failure_of_the_agent(store: SqliteStore) -> None:
    def broken(_task: Task, _seed: int) -> Shop:
        raise RuntimeError("no database")

    trial = run(lambda _: "done", store, world=broken, retries=0)

    assert trial.status is Status.INFRASTRUCTURE
    assert "the world could not be made: RuntimeError: no database" in trial.reason


def test_a_check_that_does_not_hold_is_a_failure_with_its_reason(store: SqliteStore) -> None:
    def polite(view: TrialView) -> Checked:
        return Checked("polite", "please" in view.text, "it says 'now'")

    trial = run(lambda _: "now", store, judge=Judge({"a": (polite,)}))

    assert (trial.status, trial.reason) == (Status.FAILED, "polite: it says 'now'")


def test_calls_are_kept_with_what_came_of_them(store: SqliteStore) -> None:
    def agent(trial: AgentTrial) -> str:
        assert [tool["name"] for tool in trial.tools] == ["get_order", "refund", "slow"]
        assert trial.tools[0]["description"] == "Look up an order."
        assert trial.call("get_order", {"order_id": "1"})["status"] == "sent"
        with pytest.raises(KeyError):
            trial.call("get_order", {"order_id": "none"})
        with pytest.raises(LookupError, match="no tool 'fly'"):
            trial.call("fly", {})
        assert trial.call("slow", {}) == "slept"
        return "done"

    trial = run(agent, store, world=shop)

    assert trial.status is Status.PASSED, trial.reason
    assert [(c.tool, c.outcome) for c in trial.calls] == [
        ("get_order", "done"),
        ("get_order", "failed"),
        ("fly", "failed"),
        ("slow", "done"),
    ]
    assert trial.calls[0].result == '{"order_id":"1","status":"sent"}'
    assert trial.calls[0].latency_s is not None


def test_invariants_see_every_trial_also_one_that_broke_down(store: SqliteStore) -> None:
    def paid(view: TrialView) -> list[Breach]:
        return [Breach("once", f"paid {view.state}", call=1)] if len(view.calls) > 1 else []

    def agent(trial: AgentTrial) -> str:
        trial.call("refund", {"amount": 1})
        trial.call("refund", {"amount": 1})
        raise ValueError("and broke")

    trial = run(agent, store, world=shop, judge=Judge({}, (Invariant("once", "mine", paid),)))

    assert trial.status is Status.FAILED
    assert trial.breaches == (Breach("once", "paid {'refunds': [1, 1]}", call=1),)


def test_what_was_broken_before_the_world_failed_is_broken(store: SqliteStore) -> None:
    asked = []

    def paid(view: TrialView) -> list[Breach]:
        late = [Breach("deadline", "slow")]
        return [*late, Breach("once", "paid", call=0)] if view.calls else []

    def agent(trial: AgentTrial) -> str:
        asked.append(1)
        if len(asked) == 1:
            trial.call("refund", {"amount": 1})
            raise Unavailable("503")
        return "done"

    trial = run(agent, store, world=shop, judge=Judge({}, (Invariant("once", "mine", paid),)))

    assert (trial.attempts, [b.invariant for b in trial.breaches]) == (2, ["once"])


def test_nothing_secret_is_kept(store: SqliteStore) -> None:
    secret = "AKIAABCDEFGHIJKLMNOP"

    def agent(trial: AgentTrial) -> str:
        trial.call("get_order", {"order_id": secret})
        return f"the key is {secret}"

    trial = run(agent, store, world=shop)

    assert secret not in str(trial)
    assert trial.calls[0].tool == "get_order"


GOVERNED = """
  enforcement: enforce
  sources:
    get_order: {integrity: trusted}
  tools:
    get_order:
      effect: read
      args: {type: object, additionalProperties: false, required: [order_id], properties: {order_id: {type: string}}}
    refund:
      effect: irreversible
      args: {type: object, additionalProperties: false, required: [amount], properties: {amount: {type: integer}}}
      require: [{id: ceiling, expr: "args.amount <= 50"}]
      approve: [{id: large, when: "args.amount > 20"}]
"""


def test_calls_that_an_agent_reports_are_judged_by_the_envelope(store: SqliteStore) -> None:
    reported = (
        TrialCall("get_order", {"order_id": "1"}),
        TrialCall("refund", {"amount": 90}),
        TrialCall("fly", {}),
    )

    trial = run(lambda _: Answered("done", calls=reported), store, envelope=made_envelope(GOVERNED))

    assert [(c.effect, c.outcome, c.clauses) for c in trial.calls] == [
        ("read", "done", ()),
        ("irreversible", "done", ("refund.ceiling", "refund.large")),
        ("", "done", ("unlisted",)),
    ]


def test_reported_calls_may_take_what_the_user_said_and_what_was_looked_up(store: SqliteStore) -> None:
    flows = made_envelope("""
  enforcement: enforce
  sources:
    get_order: {integrity: untrusted}
  tools:
    get_order:
      effect: read
      args: {type: object, additionalProperties: false, properties: {order_id: {type: string}}}
    mail:
      effect: egress
      args: {type: object, additionalProperties: false, required: [to], properties: {to: {type: string}}}
      flow: [{id: asked, arg: to, from: [user], on_violation: flag, accept_risk: a test}]
""")
    reported = (
        TrialCall("mail", {"to": "anna@example.com"}),
        TrialCall("get_order", {"order_id": "1"}, result="ask eve@example.com"),
        TrialCall("mail", {"to": "eve@example.com"}),
    )
    tasks = (Task("a", "Write to anna@example.com, please."),)

    trial = run(lambda _: Answered("done", calls=reported), store, envelope=flows, tasks=tasks)

    assert [c.clauses for c in trial.calls if c.tool == "mail"] == [(), ("mail.asked",)]


def test_a_held_call_waits_for_nobody(store: SqliteStore) -> None:
    def agent(trial: AgentTrial) -> str:
        try:
            trial.call("refund", {"amount": 30})
        except Refused as error:
            return str(error)
        return "paid"

    held = run(agent, store, envelope=made_envelope(GOVERNED), world=shop)

    assert held.calls[0].outcome == "held"
    assert "held for approval" in (held.answer or "")


def test_a_held_call_runs_where_the_suite_grants_it(store: SqliteStore) -> None:
    def agent(trial: AgentTrial) -> str:
        return str(trial.call("refund", {"amount": 30}))

    paid = run(agent, store, envelope=made_envelope(GOVERNED), world=shop, holds="grant")

    assert (paid.status, paid.calls[0].outcome) == (Status.PASSED, "done"), paid.reason


def test_in_monitor_a_call_runs_and_its_clauses_stand_beside_it(store: SqliteStore) -> None:
    watched = made_envelope(GOVERNED.replace("enforcement: enforce", "enforcement: monitor"))

    def agent(trial: AgentTrial) -> str:
        return str(trial.call("refund", {"amount": 90}))

    (call,) = run(agent, store, envelope=watched, world=shop).calls

    assert (call.outcome, call.clauses) == ("done", ("refund.ceiling", "refund.large"))


def test_an_answer_that_the_envelope_does_not_take_is_seen_by_the_invariants(store: SqliteStore) -> None:
    spec = GOVERNED.rstrip() + "\n  outputs: [{id: short, max_length: 5}]\n"
    seen: list[tuple[tuple[str, str], ...]] = []

    def unmet(view: TrialView) -> list[Breach]:
        seen.append(view.unmet)
        return []

    judge = Judge({}, (Invariant("answers", "mine", unmet),))
    trial = run(lambda _: "much too long", store, envelope=made_envelope(spec), judge=judge)

    assert trial.answer == "much too long"
    assert [clause for clause, _ in seen[0]] == ["outputs.short"]


def test_what_is_not_json_is_no_answer(store: SqliteStore) -> None:
    trial = run(lambda _: {1, 2}, store)

    assert trial.status is Status.FAILED
    assert "the agent's answer" in trial.reason


def test_three_hundred_plain_agents_at_a_time(store: SqliteStore) -> None:
    def agent(trial: AgentTrial) -> str:
        time.sleep(0.05)
        return str(trial.call("get_order", {"order_id": "1"})["status"])

    loaded = suite_of(agent, design=Design(epochs=150), world=shop, envelope=made_envelope(GOVERNED))
    trials = launch(loaded, store, concurrency=300).run.trials

    assert len(trials) == 300
    assert {trial.answer for trial in trials} == {"sent"}
    assert len({trial.session for trial in trials}) == 300


def test_a_call_of_a_tool_that_is_a_coroutine_from_within_the_loop_is_told(store: SqliteStore) -> None:
    async def agent(trial: AgentTrial) -> str:
        with pytest.raises(Exception, match=r"await trial\.acall"):
            trial.call("slow", {})
        return str(await trial.acall("slow", {}))

    assert run(agent, store, world=shop).answer == "slept"


@pytest.mark.parametrize(("tool", "args"), [(3, {}), ("get_order", "x"), ("get_order", None)])
def test_a_call_that_is_none_is_told(store: SqliteStore, tool: Any, args: Any) -> None:
    def agent(trial: AgentTrial) -> str:
        trial.call(tool, args)
        return "never"

    trial = run(agent, store, world=shop)

    assert trial.status is Status.FAILED
    assert "pass a name and a mapping" in trial.reason


def test_an_agent_that_runs_in_circles_fails(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("remit.usecases.trials.attempt.MOST_CALLS", 5)
    monkeypatch.setattr("remit.usecases.trials.attempt.MOST_OBSERVED", 7)

    def calls(trial: AgentTrial) -> str:
        while True:
            trial.call("get_order", {"order_id": "1"})

    def talks(trial: AgentTrial) -> str:
        while True:
            trial.observe("assistant", "again")

    circles = run(calls, store, world=shop)
    assert (circles.status, len(circles.calls)) == (Status.FAILED, 5)
    assert "more than 5 calls in one trial" in circles.reason
    assert "more than 7 texts" in launch(suite_of(talks), store, run="r2").run.trials[0].reason


@pytest.mark.parametrize("given", ["", "x" * 100])
def test_an_agent_whose_calls_hold_more_text_than_a_trial_keeps_fails(
    given: str, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("remit.usecases.trials.attempt.MOST_CHARACTERS", 1_000)

    def calls(trial: AgentTrial) -> str:
        while True:
            trial.call("read", {"given": given})

    reads = {"read": lambda given: given or "y" * 100}
    trial = run(calls, store, world=lambda task, seed: MadeWorld(reads))

    assert trial.status is Status.FAILED and len(trial.calls) <= 10
    assert "more than 1,000 characters of arguments and results in one trial" in trial.reason
