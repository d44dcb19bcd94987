"""Admission, settlement and the window, on the real rows: one agent, one clock that stands still unless told."""

import pytest

from remit.core.admission import Misstep
from remit.core.envelope import BreakerRule, Recovery
from remit.core.errors import BadInput
from remit.core.scope import Scope, ScopeKind
from remit.core.types import ApprovalNeed, LimitClaim, Mode, OnViolation, Severity, ToolEffect
from remit.store import control, control_breaker, control_limits
from remit.testing.control import AGENT, ControlTables, Work, call, digest_of, misstep, question

LOW, MEDIUM, HIGH, CRITICAL = Severity
RULE = BreakerRule(window_s=60.0, lease_s=5.0, max_violations=3, threshold=100)
"""So high a threshold that capacity alone is seen."""


@pytest.fixture
def world() -> ControlTables:
    return ControlTables()


def admitted(world: ControlTables, *tokens: str, **fields: object) -> list[bool]:
    return [world.admit(call(token, **fields)).status == "admitted" for token in tokens]


def clauses(world: ControlTables, token: str, **fields: object) -> list[str]:
    return [v.clause for v in world.admit(call(token, **fields)).violations]


# ---------------------------------------------------------------------------------------------------- admission
def test_an_admitted_call_holds_a_lease_until_it_is_settled(world: ControlTables):
    admission = world.admit(call("a"))

    assert (admission.status, admission.mode, admission.lease_until) == ("admitted", Mode.AUTONOMOUS, 1060.0)
    assert control.precheck(world.connection, "a", 1059.9)
    world.settle("a")
    assert not control.precheck(world.connection, "a", 1059.9)


def test_asking_again_with_the_same_token_gives_the_same_answer_and_takes_nothing_more(world: ControlTables):
    flagged = LimitClaim("pay.flagged", "k", 2, 1, 60.0, OnViolation.FLAG)
    first = world.admit(call("a", claims=(flagged,)))

    assert world.admit(call("a", claims=(flagged,))) == first
    assert control_limits.usage(world.connection, "acme", "bot", (flagged,), world.now) == (2,)


@pytest.mark.parametrize("ran", [True, False])
def test_a_token_that_has_ended_is_not_admitted_again(world: ControlTables, ran: bool):
    world.admit(call("a"))
    world.settle("a", ran=ran)

    assert clauses(world, "a") == ["breaker.lease"]


def test_settling_twice_counts_once(world: ControlTables):
    world.admit(call("a", rule=RULE))
    world.settle("a", "violation", MEDIUM)
    world.settle("a", "violation", MEDIUM)

    assert control_breaker.counts(world.connection, AGENT, 0) == {MEDIUM: 1}


def test_a_token_that_nobody_admitted_cannot_be_settled(world: ControlTables):
    with pytest.raises(BadInput, match="was not admitted here"):
        world.settle("nobody")


def test_violations_and_reservations_together_stay_below_n(world: ControlTables):
    assert admitted(world, "a", "b", "c", "d", rule=RULE) == [True, True, True, False]
    world.settle("a", "clean")
    assert admitted(world, "e", "f", rule=RULE) == [True, False]
    world.settle("b", "violation", LOW)
    assert clauses(world, "g", rule=RULE) == ["breaker.capacity"]


def test_n_bounds_the_violating_actions_of_any_window(world: ControlTables):
    ran: list[float] = []
    for n in range(300):
        world.now = 1_000.0 + n
        if admitted(world, f"t{n}", rule=RULE) == [True]:
            ran.append(world.now)
            world.settle(f"t{n}", "violation", LOW)

    assert len(ran) == 15
    assert all(later - earlier >= RULE.window_s for earlier, later in zip(ran, ran[3:], strict=False))


def test_a_tool_that_raises_counts_neither_for_nor_against_the_agent(world: ControlTables):
    for n in range(20):
        world.admit(call(f"t{n}", rule=RULE))
        world.settle(f"t{n}", "error")

    assert control_breaker.counts(world.connection, AGENT, 0) == {}
    assert world.mode() is Mode.AUTONOMOUS


