"""Every sequence of a few operations on approvals, on the real store code, against a dictionary.

Small-scope exhaustive search: bugs in a protocol show in few steps, and few steps can all be tried. The model below is
the rule book in its plainest form, with no table, index or sweep. Each planted bug must make the two differ, or the
search is blind.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace

import pytest

from remit.core.admission import Settlement
from remit.core.approval import (
    ApprovalRecord,
    ApprovalState,
    OperatorRefused,
    Reply,
    answer_message,
    call_digest,
)
from remit.core.envelope import BreakerRule
from remit.core.types import ApprovalNeed, Mode
from remit.store import approval_rows, control, control_approvals, control_hand, operators
from remit.testing.control import AGENT, ControlTables, Work, call, question

SOAK = bool(os.environ.get("REMIT_SOAK"))
NEED = ApprovalNeed(("finance",), expires_s=50.0)
RULE = BreakerRule(lease_s=1e6, max_pending=3)
STATES = ApprovalState


@dataclass
class Asked:
    """One question in the model."""

    id: str
    envelope: int
    epoch: int
    until: float
    state: str = "pending"


@dataclass
class Model:
    """What has to be true, in a dictionary's worth of state."""

    now: float = 1_000.0
    envelope: int = 0
    epoch: int = 0
    asked: list[Asked] = field(default_factory=list)
    running: list[tuple[str, Asked]] = field(default_factory=list)

    def copy(self) -> "Model":
        asked = [replace(one) for one in self.asked]
        by_id = {one.id: one for one in asked}
        return Model(
            self.now,
            self.envelope,
            self.epoch,
            asked,
            [(token, by_id[one.id]) for token, one in self.running],
        )

    def settle_time(self) -> None:
        for one in self.asked:
            if one.state in ("pending", "approved") and self.now >= one.until:
                one.state = "expired"

    def of_call(self, *states: str) -> list[Asked]:
        return [one for one in self.asked if one.envelope == self.envelope and one.state in states]

    def ask(self, id: str) -> str:
        if self.of_call("rejected"):
            return "rejected"
        if found := self.of_call("pending", "approved", "claimed"):
            return found[0].state
        if sum(one.state == "pending" for one in self.asked) >= 3:
            return "parked"
        self.asked.append(Asked(id, self.envelope, self.epoch, self.now + 50.0))
        return "pending"

    def answer(self, state: str) -> str:
        last = self.asked[-1]
        if last.state != "pending":
            return "refused"
        last.state = state
        return state

    def use(self, token: str) -> str:
        if found := self.of_call("approved"):
            found[0].state = "claimed"
            self.running.append((token, found[0]))
            return "admitted"
        return "refused" if self.of_call("rejected") else "hold"

    def done(self) -> str:
        self.running.pop()[1].state = "executed"
        return "done"

    def stop(self) -> str:
        self.epoch += 1
        for one in self.asked:
            if one.state in ("pending", "approved"):
                one.state = "cancelled"
        return "stopped"


