"""The guard of one agent: an envelope, a store, and the sessions that run under them."""

from __future__ import annotations

import functools
import inspect
import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from remit.core import codec
from remit.core.admission import Admission, AdmitRequest, Load, gate
from remit.core.breaker import may_open_session
from remit.core.canonical import canonical
from remit.core.codec import exact
from remit.core.envelope import BreakerRule, Envelope
from remit.core.errors import BadInput
from remit.core.event import Event, StoredEvent
from remit.core.history import watches_of
from remit.core.ids import derived_id
from remit.core.labels import lowered
from remit.core.provenance import SessionText
from remit.core.redact import Redactor
from remit.core.refusals import AgentHalted
from remit.core.seen import append_facts, append_result
from remit.core.session_ensure import may_have_run, recorded
from remit.core.types import Enforcement, Fingerprint, Mode, PrincipalKind, SessionInfo, ToolEffect
from remit.ports import Clock, Ids, Records
from remit.usecases.archive import loaded
from remit.usecases.governing import Governing, tools_hash, under
from remit.usecases.reload import Reloader
from remit.usecases.session import Session, current_session

F = TypeVar("F", bound=Callable[..., Any])
MOST_NAME = 500
"""Characters of a tenant's, a version's or a principal's name."""
MOST_WAIT_S = 1e9
FINGERPRINT_KEYS = ("model", "prompt", "tools", "config", "code", "runtime")


