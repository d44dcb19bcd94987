"""The circuit breaker for autonomy: how much an agent may do without asking, and what changes that.

The theory, in five rules.

1. **Five modes, strictly decreasing.** AUTONOMOUS: calls inside the envelope run. PROBATION: they run, a few
   at a time, and a random share still goes to a person. SUPERVISED: a person approves every effect, one by
   one; reads go on. QUARANTINED: reads only, no new session. HALTED: nothing. A call has the strictest mode
   of its scopes.
2. **Down by count or at once.** The weights of all violations in an exact sliding window reach a threshold:
   SUPERVISED. *Slips* (low violations refused before any effect: a malformed call, a condition that failed)
   weigh at most half of the threshold together, so that careless calls of many honest sessions never trip by
   themselves, and still make a real violation trip sooner. One critical violation: QUARANTINED. One violation
   in PROBATION: SUPERVISED. Many violating proposals while SUPERVISED, or mostly rejected ones: QUARANTINED.
   Violations leave the window by age only.
3. **Up by evidence, never by time alone.** SUPERVISED is left for PROBATION after a cool-down *and*
   `approved_clean` human-approved actions in a row with a clean outcome; PROBATION for AUTONOMOUS after
   `probation_clean` clean actions without a violation, once the window is below the threshold again. The
   cool-down doubles with each trip in the look-back period, up to a cap. QUARANTINED and HALTED are left by
   hand only.
4. **By hand: stricter takes one person, looser two.** A force covers the automatic mode and ends. A strict
   one that ends leaves at least SUPERVISED behind; a loose one that ends, or under which the breaker trips,
   gives way to the automatic mode.
5. **Entering QUARANTINED or HALTED raises `breaker_epoch`**, which voids every token and open approval below
   it.

Everything here is values in, values out. `store.control` keeps the rows and calls these rules under one lock.

A state machine in five rows (rule 2 and 3), from a state with one violation short of a trip:

>>> rule = BreakerRule(threshold=5)
>>> full = Window({Severity.MEDIUM: 3}, since_entry=1)
>>> tripped = after_violation(ScopeState(), rule, full, Severity.MEDIUM, at=100.0, counting=True)
>>> tripped.mode.value, tripped.cooldown_until
('supervised', 220.0)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import fsum, inf

from remit.core.canonical import encode
from remit.core.envelope import BreakerRule
from remit.core.errors import BadInput
from remit.core.limits import spoken
from remit.core.scope import Scope
from remit.core.types import Json, Mode, Severity, ToolEffect

COLLAPSE_S = 30.0
"""Refused proposals with the same clause, arguments and session within this time count once."""

ANSWERS_KEPT = 10
"""n of the denied ratio: so many of people's latest answers, all given in SUPERVISED, are looked at
together."""

DENIED_SHARE = 0.5
"""r of the denied ratio: a larger share of rejections among the last `ANSWERS_KEPT` quarantines."""

DEFAULT_WEIGHTS = {Severity.LOW: 1.0, Severity.MEDIUM: 2.0}
"""HIGH and CRITICAL weigh the threshold itself, so that one is enough."""

DEFAULT_ADMISSION = {
    ToolEffect.READ: "count",
    ToolEffect.WRITE: "count",
    ToolEffect.IRREVERSIBLE: "reserve",
    ToolEffect.EGRESS: "reserve",
}


@dataclass(frozen=True, slots=True)
class Force:
    """A mode set by hand, in place of the automatic one, until it ends."""

    mode: Mode
    until: float
    """Instant on the store's clock."""
    by: tuple[str, ...]
    reason: str
    break_glass: bool = False
    """One person loosened alone; somebody has to review it."""
    id: str = ""
    """Made by the caller."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody who sets a mode by hand."""

    name: str
    signature: bytes | None = None
    """Over `mode_message`; None where nothing was signed, which is enough to be stricter."""


def mode_message(
    id: str, scope: Scope, mode: Mode, *, reason: str, until: float | None, changes: int
) -> bytes:
    """The bytes that a person signs to set a mode by hand.

    Args:
        id: of the act, made by the caller.
        until: end of a force; None for a reset, which has none.
        changes: `changes` of the scope as the person saw it, so that an old signature cannot be used again.
    """
    body: Json = {
        "id": id,
        "scope": scope.id,
        "mode": mode.value,
        "reason": reason,
        "until": until,
        "changes": changes,
    }
    return b"remit-mode-v1\n" + encode(body)


