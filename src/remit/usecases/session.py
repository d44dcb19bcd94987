"""One governed session: what it saw, the calls it makes, and its final answer."""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from contextvars import ContextVar, Token
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any

from remit.core import anomaly, codec
from remit.core.admission import Admission, Misstep
from remit.core.decide import Facts, decide, look_back, prepare
from remit.core.errors import BadInput, Unavailable
from remit.core.event import AnomalyIndex, Event
from remit.core.labels import label_of
from remit.core.lifecycle import Admit, Approve, Consult, Need, Record, Run, Script, Settle, guarded, refine
from remit.core.provenance import SessionText
from remit.core.reader_tool import RESERVED
from remit.core.refusals import AnswerRefused, CallDenied
from remit.core.seen import append_result
from remit.core.types import (
    Decision,
    Enforcement,
    Json,
    Label,
    OnViolation,
    Outcome,
    Role,
    Segment,
    SessionInfo,
    Severity,
    ToolCall,
    Violation,
)
from remit.usecases.answers import CallAnswers

if TYPE_CHECKING:
    from remit.usecases.guard import Guard

_MOST_WRITES = 64
"""Writes that a session remembers before it forgets those that are durable."""
POLL_S = 0.1
"""How often a waiting call looks whether a person has answered."""

current_session: ContextVar[Session | None] = ContextVar("remit_session", default=None)