class Guard:
    """Stands in front of one agent's tools. Made by `remit.open`; close it, or use it as a context manager.

    Args:
        envelope: what the agent may do.
        records: the store.
        clock: this process's time.
        ids: makes ids.
        redactor: replaces secrets before anything is written.
        tenant: whose agent this is.
        agent_version: tells versions of one agent apart for the breaker; empty where they are not.
        approval_wait_s: how long a blocking call waits for a person.
        async_approval_wait_s: the same for `acall`; 0 means that it raises `ApprovalRequired` at once.
        allow_volatile: let effects run on a store in memory.
        draw: a random number in [0, 1), for sampling in PROBATION.
        path: the envelope's file, where it has one.
    """

    def __init__(
        self,
        envelope: Envelope,
        records: Records,
        *,
        clock: Clock,
        ids: Ids,
        redactor: Redactor,
        tenant: str = "default",
        agent_version: str = "",
        approval_wait_s: float = 30.0,
        async_approval_wait_s: float = 0.0,
        allow_volatile: bool = False,
        draw: Callable[[], float] | None = None,
        on_close: Callable[[], None] | None = None,
        path: Path | None = None,
    ) -> None:
        self.governing = Governing(envelope, redactor)
        self.records = records
        self.clock = clock
        self.ids = ids
        self.tenant = _name("tenant", tenant) or "default"
        self.agent_version = _name("agent_version", agent_version or None) or ""
        self.approval_wait_s = _seconds("approval_wait_s", approval_wait_s)
        self.async_approval_wait_s = _seconds("async_approval_wait_s", async_approval_wait_s)
        self.allow_volatile = allow_volatile
        self.draw = draw or random.SystemRandom().random
        self._on_close = on_close
        self.watched_next: frozenset[str] = frozenset()
        """Tools that a version which is being put in force asks about: calls under the old one are indexed for it."""
        self._reloader = Reloader(self, path)

    @property
    def envelope(self) -> Envelope:
        """The envelope in force: what begins now begins under it."""
        return self.governing.envelope

    @property
    def redactor(self) -> Redactor:
        """Replaces secrets, with the masks of the envelope in force."""
        return self.governing.redactor

    def reload(self, source: str | Path | Envelope | None = None, *, text: str | None = None) -> Envelope:
        """Put another version of the envelope in force, without a gap: each call is judged whole by one version.

        It is read, checked and tested first, and that it changes is durable before any call is decided under it. Calls
        in flight finish under the version that decided them; a held one that waits for a person must be made again.
        Open sessions go on under the new one: facts are checked anew, and labels of what was seen only get worse.

        Args:
            source: a path, or an envelope that was loaded; without it the file that `remit.open` was given.
            text: the YAML itself instead.

        Returns:
            The envelope in force; the same object as before where nothing changed.

        Raises:
            BadInput: it cannot be read, is malformed, fails its tests, or is another agent's. The old one stays in
                force, and the event `envelope.rejected` says why.
            Unavailable: the change could not be recorded. The old one stays in force.
        """
        return self._reloader.reload(source, text)

    def follow(self, every_s: float = 2.0) -> None:
        """Watch the envelope's file in a thread of its own, and reload it when it changed, until the guard is closed.

        What is found must be the same at two looks in a row, must end its last line, and must be more than a beginning of
        the version in force: a file that is being written is not taken for a shorter envelope. What cannot be adopted is
        told once, by the event `envelope.rejected` and a warning of the logger `remit.follow`. Write the file aside and
        rename it. A forked child follows by itself.

        Args:
            every_s: between two looks.

        Raises:
            BadInput: the guard was opened with no file.
        """
        self._reloader.follow(_seconds("follow(every_s)", every_s))

    def _adopt(self, envelope: Envelope) -> None:
        """What must be in the store before *envelope* decides anything: when a guard is opened, and at each reload.

        Raises:
            Unavailable: it could not be written; the envelope may not be put in force.
        """
        self.records.watch(self.tenant, envelope.name, watches_of(envelope.tools))
        if envelope.text:
            self.records.append([loaded(envelope, self.tenant)]).result()

    def session(
        self,
        *,
        user_input: str | None = None,
        principal: str | None = None,
        principal_kind: str | None = None,
        id: str | None = None,
        facts: Mapping[str, Any] | None = None,
        fingerprint: Mapping[str, Any] | None = None,
        arm: str | None = None,
        seed: int | None = None,
    ) -> Session:
        """Open a session, or resume the one with a known *id*.

        Args:
            user_input: what the user asked; observed as the first user text.
            principal: who the user is, as you know them; their data is encrypted under a key of their own.
            principal_kind: `operator` (their text is trusted) or `customer` (it names their own data, no more).
            id: a session id of yours, or of a session to resume.
            facts: what the envelope's `session` schema declares; a missing fact denies every call.
            fingerprint: `model`, `prompt`, `tools`, `config`, `code`, `runtime` as far as they are known.
            arm: of an experiment.
            seed: of the model, where it has one.

        Raises:
            BadInput: an argument is malformed, or the session belongs to another agent or principal.
            AgentHalted: the breaker lets no session open.
            Unavailable: the store cannot be reached.
        """
        kind = _kind(principal_kind)
        principal = _name("session(principal)", principal)
        session_id = _session_id(id) or f"s-{self.ids.new()}"
        if user_input is not None and not isinstance(user_input, str):
            raise BadInput("session(user_input)", f"found {type(user_input).__name__}", "pass a string")
        if seed is not None and type(seed) is not int:
            raise BadInput("session(seed)", f"found {type(seed).__name__}", "pass an integer")
        plain_facts = _mapping("session(facts)", facts)
        governing = self.governing
        envelope = governing.envelope
        history = self._earlier(session_id) if id is not None else []
        mode, _, reason = self.records.mode(self.tenant, envelope.name, self.agent_version, None)
        if not history and not may_open_session(mode):
            raise AgentHalted(envelope.name, mode, reason)
        info = SessionInfo(
            id=session_id,
            agent=envelope.name,
            tenant=self.tenant,
            principal=principal,
            principal_kind=kind,
            facts=plain_facts,
            fingerprint=self._fingerprint(_mapping("session(fingerprint)", fingerprint), envelope),
            arm=_name("session(arm)", arm),
            seed=seed,
        )
        if history:
            info = _resumed(info, history, given_facts=facts is not None)
        governs = under(governing, info, self.draw)
        session = Session(self, info, governs, SessionText())
        append_facts(session.text, envelope, governs.facts.values)
        _restore(session.text, envelope, info, history)
        for stored in history:
            recorded(session.calls, stored.event)
        session.once.restore(history)
        body = codec.session_body(info, envelope.name, envelope.version, envelope.enforcement.value)
        if history:
            session.begins("session.resumed", body, user_input)
        else:
            # One session opens once: of two that open the same new id at once, the second is refused by the store.
            first = derived_id(session_id, "session.opened", self.tenant)
            session.begins("session.opened", body, user_input, event_id=first)
        return session

    def _earlier(self, session_id: str) -> list[StoredEvent]:
        """What was recorded of the session with this id, which may be a new one."""
        return list(self.records.events(session_id))

    def _fingerprint(self, given: Mapping[str, Any], envelope: Envelope) -> Fingerprint:
        for key, value in given.items():
            if key not in FINGERPRINT_KEYS:
                raise BadInput(
                    "session(fingerprint)", f"unknown key {key!r}", f"use {', '.join(FINGERPRINT_KEYS)}"
                )
            if key != "runtime" and value is not None and not isinstance(value, str):
                raise BadInput(
                    f"session(fingerprint.{key})", f"found {type(value).__name__}", "pass a string"
                )
        told = _mapping("session(fingerprint.runtime)", given.get("runtime"))
        runtime = {key: str(value) for key, value in told.items()}
        return Fingerprint(
            model=given.get("model"),
            prompt=given.get("prompt"),
            tools=given.get("tools") or tools_hash(envelope),
            envelope=envelope.hash,
            config=given.get("config"),
            code=given.get("code"),
            runtime=runtime,
        )

    def standing(self, mode: Mode, epoch: int, effect: ToolEffect, rule: BreakerRule) -> Admission:
        """What the breaker's mode alone says about a call, for `Session.check`."""
        request = AdmitRequest("", self.tenant, self.envelope.name, "", "", effect, rule)
        found = gate(request, mode, Load(), ())
        status = "refused" if found.refused else "hold" if found.held else "admitted"
        return Admission(status, mode, epoch, 0, violations=(*found.refused, *found.held))

    def tool(self, function: F | None = None, *, name: str | None = None) -> Any:
        """A plain function or coroutine as a guarded tool; the session comes from the context.

        The tool's name is the function's, or *name*. Positional arguments are bound by the function's signature, so
        the envelope sees names and values; what is not JSON is refused.

        Raises (when called):
            BadInput: no session of this guard is open here.
        """
        if function is None:
            return functools.partial(self.tool, name=name)
        called = name or function.__name__
        signature = inspect.signature(function)
        for parameter in signature.parameters.values():
            if parameter.kind in (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.VAR_POSITIONAL):
                told = f"{parameter} cannot be named in an envelope"
                raise BadInput(called, told, "give the tool parameters that can be passed by name")

        def bound(args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
            arguments = signature.bind(*args, **kwargs)
            found: dict[str, Any] = {}
            for key, value in arguments.arguments.items():
                if signature.parameters[key].kind is inspect.Parameter.VAR_KEYWORD:
                    found.update(value)
                else:
                    found[key] = value
            return found

        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def arun(*args: Any, **kwargs: Any) -> Any:
                return await self._here(called).acall(called, bound(args, kwargs), run=function)

            return arun

        @functools.wraps(function)
        def run(*args: Any, **kwargs: Any) -> Any:
            return self._here(called).call(called, bound(args, kwargs), run=function)

        return run

    def _here(self, tool: str) -> Session:
        session = current_session.get()
        if session is None or session.guard is not self:
            raise BadInput(tool, "called outside a session", "call it inside 'with guard.session(...):'")
        return session

    def close(self) -> None:
        """Stop following the envelope's file, wait for all writes and close the store."""
        self._reloader.close()
        if self._on_close is not None:
            done, self._on_close = self._on_close, None
            done()

    def __enter__(self) -> Guard:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.close()

    @property
    def monitoring(self) -> bool:
        """True where decisions are recorded and nothing is blocked."""
        return self.envelope.enforcement is Enforcement.MONITOR


def _kind(text: str | None) -> PrincipalKind | None:
    if text is None:
        return None
    try:
        return PrincipalKind(text)
    except ValueError:
        raise BadInput("session(principal_kind)", f"found {text!r}", "use 'operator' or 'customer'") from None


def _session_id(text: object) -> str | None:
    if text is None:
        return None
    if not isinstance(text, str) or not 0 < len(text) <= 200 or not text.isprintable() or not text.isascii():
        found = repr(text[:40]) if isinstance(text, str) else type(text).__name__
        raise BadInput("session(id)", f"found {found}", "use 1 to 200 printable ASCII characters")
    return exact(text)


def _name(where: str, text: object) -> str | None:
    """A name that stands in rows and keys: a string that can be stored, of a sensible length."""
    if text is None:
        return None
    if not isinstance(text, str):
        raise BadInput(where, f"found {type(text).__name__}", "pass a string")
    if not 0 < len(text) <= MOST_NAME or not text.isprintable():
        raise BadInput(where, f"found {text[:40]!r}", f"use 1 to {MOST_NAME} printable characters")
    return exact(text)


def _seconds(where: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < MOST_WAIT_S:
        found = value if isinstance(value, int | float) else type(value).__name__
        raise BadInput(where, f"found {found}", "pass a number of seconds, 0 or more")
    return float(value)


def _mapping(where: str, values: object) -> dict[str, Any]:
    """A plain copy of what must be a mapping of names to JSON."""
    if values is None:
        return {}
    if not isinstance(values, Mapping):
        raise BadInput(where, f"found {type(values).__name__}", "pass a mapping of names to values")
    copy: dict[str, Any] = canonical(dict(values), where=where)
    return copy


def _resumed(info: SessionInfo, history: Iterable[StoredEvent], *, given_facts: bool) -> SessionInfo:
    """The session's own identity: whoever resumes it must be who opened it."""
    opened = next((e.event for e in history if e.event.kind == "session.opened"), None)
    if opened is None or not opened.body:
        raise BadInput(f"session {info.id}", "its first event is missing or erased", "open a new session")
    if any(stored.erased for stored in history):
        raise BadInput(f"session {info.id}", "a part of it was erased or expired", "open a new session")
    if opened.tenant != info.tenant:
        raise BadInput(f"session {info.id}", "the id is taken", "open a session with an id of your own")
    if opened.agent != info.agent:
        raise BadInput(
            f"session {info.id}", f"belongs to agent {opened.agent!r}", "open a session of your own"
        )
    body = opened.body
    if info.principal is not None and body.get("principal") != info.principal:
        raise BadInput(f"session {info.id}", "belongs to another principal", "open a session of your own")
    kind = PrincipalKind(body["principal_kind"]) if body.get("principal_kind") else None
    if info.principal_kind is not None and info.principal_kind is not kind:
        raise BadInput(
            f"session {info.id}", f"was opened for a {kind}", "pass the same principal_kind, or none"
        )
    facts = info.facts if given_facts else dict(body["facts"])
    return replace(info, principal=body.get("principal"), principal_kind=kind, facts=facts)


def _restore(
    text: SessionText, envelope: Envelope, info: SessionInfo, history: Iterable[StoredEvent]
) -> None:
    """Put back what the session saw, with labels, and what its calls asked."""
    for stored in history:
        event: Event = stored.event
        if event.kind == "decided" and may_have_run(event.body):
            text.ask(event.body.get("args") or {})
        elif event.kind == "observed":
            seen = codec.segment_from(event.body, event.blobs.get("text", ""))
            text.append(replace(seen, label=lowered(seen, envelope, info.principal_kind)))
        elif event.kind == "settled" and event.body.get("segment"):
            _restore_result(text, envelope, info, event)
        elif event.kind == "finished":
            text.append(codec.answer_segment(event.body, event.blobs.get("answer", "")))


def _restore_result(text: SessionText, envelope: Envelope, info: SessionInfo, event: Event) -> None:
    """A result, with the worse of the label that it had and the one that it has now."""
    told, place = event.blobs.get("text", ""), len(text.segments)
    recorded = codec.segment_from(event.body["segment"], told)
    append_result(text, envelope, recorded.source, told, (), info.principal_kind)
    if event.envelope != envelope.hash:
        worse = lowered(recorded, envelope, info.principal_kind)
        text.relabel(lambda one: worse if one.index == place else one.label, place)