class Searched:
    """The real code, driven by the same words as the model."""

    def __init__(self) -> None:
        self.world = ControlTables()
        for name, role in (("fin", "finance"), ("fin2", "finance"), ("sup", "support"), ("own", "finance")):
            self.world.hire(name, role)
        self.db = self.world.connection
        self.steps = 0

    def tx(self, model: Model) -> Work:
        return Work(self.db, model.now, {})

    def digest(self, model: Model, about: str = "A") -> str:
        return call_digest(
            tenant="acme",
            agent="bot",
            session="s",
            tool="pay",
            args={"n": about},
            envelope_hash=f"e{model.envelope}",
        )

    def ask(self, model: Model, id: str) -> str:
        request = question(
            id, "A", digest=self.digest(model), need=NEED, owner="own", max_pending=RULE.max_pending
        )
        record = control_approvals.request_approval(self.tx(model), request)
        return record.state.value if isinstance(record, ApprovalRecord) else "parked"

    def answer(
        self, model: Model, who: str, reply: Reply = Reply.APPROVE, *, key: str = "", digest: str = ""
    ) -> str:
        last = model.asked[-1].id
        seen = self.world.status(last)
        message = answer_message(last, seen.version, digest or seen.digest, reply, "n", break_glass=False)
        with suppress(OperatorRefused):
            status, _ = control_approvals.answer(
                self.tx(model),
                last,
                reply,
                operator=who,
                seen_digest=digest or seen.digest,
                version=seen.version,
                signature=self.world.keys[key or who].sign(message),
                note="n",
            )
            return status.state.value
        return "refused"

    def use(self, model: Model, token: str, about: str = "A") -> str:
        request = call(token, digest=self.digest(model, about), rule=RULE, needs_approval=NEED, call_id="A")
        return control.admit(self.tx(model), request).status

    def done(self, model: Model) -> str:
        control.settle(self.tx(model), Settlement(model.running[-1][0], "clean"))
        return "done"

    def stop(self, model: Model, id: str) -> str:
        control_hand.trip(self.tx(model), AGENT, Mode.QUARANTINED, id=f"{id}t", actor="fin", reason="r")
        actors = [self.world.actor(n, f"{id}r", AGENT, Mode.SUPERVISED, reason="r") for n in ("fin", "fin2")]
        control_hand.reset(self.tx(model), AGENT, id=f"{id}r", actors=actors, reason="r")
        return "stopped"

    def states(self, model: Model) -> dict[str, str]:
        found = self.db.execute("SELECT id, state, expires_at FROM approval").fetchall()
        overdue = {"pending", "approved"}
        return {i: "expired" if s in overdue and model.now >= until else s for i, s, until in found}


Step = Callable[[Searched, Model, str], tuple[str, str]]
"""Does one operation to both, under a fresh id, and returns what each said."""


def both(expected: str, got: str) -> tuple[str, str]:
    return expected, got


def tick(real: Searched, model: Model, id: str) -> tuple[str, str]:
    model.now += 50.0
    return "ticked", "ticked"


def new_envelope(real: Searched, model: Model, id: str) -> tuple[str, str]:
    model.envelope += 1
    return "changed", "changed"


# The real code is asked first: it reads the model's state before the model changes it.
STEPS: dict[str, Step] = {
    "ask": lambda r, m, i: (r.ask(m, i), m.ask(i)),
    "approve": lambda r, m, i: (r.answer(m, "fin"), m.answer("approved")),
    "use": lambda r, m, i: (r.use(m, i), m.use(i)),
    "tick": tick,
    "stop": lambda r, m, i: (r.stop(m, i), m.stop()),
    "envelope": new_envelope,
    "use another": lambda r, m, i: (r.use(m, i, "B"), "hold"),
    "reject": lambda r, m, i: (r.answer(m, "fin", Reply.REJECT), m.answer("rejected")),
    "wrong role": lambda r, m, i: (r.answer(m, "sup"), "refused"),
    "owner": lambda r, m, i: (r.answer(m, "own"), "refused"),
    "other digest": lambda r, m, i: (r.answer(m, "fin", digest="other"), "refused"),
    "forged": lambda r, m, i: (r.answer(m, "fin", key="sup"), "refused"),
    "done": lambda r, m, i: (r.done(m), m.done()),
}
NEEDS_A_QUESTION = {"approve", "reject", "wrong role", "owner", "other digest", "forged"}


class Differs(Exception):
    """Model and code disagree."""


def search(depth: int) -> int:
    """Try every sequence of at most *depth* operations, and say how many steps that took."""
    real = Searched()
    _explore(real, Model(), (), depth)
    return real.steps