def test_a_call_that_did_not_run_gives_everything_back(world: ControlTables):
    claim = LimitClaim("pay.daily", "k", 5, 5, 60.0)

    assert admitted(world, "a", claims=(claim,)) == [True]
    world.settle("a", ran=False)
    assert admitted(world, "b", claims=(claim,)) == [True]


def test_human_approved_actions_take_no_autonomous_place(world: ControlTables):
    world.hire("ann")
    for n in range(5):
        world.ask(question(f"q{n}", f"p{n}", max_pending=9))
        world.answer(f"q{n}", "ann")
        assert admitted(world, f"p{n}", rule=RULE) == [True]

    assert admitted(world, "a", "b", "c", "d", rule=RULE) == [True, True, True, False]


# ---------------------------------------------------------------------------------------------------- leases
def test_a_crashed_worker_holds_its_place_for_a_lease_and_a_window_and_no_longer(world: ControlTables):
    assert admitted(world, "a", "b", "c", rule=RULE) == [True, True, True]

    world.now += RULE.lease_s - 0.001
    assert admitted(world, "d", rule=RULE) == [False]
    world.now += 0.001
    assert admitted(world, "e", rule=RULE) == [False]
    assert control_breaker.counts(world.connection, AGENT, 0) == {MEDIUM: 3}
    assert world.kinds().count("breaker.lease_expired") == 3
    world.now += RULE.window_s
    assert admitted(world, "f", "g", "h", "i", rule=RULE) == [True, True, True, False]


def test_an_unknown_outcome_of_a_read_does_not_count(world: ControlTables):
    world.admit(call("a", effect=ToolEffect.READ))
    world.now += 60.0
    world.sweep()

    assert control_breaker.counts(world.connection, AGENT, 0) == {}
    (event,) = world.journal.values()
    assert event.anomaly is not None and not event.anomaly.counts


def test_a_late_word_corrects_the_kind_and_never_counts_twice(world: ControlTables):
    world.admit(call("a", rule=RULE))
    world.now += 5.0
    world.sweep()
    world.settle("a", "violation", MEDIUM)

    assert control_breaker.counts(world.connection, AGENT, 0) == {MEDIUM: 1}
    assert world.connection.execute("SELECT kind FROM breaker_violation").fetchall() == [("late",)]


def test_a_late_clean_outcome_does_not_take_the_count_back(world: ControlTables):
    world.admit(call("a", rule=RULE))
    world.now += 5.0
    world.sweep()
    world.settle("a", "clean")

    assert control_breaker.counts(world.connection, AGENT, 0) == {MEDIUM: 1}


def test_a_late_word_may_make_it_heavier(world: ControlTables):
    world.admit(call("a"))
    world.now += 60.0
    world.sweep()
    (change,) = world.settle("a", "violation", CRITICAL)

    assert change.after is Mode.QUARANTINED
    assert control_breaker.counts(world.connection, AGENT, 0) == {CRITICAL: 1}


def test_a_late_violation_of_a_read_counts_then(world: ControlTables):
    world.admit(call("a", effect=ToolEffect.READ))
    world.now += 60.0
    world.sweep()
    world.settle("a", "violation", LOW)

    assert control_breaker.counts(world.connection, AGENT, 0) == {LOW: 1}


def test_a_word_after_the_lease_that_comes_before_the_sweep_is_in_time(world: ControlTables):
    world.admit(call("a"))
    world.now += 3_600.0
    world.settle("a", "clean")

    assert control_breaker.counts(world.connection, AGENT, 0) == {}


# ---------------------------------------------------------------------------------------------------- the window
def test_violations_trip_the_agent_and_the_change_names_the_sessions(world: ControlTables):
    changes = [world.misstep(misstep(f"m{n}", session=f"s{n}")) for n in range(3)]

    assert [len(c) for c in changes] == [0, 0, 1]
    (change,) = changes[2]
    assert (change.before, change.after, change.sessions) == (
        Mode.AUTONOMOUS,
        Mode.SUPERVISED,
        ("s0", "s1", "s2"),
    )
    assert world.kinds() == ["breaker.changed"]


def test_violations_split_over_two_fixed_windows_trip(world: ControlTables):
    for at in (1_798.0, 1_799.0, 1_801.0):
        world.now = at
        world.misstep(misstep(f"m{at}"))

    assert world.mode() is Mode.SUPERVISED


