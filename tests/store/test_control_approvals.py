"""Questions to people on the real rows: who may answer, what an answer binds, and that it lets one call run once."""

import pytest

from remit.core.approval import ApprovalRecord, ApprovalState, OperatorRefused, Parked, Reply, answer_message
from remit.core.envelope import BreakerRule
from remit.core.errors import BadInput
from remit.core.scope import Scope, ScopeKind
from remit.core.types import ApprovalNeed, LimitClaim, Mode, Severity, ToolEffect
from remit.store import control_approvals, control_breaker, control_hand, control_reviews, operators
from remit.testing.control import AGENT, ControlTables, call, digest_of, misstep, question

TWO = ApprovalNeed(people=2)
FINANCE = ApprovalNeed(("finance",))


@pytest.fixture
def world() -> ControlTables:
    made = ControlTables()
    for name in ("ann", "bob", "eve"):
        made.hire(name, "finance" if name == "ann" else "support")
    return made


def states(world: ControlTables, *ids: str) -> list[str]:
    return [world.status(one).state.value for one in ids]


def opened(world: ControlTables, id: str = "q", about: str = "a", **fields: object) -> ApprovalRecord:
    record = world.ask(question(id, about, **fields))
    assert isinstance(record, ApprovalRecord)
    return record


def run(
    world: ControlTables, token: str, about: str = "a", need: ApprovalNeed | None = None, **fields: object
) -> str:
    request = call(token, digest=digest_of(about), needs_approval=need or ApprovalNeed(), **fields)
    return world.admit(request).status


# ---------------------------------------------------------------------------------------------------- one run, once
def test_an_approved_call_runs_once(world: ControlTables):
    opened(world)
    assert run(world, "t1") == "hold"
    world.answer("q", "ann")

    assert run(world, "t2") == "admitted"
    assert run(world, "t3") == "hold"
    world.settle("t2")
    assert run(world, "t4") == "hold"
    assert states(world, "q") == ["executed"]
    assert [k for k in world.kinds() if k.startswith("approval")] == [
        *("approval.requested", "approval.answered", "approval.claimed", "approval.executed"),
    ]


def test_another_argument_is_another_question(world: ControlTables):
    opened(world)
    world.answer("q", "ann")

    assert run(world, "t", about="b") == "hold"
    assert states(world, "q") == ["approved"]


def test_another_session_is_another_question(world: ControlTables):
    opened(world)
    world.answer("q", "ann")

    assert (
        world.admit(
            call("t", digest=digest_of("a", "s2"), session="s2", needs_approval=ApprovalNeed())
        ).status
        == "hold"
    )


def test_an_approval_is_claimed_even_where_nobody_asks_for_it_any_more(world: ControlTables):
    opened(world)
    world.answer("q", "ann")

    assert world.admit(call("t", digest=digest_of("a"))).approval_id == "q"


def test_a_call_that_did_not_run_keeps_its_approval(world: ControlTables):
    opened(world)
    world.answer("q", "ann")
    run(world, "t1")
    world.settle("t1", ran=False)

    assert states(world, "q") == ["approved"]
    assert run(world, "t2") == "admitted"


def test_a_call_that_did_not_run_since_the_agent_was_stopped_loses_its_approval(world: ControlTables):
    opened(world)
    world.answer("q", "ann")
    run(world, "t1")
    world.misstep(misstep("m", Severity.CRITICAL))
    world.settle("t1", ran=False)

    assert states(world, "q") == ["cancelled"]


def test_a_tool_that_raises_spends_the_approval(world: ControlTables):
    opened(world)
    world.answer("q", "ann")
    run(world, "t1")
    world.settle("t1", "error")

    assert states(world, "q") == ["failed"]
    assert run(world, "t2") == "hold"


def test_an_unknown_outcome_spends_the_approval_until_a_late_word_corrects_it(world: ControlTables):
    opened(world)
    world.answer("q", "ann")
    run(world, "t1")
    world.now += 60.0
    world.sweep()
    assert states(world, "q") == ["failed"]
    assert run(world, "t2") == "hold"
    world.settle("t1")
    assert states(world, "q") == ["executed"]


def test_a_limit_that_refuses_an_approved_call_spends_the_approval(world: ControlTables):
    opened(world)
    world.answer("q", "ann")

    assert run(world, "t", claims=(LimitClaim("pay.daily", "k", 2, 1, 60.0),)) == "refused"
    assert (world.status("q").state, world.status("q").reason) == ("failed", "pay.daily")


