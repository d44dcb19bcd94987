"""The rules of the breaker on values: how a mode is lost, how it is won back, and what people may do by hand."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import inf

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from remit.core.breaker import (
    ANSWERS_KEPT,
    Force,
    ScopeState,
    Window,
    admission_of,
    advanced,
    after_answer,
    after_clean,
    after_violation,
    counted,
    current,
    forced,
    governed,
    loosens,
    may_open_session,
    mode_without_store,
    proposals_before_quarantine,
    raises_epoch,
    reset,
    strictest,
    tripped,
    trips_of,
    weight_of,
    weight_sum,
    without_expired_force,
)
from remit.core.envelope import BreakerRule, Recovery
from remit.core.errors import BadInput
from remit.core.scope import Scope, ScopeKind, scopes_of
from remit.core.types import Mode, Severity, ToolEffect

RULE = BreakerRule(threshold=5, max_violations=5, recovery=Recovery(approved_clean=2, probation_clean=3))
SUPERVISED = ScopeState(Mode.SUPERVISED, since=0.0, cooldown_until=120.0)
PROBATION = ScopeState(Mode.PROBATION)
QUIET = Window()


def violate(
    state: ScopeState, severity: Severity = Severity.MEDIUM, n: int = 1, at: float = 10.0, **window: int
) -> ScopeState:
    counting = bool(window.pop("counting", 1))
    return after_violation(state, RULE, Window({severity: n}, **window), severity, at, counting=counting)


def clean(
    state: ScopeState, *, approved: bool = True, effect: ToolEffect = ToolEffect.WRITE, at: float = 500.0
) -> ScopeState:
    return after_clean(state, RULE, QUIET, approved=approved, effect=effect, at=at)


# ---------------------------------------------------------------------------------------------------- weights
def test_the_default_weights_are_one_two_and_the_threshold():
    assert [weight_of(RULE, severity) for severity in Severity] == [1.0, 2.0, 5.0, 5.0]


def test_an_envelope_weighs_as_it_likes():
    rule_ = BreakerRule(weights={Severity.LOW: 0.0, Severity.MEDIUM: 2.5})

    assert weight_sum(rule_, {Severity.LOW: 7, Severity.MEDIUM: 2}) == 5.0
    assert counted(rule_, {Severity.LOW: 7, Severity.MEDIUM: 2}) == 2


def test_weights_that_add_up_to_the_threshold_reach_it_in_every_order():
    rule_ = BreakerRule(weights={Severity.LOW: 1.1, Severity.MEDIUM: 2.2, Severity.HIGH: 4.1})
    counts = {Severity.LOW: 1, Severity.MEDIUM: 2, Severity.HIGH: 3}  # 17.799999999999997 from left to right

    assert weight_sum(rule_, counts) == weight_sum(rule_, dict(reversed(counts.items()))) == 17.8


def test_weights_too_heavy_to_add_up_are_heavier_than_any_threshold():
    rule_ = BreakerRule(weights={Severity.LOW: 1e308, Severity.MEDIUM: 1e308})

    assert weight_sum(rule_, {Severity.LOW: 1, Severity.MEDIUM: 1}) == inf


def test_what_cannot_be_taken_back_reserves_and_the_rest_counts():
    assert [admission_of(RULE, effect) for effect in ToolEffect] == ["count", "count", "reserve", "reserve"]
    assert admission_of(BreakerRule(admission={ToolEffect.READ: "reserve"}), ToolEffect.READ) == "reserve"


def test_reads_are_governed_where_supervised_says_all():
    assert not governed(RULE, ToolEffect.READ)
    assert governed(BreakerRule(supervised="all"), ToolEffect.READ)


# ---------------------------------------------------------------------------------------------------- down
@pytest.mark.parametrize(("n", "mode"), [(2, Mode.AUTONOMOUS), (3, Mode.SUPERVISED)])
def test_the_weight_in_the_window_trips_at_the_threshold(n: int, mode: Mode):
    assert violate(ScopeState(), n=n).mode is mode


def test_one_high_violation_trips_alone():
    assert violate(ScopeState(), Severity.HIGH).mode is Mode.SUPERVISED


@pytest.mark.parametrize("mode", [Mode.AUTONOMOUS, Mode.PROBATION, Mode.SUPERVISED])
def test_one_critical_violation_quarantines_at_once(mode: Mode):
    assert violate(ScopeState(mode), Severity.CRITICAL).mode is Mode.QUARANTINED


def test_a_critical_violation_loosens_nothing():
    assert violate(ScopeState(Mode.HALTED), Severity.CRITICAL).mode is Mode.HALTED


def test_one_violation_in_probation_goes_back_to_supervised():
    assert violate(PROBATION, Severity.LOW).mode is Mode.SUPERVISED


def test_a_weightless_violation_changes_nothing():
    rule_ = BreakerRule(weights={Severity.LOW: 0.0})

    assert after_violation(PROBATION, rule_, QUIET, Severity.LOW, 1.0, counting=True) is PROBATION


def test_a_version_leaves_the_count_to_its_agent():
    assert violate(ScopeState(), Severity.HIGH, counting=0).mode is Mode.AUTONOMOUS
    assert violate(PROBATION, Severity.CRITICAL, counting=0).mode is Mode.SUPERVISED


def test_many_proposals_while_supervised_quarantine():
    most = proposals_before_quarantine(RULE)

    assert most == 10
    assert violate(SUPERVISED, since_entry=most - 1).mode is Mode.SUPERVISED
    assert violate(SUPERVISED, since_entry=most).mode is Mode.QUARANTINED


def test_mostly_rejected_proposals_quarantine():
    state = SUPERVISED
    for n in range(ANSWERS_KEPT - 1):
        state = after_answer(state, RULE, n % 5 >= 3, 0, 1.0)
        assert state.mode is Mode.SUPERVISED

    assert after_answer(state, RULE, False, 0, 1.0).mode is Mode.QUARANTINED


def test_half_of_the_proposals_rejected_is_not_yet_too_many():
    state = SUPERVISED
    for n in range(40):
        state = after_answer(state, RULE, n % 2 == 0, 0, 1.0)

    assert state.mode is Mode.SUPERVISED
    assert len(state.answers) == ANSWERS_KEPT


def test_answers_count_in_supervised_only():
    assert after_answer(ScopeState(), RULE, False, 0, 1.0) == ScopeState()


@pytest.mark.parametrize(
    ("trips", "cooldown"), [(0, 120.0), (1, 240.0), (3, 960.0), (9, 14400.0), (500, 14400.0)]
)
def test_the_cool_down_doubles_with_each_trip_up_to_a_cap(trips: int, cooldown: float):
    assert (
        tripped(ScopeState(), RULE, Mode.SUPERVISED, "", trips=trips, at=7.0).cooldown_until == 7.0 + cooldown
    )


def test_a_store_that_cannot_be_reached_leaves_nothing_looser_than_supervised():
    assert [mode_without_store(mode).value for mode in (None, *Mode)] == [
        *("supervised", "supervised", "supervised", "supervised", "quarantined", "halted"),
    ]


def test_the_strictest_of_no_modes_is_autonomous():
    assert strictest([]) is Mode.AUTONOMOUS
    assert strictest([Mode.PROBATION, Mode.HALTED, Mode.SUPERVISED]) is Mode.HALTED


def test_quarantined_and_halted_agents_open_no_session():
    assert [may_open_session(mode) for mode in Mode] == [True, True, True, False, False]


def test_only_entering_quarantined_or_halted_raises_the_epoch():
    raising = {(a.value, b.value) for a in Mode for b in Mode if raises_epoch(a, b)}

    assert {after for _, after in raising} == {"quarantined", "halted"}
    assert ("quarantined", "halted") in raising
    assert ("halted", "quarantined") not in raising


# ---------------------------------------------------------------------------------------------------- up
def test_supervised_is_left_after_the_cool_down_and_enough_approved_clean_actions():
    once = clean(SUPERVISED)

    assert once.mode is Mode.SUPERVISED
    assert clean(once).mode is Mode.PROBATION


def test_evidence_without_the_cool_down_waits_for_it():
    early = clean(clean(SUPERVISED, at=10.0), at=20.0)

    assert early.mode is Mode.SUPERVISED
    assert advanced(early, RULE, QUIET, 119.0).mode is Mode.SUPERVISED
    assert advanced(early, RULE, QUIET, 120.0).mode is Mode.PROBATION


def test_time_alone_gives_nothing_back():
    for state in (SUPERVISED, PROBATION, ScopeState(Mode.QUARANTINED), ScopeState(Mode.HALTED)):
        assert advanced(state, RULE, QUIET, 1e12) is state


def test_a_violating_proposal_begins_the_evidence_anew():
    assert clean(violate(clean(SUPERVISED), at=400.0)).mode is Mode.SUPERVISED


def test_actions_that_nobody_approved_are_no_evidence_while_supervised():
    assert clean(clean(SUPERVISED, approved=False), approved=False) == SUPERVISED


def test_probation_is_left_after_enough_clean_effects():
    state = clean(clean(PROBATION, approved=False), approved=False)

    assert state.mode is Mode.PROBATION
    assert clean(state, approved=False).mode is Mode.AUTONOMOUS


def test_reads_are_no_evidence_in_probation():
    state = PROBATION
    for _ in range(9):
        state = clean(state, approved=False, effect=ToolEffect.READ)

    assert state == PROBATION


def test_autonomy_waits_until_the_window_is_below_the_threshold():
    full = Window({Severity.MEDIUM: 3})
    state = replace(PROBATION, probation_clean=3)

    assert advanced(state, RULE, full, 500.0).mode is Mode.PROBATION
    assert advanced(state, RULE, Window({Severity.MEDIUM: 2}), 500.0).mode is Mode.AUTONOMOUS


@pytest.mark.parametrize("mode", [Mode.QUARANTINED, Mode.HALTED])
def test_quarantined_and_halted_are_not_left_by_evidence(mode: Mode):
    state = ScopeState(mode)
    for _ in range(100):
        state = clean(state)

    assert state.mode is mode


# ---------------------------------------------------------------------------------------------------- by hand
def force(mode: Mode, until: float = 900.0) -> Force:
    return Force(mode, until, ("ann",), "incident")


def test_a_strict_force_that_ends_leaves_supervised_behind():
    state = forced(ScopeState(), force(Mode.HALTED), 0.0)

    assert current(state, 899.0) is Mode.HALTED
    assert current(state, 900.0) is Mode.SUPERVISED
    assert without_expired_force(state, 900.0).force is None


def test_a_forced_probation_leaves_probation_behind():
    assert current(forced(ScopeState(), force(Mode.PROBATION), 0.0), 900.0) is Mode.PROBATION


def test_a_loose_force_that_ends_gives_way_to_the_automatic_mode():
    state = forced(SUPERVISED, force(Mode.AUTONOMOUS), 0.0)

    assert current(state, 1.0) is Mode.AUTONOMOUS
    assert current(state, 900.0) is Mode.SUPERVISED


def test_a_trip_ends_a_loose_force():
    state = violate(forced(SUPERVISED, force(Mode.AUTONOMOUS), 0.0), n=3)

    assert (state.mode, state.force) == (Mode.SUPERVISED, None)


def test_a_trip_leaves_a_strict_force_in_place():
    state = violate(forced(ScopeState(), force(Mode.HALTED), 0.0), Severity.CRITICAL)

    assert (current(state, 10.0), state.mode) == (Mode.HALTED, Mode.QUARANTINED)


def test_actions_under_a_loose_force_are_no_evidence():
    state = forced(SUPERVISED, force(Mode.AUTONOMOUS), 0.0)

    assert clean(clean(clean(state))).approved_clean == 0


def test_setting_a_strict_force_throws_evidence_away():
    almost = clean(SUPERVISED, at=10.0)

    assert forced(almost, force(Mode.HALTED), 20.0).approved_clean == 0


def test_looser_now_or_ending_earlier_is_looser():
    halted = forced(ScopeState(), force(Mode.HALTED), 0.0)

    assert loosens(halted, force(Mode.SUPERVISED), 0.0)
    assert loosens(halted, force(Mode.HALTED, until=500.0), 0.0)
    assert not loosens(halted, force(Mode.HALTED, until=1000.0), 0.0)
    assert not loosens(halted, force(Mode.SUPERVISED), 901.0)


@pytest.mark.parametrize("mode", [Mode.QUARANTINED, Mode.HALTED])
@pytest.mark.parametrize("target", [Mode.AUTONOMOUS, Mode.PROBATION])
def test_nobody_leaps_out_of_quarantine(mode: Mode, target: Mode):
    with pytest.raises(BadInput, match="go to supervised first"):
        forced(ScopeState(mode), force(target), 0.0)
    with pytest.raises(BadInput, match="go to supervised first"):
        reset(ScopeState(mode), RULE, target, "", 0.0)


def test_a_force_must_end_later_than_now():
    with pytest.raises(BadInput, match="expires_at"):
        forced(ScopeState(), force(Mode.HALTED, until=5.0), 5.0)


def test_a_reset_ends_the_force_and_begins_a_cool_down():
    state = reset(forced(ScopeState(), force(Mode.HALTED), 0.0), RULE, Mode.SUPERVISED, "checked", 50.0)

    assert (state.mode, state.force, state.cooldown_until) == (Mode.SUPERVISED, None, 170.0)


# ---------------------------------------------------------------------------------------------------- scopes
def test_a_call_stands_in_five_scopes_sorted_by_id():
    scopes = scopes_of("acme", "bot", "v2", ToolEffect.EGRESS)

    assert [scope.id for scope in scopes] == [
        "agent/acme/bot",
        "effect/acme/bot/egress",
        "store",
        "tenant/acme",
        "version/acme/bot/v2",
    ]
    assert [scope.owned for scope in scopes] == [True, True, False, False, True]


@pytest.mark.parametrize("text", ["", "agent", "agent/acme", "agent/acme/", "planet/x", "store/x", "tenant"])
def test_what_is_no_scope_is_refused(text: str):
    with pytest.raises(BadInput, match="use store, tenant/T"):
        Scope.parse(text)


@pytest.mark.parametrize("name", ["a/b", "ä ö", "%2F", "..", "a\x1fb"])
def test_a_scope_reads_back_whatever_its_names(name: str):
    scope = Scope(ScopeKind.VERSION, name, name, name)

    assert Scope.parse(scope.id) == scope


# ------------------------------------------------------------------------------------- no way up without evidence
class NoWayUpWithoutEvidence(RuleBasedStateMachine):
    """Every step to a looser mode is explained by evidence that this machine gathered by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.state, self.at, self.log = ScopeState(), 0.0, list[tuple[float, Severity]]()
        self.approved = self.clean = self.trips = 0
        self.entered_at = 0.0
        self.leave: str | None = None

    def window(self) -> Window:
        counts: dict[Severity, int] = {}
        for at, severity in self.log:
            if at > self.at - RULE.window_s:
                counts[severity] = counts.get(severity, 0) + 1
        since = sum(at > max(self.entered_at, self.at - RULE.window_s) for at, _ in self.log)
        return Window(counts, since, self.trips)

    def become(self, state: ScopeState, leave: str | None = None) -> None:
        before, after = current(self.state, self.at), current(state, self.at)
        if after.strictness < before.strictness:
            self.explain(before, after, leave)
        if state.entered != self.state.entered:
            self.approved = self.clean = 0
            self.entered_at = self.at
            self.trips += after.strictness > before.strictness
        self.state = state

    def explain(self, before: Mode, after: Mode, leave: str | None) -> None:
        if leave == "people":
            leap = before.strictness >= Mode.QUARANTINED.strictness
            assert not leap or after.strictness >= Mode.SUPERVISED.strictness
        elif leave == "ended":
            assert after.strictness >= self.floor
        elif before is Mode.SUPERVISED:
            assert after is Mode.PROBATION
            assert self.approved >= RULE.recovery.approved_clean
            assert self.at >= self.state.cooldown_until
        else:
            assert (before, after) == (Mode.PROBATION, Mode.AUTONOMOUS)
            assert self.clean >= RULE.recovery.probation_clean
            assert weight_sum(RULE, self.window().counts) < RULE.threshold

    @rule(
        severity=st.sampled_from(
            [Severity.LOW] * 4 + [Severity.MEDIUM] * 3 + [Severity.HIGH, Severity.CRITICAL]
        )
    )
    def violate(self, severity: Severity) -> None:
        self.log.append((self.at, severity))
        before = current(self.state, self.at)
        self.become(after_violation(self.state, RULE, self.window(), severity, self.at, counting=True))
        self.approved = self.clean = 0
        assert current(self.state, self.at).strictness >= before.strictness

    @rule(approved=st.booleans(), effect=st.sampled_from(ToolEffect), times=st.integers(1, 3))
    def act(self, approved: bool, effect: ToolEffect, times: int) -> None:
        for _ in range(times):
            mode = current(self.state, self.at)
            self.approved += mode is Mode.SUPERVISED and approved
            self.clean += mode is Mode.PROBATION and (approved or effect is not ToolEffect.READ)
            self.become(
                after_clean(self.state, RULE, self.window(), approved=approved, effect=effect, at=self.at)
            )

    @rule(approved=st.booleans())
    def answer(self, approved: bool) -> None:
        self.become(after_answer(self.state, RULE, approved, self.trips, self.at))

    @rule(seconds=st.sampled_from([1.0, 60.0, 121.0, 700.0, 50_000.0]))
    def wait(self, seconds: float) -> None:
        before = current(self.state, self.at)
        self.at += seconds
        after = current(self.state, self.at)
        if after.strictness < before.strictness:
            assert self.state.force is not None and after.strictness >= self.floor
        self.become(advanced(self.state, RULE, self.window(), self.at))

    @rule(mode=st.sampled_from(Mode), length=st.sampled_from([10.0, 600.0]))
    def set_by_hand(self, mode: Mode, length: float) -> None:
        wanted = force(mode, self.at + length)
        loose = loosens(self.state, wanted, self.at)
        try:
            state = forced(self.state, wanted, self.at)
        except BadInput:
            assert current(self.state, self.at).strictness >= Mode.QUARANTINED.strictness
            return
        self.become(state, "people")
        assert loose or current(self.state, self.at + length).strictness >= min(mode.strictness, 2)

    @precondition(lambda self: self.state.force is not None)
    @rule()
    def end_force(self) -> None:
        assert self.state.force is not None
        self.at = max(self.at, self.state.force.until)
        self.become(without_expired_force(self.state, self.at), "ended")

    @precondition(lambda self: self.state.mode.strictness >= Mode.QUARANTINED.strictness)
    @rule()
    def let_go(self) -> None:
        self.become(reset(self.state, RULE, Mode.SUPERVISED, "two people looked", self.at), "people")

    @property
    def floor(self) -> int:
        return self.state.mode.strictness

    @invariant()
    def no_evidence_outlives_its_mode(self) -> None:
        if self.state.mode is not Mode.SUPERVISED:
            assert self.state.approved_clean == 0
        if self.state.mode is not Mode.PROBATION:
            assert self.state.probation_clean == 0