def test_violations_older_than_the_window_do_not_trip(world: ControlTables):
    for at in (1_000.0, 1_300.0, 1_600.0):
        world.now = at
        world.misstep(misstep(f"m{at}"))

    assert world.mode() is Mode.AUTONOMOUS


def test_alternating_failures_and_successes_trip(world: ControlTables):
    for n in range(15):
        if world.admit(call(f"t{n}")).status == "admitted":
            world.settle(f"t{n}", "clean", *([LOW] if n % 3 != 2 else []))

    assert world.mode() is Mode.SUPERVISED


def test_a_new_session_does_not_start_clean(world: ControlTables):
    for n in range(3):
        world.misstep(misstep(f"m{n}", session=f"s{n}"))

    assert clauses(world, "a", session="brand-new") == ["breaker.supervised"]


def test_another_agent_and_another_tenant_are_not_touched(world: ControlTables):
    for n in range(3):
        world.misstep(misstep(f"m{n}"))

    assert admitted(world, "a", agent="other") == [True]
    assert admitted(world, "b", tenant="other") == [True]


def test_the_same_refused_proposal_within_30_s_counts_once(world: ControlTables):
    for n in range(100):
        world.now = 1_000.0 + n / 4
        world.misstep(misstep(f"m{n}", collapse="args"))

    assert control_breaker.counts(world.connection, AGENT, 0) == {MEDIUM: 1}


def test_a_retry_loop_that_goes_on_counts_again(world: ControlTables):
    for n in range(70):
        world.now = 1_000.0 + n
        world.misstep(misstep(f"m{n}", collapse="args"))

    assert control_breaker.counts(world.connection, AGENT, 0) == {MEDIUM: 3}


@pytest.mark.parametrize("other", [{"collapse": "other"}, {"clause": "pay.known"}, {"session": "s2"}])
def test_other_arguments_another_clause_or_session_are_not_the_same_proposal(
    world: ControlTables, other: dict[str, str]
):
    world.misstep(misstep("m1", collapse="args"))
    world.misstep(misstep("m2", **{"collapse": "args", **other}))

    assert control_breaker.counts(world.connection, AGENT, 0) == {MEDIUM: 2}


def test_critical_proposals_are_never_collapsed(world: ControlTables):
    world.misstep(misstep("m1", CRITICAL, collapse="args"))
    world.misstep(misstep("m2", CRITICAL, collapse="args"))

    assert control_breaker.counts(world.connection, AGENT, 0) == {CRITICAL: 2}


def test_a_violation_counts_once_per_id(world: ControlTables):
    world.misstep(misstep("m1"))
    world.misstep(misstep("m1"))

    assert control_breaker.counts(world.connection, AGENT, 0) == {MEDIUM: 1}


def test_several_clauses_of_one_call_count_once_as_the_worst(world: ControlTables):
    told = ((LOW, "pay.schema"), (HIGH, "pay.flow"), (MEDIUM, "pay.small"))
    world.misstep(Misstep("m1", "acme", "bot", "s", BreakerRule(), told))

    assert world.connection.execute("SELECT severity, clause FROM breaker_violation").fetchall() == [
        ("high", "pay.flow")
    ]


def test_refusals_by_the_breaker_itself_do_not_count(world: ControlTables):
    assert world.misstep(misstep("m1", clause="breaker.quarantined")) == ()
    assert control_breaker.counts(world.connection, AGENT, 0) == {}


# ---------------------------------------------------------------------------------------------------- limits
def test_limits_hold_exactly_for_calls_in_flight_and_settled(world: ControlTables):
    def claim(micros: int) -> tuple[LimitClaim, ...]:
        return (LimitClaim("pay.daily", "k", micros, 10, 60.0),)

    assert admitted(world, "a", claims=claim(4)) == [True]
    world.settle("a")
    assert admitted(world, "b", claims=claim(6)) == [True]
    assert clauses(world, "c", claims=claim(1)) == ["pay.daily"]
    assert control_limits.usage(world.connection, "acme", "bot", claim(0), world.now) == (10,)