def test_an_approval_of_a_smaller_need_does_not_cover_a_larger_one(world: ControlTables):
    opened(world)
    world.answer("q", "ann")

    assert run(world, "t", need=TWO) == "hold"
    opened(world, "q2", need=TWO)
    assert states(world, "q", "q2") == ["cancelled", "pending"]


# ---------------------------------------------------------------------------------------------------- one question
def test_the_same_call_is_one_question_however_often_it_is_asked(world: ControlTables):
    opened(world)
    again = opened(world, "q2", call_id="other")

    assert (again.id, again.status.proposals) == ("q", 2)
    assert opened(world, "q3").status.proposals == 2


def test_a_framework_that_asks_again_while_the_call_runs_gets_the_same_question(world: ControlTables):
    opened(world)
    world.answer("q", "ann")
    run(world, "t1")

    assert opened(world, "q2").state is ApprovalState.CLAIMED


def test_after_a_run_the_same_call_is_a_new_question(world: ControlTables):
    opened(world)
    world.answer("q", "ann")
    run(world, "t1")
    world.settle("t1")

    assert opened(world, "q2").id == "q2"


def test_what_a_person_rejected_cannot_be_asked_again_in_that_session(world: ControlTables):
    opened(world)
    world.answer("q", "ann", Reply.REJECT, note="not this customer")

    record = opened(world, "q2")
    assert (record.id, record.state) == ("q", ApprovalState.REJECTED)
    assert record.answers[0].note == "not this customer"
    admission = world.admit(call("t", digest=digest_of("a"), needs_approval=ApprovalNeed()))
    assert (admission.status, admission.violations[-1].clause) == ("refused", "approval.rejected")


def test_a_raised_epoch_does_not_make_people_forget_their_no(world: ControlTables):
    opened(world)
    world.answer("q", "ann", Reply.REJECT)
    world.misstep(misstep("m", Severity.CRITICAL))
    reset(world, "r1")

    assert opened(world, "q2").state is ApprovalState.REJECTED


def test_no_more_questions_are_open_than_people_can_answer(world: ControlTables):
    for n in range(3):
        opened(world, f"q{n}", f"a{n}")
    world.now += 100.0
    parked = world.ask(question("q9", "a9"))

    assert isinstance(parked, Parked)
    assert (parked.reason, parked.retry_after_s) == ("approval.parked", 800.0)
    world.answer("q0", "ann")
    opened(world, "q9", "a9")


@pytest.mark.parametrize(
    ("mode", "reason"), [(Mode.QUARANTINED, "breaker.quarantined"), (Mode.HALTED, "breaker.halted")]
)
def test_a_stopped_agent_asks_nothing(world: ControlTables, mode: Mode, reason: str):
    world.run(lambda tx: control_hand.trip(tx, AGENT, mode, id="t", actor="ann", reason="incident"))

    parked = world.ask(question("q", "a"))
    assert isinstance(parked, Parked) and parked.reason == reason


def test_a_quarantined_agent_may_ask_about_a_read(world: ControlTables):
    world.run(
        lambda tx: control_hand.trip(tx, AGENT, Mode.QUARANTINED, id="t", actor="ann", reason="incident")
    )

    assert opened(world, effect=ToolEffect.READ).state is ApprovalState.PENDING


# ---------------------------------------------------------------------------------------------------- who answers
def test_two_people_must_be_two_people(world: ControlTables):
    opened(world, need=TWO)
    world.answer("q", "ann")
    assert states(world, "q") == ["pending"]
    with pytest.raises(OperatorRefused, match="answered already"):
        world.answer("q", "ann")
    world.answer("q", "bob")
    assert states(world, "q") == ["approved"]


def test_a_role_must_be_had(world: ControlTables):
    opened(world, need=FINANCE)

    with pytest.raises(OperatorRefused, match="none of the roles finance"):
        world.answer("q", "bob")
    world.answer("q", "ann")


@pytest.mark.parametrize("part", ["requester", "owner"])
def test_who_asked_or_owns_the_agent_may_not_answer(world: ControlTables, part: str):
    opened(world, **{part: "ann"})

    with pytest.raises(OperatorRefused, match="may not answer"):
        world.answer("q", "ann")
    world.answer("q", "bob")


