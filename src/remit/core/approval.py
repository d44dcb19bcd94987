"""One question to people about one exact call, and its life.

    (new) ─► pending ─┬─► approved ─┬─► claimed ─┬─► executed
                      │      ▲      │      │     └─► failed      the outcome, or that it is unknown
                      │      └──────┼──────┘ given back: the call did not run
                      ├─► rejected  │
                      ├─► expired ◄─┤     the store's clock; never shown as a person's no
                      └─► cancelled ◄┘    session over, epoch raised, a stricter question took its place

An approved call that a limit refuses all the same is spent: failed, with the clause.

The theory. The record is the authority: no timeout of a waiter, lost message or closed page changes it. It is
bound to a digest of everything that matters about the call *and* to the breaker's epoch, so another argument,
tool, envelope or epoch is another question. Whoever answers names the digest that they saw; a mismatch is
refused, never guessed. One approval lets one call run once: it is claimed by compare-and-set, in the
transaction that admits the call, and comes back only where the caller says that the call did not run. Every
other end is final.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from remit.core.canonical import digest as digest_of
from remit.core.canonical import encode
from remit.core.envelope import BreakerRule
from remit.core.errors import Refused
from remit.core.types import ApprovalNeed, Json, ToolEffect

BREAK_GLASS_S = 300.0
"""A break-glass approval must be used within this time."""


class ApprovalState(StrEnum):
    """Where an approval stands."""

    PENDING = "pending"
    APPROVED = "approved"
    CLAIMED = "claimed"
    EXECUTED = "executed"
    FAILED = "failed"
    REJECTED = "rejected"
    EXPIRED = "expired"
    CANCELLED = "cancelled"

    @property
    def open(self) -> bool:
        """Pending or approved: it may still come to a run."""
        return self in (ApprovalState.PENDING, ApprovalState.APPROVED)

    @property
    def final(self) -> bool:
        """Nothing follows, but for a late word on an outcome that was unknown."""
        return not self.open and self is not ApprovalState.CLAIMED


_NEXT = {
    ApprovalState.PENDING: {
        ApprovalState.APPROVED,
        ApprovalState.REJECTED,
        ApprovalState.EXPIRED,
        ApprovalState.CANCELLED,
    },
    ApprovalState.APPROVED: {
        ApprovalState.CLAIMED,
        ApprovalState.FAILED,
        ApprovalState.EXPIRED,
        ApprovalState.CANCELLED,
    },
    ApprovalState.CLAIMED: {ApprovalState.EXECUTED, ApprovalState.FAILED, ApprovalState.APPROVED},
    ApprovalState.FAILED: {ApprovalState.EXECUTED},
}


def may_become(state: ApprovalState, after: ApprovalState) -> bool:
    """Whether the life of an approval has this arrow.

    >>> may_become(ApprovalState.REJECTED, ApprovalState.APPROVED)
    False
    """
    return after in _NEXT.get(state, ())


class Reply(StrEnum):
    """What a person says."""

    APPROVE = "approve"
    REJECT = "reject"


class OperatorRefused(Refused):
    """What an operator asked for was not done; nothing changed."""

    def __init__(self, about: str, reason: str) -> None:
        self.about = about
        """The approval or the scope."""
        self.reason = reason
        super().__init__(f"{about}: {reason}")


@dataclass(frozen=True, slots=True)
class ApprovalRequest:
    """A held call, as it is put to people."""

    id: str
    """Made by the caller; becomes the approval's id unless the same question is open already."""
    tenant: str
    agent: str
    session: str
    tool: str
    effect: ToolEffect
    args: Mapping[str, Json]
    """Canonical."""
    digest: str
    """`call_digest`, without the breaker's epoch."""
    need: ApprovalNeed = field(default_factory=ApprovalNeed)
    agent_version: str = ""
    call_id: str = ""
    envelope: str = ""
    clauses: tuple[str, ...] = ()
    """Ids of the clauses that hold the call."""
    reasons: tuple[str, ...] = ()
    """In words."""
    preview: str = ""
    """What the call would do, for people."""
    provenance: Json = None
    """Where the argument values came from (`core.codec`)."""
    requester: str = ""
    """The principal of the session."""
    owner: str = ""
    """Of the agent; neither may answer."""
    subject: str = ""
    """Whose personal data the call holds (`Event.subject`)."""
    retain_s: float | None = None
    """How long it is kept (`Event.retain_s`)."""
    max_pending: int = 3
    """Questions that may be open for the agent at a time (`BreakerRule.max_pending`)."""
    rule: BreakerRule | None = None
    """Of the agent, where it is to be remembered: a rejection is weighed by it."""
    canary: bool = False
    """A known-bad proposal that tests the approvers: it can never run, and counts for nothing."""


@dataclass(frozen=True, slots=True)
class GivenAnswer:
    """What one operator said, as the record shows it."""

    operator: str
    answer: Reply
    at: float
    authenticated: bool
    """False in a single-operator store without a signature: nobody knows who it was."""
    note: str = ""
    break_glass: bool = False