@dataclass(frozen=True, slots=True)
class ScopeState:
    """Where one scope stands. A scope that was never touched is as the defaults say."""

    mode: Mode = Mode.AUTONOMOUS
    """What the automatic rules give; `current` also looks at the force."""
    since: float = 0.0
    cooldown_until: float = 0.0
    approved_clean: int = 0
    """Human-approved actions in a row with a clean outcome, since SUPERVISED was entered."""
    probation_clean: int = 0
    """Clean effects since PROBATION was entered."""
    answers: str = ""
    """People's latest answers in SUPERVISED, oldest first: `a` approved, `r` rejected."""
    force: Force | None = None
    reason: str = ""
    """Why the mode is what it is, for people."""
    entered: int = 0
    """How often the automatic mode was entered anew: evidence from before counts for nothing."""


@dataclass(frozen=True, slots=True)
class Window:
    """What the sliding logs say about one scope at one instant."""

    counts: Mapping[Severity, int] = field(default_factory=dict)
    """Violations of each severity younger than `window_s`."""
    since_entry: int = 0
    """Those among them that came after the present mode was entered, slips left out."""
    trips: int = 0
    """Trips younger than `look_back_s`, not counting one that is about to happen."""
    slips: int = 0
    """Those among `counts` that are slips: low, and refused before any effect."""


@dataclass(frozen=True, slots=True)
class ModeChange:
    """One scope changed its mode, or would look different to a person: what `breaker.changed` tells."""

    scope: Scope
    before: Mode
    after: Mode
    reason: str
    at: float
    breaker_epoch: int
    """Of the scope, after the change."""
    actors: tuple[str, ...] = ()
    """Who did it by hand; empty for the automatic rules."""
    sessions: tuple[str, ...] = ()
    """Sessions with a violation in the window: the replay cases of a trip."""
    break_glass: bool = False
    event_id: str = ""


def stricter(one: Mode, other: Mode) -> Mode:
    """The mode that permits less.

    >>> stricter(Mode.PROBATION, Mode.HALTED).value
    'halted'
    """
    return one if one.strictness >= other.strictness else other


def strictest(modes: Iterable[Mode]) -> Mode:
    """The mode that permits least; AUTONOMOUS where there is none."""
    return max(modes, key=lambda mode: mode.strictness, default=Mode.AUTONOMOUS)


def weight_of(rule: BreakerRule, severity: Severity) -> float:
    """What one violation adds to the window's sum.

    >>> weight_of(BreakerRule(threshold=4), Severity.HIGH)
    4.0
    """
    given = rule.weights.get(severity)
    return float(DEFAULT_WEIGHTS.get(severity, rule.threshold) if given is None else given)


def weight_sum(rule: BreakerRule, counts: Mapping[Severity, int]) -> float:
    """The weights of a window's violations, added up; the same on every Python and in every order."""
    try:
        return fsum(weight_of(rule, severity) * n for severity, n in counts.items())
    except OverflowError:
        return inf


def trip_weight(rule: BreakerRule, window: Window) -> float:
    """The weights as they count towards a trip: all violations, slips up to half of the threshold together.

    >>> trip_weight(BreakerRule(threshold=5), Window({Severity.LOW: 40, Severity.MEDIUM: 1}, slips=40))
    4.5
    """
    slips = weight_of(rule, Severity.LOW) * window.slips
    return weight_sum(rule, window.counts) - slips + min(slips, rule.threshold / 2)


def counted(rule: BreakerRule, counts: Mapping[Severity, int]) -> int:
    """How many violations count towards N: those whose weight is not 0."""
    return sum(n for severity, n in counts.items() if weight_of(rule, severity) > 0)


def admission_of(rule: BreakerRule, effect: ToolEffect) -> str:
    """`reserve` or `count` for tools of this effect."""
    return rule.admission.get(effect, DEFAULT_ADMISSION[effect])


def governed(rule: BreakerRule, effect: ToolEffect) -> bool:
    """Whether SUPERVISED asks a person about calls of this effect. Only such calls are evidence of
    recovery."""
    return effect is not ToolEffect.READ or rule.supervised == "all"


def proposals_before_quarantine(rule: BreakerRule) -> int:
    """M: violating proposals within one window while SUPERVISED that quarantine; twice `max_violations`."""
    return 2 * rule.max_violations


def current(state: ScopeState, at: float) -> Mode:
    """The mode in force: the one set by hand while it lasts, else the automatic one."""
    return state.force.mode if state.force is not None and at < state.force.until else state.mode


def may_open_session(mode: Mode) -> bool:
    """Whether an agent in this mode may begin a new session."""
    return mode.strictness < Mode.QUARANTINED.strictness


def raises_epoch(before: Mode, after: Mode) -> bool:
    """Whether this change voids tokens and open approvals."""
    return after.strictness >= Mode.QUARANTINED.strictness and after.strictness > before.strictness


