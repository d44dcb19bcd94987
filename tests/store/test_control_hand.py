"""Modes set by hand: stricter takes one person, looser two, and everything ends, is told and is reviewed."""

import pytest

from remit.core.approval import OperatorRefused
from remit.core.breaker import Actor
from remit.core.envelope import BreakerRule, Recovery
from remit.core.errors import BadInput
from remit.core.scope import Scope, ScopeKind
from remit.core.types import Mode, Severity, ToolEffect
from remit.store import control_breaker, control_hand, control_reviews
from remit.testing.control import AGENT, ControlTables, call, misstep

TENANT = Scope(ScopeKind.TENANT, "acme")
EGRESS = Scope(ScopeKind.EFFECT, "acme", "bot", "egress")
NOBODY = Actor("ann")


@pytest.fixture
def world() -> ControlTables:
    made = ControlTables()
    for name in ("ann", "bob"):
        made.hire(name)
    return made


def trip(world: ControlTables, mode: Mode, scope: Scope = AGENT, id: str = "trip") -> None:
    world.run(lambda tx: control_hand.trip(tx, scope, mode, id=id, actor="ann", reason="incident"))


def force(
    world: ControlTables, mode: Mode, *names: str, length: float = 100.0, id: str = "force", **fields: object
) -> None:
    until = world.now + length
    actors = [world.actor(name, id, AGENT, mode, reason="test", until=until) for name in names]
    world.run(
        lambda tx: control_hand.force(
            tx,
            AGENT,
            mode,
            id=id,
            actors=fields.pop("actors", actors),  # type: ignore[arg-type]
            reason="test",
            expires_at=until,
            **fields,  # type: ignore[arg-type]
        )
    )


def reset(
    world: ControlTables, mode: Mode, *names: str, scope: Scope = AGENT, id: str = "reset", **fields: object
) -> None:
    actors = [world.actor(name, id, scope, mode, reason="checked") for name in names]
    world.run(
        lambda tx: control_hand.reset(tx, scope, id=id, actors=actors, reason="checked", mode=mode, **fields)  # type: ignore[arg-type]
    )


# ---------------------------------------------------------------------------------------------------- stricter
def test_one_person_stops_an_agent_without_a_key(world: ControlTables):
    trip(world, Mode.HALTED)

    assert world.mode(ToolEffect.READ) is Mode.HALTED
    assert world.admit(call("a", effect=ToolEffect.READ)).status == "refused"
    (change,) = [e for e in world.journal.values() if e.kind == "breaker.changed"]
    assert (change.body["actors"], change.body["reason"], change.body["after"]) == (
        ["ann"],
        "incident",
        "halted",
    )


@pytest.mark.parametrize("mode", [Mode.AUTONOMOUS, Mode.PROBATION, Mode.SUPERVISED])
def test_a_trip_never_loosens(world: ControlTables, mode: Mode):
    trip(world, Mode.SUPERVISED)

    with pytest.raises(BadInput, match="a trip makes stricter"):
        trip(world, mode, id="again")


def test_an_agent_whose_ground_is_gone_is_supervised_and_never_looser(world: ControlTables):
    def distrust(id: str) -> int:
        return len(
            world.run(lambda tx: control_hand.distrust(tx, AGENT, id=id, reason="audit sink unreachable"))
        )

    assert distrust("d1") == 1
    assert world.mode() is Mode.SUPERVISED
    assert distrust("d2") == 0
    trip(world, Mode.HALTED)
    assert distrust("d3") == 0
    assert world.mode() is Mode.HALTED


def test_a_reason_is_needed(world: ControlTables):
    with pytest.raises(BadInput, match="say why"):
        world.run(lambda tx: control_hand.trip(tx, AGENT, id="t", actor="ann", reason=" "))


def test_stopping_a_tenant_stops_all_its_agents(world: ControlTables):
    trip(world, Mode.HALTED, TENANT)

    assert world.admit(call("a", agent="other")).status == "refused"
    assert world.admit(call("b", tenant="else")).status == "admitted"


def test_stopping_one_kind_of_tool_leaves_the_others(world: ControlTables):
    trip(world, Mode.QUARANTINED, EGRESS)

    assert world.admit(call("a", effect=ToolEffect.EGRESS)).status == "refused"
    assert world.admit(call("b")).status == "admitted"


def test_a_kind_of_tool_that_was_tripped_comes_back_by_its_own_evidence(world: ControlTables):
    rule = BreakerRule(recovery=Recovery(cooldown_s=1.0, approved_clean=1, probation_clean=1))
    world.admit(call("first", rule=rule, effect=ToolEffect.EGRESS))
    trip(world, Mode.SUPERVISED, EGRESS)
    world.now += 1.0
    from remit.testing.control import question

    world.ask(question("q", "a", effect=ToolEffect.EGRESS))
    world.answer("q", "ann")
    world.admit(call("a", rule=rule, effect=ToolEffect.EGRESS))
    world.settle("a")

    assert world.mode(ToolEffect.EGRESS) is Mode.PROBATION
    assert world.mode() is Mode.AUTONOMOUS