@dataclass(frozen=True, slots=True)
class ApprovalStatus:
    """What the control tables know about an approval: nothing personal."""

    id: str
    state: ApprovalState
    version: int
    """Grows with every change; an answer names the version it saw."""
    digest: str
    """What an answer must name: call and breaker epoch."""
    tenant: str
    agent: str
    session: str
    tool: str
    effect: ToolEffect
    requested_at: float
    expires_at: float
    """On the store's clock."""
    expires_s: float
    """Its length: a waiter gives up after it on its own monotonic clock, too."""
    need: ApprovalNeed
    approved_by: int = 0
    """How many different people approved so far."""
    proposals: int = 1
    """How often the same call was asked for while the question was open."""
    reason: str = ""
    """Why it ended, where no person ended it."""
    single_operator: bool = False
    """The store takes unauthenticated answers."""
    break_glass: bool = False
    review_needed: bool = False
    canary: bool = False
    event_id: str = ""
    """The `approval.requested` event, which holds the record's body."""
    call_digest: str = ""
    """`digest` without the breaker's epoch."""
    epoch: int = 0
    """The `breaker_epoch` that it was asked under, and is void with."""
    agent_version: str = ""
    call_id: str = ""
    """Of the first call that asked."""
    envelope: str = ""


@dataclass(frozen=True, slots=True)
class ApprovalRecord:
    """An approval with all that people are shown; the body comes from the journal, and may have been
    erased."""

    status: ApprovalStatus
    args: Mapping[str, Json]
    preview: str
    provenance: Json
    clauses: tuple[str, ...]
    reasons: tuple[str, ...]
    requester: str
    owner: str
    call_id: str
    envelope: str
    answers: tuple[GivenAnswer, ...] = ()
    erased: bool = False

    @property
    def id(self) -> str:
        """Of the approval."""
        return self.status.id

    @property
    def state(self) -> ApprovalState:
        """Where it stands."""
        return self.status.state


@dataclass(frozen=True, slots=True)
class Parked:
    """No question was opened: refused with a reason that the agent can act upon."""

    reason: str
    """`approval.parked` (too many open), `breaker.halted`, `breaker.quarantined`, or `approval.rejected`."""
    message: str
    retry_after_s: float | None = None
    approval_id: str | None = None
    """The rejected one, where a person has said no to this very call in this session."""


def call_digest(
    *,
    tenant: str,
    agent: str,
    session: str,
    tool: str,
    args: Mapping[str, Json],
    target: str = "",
    schema_hash: str = "",
    envelope_hash: str = "",
) -> str:
    """SHA-256 over the canonical form of all that an approval is bound to but the breaker's epoch, in hex."""
    bound: Json = {
        "tenant": tenant,
        "agent": agent,
        "session": session,
        "tool": tool,
        "args": dict(args),
        "target": target,
        "schema": schema_hash,
        "envelope": envelope_hash,
    }
    return digest_of(bound)


def approval_digest(digest: str, breaker_epoch: int) -> str:
    """What people see and sign: the call's digest bound to the breaker's epoch.

    >>> approval_digest("ab", 0) == approval_digest("ab", 1)
    False
    """
    return digest_of({"call": digest, "breaker_epoch": breaker_epoch})


def answer_message(
    approval_id: str, version: int, digest: str, answer: Reply, note: str, *, break_glass: bool
) -> bytes:
    """The bytes that an operator signs."""
    body: Json = {
        "approval": approval_id,
        "version": version,
        "digest": digest,
        "answer": answer.value,
        "note": note,
        "break_glass": break_glass,
    }
    return b"remit-approval-v1\n" + encode(body)


def satisfies(given: ApprovalNeed, asked: ApprovalNeed) -> bool:
    """Whether an approval opened with one need covers another: as many people, no wider choice of roles.

    >>> satisfies(ApprovalNeed(), ApprovalNeed(("finance",)))
    False
    """
    roles = not asked.roles or (bool(given.roles) and set(given.roles) <= set(asked.roles))
    return given.people >= asked.people and roles


def role_missing(need: ApprovalNeed, roles: Sequence[str]) -> bool:
    """Whether somebody with these roles may not answer.

    >>> role_missing(ApprovalNeed(("finance",)), ("support",)), role_missing(ApprovalNeed(), ())
    (True, False)
    """
    return bool(need.roles) and not set(need.roles) & set(roles)


def approvers(answers: Sequence[GivenAnswer]) -> int:
    """How many different people approved; all who are not authenticated are one person, whatever the name.

    >>> said = [GivenAnswer(name, Reply.APPROVE, 0.0, authenticated=False) for name in ("ann", "bob")]
    >>> approvers(said)
    1
    """
    return len({a.operator if a.authenticated else "" for a in answers if a.answer is Reply.APPROVE})


def state_after(need: ApprovalNeed, answers: Sequence[GivenAnswer]) -> ApprovalState:
    """Where a pending approval stands after these answers: one no ends it, enough different people grant
    it."""
    if any(a.answer is Reply.REJECT for a in answers):
        return ApprovalState.REJECTED
    if any(a.break_glass for a in answers) or approvers(answers) >= need.people:
        return ApprovalState.APPROVED
    return ApprovalState.PENDING