def test_a_use_counts_until_a_window_after_it_was_settled(world: ControlTables):
    claim = (LimitClaim("pay.daily", "k", 10, 10, 60.0),)
    world.admit(call("a", claims=claim, rule=BreakerRule(lease_s=500.0)))
    world.now = 1_200.0
    assert admitted(world, "b", claims=claim) == [False]
    world.settle("a")
    world.now = 1_259.999
    assert admitted(world, "c", claims=claim) == [False]
    world.now = 1_260.0
    assert admitted(world, "d", claims=claim) == [True]


def test_an_unknown_outcome_keeps_the_use_counted(world: ControlTables):
    claim = (LimitClaim("pay.daily", "k", 10, 10, 300.0),)
    world.admit(call("a", claims=claim))
    world.now += 60.0

    assert clauses(world, "b", claims=claim) == ["pay.daily"]


def test_another_key_has_its_own_window(world: ControlTables):
    assert admitted(world, "a", claims=(LimitClaim("pay.daily", "k1", 10, 10, 60.0),)) == [True]
    assert admitted(world, "b", claims=(LimitClaim("pay.daily", "k2", 10, 10, 60.0),)) == [True]


def test_a_limit_that_only_flags_lets_the_call_run_and_tells(world: ControlTables):
    claim = (LimitClaim("pay.daily", "k", 11, 10, 60.0, OnViolation.FLAG, LOW),)
    admission = world.admit(call("a", claims=claim))

    assert (admission.status, [v.clause for v in admission.flags]) == ("admitted", ["pay.daily"])


def test_a_limit_that_holds_asks_people(world: ControlTables):
    claim = (LimitClaim("pay.daily", "k", 11, 10, 60.0, OnViolation.HOLD),)
    admission = world.admit(call("a", claims=claim))

    assert (admission.status, admission.need) == ("hold", ApprovalNeed())
    world.hire("ann")
    world.ask(question("q", "a"))
    world.answer("q", "ann")
    assert world.admit(call("a", claims=claim, seen=("pay.daily",))).approval_id == "q"


def test_an_approval_given_before_a_limit_held_does_not_cover_it(world: ControlTables):
    claim = (LimitClaim("pay.daily", "k", 11, 10, 60.0, OnViolation.HOLD),)
    world.hire("ann")
    world.ask(question("q", "a"))
    world.answer("q", "ann")

    asked = world.admit(call("a", claims=claim, seen=("pay.large",)))

    assert (asked.status, asked.approval_id) == ("hold", None)


def test_a_refused_call_takes_nothing_from_any_limit(world: ControlTables):
    roomy, tight = LimitClaim("pay.weekly", "k", 5, 99, 60.0), LimitClaim("pay.daily", "k", 5, 1, 60.0)

    assert admitted(world, "a", claims=(roomy, tight)) == [False]
    assert control_limits.usage(world.connection, "acme", "bot", (roomy, tight), world.now) == (0, 0)


@pytest.mark.parametrize("micros", [0, 1, 2**40 - 1, 2**40, 2**63, 3 * 2**62 + 7])
def test_amounts_beyond_64_bits_add_up_exactly(world: ControlTables, micros: int):
    claim = LimitClaim("pay.daily", "k", micros, 2**70, 60.0)
    for token in ("a", "b", "c"):
        world.admit(call(token, claims=(claim,)))

    assert control_limits.usage(world.connection, "acme", "bot", (claim,), world.now) == (3 * micros,)


# ---------------------------------------------------------------------------------------------------- monitor
def test_monitoring_blocks_nothing_and_changes_no_mode(world: ControlTables):
    claim = (LimitClaim("pay.daily", "k", 10, 10, 60.0),)
    for n in range(10):
        admission = world.admit(call(f"t{n}", enforce=False, claims=claim))
        assert admission.status == "admitted"
        assert [v.clause for v in admission.violations] == (["pay.daily"] if n else [])
        world.settle(f"t{n}", "violation", CRITICAL)

    assert world.misstep(misstep("m", CRITICAL, enforce=False)) == ()
    assert (world.mode(), world.kinds()) == (Mode.AUTONOMOUS, [])
    assert control_limits.usage(world.connection, "acme", "bot", claim, world.now) == (100,)


