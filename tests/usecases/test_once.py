"""A call with one id and one set of arguments is decided once, whoever asks again, and in whatever process."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from remit import ApprovalRequired, BadInput, CallDenied, OutcomeUnknown, ResultWithheld, Unavailable
from remit.testing import answer, one_tool, open_guard, pending
from remit.usecases.guard import Guard
from remit.usecases.session import Session

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
import worker  # noqa: E402 - beside this file

ARGS = {"n": 1, "to": "bob", "kind": "a", "sure": True}


class Tool:
    """Counts how often it ran."""

    def __init__(self, value: Any = "done", error: BaseException | None = None) -> None:
        self.ran = 0
        self.value = value
        self.error = error

    def __call__(self, **_: Any) -> Any:
        self.ran += 1
        if self.error is not None:
            raise self.error
        return self.value


def act(session: Session, tool: Tool, call_id: str = "c1", **args: Any) -> Any:
    return session.call("act", ARGS | args, run=tool, call_id=call_id, once=True)


def kinds(guard: Guard, session: str) -> list[str]:
    return [stored.event.kind for stored in guard.records.events(session)]


@pytest.fixture(params=["same session", "resumed in another guard"])
def again(request: pytest.FixtureRequest) -> bool:
    return bool(request.param != "same session")


def second(folder: Path, guard: Guard, session: Session, rules: Any, again: bool) -> Session:
    """The session as the second asker has it."""
    if not again:
        return session
    session.close()
    return open_guard(folder, rules).session(id=session.id)


def test_a_call_that_ran_is_not_run_again_and_gives_its_result(folder: Path, again: bool) -> None:
    rules, tool = one_tool(), Tool({"id": 7, "list": [1, None]})
    with open_guard(folder, rules) as guard, guard.session() as session:
        first = act(session, tool)
        decided = kinds(guard, session.id).count("decided")
        other = second(folder, guard, session, rules, again)
        assert act(other, tool) == first == {"id": 7, "list": [1, None]}
        assert tool.ran == 1 and kinds(guard, session.id).count("decided") == decided == 1


def test_another_id_or_other_arguments_are_another_call(folder: Path) -> None:
    tool = Tool()
    with open_guard(folder, one_tool()) as guard, guard.session() as session:
        act(session, tool)
        act(session, tool, "c2")
        act(session, tool, n=2)
        assert tool.ran == 3


def test_a_denied_call_is_refused_again_without_being_counted_again(folder: Path, again: bool) -> None:
    rules = one_tool('      require:\n        - {id: small, expr: "args.n < 1"}\n')
    tool = Tool()
    with open_guard(folder, rules) as guard, guard.session() as session:
        with pytest.raises(CallDenied) as no:
            act(session, tool)
        other = second(folder, guard, session, rules, again)
        with pytest.raises(CallDenied) as repeated:
            act(other, tool)
        assert repeated.value.decision.clauses == no.value.decision.clauses == ("act.small",)
        assert str(repeated.value) == str(no.value) and tool.ran == 0
        assert kinds(guard, session.id).count("decided") == 1


def test_a_held_call_is_asked_once_and_runs_once_approved(folder: Path, again: bool) -> None:
    rules, tool = one_tool("      approve: [{id: always}]\n"), Tool()
    with open_guard(folder, rules, approval_wait_s=0) as guard, guard.session() as session:
        for _ in range(3):
            with pytest.raises(ApprovalRequired) as held:
                act(session, tool)
        assert pending(guard) == [held.value.approval_id]
        assert kinds(guard, session.id).count("decided") == 1
        answer(guard, held.value.approval_id)
        other = second(folder, guard, session, rules, again)
        assert act(other, tool) == "done" == act(other, tool)
        assert tool.ran == 1


def test_a_rejection_holds_whatever_the_framework_resumes_with(folder: Path, again: bool) -> None:
    rules, tool = one_tool("      approve: [{id: always}]\n"), Tool()
    with open_guard(folder, rules, approval_wait_s=0) as guard, guard.session() as session:
        with pytest.raises(ApprovalRequired) as held:
            act(session, tool)
        answer(guard, held.value.approval_id, approve=False)
        other = second(folder, guard, session, rules, again)
        for _ in range(2):
            with pytest.raises(CallDenied, match="rejected"):
                act(other, tool)
        assert tool.ran == 0


def test_a_tool_that_raised_raises_again_and_is_not_run_again(folder: Path) -> None:
    tool = Tool(error=ValueError("no such order"))
    with open_guard(folder, one_tool()) as guard, guard.session() as session:
        for _ in range(2):
            with pytest.raises(ValueError, match="no such order"):
                act(session, tool)
        session.close()
        other = open_guard(folder, one_tool()).session(id=session.id)
        with pytest.raises(CallDenied, match="made before and raised ValueError: no such order"):
            act(other, tool)
        assert tool.ran == 1


def test_what_nobody_knows_the_end_of_is_not_run_again(folder: Path, again: bool) -> None:
    tool = Tool(error=OutcomeUnknown("the server died"))
    with open_guard(folder, one_tool()) as guard, guard.session() as session:
        with pytest.raises(OutcomeUnknown):
            act(session, tool)
        other = second(folder, guard, session, one_tool(), again)
        with pytest.raises(OutcomeUnknown, match="the server died"):
            act(other, tool)
        assert tool.ran == 1
        settled = [s.event.body for s in guard.records.events(session.id) if s.event.kind == "settled"]
        assert [body["outcome"] for body in settled] == ["unknown"]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), asyncio.CancelledError(), SystemExit(1)])
def test_an_interrupt_is_the_first_callers_alone(folder: Path, again: bool, error: BaseException) -> None:
    tool = Tool(error=error)
    with open_guard(folder, one_tool()) as guard, guard.session() as session:
        with pytest.raises(type(error)):
            act(session, tool)
        other = second(folder, guard, session, one_tool(), again)
        with pytest.raises(OutcomeUnknown, match=type(error).__name__):
            act(other, tool)
        assert tool.ran == 1


def test_arguments_that_nobody_can_read_reach_a_tool_in_monitor_once(folder: Path, again: bool) -> None:
    rules, tool = one_tool(rest="  enforcement: monitor\n"), Tool()
    with open_guard(folder, rules) as guard, guard.session() as session:
        assert act(session, tool, n=float("nan")) == "done"
        other = second(folder, guard, session, rules, again)
        assert act(other, tool, n=float("nan")) == "done"
        assert tool.ran == 1


def test_a_withheld_result_stays_withheld(folder: Path, again: bool) -> None:
    rules, tool = one_tool("      output: {type: object}\n"), Tool("a text")
    with open_guard(folder, rules) as guard, guard.session() as session:
        with pytest.raises(ResultWithheld):
            act(session, tool)
        other = second(folder, guard, session, rules, again)
        with pytest.raises(ResultWithheld):
            act(other, tool)
        assert tool.ran == 1


def test_a_result_that_held_a_secret_is_not_given_again_in_part(folder: Path) -> None:
    tool = Tool("key AKIAIOSFODNN7EXAMPLE")
    with open_guard(folder, one_tool()) as guard, guard.session() as session:
        assert act(session, tool) == "key AKIAIOSFODNN7EXAMPLE"
        session.close()
        other = open_guard(folder, one_tool()).session(id=session.id)
        with pytest.raises(CallDenied, match="cannot be given again"):
            act(other, tool)
        assert tool.ran == 1


def test_a_call_that_could_not_be_recorded_may_be_made_again(folder: Path) -> None:
    tool = Tool()
    with open_guard(folder, one_tool()) as guard, guard.session() as session:
        admit, calls = guard.records.admit, []

        def broken(*args: Any) -> Any:
            calls.append(1)
            if len(calls) == 1:
                raise Unavailable("the disk is full")
            return admit(*args)

        guard.records.admit = broken  # type: ignore[method-assign]
        with pytest.raises(Unavailable):
            act(session, tool)
        assert act(session, tool) == "done" and tool.ran == 1


def test_one_without_an_id_is_refused(folder: Path) -> None:
    refused = pytest.raises(BadInput, match="no call_id")
    with open_guard(folder, one_tool()) as guard, guard.session() as session, refused:
        act(session, Tool(), "")


def test_while_it_is_in_flight_the_second_is_refused(folder: Path) -> None:
    started, go, ran = threading.Event(), threading.Event(), []

    def slow(**_: Any) -> str:
        ran.append(1)
        started.set()
        go.wait(300)
        return "done"

    with open_guard(folder, one_tool()) as guard, guard.session() as session:
        thread = threading.Thread(target=lambda: session.call("act", ARGS, run=slow, call_id="c", once=True))
        thread.start()
        started.wait(300)
        with pytest.raises(CallDenied, match="still in flight") as refused:
            session.call("act", ARGS, run=slow, call_id="c", once=True)
        assert refused.value.decision.tool == "act"
        other = open_guard(folder, one_tool()).session(id=session.id)
        with pytest.raises(CallDenied, match="in flight"):
            other.call("act", ARGS, run=slow, call_id="c", once=True)
        go.set()
        thread.join()
        assert len(ran) == 1


def test_it_holds_for_coroutines_too(folder: Path) -> None:
    tool = Tool()

    async def twice() -> list[Any]:
        with open_guard(folder, one_tool()) as guard:
            async with guard.session() as session:
                calls = [session.acall("act", ARGS, run=tool, call_id="c", once=True) for _ in range(2)]
                return [*await asyncio.gather(*calls, return_exceptions=True)]

    found = asyncio.run(twice())
    assert tool.ran == 1 and "done" in found


@pytest.mark.parametrize("effect", ["irreversible", "read"])
@pytest.mark.parametrize("rounds", [3, pytest.param(60, marks=pytest.mark.soak)])
def test_of_eight_processes_with_one_call_one_runs_it(folder: Path, rounds: int, effect: str) -> None:
    for number in range(rounds):
        with worker.opened(folder, effect=effect) as guard:
            guard.session(id=f"s{number}").close()
        command = [sys.executable, str(HERE / "worker.py"), "once", str(folder), f"s{number}", effect]
        found = [subprocess.Popen(command) for _ in range(8)]
        assert [process.wait(600) for process in found] == [0] * 8
        assert worker.effects(folder).count(f"s{number}") == 1


@pytest.mark.parametrize("effect", ["write", "read"])
def test_of_two_sessions_that_were_open_before_one_runs_it(folder: Path, effect: str) -> None:
    rules, tool = one_tool(effect=effect), Tool()
    with open_guard(folder, rules) as guard, guard.session() as session:
        with open_guard(folder, rules) as elsewhere, elsewhere.session(id=session.id) as other:
            assert [act(session, tool), act(other, tool)] == ["done", "done"]
        assert tool.ran == 1 and kinds(guard, session.id).count("settled") == 1


@pytest.mark.parametrize("effect", ["write", "read"])
def test_what_a_host_begins_and_another_has_ended_gives_that_result(folder: Path, effect: str) -> None:
    rules = one_tool(effect=effect)
    with (
        open_guard(folder, rules) as guard,
        guard.session() as session,
        open_guard(folder, rules) as elsewhere,
    ):
        other = elsewhere.session(id=session.id)
        session.begin("act", ARGS, call_id="c", once=True).end("done")
        for _ in range(2):
            again = other.begin("act", ARGS, call_id="c", once=True)
            assert again.again and again.value == "done" and not other.busy


def test_a_call_that_another_process_made_is_not_refused_for_having_been_made(folder: Path) -> None:
    rules = one_tool("      limits: [{id: one, count: calls, within: 1h, max: 1}]\n")
    tool = Tool()
    with (
        open_guard(folder, rules) as guard,
        guard.session() as session,
        open_guard(folder, rules) as elsewhere,
    ):
        other = elsewhere.session(id=session.id)
        begun = session.begin("act", ARGS, call_id="c1", once=True)
        with pytest.raises(CallDenied, match="still in flight"):
            act(other, tool)
        begun.end("done")
        assert act(other, tool) == "done" and tool.ran == 0
        with pytest.raises(CallDenied, match="1 used of 1"):
            act(other, tool, "c2")
        assert [e.event.body["result"] for e in guard.records.events(session.id) if e.event.kind == "decided"] == [
            "allow", "deny",
        ]  # fmt: skip


def test_a_denied_call_is_denied_again_elsewhere_without_being_counted_again(folder: Path) -> None:
    rules = one_tool('      require: [{id: small, expr: "args.n < 1"}]\n')
    with (
        open_guard(folder, rules) as guard,
        guard.session() as session,
        open_guard(folder, rules) as elsewhere,
    ):
        other = elsewhere.session(id=session.id)
        for one in (session, other, other):
            with pytest.raises(CallDenied, match="small"):
                act(one, Tool())
        assert kinds(guard, session.id).count("decided") == 1


def test_a_forgotten_ending_is_read_from_the_journal(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("remit.usecases.once._MOST_KEPT", 2)
    tools = [Tool(f"result {n}") for n in range(6)]
    with open_guard(folder, one_tool()) as guard, guard.session() as session:
        for n, tool in enumerate(tools):
            act(session, tool, f"c{n}")
        assert [act(session, tool, f"c{n}") for n, tool in enumerate(tools)] == [t.value for t in tools]
        assert [tool.ran for tool in tools] == [1] * 6
