"""One governed session: what it saw, the calls it makes, and its final answer."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from contextvars import ContextVar, Token
from types import TracebackType
from typing import TYPE_CHECKING, Any

from remit.core import codec
from remit.core.errors import BadInput, Unavailable
from remit.core.event import AnomalyIndex, Event
from remit.core.past import Recalled
from remit.core.prepare import Facts, Prepared
from remit.core.provenance import SessionText
from remit.core.refusals import CallDenied
from remit.core.session_ensure import Dispatched, ended
from remit.core.types import (
    Decision,
    Fingerprint,
    Json,
    Outcome,
    Role,
    SessionInfo,
    Violation,
)
from remit.usecases.begun import Begun
from remit.usecases.calling import amade, answers_for, checked, made, refused, somebody_else
from remit.usecases.governing import Under
from remit.usecases.once import Once
from remit.usecases.session_end import SessionEnd
from remit.usecases.session_event import SessionFingerprint, session_event
from remit.usecases.session_seen import SessionSeen, observed_text
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
        self.lock = threading.RLock()
        self.subject = info.principal or ""
        self.calls: dict[str, Dispatched] = {}
        """What was dispatched, by token, in order."""
        self.seen = SessionSeen(guard, info, under, text, self.lock)
        self.writes = SessionWrites(guard.records, self.lock)
        self.once = Once(self)
        self._end = SessionEnd(self)
        self.running = SessionFingerprint(info.fingerprint, under.envelope)
        self._on_the_way: set[str] = set()
        self._tokens: list[Token[Session | None]] = []

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
        return self.seen.under()

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
        self._end.check_open("observe")
        spoken, source, text = observed_text(role, text, source)
        if spoken is Role.SYSTEM:
            self.running.prompted(text)
        with self.lock:
            under = self.under()
            segment = self.seen.next(spoken, source, text, under.envelope)
            kept = under.kept(text)
            # Handed to the store first: what it does not take, the session has not seen.
            self.writes.add(self.event("observed", codec.segment_body(segment), blobs={"text": kept}))
            self.text.append(segment)

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
        answers = answers_for(self, tool, args, call_id, run, once=once, tells=decided)
        return made(self, answers, run)

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
        answers = answers_for(self, tool, args, call_id, run, once=once, tells=decided)
        return await amade(self, answers, run)

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
        answers = answers_for(self, tool, args, call_id, somebody_else, once=once)
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
        denied, written = refused(self, tool, args, violation, call_id)
        written.result()
        return denied

    async def arefuse(
        self,
        tool: str,
        args: Mapping[str, Any] | str | bytes,
        violation: Violation,
        *,
        call_id: str = "",
    ) -> CallDenied:
        """As `refuse`, for coroutines."""
        denied, written = refused(self, tool, args, violation, call_id)
        await asyncio.wrap_future(written)
        return denied

    def check(self, tool: str, args: Mapping[str, Any] | str | bytes) -> Decision:
        """What the guard would say now. Runs, reserves and records nothing."""
        return checked(self, tool, args)

    def recall(self, prepared: Prepared) -> Recalled | None:
        """What earlier calls say about one that is to be decided; None where no clause asks."""
        if not prepared.looks_back:
            return None
        who = (self.info.tenant, self.info.agent)
        return self.guard.records.recall(*who, prepared.asks, prepared.repeat, prepared.marks)

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
        return self._end.finish(answer)

    async def afinish(self, answer: str) -> str:
        """As `finish`, for coroutines: the event loop does not wait for the store."""
        return await self._end.afinish(answer)

    def close(self, error: BaseException | None = None) -> None:
        """End the session: wait until everything it told is durable. Closing twice does nothing."""
        self._end.close(error)

    async def aclose(self, error: BaseException | None = None) -> None:
        """As `close`, for coroutines: the event loop does not wait for the store."""
        await self._end.aclose(error)

    async def aconclude(self, answer: str) -> None:
        """`afinish`, then `aclose`, in one write: for whoever acts on neither before both are durable."""
        await self._end.aconclude(answer)

    @property
    def unmet(self) -> tuple[Violation, ...]:
        """What the final answer did not meet, also where that was only watched."""
        return self._end.unmet

    def check_open(self, what: str) -> None:
        """Refuse *what* for a session that is closed.

        Raises:
            BadInput: it is.
        """
        self._end.check_open(what)

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
        return session_event(self, under or self.seen.latest, kind, body, index, decision, blobs, event_id)

    def ask(self, decision: Decision) -> None:
        """The call is dispatched: from now on no result vouches for what it carries."""
        with self.lock:
            self.text.ask(decision.canonical or {})

    @property
    def fingerprint(self) -> Fingerprint:
        """What is running, with the prompt's hash taken from what was observed where the caller gave none."""
        return self.running.under(self.seen.latest.envelope)

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