@pytest.mark.parametrize("typed", ["ANN", " ann ", "\uff21nn"])
def test_who_asked_may_not_answer_however_their_name_is_typed(world: ControlTables, typed: str):
    opened(world, requester=typed)

    with pytest.raises(OperatorRefused, match="may not answer"):
        world.answer("q", "ann")


def answer_as(world: ControlTables, operator: str = "ann", **fields: object) -> None:
    seen = world.status("q")
    given = {"operator": operator, "seen_digest": seen.digest, "version": seen.version, **fields}
    reply = given.pop("reply", Reply.APPROVE)
    world.run(lambda tx: control_approvals.answer(tx, "q", reply, **given))  # type: ignore[arg-type]


def test_an_answer_must_be_signed(world: ControlTables):
    opened(world)

    with pytest.raises(OperatorRefused, match="not signed"):
        answer_as(world)


@pytest.mark.parametrize("field", ["approval", "version", "digest", "reply", "note", "key", "operator"])
def test_a_signature_over_anything_else_is_refused(world: ControlTables, field: str):
    record = opened(world)
    changed = {"approval": "q7", "version": 7, "digest": "d", "reply": Reply.REJECT, "note": "other"}
    said = {"approval": "q", "version": 1, "digest": record.status.digest, "reply": Reply.APPROVE, "note": ""}
    said |= {field: changed[field]} if field in changed else {}
    message = answer_message(
        said["approval"], said["version"], said["digest"], said["reply"], said["note"], break_glass=False
    )
    signature = world.keys["bob" if field == "key" else "ann"].sign(message)

    with pytest.raises(OperatorRefused, match="signature"):
        answer_as(world, "nobody" if field == "operator" else "ann", signature=signature)


def test_who_was_removed_cannot_answer(world: ControlTables):
    opened(world)
    world.run(lambda tx: operators.remove(tx, "ann", act="fire-ann"))

    with pytest.raises(OperatorRefused, match="signature"):
        world.answer("q", "ann")


def test_an_answer_to_something_else_than_was_shown_is_refused(world: ControlTables):
    opened(world)

    with pytest.raises(OperatorRefused, match="digest"):
        answer_as(world, seen_digest="other")
    with pytest.raises(OperatorRefused, match="version 0 was seen"):
        answer_as(world, version=0)


def test_a_rejection_needs_a_reason(world: ControlTables):
    opened(world)

    with pytest.raises(BadInput, match="say why"):
        answer_as(world, reply=Reply.REJECT, note="  ")


def test_there_is_no_answer_to_nothing(world: ControlTables):
    with pytest.raises(BadInput, match="there is no approval"):
        world.run(
            lambda tx: control_approvals.answer(
                tx, "x", Reply.APPROVE, operator="a", seen_digest="", version=1
            )
        )


def test_a_single_operator_store_takes_unsigned_answers_and_says_so(world: ControlTables):
    record = world.ask(question("q", "a", owner="me"), single_operator=True)
    assert isinstance(record, ApprovalRecord) and record.status.single_operator
    answer_as(world, "me", single_operator=True)

    shown = control_approvals.show(world.connection, "q", world.load)
    assert shown is not None
    assert (shown.state, shown.answers[0].authenticated) == (ApprovalState.APPROVED, False)


def test_two_unsigned_names_are_one_person(world: ControlTables):
    world.ask(question("q", "a", need=TWO), single_operator=True)
    answer_as(world, "me", single_operator=True)
    answer_as(world, "myself", single_operator=True)

    assert states(world, "q") == ["pending"]


def test_the_same_answer_again_is_the_same_answer(world: ControlTables):
    opened(world)
    seen = world.status("q")
    signature = world.keys["ann"].sign(
        answer_message("q", 1, seen.digest, Reply.APPROVE, "", break_glass=False)
    )
    for _ in range(2):
        answer_as(world, version=1, signature=signature)

    assert world.kinds().count("approval.answered") == 1