def _explore(real: Searched, model: Model, path: tuple[str, ...], depth: int) -> None:
    for name, step in STEPS.items():
        if (name in NEEDS_A_QUESTION and not model.asked) or (name == "done" and not model.running):
            continue
        after, here = model.copy(), (*path, name)
        after.settle_time()
        real.db.execute(f"SAVEPOINT d{depth}")
        real.steps += 1
        try:
            got, expected = step(real, after, f"{len(path)}{name[0]}{real.steps}")
            after.settle_time()
            states = {one.id: one.state for one in after.asked}
            if got != expected or real.states(after) != states:
                raise Differs(
                    f"{' > '.join(here)}: said {got}, expected {expected}; {real.states(after)}, {states}"
                )
            if depth > 1:
                _explore(real, after, here, depth - 1)
        finally:
            real.db.execute(f"ROLLBACK TO d{depth}")
            real.db.execute(f"RELEASE d{depth}")


def test_every_short_sequence_does_what_the_rule_book_says():
    steps = search(5 if SOAK else 4)

    assert steps > (30_000 if SOAK else 3_000)


def forget_digest(patch: pytest.MonkeyPatch) -> None:
    real = approval_rows.select
    patch.setattr(
        approval_rows, "of_call", lambda db, session, _: real(db, "session = ? AND NOT canary", (session,))
    )


def forget_expiry(patch: pytest.MonkeyPatch) -> None:
    real = approval_rows.claimable
    patch.setattr(approval_rows, "expire", lambda tx, **_: 0)
    patch.setattr(approval_rows, "claimable", lambda found, epoch, need, now: real(found, epoch, need, 0.0))


def forget_claim(patch: pytest.MonkeyPatch) -> None:
    real = approval_rows.become

    def become(tx: Work, one: object, state: ApprovalState, **fields: object) -> None:
        if state is not STATES.CLAIMED:
            real(tx, one, state, **fields)  # type: ignore[arg-type]

    patch.setattr(approval_rows, "become", become)


def forget_epoch(patch: pytest.MonkeyPatch) -> None:
    real = approval_rows.claimable
    patch.setattr(approval_rows, "cancel_within", lambda *_: 0)
    patch.setattr(approval_rows, "claimable", lambda found, _, need, now: real(found, _any(found), need, now))


def _any(found: list[object]) -> int:
    return found[0].epoch if found else 0  # type: ignore[attr-defined]


def forget_owner(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(control_approvals, "_hidden", lambda approval_id, name: os.urandom(8).hex())


def forget_seen_digest(patch: pytest.MonkeyPatch) -> None:
    real = control_approvals._refuse_stale
    patch.setattr(
        control_approvals, "_refuse_stale", lambda tx, one, _, version: real(tx, one, one.digest, version)
    )


def forget_role(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(control_approvals, "role_missing", lambda need, roles: False)


def forget_signature(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(operators, "verified", lambda *_: True)


def forget_envelope(patch: pytest.MonkeyPatch) -> None:
    real = Searched.digest
    patch.setattr(
        Searched, "digest", lambda self, model, about="A": real(self, replace(model, envelope=0), about)
    )


def forget_rejection(patch: pytest.MonkeyPatch) -> None:
    real = approval_rows.of_call
    patch.setattr(
        approval_rows, "of_call", lambda *a: [one for one in real(*a) if one.state is not STATES.REJECTED]
    )


PLANTED = [
    *(forget_digest, forget_expiry, forget_claim, forget_epoch, forget_owner, forget_seen_digest),
    *(forget_role, forget_signature, forget_envelope, forget_rejection),
]


@contextmanager
def planted(bug: Callable[[pytest.MonkeyPatch], None]) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        bug(patch)
        yield


@pytest.mark.parametrize("bug", PLANTED, ids=lambda bug: bug.__name__)
def test_the_search_finds_a_planted_bug(bug: Callable[[pytest.MonkeyPatch], None]):
    with planted(bug), pytest.raises(Differs):
        for depth in range(1, 5):
            search(depth)