def test_what_was_monitored_takes_no_place_once_it_is_enforced(world: ControlTables):
    for n in range(9):
        world.admit(call(f"t{n}", enforce=False))

    assert admitted(world, "a") == [True]


# ---------------------------------------------------------------------------------------------------- recovery
QUICK = BreakerRule(recovery=Recovery(cooldown_s=100.0, approved_clean=2, probation_clean=3, sample=0.5))


def supervised(world: ControlTables, rule: BreakerRule = QUICK) -> ControlTables:
    world.hire("ann")
    world.misstep(misstep("m-high", HIGH, rule=rule))
    assert world.mode() is Mode.SUPERVISED
    return world


def approved_run(world: ControlTables, token: str, outcome: str = "clean", rule: BreakerRule = QUICK) -> None:
    world.ask(question(f"q-{token}", token))
    world.answer(f"q-{token}", "ann")
    assert world.admit(call(token, rule=rule, sampled=0.0)).approval_id == f"q-{token}"
    world.settle(token, outcome, *([LOW] if outcome == "violation" else []))


def test_autonomy_comes_back_by_evidence_through_probation(world: ControlTables):
    supervised(world)
    approved_run(world, "a")
    approved_run(world, "b")
    assert world.mode() is Mode.SUPERVISED
    world.now += 100.0

    assert clauses(world, "c", rule=QUICK, sampled=0.4) == ["breaker.sampled"]
    assert world.mode() is Mode.PROBATION
    world.now += 600.0
    for token in ("d", "e", "f"):
        assert world.mode() is Mode.PROBATION
        assert admitted(world, token, rule=QUICK, sampled=0.6) == [True]
        assert clauses(world, f"{token}2", rule=QUICK, sampled=0.6) == ["breaker.capacity"]
        world.settle(token)
    assert world.mode() is Mode.AUTONOMOUS
    assert [e.body["after"] for e in world.journal.values() if e.kind == "breaker.changed"] == [
        *("supervised", "probation", "autonomous"),
    ]


def test_a_violation_in_between_begins_the_evidence_anew(world: ControlTables):
    supervised(world)
    world.now += 100.0
    approved_run(world, "a")
    approved_run(world, "b", "violation")
    approved_run(world, "c")
    assert world.mode() is Mode.SUPERVISED
    approved_run(world, "d")
    assert world.mode() is Mode.PROBATION


def test_one_violation_in_probation_goes_back_and_doubles_the_cool_down(world: ControlTables):
    supervised(world)
    world.now += 100.0
    approved_run(world, "a")
    approved_run(world, "b")
    assert world.mode() is Mode.PROBATION
    world.misstep(misstep("m2", LOW, rule=QUICK))

    row = control_breaker.load_one(world.connection, AGENT)
    assert world.mode() is Mode.SUPERVISED
    assert row.state.cooldown_until == world.now + 200.0


def test_asking_again_is_no_way_around_the_sample_in_probation(world: ControlTables):
    supervised(world)
    world.now += 100.0
    approved_run(world, "a")
    approved_run(world, "b")
    assert clauses(world, "c", rule=QUICK, sampled=0.4) == ["breaker.sampled"]
    world.ask(question("q-c", "c"))

    again = world.admit(call("c2", digest=digest_of("c"), rule=QUICK, sampled=0.99))
    assert (again.status, again.approval_id) == ("hold", "q-c")


def test_a_call_from_before_the_trip_is_no_evidence(world: ControlTables):
    quick = BreakerRule(recovery=Recovery(cooldown_s=0.0, approved_clean=1))
    world.hire("ann")
    world.ask(question("q", "a"))
    world.answer("q", "ann")
    world.admit(call("a", rule=quick, needs_approval=ApprovalNeed()))
    world.misstep(misstep("m", HIGH, rule=quick))
    world.settle("a")

    assert world.mode() is Mode.SUPERVISED


def test_ten_violating_proposals_while_supervised_quarantine(world: ControlTables):
    supervised(world)
    for n in range(10):
        assert world.mode() is Mode.SUPERVISED
        world.misstep(misstep(f"m{n}", LOW, rule=QUICK))

    assert world.mode() is Mode.QUARANTINED
    assert world.admit(call("a")).status == "refused"
    assert world.admit(call("b", effect=ToolEffect.READ)).status == "admitted"


