"""A small world for the tests of human control: the control tables alone, and a clock that stands still.

It holds to the contract of `store.transaction`: the lock first, then the clock, and work that raises is
undone alone. It is no journal: events are kept in memory, unchained.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import apsw
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from remit.core.admission import Admission, AdmitRequest, Misstep, Settlement
from remit.core.approval import (
    ApprovalRecord,
    ApprovalRequest,
    ApprovalStatus,
    Parked,
    Reply,
    answer_message,
    call_digest,
)
from remit.core.breaker import Actor, ModeChange, mode_message
from remit.core.envelope import BreakerRule
from remit.core.errors import BadInput
from remit.core.event import Event
from remit.core.scope import Scope, ScopeKind
from remit.core.types import Json, Mode, Severity, ToolEffect
from remit.store import control, control_approvals, control_breaker, control_reviews, operators

T = TypeVar("T")

AGENT = Scope(ScopeKind.AGENT, "acme", "bot")


@dataclass(slots=True)
class Work:
    """One transaction."""

    connection: apsw.Connection
    now: float
    journal: dict[str, Event]
    written: list[Event] = field(default_factory=list)

    @property
    def reading(self) -> apsw.Connection:
        """The same."""
        return self.connection

    def append(self, event: Event) -> int:
        """Keep the event; the same id twice must say the same."""
        known = self.journal.get(event.id) or next((e for e in self.written if e.id == event.id), None)
        if known is not None and known.body != event.body:
            raise BadInput("event", f"{event.id} is known with another body")
        if known is None:
            self.written.append(event)
        return len(self.journal) + len(self.written)

    def seal(
        self, content: bytes, bound: bytes, tenant: str, subject: str, retain_s: float | None
    ) -> tuple[bytes, bytes]:
        """Kept as it is: this world has no keys."""
        del bound, tenant, subject, retain_s
        return b"", content

    def unseal(self, key_id: bytes, sealed: bytes, bound: bytes) -> bytes | None:
        """As it was kept."""
        del key_id, bound
        return sealed


class ControlTables:
    """The control tables in a file or in memory.

    Args:
        path: of the file; in memory without one.
        clock: gives the time; without one the world's own `now` is the time, and stands still.
    """

    def __init__(self, path: Path | None = None, clock: Callable[[], float] | None = None) -> None:
        self.connection = apsw.Connection(str(path) if path else ":memory:")
        self.connection.set_busy_timeout(60_000)
        if path:
            self.connection.pragma("journal_mode", "wal")
            self.connection.pragma("synchronous", "off")
        self.now = 1_000.0
        self.journal: dict[str, Event] = {}
        self.keys: dict[str, Ed25519PrivateKey] = {}
        self._clock = clock or (lambda: self.now)
        self.connection.execute("BEGIN IMMEDIATE")
        self.connection.execute(control.DDL)
        self.connection.execute("COMMIT")

    def run(self, work: Callable[[Work], T]) -> T:
        """Run one piece of work in a transaction of its own."""
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            tx = Work(self.connection, self._clock(), self.journal)
            found = work(tx)
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")
        self.journal.update({event.id: event for event in tx.written})
        return found

    def kinds(self) -> list[str]:
        """Kinds of all events so far, in order."""
        return [event.kind for event in self.journal.values()]

    def load(self, event_id: str) -> Mapping[str, Json] | None:
        """The body of an event."""
        event = self.journal.get(event_id)
        return None if event is None else event.body

    # ------------------------------------------------------------------------------------------ acts
    def admit(self, request: AdmitRequest) -> Admission:
        """`control.admit` in a transaction of its own."""
        return self.run(lambda tx: control.admit(tx, request))

    def settle(
        self, token: str, outcome: str = "clean", *severities: Severity, ran: bool = True
    ) -> tuple[ModeChange, ...]:
        """`control.settle` with violations of these severities."""
        told = tuple((severity, "tool.output") for severity in severities)
        settlement = Settlement(token, outcome if not severities else "violation", told, ran)
        return self.run(lambda tx: control.settle(tx, settlement))

    def misstep(self, misstep: Misstep) -> tuple[ModeChange, ...]:
        """`control.count_violation` in a transaction of its own."""
        return self.run(lambda tx: control.count_violation(tx, misstep))

    def sweep(self) -> tuple[ModeChange, ...]:
        """`control.sweep` in a transaction of its own."""
        return self.run(control.sweep)

    def ask(self, request: ApprovalRequest, *, single_operator: bool = False) -> ApprovalRecord | Parked:
        """`control_approvals.request_approval`."""
        return self.run(
            lambda tx: control_approvals.request_approval(
                tx, request, single_operator=single_operator, load=self.load
            )
        )

    def hire(self, name: str, *roles: str) -> str:
        """Make an operator with a key known."""
        self.keys[name] = Ed25519PrivateKey.generate()
        public = self.keys[name].public_key().public_bytes_raw()
        self.run(lambda tx: operators.add(tx, name, roles, public, act=f"hire-{name}"))
        return name

    def answer(
        self,
        approval_id: str,
        operator: str,
        reply: Reply = Reply.APPROVE,
        *,
        note: str = "",
        break_glass: bool = False,
    ) -> ApprovalStatus:
        """A signed answer to what the operator sees right now."""
        note = note or ("why not" if reply is Reply.REJECT or break_glass else "")
        seen = self.status(approval_id)
        message = answer_message(approval_id, seen.version, seen.digest, reply, note, break_glass=break_glass)
        signature = self.keys[operator].sign(message)
        return self.run(
            lambda tx: control_approvals.answer(
                tx,
                approval_id,
                reply,
                operator=operator,
                seen_digest=seen.digest,
                version=seen.version,
                signature=signature,
                note=note,
                break_glass=break_glass,
            )
        )[0]

    def review(self, review_id: str, operator: str, note: str) -> None:
        """Have somebody close a review, signed where they have a key."""
        message = control_reviews.review_message(review_id, note)
        signature = self.keys[operator].sign(message) if operator in self.keys else None
        self.run(lambda tx: control_reviews.close_review(tx, review_id, operator, note, signature=signature))

    def actor(
        self, name: str, act: str, scope: Scope, mode: Mode, *, reason: str, until: float | None = None
    ) -> Actor:
        """An operator's signature under a change of mode."""
        changes = control_breaker.load_one(self.connection, scope).changes
        message = mode_message(act, scope, mode, reason=reason, until=until, changes=changes)
        return Actor(name, self.keys[name].sign(message))

    # ------------------------------------------------------------------------------------------ looks
    def status(self, approval_id: str) -> ApprovalStatus:
        """The approval as it stands."""
        found = control_approvals.status(self.connection, approval_id)
        assert found is not None  # noqa: S101 - a test asks for what it made
        return found

    def mode(self, effect: ToolEffect = ToolEffect.IRREVERSIBLE, version: str = "") -> Mode:
        """In force for a call of the agent."""
        return control_breaker.effective_mode(self.connection, "acme", "bot", version, effect, self._clock())[
            0
        ]


