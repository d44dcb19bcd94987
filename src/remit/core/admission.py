"""Admission: whether one decided call may run now, given the breaker, the limits and people's approvals.

The theory. A call is admitted in one transaction that checks and reserves everything, or nothing. Every
admitted call leaves a *reservation* with a lease; settling it removes the reservation and logs the violation,
if any, in one transaction. With `reserve` admission a call runs autonomously only while

    violations in the window + autonomous reservations in flight < max_violations

so an action counts from its admission until a window after it was settled, and at most `max_violations`
violating actions run autonomously in any window, for any number of processes. A lease that runs out counts as
a violation. With `count` admission the reservations are left out, and the calls in flight at a trip come on
top.

A call that may not run autonomously is *held* where a person's approval would let it run, *refused* where
not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from remit.core.breaker import ModeChange, admission_of, governed
from remit.core.envelope import BreakerRule
from remit.core.history import Ask, Caller
from remit.core.limits import spoken
from remit.core.marks import MarkClaim
from remit.core.repeats import RepeatAsk
from remit.core.types import (
    ApprovalNeed,
    Json,
    LimitClaim,
    Mode,
    OnViolation,
    Severity,
    ToolEffect,
    Violation,
)


@dataclass(frozen=True, slots=True)
class AdmitRequest:
    """All that the store must know to admit one call."""

    token: str
    """Made by the caller; asking again with the same token gives the same answer."""
    tenant: str
    agent: str
    session: str
    tool: str
    effect: ToolEffect
    rule: BreakerRule
    agent_version: str = ""
    """Empty where versions are not told apart."""
    claims: tuple[LimitClaim, ...] = ()
    digest: str = ""
    """`core.approval.call_digest` of this call, without the breaker's epoch."""
    needs_approval: ApprovalNeed | None = None
    """What the envelope asks of people, where `decide` said HOLD."""
    seen: tuple[str, ...] = ()
    """Ids of the clauses that people saw when they approved: a limit that holds and is not among them asks anew."""
    call_id: str = ""
    sampled: float = 1.0
    """A number in [0, 1) drawn by the caller at random; in PROBATION one below `recovery.sample` goes to a
    person."""
    enforce: bool = True
    """False in monitor: nothing is blocked but by what `binding` names, usage is counted, no mode changes."""
    binding: frozenset[str] = frozenset()
    """In monitor: ids of the promoted clauses; a limit among them refuses or holds all the same."""
    epoch_seen: int = 0
    """The highest `Admission.store_epoch` this process was ever given: a lower one means that an old store
    came back."""
    envelope: str = ""
    """Hash of the envelope in force, for events."""
    asks: tuple[Ask, ...] = ()
    """History clauses, asked again under the lock."""
    repeat: RepeatAsk | None = None
    marks: tuple[MarkClaim, ...] = ()
    trace: Trace | None = None
    """What is kept of the call for later ones; None keeps nothing."""
    once: str = ""
    """Names the call within its session, where it may be admitted once only, in whatever process; empty: no such name."""
    gives_first: bool = False
    """The decision was to give the first call's result again: without one, the call may not run instead."""


@dataclass(frozen=True, slots=True)
class Trace:
    """What a store may keep of a call, so that later calls can be judged by it."""

    caller: Caller
    args: Callable[[], Json]
    """The canonical arguments as they are captured; computed only where a clause watches the tool."""
    subject: str = ""
    """Whose data key encrypts what is kept."""
    retain_s: float | None = None
    hide: Callable[[str], str] = str
    """Makes a key that only one store can make; set by the store."""


@dataclass(frozen=True, slots=True)
class Admission:
    """The store's answer."""

    status: str
    """`admitted`, `hold` (a person must approve), `refused`, or `repeat`: nothing runs, `first` is the result."""
    mode: Mode
    breaker_epoch: int
    """Of this call's scopes: an approval binds to it, a token is void once it is raised."""
    store_epoch: int
    """Of the whole store; grows with every change of mode, violation and claimed approval. Remember the
    highest, and hand it in as `epoch_seen`."""
    lease_until: float | None = None
    """Instant on the store's clock; the effect must be done by then. None unless admitted."""
    violations: tuple[Violation, ...] = ()
    """What stood against it, by `on_violation`; an admitted call has flags only, or, in monitor, what would
    have been."""
    approval_id: str | None = None
    """The approval that this call claimed; for `hold` the open question about exactly this call, if there is
    one."""
    need: ApprovalNeed | None = None
    """For `hold`: who must approve."""
    first: Json = None
    """For `repeat`: the first call's result, as it was captured."""
    first_token: str = ""
    changes: tuple[ModeChange, ...] = ()
    """What admitting brought about: an expired lease, an expired force, evidence complete."""

    @property
    def flags(self) -> tuple[Violation, ...]:
        """Limits that were exceeded and only flag."""
        return tuple(v for v in self.violations if v.on_violation is OnViolation.FLAG)


