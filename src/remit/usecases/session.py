"""One governed session: what it saw, the calls it makes, and its final answer."""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from contextvars import ContextVar, Token
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any

from remit.core import anomaly, codec
from remit.core.decide import barred, decide
from remit.core.envelope import Envelope
from remit.core.errors import BadInput, Unavailable
from remit.core.event import AnomalyIndex, Event
from remit.core.labels import label_of, lowered
from remit.core.lifecycle import refine
from remit.core.past import Recalled, look_back
from remit.core.prepare import Facts, Prepared, prepare
from remit.core.promote import acting, marked, withheld_by
from remit.core.provenance import SessionText
from remit.core.reader_tool import RESERVED
from remit.core.refusals import AnswerRefused, CallDenied
from remit.core.seen import append_facts, append_result
from remit.core.session_ensure import Dispatched, ended
from remit.core.types import (
    Decision,
    Enforcement,
    Fingerprint,
    Json,
    Outcome,
    Role,
    Segment,
    SessionInfo,
    ToolCall,
    Violation,
)
from remit.usecases import realpath
from remit.usecases.answers import CallAnswers
from remit.usecases.awaiting import shielded
from remit.usecases.begun import Begun
from remit.usecases.driver import Driver
from remit.usecases.final_answer import FinalAnswer, final_answer
from remit.usecases.governing import Governing, Under, tools_hash
from remit.usecases.governing import under as make_under
from remit.usecases.once import Ending, Once
from remit.usecases.session_writes import SessionWrites

if TYPE_CHECKING:
    from remit.usecases.guard import Guard

current_session: ContextVar[Session | None] = ContextVar("remit_session", default=None)