# ---------------------------------------------------------------------------------------------------- epochs, clocks
def test_quarantine_voids_tokens_but_supervised_does_not(world: ControlTables):
    world.admit(call("a"))
    world.misstep(misstep("m1", HIGH))
    assert control.precheck(world.connection, "a", world.now)
    world.misstep(misstep("m2", CRITICAL))
    assert not control.precheck(world.connection, "a", world.now)


def test_monitored_tokens_are_not_voided(world: ControlTables):
    world.admit(call("a", enforce=False))
    world.misstep(misstep("m", CRITICAL))

    assert control.precheck(world.connection, "a", world.now)


@pytest.mark.parametrize("jump", [-7_200.0, 7_200.0, 1e8])
def test_a_jump_of_the_clock_gives_no_autonomy_back(world: ControlTables, jump: float):
    supervised(world)
    approved_run(world, "a")
    world.now += jump
    world.sweep()

    assert clauses(world, "b", rule=QUICK, sampled=0.9) == ["breaker.supervised"]


def test_a_step_back_of_the_clock_expires_open_approvals(world: ControlTables):
    world.hire("ann")
    world.ask(question("q1", "a"))
    world.ask(question("q2", "b"))
    world.answer("q2", "ann")
    world.sweep()
    world.now -= 2.0
    world.sweep()

    assert [world.status(q).state for q in ("q1", "q2")] == ["expired", "expired"]
    assert world.status("q1").reason == "the store's clock went backwards"


def test_a_small_step_back_is_a_clock_being_disciplined(world: ControlTables):
    world.ask(question("q1", "a"))
    world.sweep()
    world.now -= 0.9
    world.sweep()

    assert world.status("q1").state == "pending"


def test_a_store_that_hides_steps_back_can_expire_approvals_itself(world: ControlTables):
    world.ask(question("q1", "a"))

    assert world.run(control.expire_approvals) == 1
    assert world.status("q1").state == "expired"


def test_an_old_copy_of_the_store_is_supervised_throughout_until_two_people_say_otherwise(
    world: ControlTables,
):
    world.admit(call("a"))
    world.hire("ann")
    world.ask(question("q", "b"))
    world.answer("q", "ann")
    seen = world.admit(call("x")).store_epoch

    admission = world.admit(call("c", epoch_seen=seen + 3))

    assert (admission.status, admission.mode) == ("hold", Mode.SUPERVISED)
    assert admission.store_epoch > seen + 3
    assert world.status("q").state == "cancelled"
    assert not control.precheck(world.connection, "a", world.now)
    assert world.admit(call("d", agent="never-seen")).mode is Mode.SUPERVISED


def test_the_store_epoch_grows_with_what_must_not_be_forgotten(world: ControlTables):
    epochs = [world.admit(call("a")).store_epoch]
    world.misstep(misstep("m", LOW))
    epochs.append(world.admit(call("b")).store_epoch)
    world.misstep(misstep("m2", HIGH))
    epochs.append(world.admit(call("c")).store_epoch)
    world.hire("ann")
    world.ask(question("q", "c"))
    world.answer("q", "ann")
    world.admit(call("c"))
    epochs.append(world.admit(call("d")).store_epoch)

    assert epochs == sorted(set(epochs))


# ---------------------------------------------------------------------------------------------------- versions
def test_where_versions_are_registered_an_unknown_one_is_supervised(world: ControlTables):
    from remit.store.control_hand import register_version

    assert admitted(world, "a", agent_version="v1") == [True]
    world.run(lambda tx: register_version(tx, "acme", "bot", "v1", id="r1"))
    assert world.mode(version="v1") is Mode.AUTONOMOUS
    assert world.mode(version="v2") is Mode.SUPERVISED
    assert world.mode(version="") is Mode.SUPERVISED
    (change,) = world.run(lambda tx: register_version(tx, "acme", "bot", "v2", id="r2"))
    assert change.after is world.mode(version="v2") is Mode.PROBATION
    assert world.run(lambda tx: register_version(tx, "acme", "bot", "v2", id="r3")) == ()