# ---------------------------------------------------------------------------------------------------- time and epochs
def test_expired_means_denied_and_is_not_a_persons_no(world: ControlTables):
    opened(world, need=ApprovalNeed(expires_s=60.0))
    world.now += 60.0

    with pytest.raises(OperatorRefused, match="expired at 1970-01-01 00:17:40 UTC"):
        world.answer("q", "ann")
    world.sweep()
    assert states(world, "q") == ["expired"]
    with pytest.raises(OperatorRefused, match="it is expired, not pending"):
        world.answer("q", "ann")
    assert opened(world, "q2").id == "q2"


def test_an_approval_that_was_not_used_in_time_is_void(world: ControlTables):
    opened(world, need=ApprovalNeed(expires_s=60.0))
    world.answer("q", "ann")
    world.now += 60.0

    assert run(world, "t") == "hold"
    assert states(world, "q") == ["expired"]


@pytest.mark.parametrize("state", ["pending", "approved"])
def test_a_raised_epoch_cancels_what_is_open(world: ControlTables, state: str):
    opened(world)
    if state == "approved":
        world.answer("q", "ann")
    world.misstep(misstep("m", Severity.CRITICAL))

    assert states(world, "q") == ["cancelled"]
    assert world.status("q").reason == "the breaker went to quarantined"
    reset(world, "r1")
    assert run(world, "t") == "hold"


def test_a_plain_trip_cancels_nothing(world: ControlTables):
    opened(world)
    world.answer("q", "ann")
    world.misstep(misstep("m", Severity.HIGH))

    assert run(world, "t") == "admitted"


@pytest.mark.parametrize(
    ("scope", "hit"),
    [
        (Scope(ScopeKind.STORE), True),
        (Scope(ScopeKind.TENANT, "acme"), True),
        (Scope(ScopeKind.VERSION, "acme", "bot", "v1"), True),
        (Scope(ScopeKind.EFFECT, "acme", "bot", "irreversible"), True),
        (Scope(ScopeKind.EFFECT, "acme", "bot", "egress"), False),
        (Scope(ScopeKind.VERSION, "acme", "bot", "v2"), False),
        (Scope(ScopeKind.AGENT, "acme", "other"), False),
        (Scope(ScopeKind.TENANT, "other"), False),
    ],
)
def test_stopping_a_scope_cancels_its_questions_and_no_others(world: ControlTables, scope: Scope, hit: bool):
    opened(world, agent_version="v1")
    world.run(lambda tx: control_hand.trip(tx, scope, Mode.HALTED, id="t", actor="ann", reason="incident"))

    assert states(world, "q") == (["cancelled"] if hit else ["pending"])


def test_questions_of_a_session_that_ended_are_withdrawn(world: ControlTables):
    opened(world, "q1", "a")
    opened(world, "q2", "b")
    opened(world, "q3", "c", session="s2")

    assert world.run(lambda tx: control_approvals.cancel(tx, session="s", reason="the session ended")) == 2
    assert world.run(lambda tx: control_approvals.cancel(tx, approval_id="q3", reason="withdrawn")) == 1
    assert states(world, "q1", "q2", "q3") == ["cancelled"] * 3


def reset(world: ControlTables, act: str) -> None:
    actors = [world.actor(name, act, AGENT, Mode.SUPERVISED, reason="checked") for name in ("ann", "bob")]
    world.run(lambda tx: control_hand.reset(tx, AGENT, id=act, actors=actors, reason="checked"))


# ---------------------------------------------------------------------------------------------------- the breaker
def test_a_rejection_counts_as_a_violation_of_the_agent(world: ControlTables):
    for n in range(3):
        opened(world, f"q{n}", f"a{n}")
        world.answer(f"q{n}", "ann", Reply.REJECT)

    assert control_breaker.counts(world.connection, AGENT, 0) == {Severity.MEDIUM: 3}
    assert world.mode() is Mode.SUPERVISED


def test_mostly_rejected_proposals_quarantine_a_supervised_agent(world: ControlTables):
    rule = BreakerRule(max_violations=100, threshold=1)
    world.misstep(misstep("m", rule=rule))
    for n in range(10):
        assert world.mode() is Mode.SUPERVISED
        opened(world, f"q{n}", f"a{n}", rule=rule)
        world.answer(f"q{n}", "ann", Reply.APPROVE if n < 4 else Reply.REJECT)
        world.now += 100.0

    assert world.mode() is Mode.QUARANTINED