_BASE_CALL = AdmitRequest(
    token="t",  # noqa: S106 - an id
    tenant="acme",
    agent="bot",
    session="s",
    tool="pay",
    effect=ToolEffect.IRREVERSIBLE,
    rule=BreakerRule(),
)


def call(token: str, **fields: Any) -> AdmitRequest:
    """An irreversible call of the agent `bot` of `acme`; its digest is its token's unless given."""
    digest = fields.pop("digest", None) or digest_of(token)
    return replace(_BASE_CALL, token=token, digest=digest, call_id=fields.pop("call_id", token), **fields)


def digest_of(name: str, session: str = "s") -> str:
    """The digest of a call to `pay` with one argument."""
    return call_digest(tenant="acme", agent="bot", session=session, tool="pay", args={"n": name})


def question(id: str, about: str, **fields: Any) -> ApprovalRequest:
    """What people are asked about `call(about)`."""
    session = fields.get("session", "s")
    given: dict[str, Any] = {
        "tenant": "acme",
        "agent": "bot",
        "session": session,
        "tool": "pay",
        "effect": ToolEffect.IRREVERSIBLE,
        "args": {"n": about},
        "digest": digest_of(about, session),
        "call_id": about,
    }
    return ApprovalRequest(id=id, **(given | fields))


def misstep(
    id: str, severity: Severity = Severity.MEDIUM, clause: str = "pay.small", **fields: Any
) -> Misstep:
    """A denied call of the same agent."""
    given: dict[str, Any] = {"tenant": "acme", "agent": "bot", "session": "s", "rule": BreakerRule()}
    return Misstep(id=id, violations=((severity, clause),), **(given | fields))
