"""Drives the script of one guarded call: the blocking way and the awaiting one, which differ only in how they wait."""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from remit.core.admission import Admission
from remit.core.errors import BadInput, Unavailable
from remit.core.lifecycle import (
    Admit,
    Approve,
    Consult,
    Need,
    Recall,
    Record,
    Repeat,
    RunTool,
    Script,
    Settle,
    refine,
)
from remit.core.refusals import CallDenied
from remit.core.session_ensure import dispatched
from remit.core.types import Decision, OnViolation, Outcome, Severity, Violation
from remit.usecases.answers import CallAnswers
from remit.usecases.awaiting import shielded

if TYPE_CHECKING:
    from remit.usecases.session import Session

POLL_S = 0.1
"""How often a waiting call looks whether a person has answered."""


class Driver:
    """Drives one call of one session to its end.

    Args:
        session: where the call is made.
        answers: what its needs are answered with.
        run: the tool.
        wait_s: how long a blocking drive waits for a person; None for what the guard says.
    """

    def __init__(
        self, session: Session, answers: CallAnswers, run: Callable[..., Any], wait_s: float | None = None
    ) -> None:
        self.session = session
        self.answers = answers
        self.run = run
        self.wait_s = session.guard.approval_wait_s if wait_s is None else wait_s

    def drive(self, script: Script) -> Any:
        """Answer every need, blocking, and return the tool's value."""
        with self.session.on_the_way(self.answers.token):
            return self._drive(script)

    def until_run(self, script: Script) -> Any:
        """Answer every need before the tool runs, blocking.

        Returns:
            The `RunTool` for somebody else to do, its last look taken; else, where nothing runs, the call's value.
        """
        return self._drive(script, stop_at_run=True)

    def resume(self, script: Script, outcome: Outcome) -> Any:
        """Go on where `until_run` stopped, with what came of it."""
        try:
            _whole(outcome.value)
        except BadInput as error:
            outcome = replace(outcome, value=None, error=error)
        return self._drive(script, outcome=outcome)

    def _drive(self, script: Script, *, stop_at_run: bool = False, outcome: Outcome | None = None) -> Any:
        try:
            need = next(script) if outcome is None else script.send(outcome)
            while True:
                if stop_at_run and isinstance(need, RunTool):
                    try:
                        return self._dispatched(need)
                    except BaseException as error:  # noqa: BLE001 - handed to the script, which raises it
                        need = script.throw(error)
                        continue
                try:
                    answer = self._answer(need)
                except BaseException as error:  # noqa: BLE001 - handed to the script, which raises it to the caller
                    need = script.throw(error)
                else:
                    need = script.send(answer)
        except StopIteration as stop:
            return stop.value
        except RuntimeError as error:
            # A generator may not raise StopIteration (PEP 479); a tool may.
            if isinstance(error.__cause__, StopIteration) and error.__cause__ is self.answers.raised:
                raise error.__cause__ from None
            raise

    def _answer(self, need: Need) -> Any:
        match need:
            case RunTool():
                return self._run(need)
            case Approve():
                return self._wait_for_answer(need.decision)
            case _:
                given: Any = None
                try:
                    given = self._ask(need)
                    return given.result() if isinstance(given, Future) else given
                except BaseException as error:  # noqa: BLE001 - raised again
                    raise self._lost(need, given, error) from None

    def _lost(self, need: Need, given: object, error: BaseException) -> BaseException:
        """What to raise when the answer to *need* did not come, nothing left reserved for a call that will not run."""
        if isinstance(need, Admit) and isinstance(given, Future):
            self.session.wait_for(self.answers.give_back_when_done(given))
        if isinstance(need, Recall | Settle) and isinstance(error, Exception):
            told = f"{self.answers.call.tool} ran, and its outcome could not be recorded: {error}"
            return Unavailable(
                told, error.retry_after_s if isinstance(error, Unavailable) else None, ran=True
            )
        return error

    def _ask(self, need: Need) -> Any:
        match need:
            case Consult():
                return self.answers.consult(need.prepared)
            case Record():
                return self.answers.record(need.decision)
            case Admit():
                return self.answers.admit(need.decision, need.approval_id, enforced=need.enforced)
            case Repeat():
                return self.answers.repeat(need.decision, need.admission)
            case Recall():
                return self.answers.recall(need.marks)
            case Settle():
                return self.answers.settle(
                    need.decision, need.admission, need.outcome, enforced=need.enforced, marks=need.marks
                )
        raise AssertionError(need)

    async def adrive(self, script: Script) -> Any:
        """Answer every need, awaiting, and return the tool's value."""
        with self.session.on_the_way(self.answers.token):
            return await self._adrive(script)

    async def _adrive(self, script: Script) -> Any:
        try:
            need = next(script)
            while True:
                try:
                    answer = await self._aanswer(need)
                except BaseException as error:  # noqa: BLE001 - handed to the script, which raises it to the caller
                    need = script.throw(error)
                else:
                    need = script.send(answer)
        except StopIteration as stop:
            return stop.value

    async def _aanswer(self, need: Need) -> Any:
        match need:
            case RunTool():
                return await self._arun(need)
            case Approve():
                return await self._await_answer(need.decision)
            case _:
                given: Any = None
                try:
                    given = self._ask(need)
                    return await shielded(given) if isinstance(given, Future) else given
                except BaseException as error:  # noqa: BLE001 - raised again
                    raise self._lost(need, given, error) from None

    # ------------------------------------------------------------------------------------------ running
    def _run(self, need: RunTool, *, awaits: bool = False) -> Outcome:
        self._dispatched(need)
        started = time.perf_counter()
        try:
            value = self.run(**self.answers.arguments(need.decision))
            if inspect.isawaitable(value) and not awaits:
                _discard(value)
                raise BadInput("run", "found a coroutine function", "use acall for it")
            _whole(value)
        except BaseException as error:  # noqa: BLE001 - recorded, then raised unchanged by the script
            return Outcome(error=error, elapsed_s=time.perf_counter() - started)
        return Outcome(value=value, elapsed_s=time.perf_counter() - started)

    def _dispatched(self, need: RunTool) -> RunTool:
        """The call leaves for its tool."""
        self._last_look(need.admission, need.decision)
        self.session.ask(need.decision)
        self.session.calls[self.answers.token] = dispatched(need.decision)
        self.answers.dispatched(need.decision)
        return need

    async def _arun(self, need: RunTool) -> Outcome:
        if inspect.iscoroutinefunction(self.run):
            return await self._await_run(need)
        return await self._run_in_thread(need)

    async def _await_run(self, need: RunTool) -> Outcome:
        outcome = self._run(need, awaits=True)  # a coroutine function: nothing of it ran yet
        return await self._awaited(outcome) if outcome.error is None else outcome

    async def _awaited(self, outcome: Outcome) -> Outcome:
        started = time.perf_counter()
        try:
            value = await outcome.value
            _whole(value)
        except BaseException as error:  # noqa: BLE001 - recorded, then raised unchanged by the script
            return Outcome(error=error, elapsed_s=outcome.elapsed_s + time.perf_counter() - started)
        return Outcome(value=value, elapsed_s=outcome.elapsed_s + time.perf_counter() - started)

    async def _run_in_thread(self, need: RunTool) -> Outcome:
        """A plain function; the last look is taken in its thread, since it may have waited for one."""
        gate = _Gate()

        def dispatched() -> Outcome:
            if not gate.enter():
                raise asyncio.CancelledError
            return self._run(need, awaits=True)

        try:
            outcome = await asyncio.to_thread(dispatched)
        except asyncio.CancelledError as error:
            if gate.shut():  # it still waited for a thread, and will not run
                self.session.wait_for(
                    self.answers.give_back(need.admission, "cancelled before it was dispatched")
                )
                raise
            return Outcome(error=error, elapsed_s=gate.elapsed_s)
        except Exception as error:
            if gate.shut():  # no thread took it
                why = f"not dispatched: {type(error).__name__}"
                self.session.wait_for(self.answers.give_back(need.admission, why))
            raise
        return await self._awaited(outcome) if inspect.isawaitable(outcome.value) else outcome

    def _last_look(self, admission: Admission, decision: Decision) -> None:
        """Right before dispatch: earlier writes went well, the lease holds, nobody stopped the agent meanwhile."""
        try:
            self.session.surface()
            held = self.answers.still_admitted(admission)
        except BaseException as error:
            self.session.wait_for(
                self.answers.give_back(admission, f"not dispatched: {type(error).__name__}")
            )
            raise
        if not held:
            told = (
                "the permission ran out before the call was dispatched: lease over, or the agent was stopped"
            )
            self.session.wait_for(self.answers.give_back(admission, told))
            violation = Violation("breaker.lease", "breaker", OnViolation.DENY, Severity.LOW, told)
            raise CallDenied(refine(decision, replace(admission, status="refused", violations=(violation,))))

    # ------------------------------------------------------------------------------------------ waiting for people
    def _wait_for_answer(self, decision: Decision) -> str:
        record: Any = self.answers.hold(decision).result()
        given = self.answers.answered(decision, record)
        ends = self._ends(record, self.wait_s)
        while given is None:
            if self.session.guard.clock.monotonic() >= ends:
                raise self.answers.required(decision, record)
            time.sleep(min(POLL_S, max(0.0, ends - self.session.guard.clock.monotonic())))
            record = self._look(record.id)
            given = self.answers.answered(decision, record)
        return given

    async def _await_answer(self, decision: Decision) -> str:
        record = await shielded(self.answers.hold(decision))
        given = self.answers.answered(decision, record)
        ends = self._ends(record, self.session.guard.async_approval_wait_s)
        while given is None:
            if self.session.guard.clock.monotonic() >= ends:
                raise self.answers.required(decision, record)
            await asyncio.sleep(min(POLL_S, max(0.0, ends - self.session.guard.clock.monotonic())))
            record = await asyncio.to_thread(self._look, record.id)
            given = self.answers.answered(decision, record)
        return given

    def _ends(self, record: Any, wait_s: float) -> float:
        """When waiting ends on this process's monotonic clock: never later than the request's own length, whatever
        the store's clock does meanwhile."""
        length_s: float = record.status.expires_s
        return self.session.guard.clock.monotonic() + min(wait_s, length_s)

    def _look(self, approval_id: str) -> Any:
        record = self.session.guard.records.approval(approval_id)
        if record is None:
            raise Unavailable(f"approval {approval_id} is not in the store any more")
        return record


class _Gate:
    """Whether a call that waits for a thread may still start: entered or shut, never both."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._state = ""
        self._since = 0.0

    def enter(self) -> bool:
        with self._lock:
            self._state = self._state or "entered"
            self._since = time.perf_counter()
            return self._state == "entered"

    def shut(self) -> bool:
        with self._lock:
            self._state = self._state or "shut"
            return self._state == "shut"

    @property
    def elapsed_s(self) -> float:
        return time.perf_counter() - self._since


def _discard(awaitable: Any) -> None:
    if inspect.iscoroutine(awaitable):
        awaitable.close()


def _whole(value: Any) -> None:
    """Refuse a result that would do its work later, when nobody judges it."""
    if inspect.isgenerator(value) or inspect.isasyncgen(value):
        raise BadInput("run", "found a generator", "return the whole result")
