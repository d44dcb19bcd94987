"""What the use cases need from the world, as protocols. `wiring` joins them with concrete things."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Protocol

from remit.core.admission import Admission, AdmitRequest, Misstep, Settlement
from remit.core.approval import ApprovalRecord, ApprovalRequest, Parked
from remit.core.event import Event, StoredEvent
from remit.core.history import Ask, Watch
from remit.core.marks import MarkClaim
from remit.core.past import Recalled
from remit.core.repeats import RepeatAsk
from remit.core.trial.suite import AgentSpec, Task
from remit.core.trial.trial import Slot, TrialCall
from remit.core.types import Json, LimitClaim, Mode, ToolCall, ToolEffect


class Clock(Protocol):
    """Time of this process. Instants that bind several processes are the store's."""

    def now(self) -> float:
        """UTC epoch seconds."""

    def monotonic(self) -> float:
        """Seconds that never go back."""


class Ids(Protocol):
    """Makes event ids, tokens and session ids."""

    def new(self) -> str:
        """A UUIDv7: unique, and sorted by time."""


class Records(Protocol):
    """The store as the guard sees it: each method is one transaction, durable when its future is done."""

    @property
    def volatile(self) -> bool:
        """True for `memory:`, where nothing survives the process."""

    @property
    def single_operator(self) -> bool:
        """Whether the store takes the word of people who do not sign."""

    def append(self, events: Sequence[Event], *, lingers: bool = False) -> Future[None]:
        """Write events. The future's `BadInput`: another event has one of their ids.

        Args:
            events: what to write, all or nothing.
            lingers: they may wait a moment for the next write, and be durable together with it.
        """

    def refuse(self, event: Event, missteps: Sequence[Misstep]) -> Future[None]:
        """Write a refusal and count its violations."""

    def admit(
        self,
        request: AdmitRequest,
        events: Callable[[Admission], Sequence[Event]],
        missteps: Callable[[Admission], Sequence[Misstep]],
    ) -> Future[Admission]:
        """Check again, reserve limits, breaker and approval, and write what came of it, all or nothing.

        Args:
            request: the call.
            events: what to write, given the answer. It runs inside the transaction, on any thread: it may take no
                lock that a thread holds while it writes.
            missteps: what to count, given the answer.
        """

    def settle(
        self, settlement: Settlement | None, events: Sequence[Event], missteps: Sequence[Misstep]
    ) -> Future[None]:
        """Give reservations back, count violations, write the outcome; no settlement where nothing was reserved."""

    def hold(
        self, request: ApprovalRequest, events: Sequence[Event], *, known: bool = False
    ) -> Future[ApprovalRecord | Parked]:
        """Write a held decision and open its request, or find the one that is open.

        Args:
            request: the question.
            events: the held decision.
            known: whether it was written before: then it is written again only where a new request is opened.
        """

    def approval(self, approval_id: str) -> ApprovalRecord | None:
        """The request as it stands now."""

    def used_micros(self, tenant: str, agent: str, claims: Sequence[LimitClaim]) -> tuple[int, ...]:
        """Used and reserved in each claim's window."""

    def recall(
        self,
        tenant: str,
        agent: str,
        asks: Sequence[Ask],
        repeat: RepeatAsk | None,
        marks: Sequence[MarkClaim],
    ) -> Recalled:
        """What earlier calls say, in one look."""

    def watch(self, tenant: str, agent: str, watches: Sequence[Watch]) -> None:
        """From now on, keep what these ask about of every call of the agent, whoever writes; what the journal still has
        of earlier calls is gone through once."""

    def mode(
        self, tenant: str, agent: str, agent_version: str, effect: ToolEffect | None
    ) -> tuple[Mode, int, str]:
        """Effective mode, breaker epoch and the reason, over all scopes of such a call (None: of any call)."""

    def precheck(self, token: str) -> bool:
        """Whether a reservation still holds, right before dispatch."""

    def events(self, session: str) -> Iterator[StoredEvent]:
        """The events of one session, in order."""

    def events_of(
        self, tenant: str, agent: str | None, kind: str, *, after: int = 0
    ) -> Iterator[StoredEvent]:
        """The events of one kind, of an agent or (None) of all of a tenant, in order, after a sequence. For the kinds
        that are not of single calls, which an index finds."""

    def signed_by(self, operator: str, message: bytes, signature: bytes, at: float) -> bool:
        """Whether an operator of the store signed a message, and had a say at that instant."""