# ---------------------------------------------------------------------------------------------------- break-glass
def test_one_person_may_break_the_glass_for_a_short_while_and_is_reviewed(world: ControlTables):
    opened(world, need=ApprovalNeed(people=2))
    world.answer("q", "ann", break_glass=True, note="the only one awake")

    status = world.status("q")
    assert (status.state, status.break_glass, status.review_needed) == ("approved", True, True)
    assert status.expires_at == world.now + 300.0
    assert "break_glass" in world.kinds()
    (review,) = control_reviews.reviews(world.connection)
    with pytest.raises(OperatorRefused, match="somebody else reviews"):
        world.review(review.id, "ann", "fine")
    with pytest.raises(BadInput, match="say what you found"):
        world.review(review.id, "bob", " ")
    world.review(review.id, "bob", "was right")
    assert not world.status("q").review_needed
    assert control_reviews.reviews(world.connection) == []
    with pytest.raises(BadInput, match="no open review"):
        world.review(review.id, "bob", "again")


def test_break_glass_needs_a_reason_and_rejects_nothing(world: ControlTables):
    opened(world)

    with pytest.raises(BadInput, match="say why"):
        answer_as(world, break_glass=True)
    with pytest.raises(BadInput, match="needs no break-glass"):
        answer_as(world, break_glass=True, note="x", reply=Reply.REJECT)


def test_breaking_the_glass_gives_no_role(world: ControlTables):
    opened(world, need=ApprovalNeed(("finance",), people=2))

    with pytest.raises(OperatorRefused, match="none of the roles"):
        world.answer("q", "bob", break_glass=True)


# ---------------------------------------------------------------------------------------------------- canaries
def test_a_canary_never_runs_and_counts_for_nothing(world: ControlTables):
    opened(world, canary=True)
    world.answer("q", "ann")

    assert run(world, "t") == "hold"
    opened(world, "q2", "b", canary=True)
    world.answer("q2", "ann", Reply.REJECT)
    assert control_breaker.counts(world.connection, AGENT, 0) == {}
    (rate,) = control_approvals.canaries(world.connection)
    assert (rate.operator, rate.shown, rate.caught) == ("ann", 2, 1)


def test_canaries_leave_room_for_real_questions(world: ControlTables):
    for n in range(9):
        opened(world, f"c{n}", f"c{n}", canary=True)

    opened(world)


# ---------------------------------------------------------------------------------------------------- looking
def test_the_tables_hold_no_arguments_and_no_names_of_customers(world: ControlTables):
    opened(
        world, args={"iban": "DE02SECRET"}, requester="customer-17", preview="pays DE02SECRET", owner="team-x"
    )
    cells = [str(cell) for row in world.connection.execute("SELECT * FROM approval") for cell in row]

    assert not [cell for cell in cells if "DE02" in cell or "customer-17" in cell or "team-x" in cell]
    shown = control_approvals.show(world.connection, "q", world.load)
    assert shown is not None
    assert (shown.args, shown.requester) == ({"iban": "DE02SECRET"}, "customer-17")


def test_an_erased_question_is_shown_without_its_body(world: ControlTables):
    opened(world)
    shown = control_approvals.show(world.connection, "q", lambda _: None)

    assert shown is not None and shown.erased and shown.args == {}
    assert control_approvals.show(world.connection, "nothing", world.load) is None


def test_the_queue_is_listed_by_state_tenant_and_agent(world: ControlTables):
    opened(world, "q1", "a")
    opened(world, "q2", "b", agent="other")
    opened(world, "q3", "c")
    world.answer("q3", "ann")

    def listed(**fields: object) -> list[str]:
        return [one.id for one in control_approvals.list_approvals(world.connection, **fields)]  # type: ignore[arg-type]

    assert listed() == ["q1", "q2"]
    assert listed(agent="other") == ["q2"]
    assert listed(tenant="nobody") == []
    assert listed(states=list(ApprovalState)) == ["q1", "q2", "q3"]
    assert listed(limit=1) == ["q1"]


def test_every_event_of_an_approval_names_its_session_agent_and_envelope(world: ControlTables):
    opened(world, envelope="e1", subject="subject-17")
    world.answer("q", "ann")
    run(world, "t")
    world.settle("t")

    told = [event for event in world.journal.values() if event.kind.startswith("approval.")]
    assert {(e.session, e.agent, e.tenant, e.envelope) for e in told} == {("s", "bot", "acme", "e1")}
    assert told[0].subject == "subject-17"