# ---------------------------------------------------------------------------------------------------- looser
def test_one_person_alone_does_not_loosen(world: ControlTables):
    trip(world, Mode.HALTED)

    with pytest.raises(OperatorRefused, match="1 signed"):
        reset(world, Mode.SUPERVISED, "ann")
    with pytest.raises(OperatorRefused, match="1 signed"):
        reset(world, Mode.SUPERVISED, "ann", "ann")
    with pytest.raises(OperatorRefused, match="0 signed"):
        world.run(
            lambda tx: control_hand.reset(tx, AGENT, id="r", actors=[NOBODY, Actor("bob")], reason="because")
        )
    with pytest.raises(BadInput, match="nobody is named"):
        world.run(lambda tx: control_hand.reset(tx, AGENT, id="r", actors=[], reason="because"))
    assert world.mode() is Mode.HALTED


def test_two_people_loosen_into_supervised(world: ControlTables):
    trip(world, Mode.HALTED)
    reset(world, Mode.SUPERVISED, "ann", "bob")

    assert world.mode() is Mode.SUPERVISED


def test_a_reset_without_a_mode_is_one_step(world: ControlTables):
    trip(world, Mode.SUPERVISED)
    actors = [world.actor(name, "r", AGENT, Mode.PROBATION, reason="checked") for name in ("ann", "bob")]
    world.run(lambda tx: control_hand.reset(tx, AGENT, id="r", actors=actors, reason="checked"))

    assert world.mode() is Mode.PROBATION


def test_nobody_leaps_out_of_quarantine(world: ControlTables):
    trip(world, Mode.QUARANTINED)

    with pytest.raises(BadInput, match="go to supervised first"):
        reset(world, Mode.AUTONOMOUS, "ann", "bob")


def test_a_reset_that_does_not_loosen_is_refused(world: ControlTables):
    with pytest.raises(BadInput, match="a reset makes looser"):
        reset(world, Mode.SUPERVISED, "ann", "bob")


def test_a_signature_cannot_be_used_twice(world: ControlTables):
    trip(world, Mode.SUPERVISED)
    actors = [world.actor(name, "r", AGENT, Mode.AUTONOMOUS, reason="checked") for name in ("ann", "bob")]

    def again() -> None:
        world.run(
            lambda tx: control_hand.reset(
                tx, AGENT, id="r", actors=actors, reason="checked", mode=Mode.AUTONOMOUS
            )
        )

    again()
    trip(world, Mode.SUPERVISED, id="trip2")
    with pytest.raises(OperatorRefused, match="signature is not ann's"):
        again()


def test_a_reset_does_not_empty_the_window(world: ControlTables):
    rule = BreakerRule(max_violations=2, threshold=2)
    for n in range(2):
        world.misstep(misstep(f"m{n}", Severity.LOW, rule=rule))
    reset(world, Mode.AUTONOMOUS, "ann", "bob")

    assert world.mode() is Mode.AUTONOMOUS
    assert [v.clause for v in world.admit(call("a", rule=rule)).violations] == ["breaker.capacity"]


# ---------------------------------------------------------------------------------------------------- forces
def test_a_strict_force_takes_one_person_and_leaves_supervised_when_it_ends(world: ControlTables):
    force(world, Mode.HALTED, actors=[NOBODY])
    assert world.mode() is Mode.HALTED
    world.now += 100.0
    assert world.mode() is Mode.SUPERVISED
    (change,) = world.sweep()
    assert (change.before, change.after) == (Mode.HALTED, Mode.SUPERVISED)
    assert world.sweep() == ()


def test_a_force_needs_somebody_and_an_end(world: ControlTables):
    with pytest.raises(BadInput, match="nobody is named"):
        force(world, Mode.HALTED)
    with pytest.raises(BadInput, match="expires_at"):
        force(world, Mode.HALTED, actors=[NOBODY], length=0.0)


def test_a_loose_force_takes_two_people_and_ends_in_the_stricter_mode(world: ControlTables):
    trip(world, Mode.QUARANTINED)
    epoch = world.admit(call("a")).breaker_epoch
    with pytest.raises(OperatorRefused, match="1 signed"):
        force(world, Mode.SUPERVISED, "ann")
    force(world, Mode.SUPERVISED, "ann", "bob")
    assert world.mode() is Mode.SUPERVISED
    world.now += 100.0
    assert world.mode() is Mode.QUARANTINED
    world.sweep()
    assert world.admit(call("b")).breaker_epoch > epoch