@dataclass(frozen=True, slots=True)
class Settlement:
    """How an admitted call ended."""

    token: str
    outcome: str
    """`clean`, `violation`, or `error`: the tool's own exception, which counts neither for nor against the
    agent."""
    violations: tuple[tuple[Severity, str], ...] = ()
    """(severity, clause) of output, `ensure`, deadline and flagged clauses. One action counts once, as its
    worst."""
    ran: bool = True
    """False gives everything back: the call did not happen."""
    trace: Trace | None = None
    tool: str = ""
    state: str = "done"
    """How the call stands from now on, for later ones: one of `core.history`'s states."""
    output: Callable[[], tuple[bool, Json]] | None = None
    """Whether the result is plain JSON, and the result as it is captured; computed only where it is kept."""
    marks: tuple[MarkClaim, ...] = ()
    """Quantities that are known only now."""
    given: Callable[[], tuple[bool, Json]] | None = None
    """As `output`, of what the agent got and a repeat gets again, where obligations changed it."""
    reserved: bool = True
    """False for a read that ran beside the write of its decision: nothing of it is in the store until now."""


@dataclass(frozen=True, slots=True)
class Misstep:
    """A violation of something that did not run, or that no token stands for: a denied call, a final
    answer."""

    id: str
    """Made by the caller; the same id counts once."""
    tenant: str
    agent: str
    session: str
    rule: BreakerRule
    violations: tuple[tuple[Severity, str], ...]
    """(severity, clause); counts once, as its worst. Refusals by the breaker itself (`breaker.*`) never
    count."""
    agent_version: str = ""
    effect: ToolEffect | None = None
    kind: str = "denied"
    """`slip` for a refusal whose violations are all low; see `core.breaker` on what slips weigh."""
    collapse: str = ""
    """Digest of the arguments: the same clause, digest and session within 30 s count once. Empty: always
    counts."""
    enforce: bool = True
    envelope: str = ""


@dataclass(frozen=True, slots=True)
class Load:
    """What the store counted for one agent, under the lock."""

    violations: int = 0
    """In the window, with a weight above 0."""
    reserved: int = 0
    """Autonomous calls in flight that were admitted by reservation."""
    in_flight: int = 0
    """Autonomous calls in flight that SUPERVISED would hold."""


@dataclass(frozen=True, slots=True)
class AdmissionGate:
    """What breaker and limits say about one call, before approvals are looked at."""

    refused: tuple[Violation, ...] = ()
    held: tuple[Violation, ...] = ()
    flagged: tuple[Violation, ...] = ()


def gate(request: AdmitRequest, mode: Mode, load: Load, over: Sequence[Violation]) -> AdmissionGate:
    """Sort what stands against the call into refusals, holds and flags.

    Args:
        request: the call.
        mode: the strictest over its scopes.
        load: violations and reservations of its agent.
        over: limits that it would exceed (`core.limits.exceeded`), and what earlier calls say against it.
    """
    found = (*breaker_violations(request, mode, load), *over)
    by = {kind: tuple(v for v in found if v.on_violation is kind) for kind in OnViolation}
    return AdmissionGate(by[OnViolation.DENY], by[OnViolation.HOLD], by[OnViolation.FLAG])


def breaker_violations(request: AdmitRequest, mode: Mode, load: Load) -> tuple[Violation, ...]:
    """Why the breaker would not let the call run autonomously; empty where it would."""
    rule, asks = request.rule, governed(request.rule, request.effect)
    if mode is Mode.HALTED:
        return (_breaker("halted", OnViolation.DENY, "the agent is halted"),)
    if mode is Mode.QUARANTINED and request.effect is not ToolEffect.READ:
        return (_breaker("quarantined", OnViolation.DENY, "the agent is quarantined: reads only"),)
    if mode.strictness >= Mode.SUPERVISED.strictness and asks:
        return (
            _breaker(
                "supervised", OnViolation.HOLD, "the agent is supervised: a person approves each effect"
            ),
        )
    found = list(_capacity(request, load))
    if mode is Mode.PROBATION and asks:
        recovery = rule.recovery
        if load.in_flight >= recovery.probation_in_flight:
            found.append(
                _breaker("capacity", OnViolation.HOLD, f"probation: {load.in_flight} in flight already")
            )
        if request.sampled < recovery.sample:
            found.append(
                _breaker("sampled", OnViolation.HOLD, "probation: a share of calls goes to a person")
            )
    return tuple(found)


def _capacity(request: AdmitRequest, load: Load) -> tuple[Violation, ...]:
    rule = request.rule
    reserve = admission_of(rule, request.effect) == "reserve"
    if not reserve and not governed(rule, request.effect):
        return ()
    taken = load.violations + (load.reserved if reserve else 0)
    if taken < rule.max_violations:
        return ()
    counted = f"{load.violations} violations in {spoken(rule.window_s)}, {load.reserved} calls in flight"
    message = f"{counted}; {rule.max_violations} at most"
    return (_breaker("capacity", OnViolation.HOLD, message),)


def _breaker(name: str, on_violation: OnViolation, message: str) -> Violation:
    return Violation(f"breaker.{name}", "breaker", on_violation, Severity.LOW, message)