def test_a_new_version_inherits_the_history_of_its_agent(world: ControlTables):
    from remit.store.control_hand import register_version

    world.run(lambda tx: register_version(tx, "acme", "bot", "v1", id="r1"))
    world.misstep(misstep("m", HIGH, agent_version="v1"))
    world.run(lambda tx: register_version(tx, "acme", "bot", "v2", id="r2"))

    assert world.mode(version="v2") is Mode.SUPERVISED


def test_a_new_version_wins_autonomy_by_its_own_clean_actions(world: ControlTables):
    from remit.store.control_hand import register_version

    for version in ("v1", "v2"):
        world.run(lambda tx, v=version: register_version(tx, "acme", "bot", v, id=v))
    for n in range(3):
        assert admitted(world, f"t{n}", agent_version="v2", rule=QUICK, sampled=0.9) == [True]
        world.settle(f"t{n}")
    assert world.mode(version="v2") is Mode.AUTONOMOUS


def test_a_version_must_have_a_name(world: ControlTables):
    from remit.store.control_hand import register_version

    with pytest.raises(BadInput, match="name the version"):
        world.run(lambda tx: register_version(tx, "acme", "bot", "", id="r"))


# ---------------------------------------------------------------------------------------------------- upkeep
def test_old_rows_are_forgotten_and_young_ones_kept(world: ControlTables):
    claim = (LimitClaim("pay.daily", "k", 1, 9, 60.0),)
    world.admit(call("a", claims=claim))
    world.settle("a", "violation", LOW)
    world.now += 23 * 3600.0
    world.admit(call("b", claims=claim))
    world.settle("b")
    world.now += 2 * 3600.0
    world.sweep()

    assert world.connection.execute("SELECT token FROM breaker_reservation").fetchall() == [("b",)]
    assert world.connection.execute("SELECT token FROM limit_use").fetchall() == [("b",)]
    assert len(world.connection.execute("SELECT 1 FROM breaker_violation").fetchall()) == 1
    world.now += 30 * 3600.0
    world.sweep()
    assert world.connection.execute("SELECT 1 FROM breaker_violation").fetchall() == []


def test_work_that_was_undone_and_runs_again_writes_the_same_events(world: ControlTables):
    ids: list[list[str]] = []

    def work(tx: Work) -> None:
        control.count_violation(tx, misstep("m", CRITICAL))
        ids.append([event.id for event in tx.written])
        if len(ids) == 1:
            raise RuntimeError

    with pytest.raises(RuntimeError):
        world.run(work)
    world.run(work)

    assert ids[0] == ids[1] != []


def test_work_that_was_committed_and_runs_again_changes_nothing(world: ControlTables):
    for _ in range(2):
        world.admit(call("a"))
    for _ in range(2):
        world.settle("a", "violation", HIGH)
    for _ in range(2):
        world.misstep(misstep("m", CRITICAL))

    assert world.kinds() == ["breaker.changed", "breaker.changed"]
    assert control_breaker.counts(world.connection, AGENT, 0) == {HIGH: 1, CRITICAL: 1}


def test_a_piece_of_work_that_raises_leaves_nothing_behind(world: ControlTables):
    def work(tx: object) -> None:
        control.admit(tx, call("a"))  # type: ignore[arg-type]
        raise RuntimeError

    with pytest.raises(RuntimeError):
        world.run(work)
    assert control.reservation(world.connection, "a") is None


def test_the_effective_mode_names_the_scope_that_decides(world: ControlTables):
    world.misstep(misstep("m", HIGH))
    _, epoch, reason = control_breaker.effective_mode(world.connection, "acme", "bot", "", None, world.now)

    assert (epoch, reason) == (0, "agent/acme/bot: violations in 10m weigh 5, threshold 5")
    assert Scope(ScopeKind.AGENT, "acme", "bot") == AGENT


def test_two_hundred_malformed_calls_leave_autonomy_and_capacity_alone(world):
    for n in range(200):
        world.misstep(misstep(f"slip{n}", LOW, kind="slip", collapse=""))

    assert world.mode() is Mode.AUTONOMOUS
    assert world.admit(call("t")).status == "admitted"