def mode_without_store(last: Mode | None) -> Mode:
    """What holds while the store cannot be reached: never looser than SUPERVISED.

    The approval queue lives in the same store, so an effect is refused with a reason that can be retried.

    >>> mode_without_store(None).value, mode_without_store(Mode.HALTED).value
    ('supervised', 'halted')
    """
    return stricter(last or Mode.SUPERVISED, Mode.SUPERVISED)


def after_violation(
    state: ScopeState, rule: BreakerRule, window: Window, severity: Severity, at: float, *, counting: bool
) -> ScopeState:
    """The state once a violation was logged.

    Args:
        state: the scope before.
        rule: of the agent.
        window: the logs, with the new violation in them.
        severity: of the new violation.
        at: the store's clock.
        counting: True for the agent's own scope, whose window trips; a version or an effect drops out of
            PROBATION and restarts its evidence, and leaves the count to the agent.
    """
    if severity is Severity.CRITICAL and counting:
        return tripped(state, rule, Mode.QUARANTINED, "a critical violation", trips=window.trips, at=at)
    if weight_of(rule, severity) <= 0:
        return state
    mode, total = current(state, at), trip_weight(rule, window)
    if mode is Mode.PROBATION:
        return tripped(state, rule, Mode.SUPERVISED, "a violation in probation", trips=window.trips, at=at)
    if mode is Mode.AUTONOMOUS and counting and total >= rule.threshold:
        reason = f"violations in {spoken(rule.window_s)} weigh {total:g}, threshold {rule.threshold:g}"
        return tripped(state, rule, Mode.SUPERVISED, reason, trips=window.trips, at=at)
    if mode is Mode.SUPERVISED and window.since_entry >= proposals_before_quarantine(rule):
        reason = f"{window.since_entry} violations in {spoken(rule.window_s)} while supervised"
        return tripped(state, rule, Mode.QUARANTINED, reason, trips=window.trips, at=at)
    return replace(state, approved_clean=0, probation_clean=0)


def tripped(
    state: ScopeState, rule: BreakerRule | None, target: Mode, reason: str, *, trips: int, at: float
) -> ScopeState:
    """The state after a trip to *target*: never looser than before, evidence gone, a looser force void."""
    base = rule.recovery.cooldown_s if rule else 0.0
    cap = rule.recovery.cooldown_max_s if rule else 0.0
    mode = stricter(state.mode, target)
    return replace(
        state,
        mode=mode,
        since=at,
        cooldown_until=at + min(cap, base * 2.0 ** min(trips, 60)),
        approved_clean=0,
        probation_clean=0,
        answers="",
        force=state.force if state.force and state.force.mode.strictness >= mode.strictness else None,
        reason=reason if mode is target else state.reason,
        entered=state.entered + 1,
    )


def after_clean(
    state: ScopeState, rule: BreakerRule, window: Window, *, approved: bool, effect: ToolEffect, at: float
) -> ScopeState:
    """The state once a call admitted in the present mode ended clean: evidence, and perhaps a step up.

    Args:
        approved: a person approved exactly this call.
        effect: of the tool; in PROBATION a read is evidence only where SUPERVISED would ask about it.
    """
    mode = current(state, at)
    if mode is state.mode is Mode.SUPERVISED and approved:
        state = replace(state, approved_clean=state.approved_clean + 1)
    elif mode is state.mode is Mode.PROBATION and (approved or governed(rule, effect)):
        state = replace(state, probation_clean=state.probation_clean + 1)
    return advanced(state, rule, window, at)


def after_answer(state: ScopeState, rule: BreakerRule, approved: bool, trips: int, at: float) -> ScopeState:
    """The state once a person answered; in SUPERVISED too large a share of rejections quarantines."""
    if current(state, at) is not Mode.SUPERVISED:
        return state
    answers = (state.answers + ("a" if approved else "r"))[-ANSWERS_KEPT:]
    rejected = answers.count("r")
    if len(answers) == ANSWERS_KEPT and rejected > DENIED_SHARE * ANSWERS_KEPT:
        reason = f"people rejected {rejected} of the last {ANSWERS_KEPT} proposals"
        return tripped(state, rule, Mode.QUARANTINED, reason, trips=trips, at=at)
    return replace(state, answers=answers)


def advanced(state: ScopeState, rule: BreakerRule, window: Window, at: float) -> ScopeState:
    """One step up where the evidence is complete; the state itself where it is not."""
    recovery = rule.recovery
    if (
        state.mode is Mode.SUPERVISED
        and at >= state.cooldown_until
        and state.approved_clean >= recovery.approved_clean
    ):
        reason = f"cool-down over, {state.approved_clean} approved actions in a row were clean"
        return entered(state, Mode.PROBATION, reason, at)
    quiet = trip_weight(rule, window) < rule.threshold
    if state.mode is Mode.PROBATION and state.probation_clean >= recovery.probation_clean and quiet:
        return entered(state, Mode.AUTONOMOUS, f"{state.probation_clean} clean actions in probation", at)
    return state


