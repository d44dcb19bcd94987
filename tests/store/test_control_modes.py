"""Every sequence of a few steps of one agent, on the real rows, against the breaker written down naively.

The model keeps lists and walks them; it has no window query, no counter that is kept up to date, no sweep but a loop.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from copy import deepcopy
from dataclasses import dataclass, field

import pytest

from remit.core import admission as core_admission
from remit.core import breaker
from remit.core.admission import Load, Settlement
from remit.core.approval import ApprovalRecord, Reply, answer_message
from remit.core.envelope import BreakerRule, Recovery
from remit.core.errors import BadInput
from remit.core.types import Mode, Severity, ToolEffect
from remit.store import control, control_approvals, control_breaker, control_hand, control_sweep
from remit.testing.control import AGENT, ControlTables, Work, call, misstep, question

SOAK = bool(os.environ.get("REMIT_SOAK"))
LOW, MEDIUM, HIGH, CRITICAL = Severity
RULE = BreakerRule(
    threshold=2,
    max_violations=2,
    window_s=10.0,
    lease_s=4.0,
    weights={LOW: 1.0, MEDIUM: 1.0},
    recovery=Recovery(
        cooldown_s=3.0, cooldown_max_s=6.0, look_back_s=100.0, approved_clean=1, probation_clean=1, sample=0.0
    ),
)
ORDER = [mode.value for mode in Mode]


@dataclass
class Held:
    """One call in flight, or whose lease ran out."""

    token: str
    lease_until: float
    approved: bool
    entered: int
    mode: str
    read: bool = False
    expired: bool = False


@dataclass
class Naive:
    """The agent, as the page says."""

    now: float = 1_000.0
    mode: str = "autonomous"
    log: list[tuple[float, int]] = field(default_factory=list)
    """(instant, how often a mode had been entered by then)"""
    trips: list[float] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    entered: int = 0
    cooldown_until: float = 0.0
    approved: int = 0
    clean: int = 0

    def recent(self) -> list[tuple[float, int]]:
        return [v for v in self.log if v[0] > self.now - 10.0]

    def enter(self, mode: str) -> None:
        self.mode, self.approved, self.clean = mode, 0, 0
        self.entered += 1

    def trip(self, mode: str) -> None:
        recent = [t for t in self.trips if t > self.now - 100.0]
        self.cooldown_until = self.now + min(6.0, 3.0 * 2 ** len(recent))
        if ORDER.index(mode) > ORDER.index(self.mode):
            self.trips.append(self.now)
            self.enter(mode)
        else:
            self.enter(self.mode)

    def violate(self, critical: bool = False) -> None:
        self.log.append((self.now, self.entered))
        since = [v for v in self.recent() if v[1] == self.entered]
        if critical:
            self.trip("quarantined")
        elif self.mode == "probation" or (self.mode == "autonomous" and len(self.recent()) >= 2):
            self.trip("supervised")
        elif self.mode == "supervised" and len(since) >= 4:
            self.trip("quarantined")
        else:
            self.approved = self.clean = 0

    def advance(self) -> None:
        if self.mode == "supervised" and self.approved >= 1 and self.now >= self.cooldown_until:
            self.enter("probation")
        elif self.mode == "probation" and self.clean >= 1 and len(self.recent()) < 2:
            self.enter("autonomous")

    def sweep(self) -> None:
        for held in self.held:
            if not held.expired and self.now >= held.lease_until:
                held.expired = True
                if not held.read:
                    self.violate()

    def admit(self, token: str, *, approved: bool = False, read: bool = False) -> str:
        self.sweep()
        self.advance()
        flying = [h for h in self.held if not (h.expired or h.approved or h.read)]
        full = len(self.recent()) + len(flying) >= 2 or (self.mode == "probation" and flying)
        if self.mode == "quarantined" and not read:
            return "refused"
        if not (approved or read) and (self.mode == "supervised" or full):
            return "hold"
        self.held.append(Held(token, self.now + 4.0, approved, self.entered, self.mode, read))
        return "admitted"

    def settle(self, outcome: str) -> str:
        held = self.held.pop(0)
        fresh = held.entered == self.entered and held.mode != "autonomous"
        if held.expired:
            if held.read and outcome == "violation":
                self.violate()
            return outcome
        if outcome == "violation":
            self.violate()
        elif outcome == "clean" and fresh:
            self.approved += self.mode == "supervised" and held.approved
            self.clean += self.mode == "probation" and not held.read
            self.advance()
        self.sweep()
        return outcome


class Real:
    """The store, spoken to in the same words."""

    def __init__(self) -> None:
        self.world = ControlTables()
        for name in ("ann", "bob"):
            self.world.hire(name)
        self.db = self.world.connection
        self.steps = 0

    def admit(self, naive: Naive, token: str, effect: ToolEffect = ToolEffect.IRREVERSIBLE) -> str:
        return control.admit(self.tx(naive), call(token, rule=RULE, sampled=0.9, effect=effect)).status

    def approved(self, naive: Naive, token: str) -> str:
        asked = question(f"q{token}", token, rule=RULE)
        record = control_approvals.request_approval(self.tx(naive), asked)
        if isinstance(record, ApprovalRecord):
            seen = record.status
            message = answer_message(seen.id, seen.version, seen.digest, Reply.APPROVE, "", break_glass=False)
            control_approvals.answer(
                self.tx(naive),
                seen.id,
                Reply.APPROVE,
                operator="ann",
                seen_digest=seen.digest,
                version=seen.version,
                signature=self.world.keys["ann"].sign(message),
            )
        return self.admit(naive, token)

    def settle(self, naive: Naive, outcome: str, *, ran: bool = True) -> str:
        told = ((LOW, "pay.output"),) if outcome == "violation" else ()
        control.settle(self.tx(naive), Settlement(naive.held[0].token, outcome, told, ran))
        return outcome

    def misstep(self, naive: Naive, token: str, severity: Severity) -> str:
        control.count_violation(self.tx(naive), misstep(token, severity, rule=RULE))
        return severity.value

    def reset(self, naive: Naive, token: str) -> str:
        target = Mode.SUPERVISED if naive.mode == "quarantined" else Mode.AUTONOMOUS
        actors = [self.world.actor(name, token, AGENT, target, reason="r") for name in ("ann", "bob")]
        with suppress(BadInput):
            control_hand.reset(self.tx(naive), AGENT, id=token, actors=actors, reason="r", mode=target)
        return "reset"

    def tx(self, naive: Naive) -> Work:
        return Work(self.db, naive.now, {})

    def facts(self, naive: Naive) -> tuple[str, int, int, int, int]:
        mode = control_breaker.effective_mode(self.db, "acme", "bot", "", None, naive.now)[0].value
        counts = control_breaker.counts(self.db, AGENT, naive.now - 10.0)
        (flying,) = self.db.execute(
            "SELECT count(*) FROM breaker_reservation WHERE state = 'in_flight'"
        ).fetchone()
        state = control_breaker.load_one(self.db, AGENT).state
        return mode, sum(counts.values()), flying, state.approved_clean, state.probation_clean


def _said(word: str, _: None) -> str:
    return word


def _tick(seconds: float) -> Callable[[Real, Naive, str], tuple[str, str]]:
    def step(real: Real, naive: Naive, token: str) -> tuple[str, str]:
        naive.now += seconds
        return "tick", "tick"

    return step


def _settle(outcome: str) -> Callable[[Real, Naive, str], tuple[str, str]]:
    return lambda r, n, t: (r.settle(n, outcome), n.settle(outcome))


def _not_run(real: Real, naive: Naive, token: str) -> tuple[str, str]:
    return real.settle(naive, "error", ran=False), naive.settle("error")


def _reset(real: Real, naive: Naive, token: str) -> tuple[str, str]:
    said = real.reset(naive, token)
    if naive.mode != "autonomous":
        naive.enter("supervised" if naive.mode == "quarantined" else "autonomous")
        naive.cooldown_until = naive.now + 3.0
    return said, "reset"


STEPS: dict[str, Callable[[Real, Naive, str], tuple[str, str]]] = {
    "admit": lambda r, n, t: (r.admit(n, t), n.admit(t)),
    "approved": lambda r, n, t: (r.approved(n, t), n.admit(t, approved=True)),
    "read": lambda r, n, t: (r.admit(n, t, ToolEffect.READ), n.admit(t, read=True)),
    "violates": _settle("violation"),
    "clean": _settle("clean"),
    "refused": lambda r, n, t: (r.misstep(n, t, LOW), _said("low", n.violate())),
    "tick": _tick(3.0),
    "window": _tick(10.0),
    "critical": lambda r, n, t: (r.misstep(n, t, CRITICAL), _said("critical", n.violate(critical=True))),
    "reset": _reset,
    "error": _settle("error"),
    "not run": _not_run,
}
NEEDS_A_CALL = {"violates", "clean", "error", "not run"}


class Differs(Exception):
    """Model and code disagree."""


def search(depth: int, begin: tuple[str, ...] = ()) -> int:
    """Try every sequence of at most *depth* steps that follows *begin*, and say how many steps that took."""
    real, naive = Real(), Naive()
    for n, name in enumerate(begin):
        _step(real, naive, (*begin[:n], name), f"b{n}")
    real.world.connection.execute("SAVEPOINT begun")
    _explore(real, naive, begin, depth)
    return real.steps


def _step(real: Real, naive: Naive, path: tuple[str, ...], token: str) -> None:
    got, expected = STEPS[path[-1]](real, naive, token)
    flying = sum(not h.expired for h in naive.held)
    facts = (naive.mode, len(naive.recent()), flying, naive.approved, naive.clean)
    if got != expected or real.facts(naive) != facts:
        raise Differs(f"{' > '.join(path)}: {got}, {real.facts(naive)}; expected {expected}, {facts}")


def _explore(real: Real, naive: Naive, path: tuple[str, ...], depth: int) -> None:
    for name in STEPS:
        if name in NEEDS_A_CALL and not naive.held:
            continue
        after = deepcopy(naive)
        real.db.execute(f"SAVEPOINT d{depth}")
        real.steps += 1
        try:
            _step(real, after, (*path, name), f"t{real.steps}")
            if depth > 1:
                _explore(real, after, (*path, name), depth - 1)
        finally:
            real.db.execute(f"ROLLBACK TO d{depth}")
            real.db.execute(f"RELEASE d{depth}")


BEGINNINGS = [
    (),
    ("refused", "refused"),
    ("refused", "refused", "tick", "approved", "clean"),
    ("refused", "refused", "tick", "approved", "clean", "window"),
    ("refused", "refused", "refused", "refused", "refused"),
]
"""From the start, and from the middle of each mode."""


@pytest.mark.parametrize("begin", BEGINNINGS, ids=lambda b: "-".join(b) or "anew")
def test_every_short_sequence_moves_the_mode_as_the_page_says(begin: tuple[str, ...]):
    assert search(5 if SOAK else 3, begin) > 400


def forget_reservations(patch: pytest.MonkeyPatch) -> None:
    real = control._load
    patch.setattr(control, "_load", lambda *a: Load(real(*a).violations, 0, real(*a).in_flight))


def forget_leases(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(control_sweep, "_expire_leases", lambda tx: ())


def forget_unknown_outcomes(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(control_breaker, "violated", lambda tx, entry, rule: _unless_unknown(tx, entry, rule))


_VIOLATED = control_breaker.violated


def _unless_unknown(tx: Work, entry: control_breaker.Violating, rule: BreakerRule) -> object:
    return () if entry.kind == "unknown-outcome" else _VIOLATED(tx, entry, rule)


def empty_the_log_on_recovery(patch: pytest.MonkeyPatch) -> None:
    real = control_breaker.move

    def move(tx: Work, row: object, state: breaker.ScopeState, **fields: object) -> object:
        if state.mode is Mode.PROBATION:
            tx.connection.execute("DELETE FROM breaker_violation")
        return real(tx, row, state, **fields)  # type: ignore[arg-type]

    patch.setattr(control_breaker, "move", move)


def count_in_fixed_windows(patch: pytest.MonkeyPatch) -> None:
    real = control_breaker.counts
    patch.setattr(
        control_breaker, "counts", lambda db, scope, after: real(db, scope, (after + 10.0) // 10.0 * 10.0 - 1)
    )


def forget_the_cool_down(patch: pytest.MonkeyPatch) -> None:
    real = breaker.advanced
    patch.setattr(breaker, "advanced", lambda state, rule, window, at: real(state, rule, window, at + 1e6))


def take_unapproved_evidence(patch: pytest.MonkeyPatch) -> None:
    real = breaker.after_clean
    patch.setattr(breaker, "after_clean", lambda *a, **k: real(*a, **{**k, "approved": True}))


def take_old_evidence(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(control_breaker, "entered_of", lambda rows: 0)


def forget_one_in_flight_in_probation(patch: pytest.MonkeyPatch) -> None:
    real = control._load
    patch.setattr(control, "_load", lambda *a: Load(real(*a).violations, real(*a).reserved, 0))


def let_probation_slip(patch: pytest.MonkeyPatch) -> None:
    real = breaker.after_violation

    def after(state: breaker.ScopeState, *a: object, **k: object) -> breaker.ScopeState:
        return state if state.mode is Mode.PROBATION else real(state, *a, **k)  # type: ignore[arg-type]

    patch.setattr(breaker, "after_violation", after)


def never_quarantine_by_count(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(breaker, "proposals_before_quarantine", lambda rule: 10**6)


def forget_doubling(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(control_breaker, "trips", lambda *_: 0)


def let_quarantine_act(patch: pytest.MonkeyPatch) -> None:
    real = core_admission.breaker_violations
    patch.setattr(
        core_admission,
        "breaker_violations",
        lambda request, mode, load: real(
            request, Mode.SUPERVISED if mode is Mode.QUARANTINED else mode, load
        ),
    )


PLANTED: list[tuple[Callable[[pytest.MonkeyPatch], None], tuple[str, ...]]] = [
    (forget_reservations, ()),
    (forget_leases, ()),
    (forget_unknown_outcomes, ()),
    (empty_the_log_on_recovery, BEGINNINGS[1]),
    (count_in_fixed_windows, ("tick",)),
    (forget_the_cool_down, BEGINNINGS[1]),
    (take_unapproved_evidence, BEGINNINGS[1]),
    (take_old_evidence, (*BEGINNINGS[1], "approved", "reset", "refused")),
    (forget_one_in_flight_in_probation, BEGINNINGS[3]),
    (let_probation_slip, BEGINNINGS[2]),
    (never_quarantine_by_count, BEGINNINGS[1]),
    (forget_doubling, BEGINNINGS[2]),
    (let_quarantine_act, ("critical",)),
]


@contextmanager
def planted(bug: Callable[[pytest.MonkeyPatch], None]) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        bug(patch)
        yield


@pytest.mark.parametrize(("bug", "begin"), PLANTED, ids=lambda x: getattr(x, "__name__", ""))
def test_the_search_finds_a_planted_bug(bug: Callable[[pytest.MonkeyPatch], None], begin: tuple[str, ...]):
    with planted(bug), pytest.raises(Differs):
        for depth in range(1, 5):
            search(depth, begin)