def test_a_trip_under_a_loose_force_ends_it(world: ControlTables):
    trip(world, Mode.SUPERVISED)
    force(world, Mode.AUTONOMOUS, "ann", "bob")
    assert world.admit(call("a")).status == "admitted"
    world.misstep(misstep("m", Severity.HIGH))

    assert world.mode() is Mode.SUPERVISED
    world.now += 1e6
    assert world.mode() is Mode.SUPERVISED


def test_cutting_a_strict_force_short_is_loosening(world: ControlTables):
    force(world, Mode.HALTED, actors=[NOBODY])

    with pytest.raises(OperatorRefused, match="signed"):
        force(world, Mode.HALTED, actors=[NOBODY], length=10.0, id="shorter")
    force(world, Mode.HALTED, actors=[NOBODY], length=1000.0, id="longer")
    world.now += 500.0
    assert world.mode() is Mode.HALTED


# ---------------------------------------------------------------------------------------------------- break-glass
def test_one_person_may_loosen_for_a_time_and_is_reviewed(world: ControlTables):
    trip(world, Mode.HALTED)
    force(world, Mode.SUPERVISED, "ann", break_glass=True)

    assert world.mode() is Mode.SUPERVISED
    assert [r.by for r in control_reviews.reviews(world.connection)] == ["ann"]
    assert world.kinds()[-1] == "break_glass"
    (review,) = control_reviews.reviews(world.connection)
    world.review(review.id, "bob", "right")
    assert control_reviews.reviews(world.connection) == []
    assert len(control_reviews.reviews(world.connection, still_open=False)) == 1


def test_breaking_the_glass_takes_a_key_except_where_there_is_one_operator(world: ControlTables):
    trip(world, Mode.HALTED)
    with pytest.raises(OperatorRefused, match="0 signed"):
        force(world, Mode.SUPERVISED, actors=[NOBODY], break_glass=True)
    force(world, Mode.SUPERVISED, actors=[NOBODY], break_glass=True, single_operator=True)
    assert world.mode() is Mode.SUPERVISED


def test_a_lasting_reset_alone_is_for_single_operator_stores(world: ControlTables):
    trip(world, Mode.HALTED)
    with pytest.raises(OperatorRefused, match="takes two people"):
        reset(world, Mode.SUPERVISED, "ann", break_glass=True)
    reset(world, Mode.SUPERVISED, "ann", break_glass=True, single_operator=True)
    assert world.mode() is Mode.SUPERVISED
    assert len(control_reviews.reviews(world.connection)) == 1


def test_being_stricter_breaks_no_glass(world: ControlTables):
    force(world, Mode.HALTED, actors=[NOBODY], break_glass=True)

    assert control_reviews.reviews(world.connection) == []


# ---------------------------------------------------------------------------------------------------- looking
def test_every_touched_scope_is_listed_with_what_a_person_needs(world: ControlTables):
    world.admit(call("a"))
    world.misstep(misstep("m", Severity.LOW))
    trip(world, Mode.HALTED, TENANT)
    force(world, Mode.QUARANTINED, actors=[NOBODY])

    views = {view.scope.id: view for view in control_hand.list_scopes(world.connection, world.now)}
    assert list(views) == ["agent/acme/bot", "tenant/acme"]
    agent = views["agent/acme/bot"]
    assert (agent.mode, agent.automatic, agent.reason) == (Mode.QUARANTINED, Mode.SUPERVISED, "test")
    assert (agent.violations, agent.in_flight, agent.changes) == (1, 1, 1)
    assert views["tenant/acme"].in_flight == 1


@pytest.mark.parametrize(
    "scope", [EGRESS, Scope(ScopeKind.STORE), Scope(ScopeKind.VERSION, "acme", "bot", "v")]
)
def test_an_untouched_scope_is_shown_as_it_began(world: ControlTables, scope: Scope):
    view = control_hand.show_scope(world.connection, scope, world.now)

    assert (view.mode, view.changes, view.violations, view.force) == (Mode.AUTONOMOUS, 0, 0, None)


def test_the_share_of_tripped_agents_is_an_alarm(world: ControlTables):
    for agent in ("a", "b", "c"):
        world.admit(call(agent, agent=agent))
    world.misstep(misstep("m", Severity.HIGH, agent="b"))

    assert control_hand.tripped_share(world.connection, "acme", world.now) == (1, 3)
    assert control_hand.tripped_share(world.connection, "nobody", world.now) == (0, 0)


def test_a_trip_is_recorded_for_the_next_cool_down(world: ControlTables):
    trip(world, Mode.SUPERVISED)
    reset(world, Mode.AUTONOMOUS, "ann", "bob")
    world.misstep(misstep("m", Severity.HIGH))

    assert control_breaker.load_one(world.connection, AGENT).state.cooldown_until == world.now + 240.0