def without_expired_force(state: ScopeState, at: float) -> ScopeState:
    """The state once a force that has ended is taken away."""
    return replace(state, force=None) if state.force is not None and at >= state.force.until else state


def loosens(state: ScopeState, force: Force, at: float) -> bool:
    """Whether *force* would, now or when it ends, permit more than what stands.

    >>> halted = ScopeState(force=Force(Mode.HALTED, 900.0, ("a",), "incident"))
    >>> loosens(halted, Force(Mode.HALTED, 500.0, ("b",), "shorter"), at=0.0)
    True
    """
    if force.mode.strictness < current(state, at).strictness:
        return True
    standing = without_expired_force(state, at).force
    return (
        standing is not None
        and standing.mode.strictness > state.mode.strictness
        and force.until < standing.until
    )


def forced(state: ScopeState, force: Force, at: float) -> ScopeState:
    """The state under *force*. A strict one leaves at least SUPERVISED (or PROBATION) behind when it ends.

    Raises:
        BadInput: the force would lead out of QUARANTINED or HALTED to more than SUPERVISED, or ends in the
        past.
    """
    _refuse_leap(current(state, at), force.mode)
    if force.until <= at:
        raise BadInput("expires_at", f"found {force.until}", f"use an instant after {at}")
    if loosens(state, force, at):
        return replace(state, force=force, reason=force.reason)
    floor = Mode.SUPERVISED if force.mode.strictness > Mode.SUPERVISED.strictness else force.mode
    return replace(entered(state, stricter(state.mode, floor), force.reason, at), force=force)


def reset(state: ScopeState, rule: BreakerRule | None, mode: Mode, reason: str, at: float) -> ScopeState:
    """The state after people set the automatic mode by hand; violations stay in the log.

    Raises:
        BadInput: out of QUARANTINED or HALTED, to more than SUPERVISED.
    """
    _refuse_leap(current(state, at), mode)
    cooldown = rule.recovery.cooldown_s if rule else 0.0
    return replace(entered(state, mode, reason, at), force=None, cooldown_until=at + cooldown)


def one_step_looser(mode: Mode) -> Mode:
    """Where a reset leads when nothing else is said.

    >>> [one_step_looser(mode).value for mode in Mode]
    ['autonomous', 'autonomous', 'probation', 'supervised', 'supervised']
    """
    return Mode.SUPERVISED if mode is Mode.HALTED else list(Mode)[max(0, mode.strictness - 1)]


def entered(state: ScopeState, mode: Mode, reason: str, at: float) -> ScopeState:
    """The state on entering a mode: evidence begins anew."""
    return replace(
        state,
        mode=mode,
        since=at,
        approved_clean=0,
        probation_clean=0,
        answers="",
        reason=reason,
        entered=state.entered + 1,
    )


def _refuse_leap(mode: Mode, target: Mode) -> None:
    if mode.strictness >= Mode.QUARANTINED.strictness and target.strictness < Mode.SUPERVISED.strictness:
        raise BadInput("mode", f"found {target.value} while {mode.value}", "go to supervised first")


def trips_of(
    violations: Sequence[tuple[float, Severity]], rule: BreakerRule, slips: Sequence[float] = ()
) -> int:
    """How often a stream of violations trips an agent that starts anew after each trip.

    Args:
        violations: (instant, severity), in order of time. One that trips starts a new count.
        slips: instants of slips, which weigh as low violations and never trip by themselves, in order of time.

    Three medium violations within ten minutes weigh 6, and the threshold is 5:

    >>> trips_of([(0.0, Severity.MEDIUM), (300.0, Severity.MEDIUM), (599.0, Severity.MEDIUM)], BreakerRule())
    1
    >>> trips_of([(0.0, Severity.MEDIUM), (300.0, Severity.MEDIUM), (600.0, Severity.MEDIUM)], BreakerRule())
    0
    """
    trips, log, begun = 0, list[tuple[float, Severity]](), float("-inf")
    stream = sorted(
        [(at, severity, False) for at, severity in violations] + [(at, Severity.LOW, True) for at in slips]
    )
    recent: list[float] = []
    for at, severity, slip in stream:
        log = [(t, s) for t, s in log if t > at - rule.window_s]
        recent = [t for t in recent if t > max(begun, at - rule.window_s)]
        log.append((at, severity))
        if slip:
            recent.append(at)
        counts = {s: sum(one is s for _, one in log) for s in Severity}
        if (
            severity is Severity.CRITICAL
            or trip_weight(rule, Window(counts, slips=len(recent))) >= rule.threshold
        ):
            trips, log, recent, begun = trips + 1, [], [], at
    return trips