class Rerunnable(Protocol):
    """An agent that can be asked what it would call next, without anything being called."""

    @property
    def model(self) -> str:
        """What answers; empty where nobody knows."""

    def next_calls(
        self, messages: Sequence[Mapping[str, Json]], tools: Sequence[Mapping[str, Json]], seed: int
    ) -> Sequence[ToolCall]:
        """What the agent would call next; nothing where it would answer.

        Args:
            messages: the conversation so far: `role` and `content`; of an assistant `tool_calls` (`id`, `name`, `args`);
                of a tool `tool_call_id` and `tool_name`.
            tools: what it may call: `name`, `description`, `parameters` (JSON Schema).
            seed: another for each run; the same where a run is repeated.

        Raises:
            Exception: it did not answer, or nobody can read the answer. Such a run is no miss.
        """


class Detector(Protocol):
    """A classifier of texts that somebody else made: how far one looks like an injected instruction."""

    @property
    def name(self) -> str:
        """As it is shown beside its score."""

    @property
    def version(self) -> str:
        """Of its weights or rules, so that two scores can be compared."""

    def score(self, text: str) -> float:
        """0 (nothing) to 1 (surely an instruction)."""


class Embedder(Protocol):
    """Turns texts into vectors of one length, so that texts of like meaning lie close together."""

    @property
    def name(self) -> str:
        """As it is shown beside what it says."""

    @property
    def version(self) -> str:
        """Of its weights."""

    def embed(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """One vector for each text, in order; shape (n, d), any length but zero."""


class World(Protocol):
    """The tools of one trial and what they act upon: made anew for each trial, so that none sees another's effects."""

    @property
    def tools(self) -> Mapping[str, Callable[..., Any]]:
        """By name; each takes its arguments as keywords, plain or as a coroutine function."""

    def snapshot(self) -> Json:
        """The state as a canonical JSON value: equal states give equal values."""

    def copy(self) -> World:
        """The same state once more, on which a call may be tried without touching this one."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What an agent under test came to."""

    answer: Json
    """A text, or any JSON value."""
    calls: Sequence[TrialCall] = ()
    """Tool calls that it made by itself and reports; those made through its trial are known already."""
    tokens: int | None = None
    cost: float | None = None
    fingerprint: Mapping[str, Json] = field(default_factory=dict)
    """What it says it was: `model`, `prompt`, …"""
    extra: Mapping[str, Json] = field(default_factory=dict)


class AgentTrial(Protocol):
    """One trial, as the agent under test sees it."""

    @property
    def slot(self) -> Slot:
        """Arm, epoch, seed."""

    @property
    def task(self) -> Task:
        """What it is asked: a copy, without checks and without what its world is made from."""

    @property
    def turn(self) -> int:
        """Which turn of the user this is, from 0: of a recorded conversation the agent is asked once for each."""

    @property
    def conversation(self) -> Sequence[Mapping[str, Json]]:
        """What was said and called in the turns before, as the steps of a recorded session; empty in the first one."""

    @property
    def agent(self) -> AgentSpec:
        """As the suite describes it, with its settings."""

    @property
    def session_id(self) -> str:
        """In the record, and to be told to logs and traces. It is taken: a service under test that has a guard of its own
        opens sessions of its own, in a store of its own, since in production's they count as production."""

    @property
    def tools(self) -> Sequence[Mapping[str, Json]]:
        """What it may call: `name`, `description`, `parameters` (JSON Schema)."""

    def call(self, tool: str, args: Mapping[str, Any]) -> Any:
        """Call a tool of the world, under the envelope; for agents that run in a thread.

        Raises:
            Refused: it may not; the agent goes on with that.
        """

    async def acall(self, tool: str, args: Mapping[str, Any]) -> Any:
        """The same, for coroutines."""

    def observe(self, role: str, text: str, *, source: str | None = None) -> None:
        """Tell what the agent said or saw beside its calls."""


class Target(Protocol):
    """An agent under test: a callable, a command, an HTTP endpoint."""

    async def run(self, trial: AgentTrial) -> Answered:
        """One run.

        It may be cancelled at any time (its deadline), and then leaves nothing behind that goes on.

        Raises:
            Unavailable: the world failed, not the agent: it may be tried again.
            Exception: the agent broke down: the trial has failed.
        """

    async def aclose(self) -> None:
        """End what was started for it."""