TestNoWayUpWithoutEvidence = NoWayUpWithoutEvidence.TestCase
TestNoWayUpWithoutEvidence.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)


# --------------------------------------------------------------------------------------- benign traffic does not trip
Profile = Mapping[tuple[Severity, ...], float]
"""Share of benign sessions by the violations that one of them brings; the rest bring none."""


def benign_violations(
    profile: Profile, per_hour: float, sessions: int, seed: int, length_s: float = 120.0
) -> Iterator[tuple[float, Severity]]:
    """The violations of benign sessions of one agent, in order of time.

    The arrival model: sessions begin as a Poisson process of constant rate, each independent of the others; one draws
    its violations from *profile* and spreads them evenly at random over its length.
    """
    draw = random.Random(seed)
    at, found = 0.0, list[tuple[float, Severity]]()
    for _ in range(sessions):
        at += draw.expovariate(per_hour / 3600.0)
        dice = draw.random()
        for violations, share in profile.items():
            if (dice := dice - share) < 0:
                found += [(at + draw.uniform(0, length_s), severity) for severity in violations]
                break
    return iter(sorted(found))


def trips_per_10_000(
    profile: Profile, per_hour: float, rule_: BreakerRule, *, runs: int = 20, seed: int = 1
) -> float:
    """Mean number of trips in 10,000 benign sessions of one agent."""
    total = sum(
        trips_of(list(benign_violations(profile, per_hour, 10_000, seed * 1_000 + run)), rule_)
        for run in range(runs)
    )
    return total / runs