class Session:
    """A session of the agent; made by `Guard.session`, used as a context manager (also `async with`).

    Calls may be made from several threads and tasks at once. What was observed and what tools returned is kept with
    labels, in order; a session with a known id continues where it stood, also in another process.
    """

    def __init__(self, guard: Guard, info: SessionInfo, under: Under, text: SessionText) -> None:
        self.guard = guard
        self.info = info
        self.text = text
        self._under = under
        self._opened_under = under.envelope
        self.lock = threading.RLock()
        self.subject = info.principal or ""
        self.calls: dict[str, Dispatched] = {}
        """What was dispatched, by token, in order."""
        self._on_the_way: set[str] = set()
        self.writes = SessionWrites(guard.records, self.lock)
        self._tokens: list[Token[Session | None]] = []
        self._secretive: dict[int, bool] = {}
        self.once = Once(self)
        self._finished = False
        self._closed = False
        self._last: Future[None] | None = None
        """The write that ends the session, while nobody knows what became of it."""
        self.unmet: tuple[Violation, ...] = ()
        """What the final answer did not meet, also where that was only watched."""
        self._prompt = hashlib.sha256()
        self._prompt_seen = False

    @property
    def id(self) -> str:
        """The session's id; hand it to `guard.session(id=…)` to resume."""
        return self.info.id

    # ------------------------------------------------------------------------------------------ governing
    @property
    def facts(self) -> Facts:
        """What the session brought, checked against the envelope in force."""
        return self.under().facts

    def under(self) -> Under:
        """What governs what begins now. Whoever begins something asks once, and keeps the answer to its end."""
        if self._under.envelope is self.guard.governing.envelope:
            return self._under
        with self.lock:
            governing = self.guard.governing
            if self._under.envelope is not governing.envelope:
                self._adopt(governing)
            return self._under

    def _adopt(self, governing: Governing) -> None:
        """Go on under another envelope: facts checked anew, labels of what was seen only ever made worse."""
        before = self._under
        kept = before.keeps_texts if before.envelope.capture == governing.envelope.capture else None
        now = make_under(governing, self.info, self.guard.draw, kept)
        self._relabel(now.envelope)
        if now.facts.values != before.facts.values:
            append_facts(self.text, now.envelope, now.facts.values)
        self._secretive = {}
        self._under = now

    def _relabel(self, envelope: Envelope, since: int = 0) -> None:
        self.text.relabel(lambda segment: lowered(segment, envelope, self.info.principal_kind), since)

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
        self._check_open("observe")
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
        with self.lock:
            under = self.under()
            label = label_of(under.envelope, name, self.info.principal_kind)
            kept = self.kept(text, under)
            segment = Segment(len(self.text.segments), spoken, name, text, label)
            # Handed to the store first: what it does not take, the session has not seen.
            self.writes.add(self.event("observed", codec.segment_body(segment), blobs={"text": kept}))
            self.text.append(segment)

    def holds_secret(self, index: int) -> bool:
        """Whether the redactor finds anything in a segment's text."""
        if index not in self._secretive:
            text = next((s.text for s in self.text.segments if s.index == index), "")
            self._secretive[index] = self._under.redactor.text(text) != text
        return self._secretive[index]

    def tell(self, kind: str, body: dict[str, Json], *, event_id: str = "") -> None:
        """Write an event of the session's own life, durable at the latest when the next call runs."""
        with self.lock:
            self.writes.add(self.event(kind, body, under=self.under(), event_id=event_id))

    def begins(
        self, opened: str, body: dict[str, Json], user_input: str | None, *, event_id: str = ""
    ) -> None:
        """Tell that the session was opened, or resumed, and what the user asked, in one write."""
        with self.lock, self.writes.together():
            self.tell(opened, body, event_id=event_id)
            if user_input is not None:
                self.observe("user", user_input)

    def wait_for(self, write: Future[None]) -> None:
        """Have the session's end wait for a write that no call waits for."""
        self.writes.wait_for(write)

    def kept(self, text: str, under: Under) -> str:
        """The text as it is written: redacted, and only its digest where clean texts are not kept."""
        if under.keeps_texts:
            return under.redactor.text(text)
        return f"[digest:{hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()}:{len(text)}]"

    # ------------------------------------------------------------------------------------------ calling
    def call(
        self,
        tool: str,
        args: Mapping[str, Any] | str | bytes,
        *,
        run: Callable[..., Any],
        call_id: str = "",
        once: bool = False,
        decided: Callable[[Decision], None] | None = None,
    ) -> Any:
        """Run a tool if the envelope, the limits, the breaker and, where needed, a person allow it.

        Args:
            tool: its name in the envelope.
            args: the arguments as the agent wrote them: a mapping, or JSON text, which is read strictly.
            run: the tool; it receives the canonical arguments as keywords, and nothing else.
            call_id: the framework's id of the call, where it has one.
            once: decide a call with this id and these arguments once in this session, in whatever process: made again it
                gets the first one's result or refusal, and nothing runs. One that waits for a person may be asked
                again. For frameworks that run a step anew after a pause.
            decided: hears by which decision the tool runs, right before it does. Of one that does not, the exception
                tells.

        Raises:
            CallDenied: it did not run; `.decision` says why.
            ApprovalRequired: held; make the same call again once it is approved.
            Unavailable: it could not be recorded, so it did not run.
            BaseException: the tool's own exception, unchanged.
        """
        if inspect.iscoroutinefunction(run):
            raise BadInput("call(run)", "found a coroutine function", "use acall for it")
        answers = self._answers(tool, args, call_id, run, once=once)
        answers.tells = decided
        if not answers.once:
            return Driver(self, answers, run).drive(answers.script())
        if (known := self.once.begin(answers.once, answers.call.tool)) is not None:
            return known.give()
        try:
            ending = Ending(Driver(self, answers, run).drive(answers.script()))
        except BaseException as error:  # noqa: BLE001 - given to the caller as it is
            ending = self.once.elsewhere(answers.once, answers.call.tool, error)
        self.once.end(answers.once, ending, ran=answers.token in self.calls)
        return ending.give()

    async def acall(
        self,
        tool: str,
        args: Mapping[str, Any] | str | bytes,
        *,
        run: Callable[..., Any] | Callable[..., Awaitable[Any]],
        call_id: str = "",
        once: bool = False,
        decided: Callable[[Decision], None] | None = None,
    ) -> Any:
        """As `call`, for coroutines; a plain function runs in a thread. Never blocks the event loop on the store."""
        answers = self._answers(tool, args, call_id, run, once=once)
        answers.tells = decided
        if not answers.once:
            return await Driver(self, answers, run).adrive(answers.script())
        if (known := await asyncio.to_thread(self.once.begin, answers.once, answers.call.tool)) is not None:
            return known.give()
        try:
            ending = Ending(await Driver(self, answers, run).adrive(answers.script()))
        except Exception as error:  # noqa: BLE001 - given to the caller as it is
            ending = await asyncio.to_thread(self.once.elsewhere, answers.once, answers.call.tool, error)
        except BaseException as error:  # noqa: BLE001 - a cancellation: nothing more is awaited
            ending = Ending(error=error)
        self.once.end(answers.once, ending, ran=answers.token in self.calls)
        return ending.give()

    def begin(
        self,
        tool: str,
        args: Mapping[str, Any] | str | bytes,
        *,
        call_id: str = "",
        once: bool = False,
        wait_s: float | None = None,
    ) -> Begun:
        """Decide and admit a call whose tool somebody else runs: a host that asks before and tells afterwards.

        Everything that `call` does before the tool runs is done and durable when this returns. End what it returns with
        `end`, `fail` or `abandon`; until then the call is in flight, and when its lease runs out, of unknown outcome.

        Args:
            tool: as in `call`; so are `args`, `call_id` and `once`.
            wait_s: how long a held call waits here for its people; None for the guard's `approval_wait_s`. A host with a
                pause of its own gives 0.

        Raises:
            CallDenied: it may not run.
            ApprovalRequired: held; begin the same call again once it is approved.
            Unavailable: it could not be recorded, so it may not run.
        """
        answers = self._answers(tool, args, call_id, _somebody_else, once=once)
        return Begun(self, answers, wait_s)

    def refuse(
        self,
        tool: str,
        args: Mapping[str, Any] | str | bytes,
        violation: Violation,
        *,
        call_id: str = "",
    ) -> CallDenied:
        """Refuse a call for something that only the enforcement point knows, such as a tool whose definition changed.

        It is recorded and counted as a call that a clause denied, whatever the envelope's enforcement.

        Returns:
            What to raise, once the refusal is durable.

        Raises:
            Unavailable: it could not be recorded.
        """
        refused, written = self._refused(tool, args, violation, call_id)
        written.result()
        return refused

    async def arefuse(
        self,
        tool: str,
        args: Mapping[str, Any] | str | bytes,
        violation: Violation,
        *,
        call_id: str = "",
    ) -> CallDenied:
        """As `refuse`, for coroutines."""
        refused, written = self._refused(tool, args, violation, call_id)
        await asyncio.wrap_future(written)
        return refused

    def _refused(
        self, tool: str, args: Any, violation: Violation, call_id: str
    ) -> tuple[CallDenied, Future[None]]:
        answers = self._answers(tool, args, call_id, _somebody_else)
        decision = barred(answers.call, answers.envelope, violation, self.text)
        return CallDenied(decision), answers.record(decision)

    def check(self, tool: str, args: Mapping[str, Any] | str | bytes) -> Decision:
        """What the guard would say now. Runs, reserves and records nothing."""
        guard, under = self.guard, self.under()
        envelope, facts = under.envelope, under.facts
        prepared = prepare(self._call(tool, args, "", under), envelope, facts, acting(envelope, self.id))
        used = (
            guard.records.used_micros(self.info.tenant, self.info.agent, prepared.claims)
            if prepared.claims
            else ()
        )
        earlier = self.recall(prepared)
        world = realpath.look(prepared, facts)
        with self.lock:
            past = look_back(prepared, self.text, used, earlier, world)
            decision = decide(prepared, envelope, facts, past)
        if prepared.tool is None or envelope.enforcement is Enforcement.MONITOR:
            return marked(decision, envelope, self.id)
        mode, epoch, _ = guard.records.mode(
            self.info.tenant, self.info.agent, guard.agent_version, decision.effect
        )
        return refine(decision, guard.standing(mode, epoch, prepared.tool.effect, envelope.breaker))

    def recall(self, prepared: Prepared) -> Recalled | None:
        """What earlier calls say about one that is to be decided; None where no clause asks."""
        if not prepared.looks_back:
            return None
        who = (self.info.tenant, self.info.agent)
        return self.guard.records.recall(*who, prepared.asks, prepared.repeat, prepared.marks)

    def _answers(self, tool: str, args: Any, call_id: str, run: object, *, once: bool = False) -> CallAnswers:
        if not callable(run):  # told before anything is decided: nothing of a limit is used up
            raise BadInput("call(run)", f"found {type(run).__name__}", "pass the tool, a function")
        under = self.under()
        call = self._call(tool, args, call_id, under)
        self.surface()
        return CallAnswers(self, call, under, self.once.key(tool, args, call_id) if once else "")

    def _call(self, tool: str, args: Any, call_id: str, under: Under) -> ToolCall:
        """The call with plain strings, its tool's name safe to print and to index."""
        self._check_open("call")
        for where, given in (("tool", tool), ("call_id", call_id)):
            if not isinstance(given, str):
                raise BadInput(f"call({where})", f"found {type(given).__name__}", "pass a string")
        name = codec.exact(tool)
        if name not in under.envelope.tools:
            name = codec.visible_name(under.redactor.text(name))
            name = f"?{name}" if name in RESERVED else name  # in monitor it runs, and its result gets a label
        return ToolCall(name, args, codec.exact(call_id))

    def surface(self) -> None:
        """Raise what went wrong with earlier writes, and write it again: no call runs while the record has a hole."""
        self.writes.surface()

    @property
    def busy(self) -> bool:
        """Whether a call has begun and not ended."""
        return bool(self._on_the_way)

    @contextmanager
    def on_the_way(self, token: str) -> Iterator[None]:
        """A call that has begun, and may still run; also while it waits for a person."""
        self._on_the_way.add(token)
        try:
            yield
        finally:
            self._on_the_way.discard(token)

    # ------------------------------------------------------------------------------------------ finishing
    def ended(self, token: str, outcome: Outcome, *, withheld: bool) -> None:
        """A call that was dispatched has ended."""
        if token in self.calls:
            self.calls[token] = ended(self.calls[token], outcome, withheld=withheld)

    def finish(self, answer: str) -> str:
        """Check the agent's final answer against `outputs` and `session_ensure`, record it, and return it.

        Raises:
            AnswerRefused: it violates a clause that denies; do not show it.
        """
        under = self.under()
        final = self._final(answer, under)
        self.guard.records.settle(None, [final.event], final.missteps).result()
        return self._said(final, under)

    async def afinish(self, answer: str) -> str:
        """As `finish`, for coroutines: the event loop does not wait for the store."""
        under = self.under()
        if under.envelope.session_ensure:  # which reads the session's events
            return await asyncio.to_thread(self.finish, answer)
        final = self._final(answer, under)
        await shielded(self.guard.records.settle(None, [final.event], final.missteps))
        return self._said(final, under)

    def _final(self, answer: str, under: Under) -> FinalAnswer:
        """The answer judged; nothing is written yet."""
        self._check_open("finish")
        if not isinstance(answer, str):
            raise BadInput(
                "finish(answer)", f"found {type(answer).__name__}", "pass the final answer as a string"
            )
        self.surface()
        return final_answer(self, codec.exact(answer), under)

    def _said(self, final: FinalAnswer, under: Under) -> str:
        """The answer, once it is durable that it was given."""
        self._finished, self.unmet = True, final.found
        if refused := withheld_by(final.found, under.envelope, under.binding):
            enforced = under.envelope.enforcement is Enforcement.ENFORCE
            raise AnswerRefused(final.found if enforced else refused)
        return final.text

    def close(self, error: BaseException | None = None) -> None:
        """End the session: wait until everything it told is durable. Closing twice does nothing."""
        if self._closed and self._last is None:
            return
        if self._last is None:
            self.writes.end()
            self._last = self.guard.records.append([self._closing(error)])
        with self._ending(self._last) as written:
            written.result()

    async def aclose(self, error: BaseException | None = None) -> None:
        """As `close`, for coroutines: the event loop does not wait for the store."""
        if self._closed and self._last is None:
            return
        if self._last is None:
            await self.writes.aend()
            self._last = self.guard.records.append([self._closing(error)])
        with self._ending(self._last) as written:
            await shielded(written)

    async def aconclude(self, answer: str) -> None:
        """`afinish`, then `aclose`, in one write: for whoever acts on neither before both are durable."""
        await self.writes.ended()  # what was lost is raised next, and written again: nothing ends over a hole
        under = self.under()
        if under.envelope.session_ensure:  # which reads the session's events
            await self.afinish(answer)
            await self.aclose()
            return
        final = self._final(answer, under)
        last = [final.event, self._closing(None, finished=True)]
        self._last = self.guard.records.settle(None, last, final.missteps)
        self._closed = True  # also where this is cancelled now: the write goes on, and `close` waits for it
        with self._ending(self._last) as written:
            await shielded(written)
        self._said(final, under)

    @contextmanager
    def _ending(self, written: Future[None]) -> Iterator[Future[None]]:
        """Waits for the write that ends the session; where that failed, the session stays open."""
        try:
            yield written
        except Exception:
            if self._last is written:
                self._last, self._closed = None, False
            raise
        self._last, self._closed = None, True

    def _closing(self, error: BaseException | None, *, finished: bool | None = None) -> Event:
        told = None if error is None else codec.error_body(error, self.under().redactor.text)
        return self.event(
            "session.closed", {"finished": self._finished if finished is None else finished, "error": told}
        )

    def _check_open(self, what: str) -> None:
        if self._closed:
            told = f"session {self.id} is closed"
            raise BadInput(what, told, "resume it: guard.session(id=…)")

    # ------------------------------------------------------------------------------------------ events
    def event(
        self,
        kind: str,
        body: dict[str, Json],
        index: AnomalyIndex | None = None,
        decision: Decision | None = None,
        *,
        blobs: Mapping[str, str] | None = None,
        under: Under | None = None,
        event_id: str = "",
    ) -> Event:
        """One event of this session; an anomaly gets its full context and the fingerprint of what was running.

        It takes no lock, since it also runs inside the store's transaction.
        """
        under = under or self._under
        redactor = under.redactor
        told: dict[str, str] = dict(blobs or {})
        body = redactor.value(body)
        if index is not None:
            # A copy, not the lock: this runs inside the store's transaction too, and whoever holds the lock may
            # be waiting for room in the store's queue.
            segments = list(self.text.segments)
            trigger = anomaly.triggering_input(decision.provenance if decision else (), segments)
            chain = anomaly.reasoning_chain(segments)
            body["context"] = anomaly.context_body(trigger, chain)
            body["fingerprint"] = codec.fingerprint_body(self._fingerprint(under.envelope))
            told |= {name: redactor.text(text) for name, text in codec.texts([*trigger, *chain]).items()}
        return Event(
            id=event_id or self.guard.ids.new(),
            session=self.id,
            kind=kind,
            agent=self.info.agent,
            envelope=under.envelope.hash,
            body=body,
            tenant=self.info.tenant,
            subject=self.subject,
            blobs=told,
            anomaly=index,
            retain_s=under.envelope.capture.retain_s,
        )

    def ask(self, decision: Decision) -> None:
        """The call is dispatched: from now on no result vouches for what it carries."""
        with self.lock:
            self.text.ask(decision.canonical or {})

    def result_event(
        self,
        body: dict[str, Json],
        index: AnomalyIndex | None,
        decision: Decision,
        text: str | None,
        *,
        withheld: bool,
        under: Under,
    ) -> Event:
        """`settled`: what came back, which is also what the agent sees next, unless it was withheld."""
        blobs = {}
        if text is not None:
            if not withheld:
                segment = self._append_result(decision.tool, text, under.envelope)
                body["segment"] = codec.segment_body(segment)
            blobs["text"] = under.redactor.text(text) if index is not None else self.kept(text, under)
        return self.event("settled", body, index, decision, blobs=blobs, under=under)

    def _append_result(self, tool: str, text: str, envelope: Envelope) -> Segment:
        """A result, labelled by the envelope of its call and by the one in force, if that is another by now."""
        with self.lock:
            place = len(self.text.segments)
            append_result(self.text, envelope, tool, text, (), self.info.principal_kind)
            if self._under.envelope is not envelope:
                self._relabel(self._under.envelope, place)
            return self.text.segments[place]

    @property
    def fingerprint(self) -> Any:
        """What is running, with the prompt's hash taken from what was observed where the caller gave none."""
        return self._fingerprint(self._under.envelope)

    def _fingerprint(self, envelope: Envelope) -> Fingerprint:
        known = self.info.fingerprint
        if known.envelope != envelope.hash:
            own = known.tools == tools_hash(self._opened_under)
            tools = tools_hash(envelope) if own else known.tools
            known = replace(known, envelope=envelope.hash, tools=tools)
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
            await self.aclose(error)
        except Unavailable:
            if error is None:
                raise


def _somebody_else() -> None:
    """Stands for a tool that is not run here."""
    raise AssertionError