class Session:
    """A session of the agent; made by `Guard.session`, used as a context manager (also `async with`).

    Calls may be made from several threads and tasks at once. What was observed and what tools returned is kept with
    labels, in order; a session with a known id continues where it stood, also in another process.
    """

    def __init__(self, guard: Guard, info: SessionInfo, facts: Facts, text: SessionText) -> None:
        self.guard = guard
        self.info = info
        self.facts = facts
        self.text = text
        self._keeps_texts = guard.keeps_texts
        self.lock = threading.RLock()
        self.subject = info.principal or ""
        self._writes: list[_Write] = []
        self._tokens: list[Token[Session | None]] = []
        self._secretive: dict[int, bool] = {}
        self._finished = False
        self._prompt = hashlib.sha256()
        self._prompt_seen = False

    @property
    def id(self) -> str:
        """The session's id; hand it to `guard.session(id=…)` to resume."""
        return self.info.id

    # ------------------------------------------------------------------------------------------ observing
    def observe(self, role: str, text: str, *, source: str | None = None) -> None:
        """Tell the session what the agent saw or wrote. Durable at the latest when the next call runs.

        Args:
            role: `system`, `user`, `assistant` or `tool`.
            text: the text, whole.
            source: for `tool`, where it came from; its label decides how far its values may steer.

        Raises:
            BadInput: an unknown role, no text, or a tool text without a source.
        """
        try:
            spoken = Role(role)
        except ValueError:
            raise BadInput(
                "observe(role)", f"found {role!r}", "use system, user, assistant or tool"
            ) from None
        if not isinstance(text, str):
            raise BadInput("observe(text)", f"found {type(text).__name__}", "pass a string")
        if source is not None and not isinstance(source, str):
            raise BadInput("observe(source)", f"found {type(source).__name__}", "name where it came from")
        if spoken is Role.TOOL and not source:
            raise BadInput("observe(source)", "a tool text without a source", "name where it came from")
        if spoken is Role.TOOL and source in RESERVED:
            told = "its label is not a tool's: name the tool or channel the text came from"
            raise BadInput("observe(source)", f"found {source!r}", told)
        text = codec.exact(text)
        if spoken is Role.SYSTEM:
            self._prompt.update(text.encode("utf-8", "replace"))
            self._prompt_seen = True
        name = codec.exact(source) if spoken is Role.TOOL and source else spoken.value
        label = label_of(self.guard.envelope, name, self.info.principal_kind)
        kept = self._kept(text)
        with self.lock:
            segment = Segment(len(self.text.segments), spoken, name, text, label)
            # Handed to the store first: what it does not take, the session has not seen.
            self._write(self.event("observed", codec.segment_body(segment), blobs={"text": kept}))
            self.text.append(segment)

    def holds_secret(self, index: int) -> bool:
        """Whether the redactor finds anything in a segment's text."""
        if index not in self._secretive:
            text = next((s.text for s in self.text.segments if s.index == index), "")
            self._secretive[index] = self.guard.redactor.text(text) != text
        return self._secretive[index]

    def tell(self, kind: str, body: dict[str, Json], *, event_id: str = "") -> None:
        """Write an event of the session's own life, durable at the latest when the next call runs."""
        with self.lock:
            event = self.event(kind, body)
            self._write(replace(event, id=event_id) if event_id else event)

    def _write(self, event: Event) -> None:
        if len(self._writes) >= _MOST_WRITES:
            self._writes = [write for write in self._writes if not write.durable]
        self._writes.append(_Write(event, self.guard.records.append([event])))

    def wait_for(self, write: Future[None]) -> None:
        """Have the session's end wait for a write that no call waits for."""
        with self.lock:
            self._writes.append(_Write(None, write))

    def _kept(self, text: str) -> str:
        """The text as it is written: redacted, and only its digest where clean texts are not kept."""
        if self._keeps_texts:
            return self.guard.redactor.text(text)
        return f"[digest:{hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()}:{len(text)}]"

    # ------------------------------------------------------------------------------------------ calling
    def call(
        self, tool: str, args: Mapping[str, Any] | str | bytes, *, run: Callable[..., Any], call_id: str = ""
    ) -> Any:
        """Run a tool if the envelope, the limits, the breaker and, where needed, a person allow it.

        Args:
            tool: its name in the envelope.
            args: the arguments as the agent wrote them: a mapping, or JSON text, which is read strictly.
            run: the tool; it receives the canonical arguments as keywords, and nothing else.
            call_id: the framework's id of the call, where it has one.

        Raises:
            CallDenied: it did not run; `.decision` says why.
            ApprovalRequired: held; make the same call again once it is approved.
            Unavailable: it could not be recorded, so it did not run.
            BaseException: the tool's own exception, unchanged.
        """
        answers = self._answers(tool, args, call_id)
        script = guarded(answers.call, self.guard.envelope, self.facts)
        return self._drive(script, answers, run)

    async def acall(
        self,
        tool: str,
        args: Mapping[str, Any] | str | bytes,
        *,
        run: Callable[..., Any] | Callable[..., Awaitable[Any]],
        call_id: str = "",
    ) -> Any:
        """As `call`, for coroutines; a plain function runs in a thread. Never blocks the event loop on the store."""
        answers = self._answers(tool, args, call_id)
        script = guarded(answers.call, self.guard.envelope, self.facts)
        return await self._adrive(script, answers, run)

    def check(self, tool: str, args: Mapping[str, Any] | str | bytes) -> Decision:
        """What the guard would say now. Runs, reserves and records nothing."""
        call = self._call(tool, args, "")
        guard = self.guard
        prepared = prepare(call, guard.envelope, self.facts)
        used = (
            guard.records.used_micros(self.info.tenant, self.info.agent, prepared.claims)
            if prepared.claims
            else ()
        )
        with self.lock:
            past = look_back(prepared, self.text, used)
            decision = decide(prepared, guard.envelope, self.facts, past)
        if prepared.tool is None or guard.envelope.enforcement is Enforcement.MONITOR:
            return decision
        mode, epoch, _ = guard.records.mode(
            self.info.tenant, self.info.agent, guard.agent_version, decision.effect
        )
        return refine(decision, guard.standing(mode, epoch, prepared.tool.effect))

    def _answers(self, tool: str, args: Any, call_id: str) -> CallAnswers:
        call = self._call(tool, args, call_id)
        self._surface()
        return CallAnswers(self, call)

    def _call(self, tool: str, args: Any, call_id: str) -> ToolCall:
        """The call with plain strings, its tool's name safe to print and to index."""
        for where, given in (("tool", tool), ("call_id", call_id)):
            if not isinstance(given, str):
                raise BadInput(f"call({where})", f"found {type(given).__name__}", "pass a string")
        name = codec.exact(tool)
        if name not in self.guard.envelope.tools:
            name = codec.visible_name(self.guard.redactor.text(name))
            name = f"?{name}" if name in RESERVED else name  # in monitor it runs, and its result gets a label
        return ToolCall(name, args, codec.exact(call_id))

    def _surface(self) -> None:
        """Raise what went wrong with earlier writes, and write it again: no call runs while the record has a hole."""
        with self.lock:
            failed = [write for write in self._writes if write.error is not None]
            self._writes = [write for write in self._writes if not write.future.done()]
            self._writes += [self._again(write) for write in failed]
        for write in failed:
            if write.error is not None:
                raise write.error

    def _again(self, write: _Write) -> _Write:
        try:
            return _Write(write.event, self.guard.records.append([write.event] if write.event else []))
        except Unavailable:
            return write

    def _drive(self, script: Script, answers: CallAnswers, run: Callable[..., Any]) -> Any:
        try:
            need = next(script)
            while True:
                try:
                    answer = self._answer(need, answers, run)
                except BaseException as error:  # noqa: BLE001 - handed to the script, which raises it to the caller
                    need = script.throw(error)
                else:
                    need = script.send(answer)
        except StopIteration as stop:
            return stop.value
        except RuntimeError as error:
            # A generator may not raise StopIteration (PEP 479); a tool may.
            if isinstance(error.__cause__, StopIteration) and error.__cause__ is answers.raised:
                raise error.__cause__ from None
            raise

    def _answer(self, need: Need, answers: CallAnswers, run: Callable[..., Any]) -> Any:
        match need:
            case Run():
                return self._run(need, answers, run)
            case Approve():
                return self._wait_for_answer(need.decision, answers)
            case _:
                given = self._ask(need, answers)
                if not isinstance(given, Future):
                    return given
                try:
                    return given.result()
                except BaseException as error:  # noqa: BLE001 - raised again
                    raise self._lost(need, given, answers, error) from None

    def _lost(
        self, need: Need, given: Future[Any], answers: CallAnswers, error: BaseException
    ) -> BaseException:
        """What to raise when the answer to *need* did not come, nothing left reserved for a call that will not run."""
        if isinstance(need, Admit):
            self.wait_for(answers.give_back_when_done(given))
        if isinstance(need, Settle) and isinstance(error, Exception):
            told = f"{need.decision.tool} ran, and its outcome could not be recorded: {error}"
            return Unavailable(told, error.retry_after_s if isinstance(error, Unavailable) else None)
        return error

    def _ask(self, need: Need, answers: CallAnswers) -> Any:
        match need:
            case Consult():
                return answers.consult(need.prepared)
            case Record():
                return answers.record(need.decision)
            case Admit():
                return answers.admit(need.decision, need.approval_id, enforced=need.enforced)
            case Settle():
                return answers.settle(need.decision, need.admission, need.outcome, enforced=need.enforced)
        raise AssertionError(need)

    async def _adrive(self, script: Script, answers: CallAnswers, run: Callable[..., Any]) -> Any:
        try:
            need = next(script)
            while True:
                try:
                    answer = await self._aanswer(need, answers, run)
                except BaseException as error:  # noqa: BLE001 - handed to the script, which raises it to the caller
                    need = script.throw(error)
                else:
                    need = script.send(answer)
        except StopIteration as stop:
            return stop.value

    async def _aanswer(self, need: Need, answers: CallAnswers, run: Callable[..., Any]) -> Any:
        match need:
            case Run():
                return await self._arun(need, answers, run)
            case Approve():
                return await self._await_answer(need.decision, answers)
            case _:
                given = self._ask(need, answers)
                if not isinstance(given, Future):
                    return given
                try:
                    return await _shielded(given)
                except BaseException as error:  # noqa: BLE001 - raised again
                    raise self._lost(need, given, answers, error) from None

    # ------------------------------------------------------------------------------------------ running
    def _run(
        self, need: Run, answers: CallAnswers, run: Callable[..., Any], *, awaits: bool = False
    ) -> Outcome:
        self._last_look(need.admission, need.decision, answers)
        started = time.perf_counter()
        try:
            value = run(**answers.arguments(need.decision))
            if inspect.isawaitable(value) and not awaits:
                _discard(value)
                raise BadInput("run", "found a coroutine function", "use acall for it")
            _whole(value)
        except BaseException as error:  # noqa: BLE001 - recorded, then raised unchanged by the script
            return Outcome(error=error, elapsed_s=time.perf_counter() - started)
        return Outcome(value=value, elapsed_s=time.perf_counter() - started)

    async def _arun(self, need: Run, answers: CallAnswers, run: Callable[..., Any]) -> Outcome:
        if inspect.iscoroutinefunction(run):
            return await self._await_run(need, answers, run)
        return await self._run_in_thread(need, answers, run)

    async def _await_run(self, need: Run, answers: CallAnswers, run: Callable[..., Any]) -> Outcome:
        outcome = self._run(need, answers, run, awaits=True)  # a coroutine function: nothing of it ran yet
        return await self._awaited(outcome) if outcome.error is None else outcome

    async def _awaited(self, outcome: Outcome) -> Outcome:
        started = time.perf_counter()
        try:
            value = await outcome.value
            _whole(value)
        except BaseException as error:  # noqa: BLE001 - recorded, then raised unchanged by the script
            return Outcome(error=error, elapsed_s=outcome.elapsed_s + time.perf_counter() - started)
        return Outcome(value=value, elapsed_s=outcome.elapsed_s + time.perf_counter() - started)

    async def _run_in_thread(self, need: Run, answers: CallAnswers, run: Callable[..., Any]) -> Outcome:
        """A plain function; the last look is taken in its thread, since it may have waited for one."""
        gate = _Gate()

        def dispatched() -> Outcome:
            if not gate.enter():
                raise asyncio.CancelledError
            return self._run(need, answers, run, awaits=True)

        try:
            outcome = await asyncio.to_thread(dispatched)
        except asyncio.CancelledError as error:
            if gate.shut():  # it still waited for a thread, and will not run
                self.wait_for(answers.give_back(need.admission, "cancelled before it was dispatched"))
                raise
            return Outcome(error=error, elapsed_s=gate.elapsed_s)
        except Exception as error:
            if gate.shut():  # no thread took it
                why = f"not dispatched: {type(error).__name__}"
                self.wait_for(answers.give_back(need.admission, why))
            raise
        return await self._awaited(outcome) if inspect.isawaitable(outcome.value) else outcome

    def _last_look(self, admission: Admission, decision: Decision, answers: CallAnswers) -> None:
        """Right before dispatch: earlier writes went well, the lease holds, nobody stopped the agent meanwhile."""
        try:
            self._surface()
            held = answers.still_admitted(admission)
        except BaseException as error:
            self.wait_for(answers.give_back(admission, f"not dispatched: {type(error).__name__}"))
            raise
        if not held:
            told = (
                "the permission ran out before the call was dispatched: lease over, or the agent was stopped"
            )
            self.wait_for(answers.give_back(admission, told))
            violation = Violation("breaker.lease", "breaker", OnViolation.DENY, Severity.LOW, told)
            raise CallDenied(refine(decision, replace(admission, status="refused", violations=(violation,))))

    # ------------------------------------------------------------------------------------------ waiting for people
    def _wait_for_answer(self, decision: Decision, answers: CallAnswers) -> str:
        record = answers.hold(decision).result()
        given = answers.answered(decision, record)
        ends = self.guard.clock.monotonic() + self.guard.approval_wait_s
        while given is None:
            if self.guard.clock.monotonic() >= ends:
                raise answers.required(decision, record)  # type: ignore[arg-type]
            time.sleep(min(POLL_S, max(0.0, ends - self.guard.clock.monotonic())))
            record = self._look(record.id)  # type: ignore[union-attr]
            given = answers.answered(decision, record)
        return given

    async def _await_answer(self, decision: Decision, answers: CallAnswers) -> str:
        record = await _shielded(answers.hold(decision))
        given = answers.answered(decision, record)
        ends = self.guard.clock.monotonic() + self.guard.async_approval_wait_s
        while given is None:
            if self.guard.clock.monotonic() >= ends:
                raise answers.required(decision, record)
            await asyncio.sleep(min(POLL_S, max(0.0, ends - self.guard.clock.monotonic())))
            record = await asyncio.to_thread(self._look, record.id)
            given = answers.answered(decision, record)
        return given

    def _look(self, approval_id: str) -> Any:
        record = self.guard.records.approval(approval_id)
        if record is None:
            raise Unavailable(f"approval {approval_id} is not in the store any more")
        return record

    # ------------------------------------------------------------------------------------------ finishing
    def finish(self, answer: str) -> str:
        """Check the agent's final answer against `outputs`, record it, and return it.

        Raises:
            AnswerRefused: it violates a clause that denies; do not show it.
        """
        if not isinstance(answer, str):
            raise BadInput(
                "finish(answer)", f"found {type(answer).__name__}", "pass the final answer as a string"
            )
        answer = codec.exact(answer)
        self._surface()
        envelope = self.guard.envelope
        enforced = envelope.enforcement is Enforcement.ENFORCE
        found = []
        for rule in envelope.outputs:
            if problem := rule.check(answer):
                clause = rule.clause
                message = f"{clause.message} ({problem})" if clause.message else problem
                found.append(Violation(clause.id, "outputs", clause.on_violation, clause.severity, message))
        with self.lock:
            segment = Segment(len(self.text.segments), Role.ASSISTANT, "assistant", answer, Label())
            self.text.append(segment)
        index = anomaly.of_answer(found, enforced=enforced)
        body: dict[str, Json] = {
            "index": segment.index,
            "violations": [codec.violation_body(v) for v in found],
        }
        kept = self.guard.redactor.text(answer) if found else self._kept(answer)
        event = self.event("finished", body, index, blobs={"answer": kept})
        self.guard.records.settle(None, [event], self._answer_missteps(found, enforced)).result()
        self._finished = True
        if enforced and any(v.on_violation is not OnViolation.FLAG for v in found):
            raise AnswerRefused(tuple(found))
        return answer

    async def afinish(self, answer: str) -> str:
        """As `finish`, for coroutines: the event loop does not wait for the store."""
        return await asyncio.to_thread(self.finish, answer)

    def _answer_missteps(self, found: list[Violation], enforced: bool) -> tuple[Misstep, ...]:
        if not found:
            return ()
        return (
            Misstep(
                id=self.guard.ids.new(),
                tenant=self.info.tenant,
                agent=self.info.agent,
                session=self.id,
                rule=self.guard.envelope.breaker,
                violations=tuple((v.severity, v.clause) for v in found),
                agent_version=self.guard.agent_version,
                kind="answer",
                enforce=enforced,
                envelope=self.guard.envelope.hash,
            ),
        )

    def close(self, error: BaseException | None = None) -> None:
        """End the session: wait until everything it told is durable."""
        body: dict[str, Json] = {
            "finished": self._finished,
            "error": None if error is None else codec.error_body(error, self.guard.redactor.text),
        }
        with self.lock:
            writes, self._writes = self._writes, []
        for write in writes:
            if (lost := write.future.exception()) is not None and write.event is not None:
                raise lost
        self.guard.records.append([self.event("session.closed", body)]).result()

    # ------------------------------------------------------------------------------------------ events
    def event(
        self,
        kind: str,
        body: dict[str, Json],
        index: AnomalyIndex | None = None,
        decision: Decision | None = None,
        *,
        blobs: Mapping[str, str] | None = None,
    ) -> Event:
        """One event of this session; an anomaly gets its full context and the fingerprint of what was running."""
        redactor = self.guard.redactor
        told: dict[str, str] = dict(blobs or {})
        body = redactor.value(body)
        if index is not None:
            # A copy, not the lock: this runs inside the store's transaction too, and whoever holds the lock may
            # be waiting for room in the store's queue.
            segments = list(self.text.segments)
            trigger = anomaly.triggering_input(decision.provenance if decision else (), segments)
            chain = anomaly.reasoning_chain(segments)
            body["context"] = anomaly.context_body(trigger, chain)
            body["fingerprint"] = codec.fingerprint_body(self.fingerprint)
            told |= {name: redactor.text(text) for name, text in codec.texts([*trigger, *chain]).items()}
        return Event(
            id=self.guard.ids.new(),
            session=self.id,
            kind=kind,
            agent=self.info.agent,
            envelope=self.guard.envelope.hash,
            body=body,
            tenant=self.info.tenant,
            subject=self.subject,
            blobs=told,
            anomaly=index,
        )

    def result_event(
        self,
        body: dict[str, Json],
        index: AnomalyIndex | None,
        decision: Decision,
        text: str | None,
        *,
        withheld: bool,
    ) -> Event:
        """`settled`: what came back, which is also what the agent sees next, unless it was withheld."""
        blobs = {}
        enforced = self.guard.envelope.enforcement is Enforcement.ENFORCE
        if text is not None:
            shown = not (withheld and enforced)
            if shown:
                echo, kind = [decision.canonical or {}], self.info.principal_kind
                with self.lock:
                    segment = append_result(self.text, self.guard.envelope, decision.tool, text, echo, kind)
                body["segment"] = codec.segment_body(segment)
            blobs["text"] = self.guard.redactor.text(text) if index is not None else self._kept(text)
        return self.event("settled", body, index, decision, blobs=blobs)

    @property
    def fingerprint(self) -> Any:
        """What is running, with the prompt's hash taken from what was observed where the caller gave none."""
        known = self.info.fingerprint
        if known.prompt is None and self._prompt_seen:
            return replace(known, prompt=f"sha256:{self._prompt.hexdigest()}")
        return known

    # ------------------------------------------------------------------------------------------ as a context
    def __enter__(self) -> Session:
        self._tokens.append(current_session.set(self))
        return self

    def _leave(self) -> None:
        if self._tokens:
            # Where it is left in another context than entered (some frameworks do), that one has its own value.
            with suppress(ValueError):
                current_session.reset(self._tokens.pop())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._leave()
        try:
            self.close(error)
        except Unavailable:
            if error is None:
                raise

    async def __aenter__(self) -> Session:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._leave()
        try:
            await asyncio.to_thread(self.close, error)
        except Unavailable:
            if error is None:
                raise


class _Write:
    """An event that no call waits for, and what became of it."""

    __slots__ = ("event", "future")

    def __init__(self, event: Event | None, future: Future[None]) -> None:
        self.event = event
        self.future = future

    @property
    def error(self) -> BaseException | None:
        """Why a record has a hole; a reservation that was not given back is none, since its lease ends."""
        return self.future.exception() if self.event is not None and self.future.done() else None

    @property
    def durable(self) -> bool:
        return self.future.done() and self.future.exception() is None


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


async def _shielded(future: Future[Any]) -> Any:
    """Wait for a write without cancelling it: what was handed to the store is written, whoever still waits."""
    inner = asyncio.wrap_future(future)
    try:
        return await asyncio.shield(inner)
    except asyncio.CancelledError:
        inner.add_done_callback(
            lambda done: done.cancelled() or done.exception()
        )  # else asyncio reports it as lost
        raise


def _discard(awaitable: Any) -> None:
    if inspect.iscoroutine(awaitable):
        awaitable.close()


def _whole(value: Any) -> None:
    """Refuse a result that would do its work later, when nobody judges it."""
    if inspect.isgenerator(value) or inspect.isasyncgen(value):
        raise BadInput("run", "found a generator", "return the whole result")