RARE: Profile = {(Severity.MEDIUM,): 0.001, (Severity.LOW,): 0.002}
"""One benign session in 1,000 has a call denied, two in 1,000 slip once in a schema."""


@pytest.mark.parametrize("per_hour", [10, 100, 1_000])
def test_rare_slips_of_benign_sessions_trip_at_most_once_in_10_000(per_hour: int):
    assert trips_per_10_000(RARE, per_hour, BreakerRule()) <= 1.0


def test_a_tenth_of_sessions_denied_once_does_trip_a_busy_agent():
    assert trips_per_10_000({(Severity.MEDIUM,): 0.1}, 1_000, BreakerRule(), runs=2) > 100


def test_the_log_of_violations_is_exact_at_the_border_of_a_window():
    bursts = [(t, Severity.LOW) for t in (598.0, 599.0, 601.0, 602.0)]

    assert trips_of(bursts, BreakerRule(threshold=4)) == 1


def test_alternating_failures_trip_as_consecutive_ones_do():
    every_third_clean = [(float(t), Severity.LOW) for t in range(15) if t % 3 != 2]

    assert trips_of(every_third_clean, BreakerRule(threshold=5)) == 2


def test_slips_of_many_sessions_never_trip_by_themselves_and_bring_a_real_violation_nearer():
    rule = BreakerRule(threshold=5)
    slips = [float(n) for n in range(200)]

    assert trips_of([], rule, slips) == 0
    assert trips_of([(201.0, Severity.MEDIUM)], rule, slips) == 0
    assert trips_of([(201.0, Severity.MEDIUM), (202.0, Severity.MEDIUM)], rule, slips) == 1
    assert trips_of([(201.0, Severity.MEDIUM), (202.0, Severity.MEDIUM)], rule) == 0
