"""Incidents as a state machine: what belongs together, who has it, whom it wakes, when it ends."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from incident_help import SECURITY, SRE, Desk, case, classed

from remit.core import incident_acts as acts
from remit.core.alert import Action, Urgency
from remit.core.change import Change, ChangeKind
from remit.core.classify.classification import Class
from remit.core.drifted import Drift, Stream, StreamKind, measure
from remit.core.errors import BadInput
from remit.core.event import Event
from remit.core.incident import (
    LONG_QUIET_S,
    QUIET_S,
    REOPEN_S,
    STORM_COUNT,
    STORM_WINDOW_S,
    Standing,
    key_of,
    member_of,
)
from remit.core.incident_moves import absorb, ended, merged, receive
from remit.core.incident_rules import wakes
from remit.core.incident_signals import Signal, of_drift, signal_of
from remit.core.incident_told import told
from remit.core.types import Mode, Severity, ToolEffect

EXECUTED = {"ran": True}


def opened(label=Class.UNDETERMINED, at=0.0, **changes):
    return absorb(None, case(at=at, **changes), classed(label=label), at)


# ------------------------------------------------------------------------------------------------ what wakes people
def test_one_refused_call_wakes_nobody():
    incident = opened(Class.SECURITY)

    assert [(t.team, t.action, t.urgency) for t in told(None, incident)] == [
        (SECURITY, Action.TRIGGER, Urgency.QUEUE)
    ]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"severity": Severity.CRITICAL}, "critical"),
        ({"kind": "unknown-outcome", "ran": None}, "unknown outcome"),
        ({"kind": "output", "ran": True}, "executed"),
        ({"kind": "flagged", "ran": True, "severity": Severity.HIGH}, "executed"),
        ({"effect": None, "ran": True}, "executed"),
    ],
)
def test_what_wakes_people_alone_does(changes, why):
    incident = opened(Class.SECURITY, **changes)

    assert wakes(case(**changes)) == why
    assert incident.reasons == (why,)
    assert [(t.action, t.urgency) for t in told(None, incident)] == [(Action.TRIGGER, Urgency.PAGE)]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"kind": "flagged", "ran": True, "severity": Severity.LOW},
        {"kind": "infrastructure", "ran": True},
        {"kind": "output", "ran": True, "effect": ToolEffect.READ},
        {"kind": "unknown-outcome", "ran": None, "effect": ToolEffect.READ},
        {"kind": "rejected"},
    ],
)
def test_what_is_refused_read_flagged_or_broken_alone_wakes_nobody(changes):
    assert wakes(case(**changes)) == ""
    assert opened(Class.SRE, **changes).urgency is Urgency.QUEUE


def test_where_an_envelope_only_monitors_what_it_would_have_refused_wakes_nobody_unless_content_explains_it():
    desk = Desk()
    for n in range(3 * STORM_COUNT):
        desk.take(case(f"a{n}", at=n * 1.0, ran=True, enforced=False), Class.UNDETERMINED, at=n * 1.0)
    assert desk.pages(SECURITY) == 0
    desk.take(case("a7", at=7.0, ran=True, enforced=False), Class.SECURITY, at=100.0)

    assert (desk.pages(SECURITY), desk.incident.reasons) == (1, ("executed",))
    assert opened(Class.SRE, enforced=False, severity=Severity.CRITICAL).urgency is Urgency.PAGE


def test_a_storm_of_ten_thousand_is_one_page_for_each_leading_team_and_few_messages():
    desk = Desk()
    for n in range(10_000):
        desk.take(case(f"a{n}", at=n * 0.05), Class.BOTH, at=n * 0.05)

    assert (desk.pages(SECURITY), desk.pages(SRE)) == (1, 1)
    assert desk.incident.count == 10_000
    assert (
        len([t for t in desk.said if t.team is SRE]) == 6
    )  # queue, page, and at 10, 100, 1,000, 10,000 but 10 before


def test_as_many_anomalies_over_a_longer_time_are_no_storm():
    desk = Desk()
    for n in range(3 * STORM_COUNT):
        desk.take(case(f"a{n}", at=n * (STORM_WINDOW_S + 1) / (STORM_COUNT - 1)), Class.SRE, at=n * 60.0)

    assert desk.pages(SRE) == 0


def test_what_waited_for_the_classifier_for_a_week_is_no_storm():
    desk = Desk()
    for n in range(3 * STORM_COUNT):
        desk.take(case(f"a{n}", at=n * 3600.0), Class.SRE, at=1e6)

    assert desk.pages(SRE) == 0


def test_what_a_journal_of_long_ago_holds_wakes_nobody():
    old = 1e6
    desk = Desk()
    for n in range(3 * STORM_COUNT):
        desk.take(case(f"a{n}", at=float(n), ran=True, severity=Severity.CRITICAL), Class.SECURITY, at=old)

    assert desk.pages(SECURITY) == 0
    assert (
        receive(None, Signal("e", "breaker", "acme", "bot", 0.0, "k", pages="trip"), old).urgency
        is Urgency.QUEUE
    )
    assert desk.take(case("now", at=old, ran=True), Class.SECURITY, at=old).urgency is Urgency.PAGE


# ------------------------------------------------------------------------------------------------ class and route
def test_an_undetermined_incident_is_led_by_whom_the_classifier_names_first_and_the_other_watches():
    incident = opened(Class.UNDETERMINED, severity=Severity.CRITICAL)

    assert [(p.team, p.leads, p.urgency) for p in incident.parts] == [
        (SECURITY, True, Urgency.PAGE),
        (SRE, False, Urgency.QUEUE),
    ]


def test_what_goes_to_nobody_is_led_by_sre():
    found = absorb(None, case(), classed(deliver_to=()), 0.0)

    assert [(p.team, p.leads) for p in found.parts] == [(SRE, True)]


def test_when_a_change_explains_it_the_new_team_is_told_and_the_old_one_that_it_moved():
    desk = Desk()
    desk.take(case(), Class.UNDETERMINED, 0.0)
    desk.take(case(), Class.SRE, 5.0, change="c1")

    assert (desk.incident.label, desk.incident.change) == (Class.SRE, "c1")
    assert [(t.team, t.action, t.why) for t in desk.said[-2:]] == [
        (SECURITY, Action.RESOLVE, "moved to sre"),
        (SRE, Action.UPDATE, "class: undetermined, now sre; a change explains it"),
    ]
    assert desk.incident.part(SECURITY).state is Standing.HANDED
    assert desk.incident.part(SRE).leads


def test_a_part_that_a_person_took_stays_theirs_and_they_are_told():
    desk = Desk()
    desk.take(case(), Class.SECURITY, 0.0)
    desk.now(acts.acknowledged(desk.incident, SECURITY, "ann", 1.0))
    desk.take(case(), Class.SRE, 2.0)

    mine = desk.incident.part(SECURITY)
    assert (mine.state, mine.owner, mine.leads) == (Standing.ACKNOWLEDGED, "ann", False)
    assert desk.incident.part(SRE).leads
    assert "the evidence now says sre" in next(t.why for t in desk.said if t.action is Action.UPDATE)


def test_a_team_that_a_woken_incident_moves_to_is_woken():
    desk = Desk()
    desk.take(case(ran=True), Class.SRE, 0.0)
    desk.take(case("a2"), Class.SECURITY, 1.0)

    assert (desk.pages(SRE), desk.pages(SECURITY)) == (1, 1)


def test_no_number_of_others_outvotes_an_attack():
    desk = Desk()
    for n in range(200):
        desk.take(case(f"a{n}", at=n * 100.0), Class.SRE, n * 100.0)
    desk.take(case("odd"), Class.SECURITY, 1e5)

    assert desk.incident.label is Class.BOTH


def test_a_person_who_labels_one_member_classes_the_incident():
    desk = Desk()
    for n in range(5):
        desk.take(case(f"a{n}"), Class.SECURITY, float(n))
    found = absorb(
        desk.incident, case("a0"), classed("a0", Class.SRE), 9.0, was=desk.members["a0"], by_person=True
    )

    assert (found.label, found.confidence) == (Class.SRE, 1.0)
    assert [p.team for p in found.parts if p.active] == [SRE]


def test_an_executed_attack_reaches_security_whatever_people_said_before():
    desk = Desk()
    desk.take(case("a0"), Class.SECURITY, 0.0)
    said = classed("a0", Class.SRE)
    desk.now(absorb(desk.incident, case("a0"), said, 1.0, was=desk.members["a0"], by_person=True))
    desk.take(case("a1", **EXECUTED), Class.SECURITY, 2.0)

    assert desk.incident.label is Class.SRE
    assert desk.pages(SECURITY) == 1


def test_a_class_that_is_taken_back_leaves_no_trace_in_the_sums():
    desk = Desk()
    first = desk.take(case(), Class.SECURITY, 0.0, origin="mail")
    again = desk.take(case(), Class.SRE, 1.0, change="c1")
    back = desk.take(case(), Class.SECURITY, 2.0, origin="mail")

    assert (again.classes, again.origins, again.changes) == ({"sre": 1}, {}, {"c1": 1})
    assert (back.classes, back.milli, back.origins) == (first.classes, first.milli, first.origins)
    assert back.keys == (key_of(case(), classed(origin="mail")), key_of(case(), classed(change="c1")))
    assert back.count == 1


def test_a_made_up_tool_name_is_no_incident_of_its_own():
    names = {key_of(case(tool=f"tool_{n}", effect=None, clauses=("unlisted",)), classed()) for n in range(20)}

    assert len(names) == 1


# ------------------------------------------------------------------------------------------------ people
def test_a_hand_over_gives_the_other_team_the_lead_and_wakes_it_where_the_first_was_woken():
    desk = Desk()
    desk.take(case(ran=True), Class.SECURITY, 0.0)
    desk.now(acts.handed(desk.incident, SECURITY, SRE, 1.0))

    assert [(t.team, t.action, t.urgency) for t in desk.said[-2:]] == [
        (SECURITY, Action.RESOLVE, Urgency.PAGE),
        (SRE, Action.TRIGGER, Urgency.PAGE),
    ]
    desk.take(case("a2"), Class.SECURITY, 2.0)  # more of the same takes nothing back
    assert desk.incident.part(SECURITY).state is Standing.HANDED
    assert desk.incident.part(SRE).leads


def test_what_a_team_does_not_have_it_cannot_take_and_is_told_who_has_it():
    incident = opened(Class.SECURITY)

    with pytest.raises(BadInput, match="handoff"):
        acts.acknowledged(incident, SRE, "bo", 1.0)
    with pytest.raises(BadInput, match="already"):
        acts.handed(incident, SECURITY, SECURITY, 1.0)
    with pytest.raises(BadInput, match="empty"):
        acts.assigned(incident, SECURITY, " ", 1.0)
    with pytest.raises(BadInput, match="open"):
        acts.reopened(incident, 1.0)


def test_an_incident_of_two_teams_ends_with_the_second():
    incident = opened(Class.BOTH)
    one = acts.resolved(incident, SRE, 1.0)
    both = acts.resolved(one, SECURITY, 2.0)

    assert (one.open, both.open, both.closed_at) == (True, False, 2.0)
    with pytest.raises(BadInput, match="ended"):
        acts.resolved(both, None, 3.0)


def test_whoever_watches_does_not_keep_it_open():
    ended_one = acts.resolved(opened(Class.UNDETERMINED), SECURITY, 1.0)

    assert not ended_one.open
    assert [t.action for t in told(opened(Class.UNDETERMINED), ended_one)] == [Action.RESOLVE] * 2


def test_a_person_opens_it_again_and_the_leading_team_is_told():
    closed = acts.resolved(opened(Class.SRE), None, 1.0)
    again = acts.reopened(closed, 2.0)

    assert (again.open, again.opening) == (True, 2)
    assert [(t.team, t.action) for t in told(closed, again)] == [(SRE, Action.TRIGGER)]


def test_a_label_that_says_attack_opens_an_ended_incident_again_and_one_that_says_sre_does_not():
    for label, is_open in ((Class.SECURITY, True), (Class.SRE, False)):
        desk = Desk()
        desk.take(case(), Class.SRE if label is Class.SECURITY else Class.SECURITY, 0.0)
        desk.now(acts.resolved(desk.incident, None, 1.0))
        after = desk.take(case(), label, 90_000.0)
        assert (after.open, after.label) == (is_open, label)


# ------------------------------------------------------------------------------------------------ the end
def test_it_ends_when_quiet_and_later_where_somebody_was_woken_or_took_it():
    quiet, woken = opened(Class.SRE), opened(Class.SRE, ran=True)
    taken = acts.acknowledged(quiet, SRE, "bo", 0.0)

    assert ended(quiet, QUIET_S - 1) is quiet
    assert not ended(quiet, QUIET_S).open
    assert [t.action for t in told(quiet, ended(quiet, QUIET_S))] == [Action.RESOLVE]
    for one in (woken, taken):
        assert ended(one, LONG_QUIET_S - 1).open
        assert not ended(one, LONG_QUIET_S).open


def test_what_was_classified_late_does_not_end_at_once():
    assert ended(opened(Class.SRE, at=1e6), 1e6 + 1).open
    late = absorb(None, case(at=0.0), classed(label=Class.SRE), 1e6)
    assert ended(late, 1e6 + QUIET_S - 1).open


def test_what_was_on_its_way_when_it_was_resolved_joins_quietly():
    desk = Desk()
    desk.take(case("a1", at=0.0), Class.SRE, 1.0)
    desk.now(acts.resolved(desk.incident, None, 10.0))
    heard = len(desk.said)
    desk.take(case("a2", at=9.0), Class.SRE, 12.0)

    assert (desk.incident.open, desk.incident.count, len(desk.said)) == (False, 2, heard)


def test_but_not_what_wakes_people_for_a_reason_that_nobody_had_seen():
    desk = Desk()
    desk.take(case("a1", at=0.0), Class.SRE, 1.0)
    desk.now(acts.resolved(desk.incident, None, 10.0))
    desk.take(case("a2", at=9.0, ran=True), Class.SRE, 12.0)

    assert (desk.incident.open, desk.pages(SRE)) == (True, 1)


def test_it_opens_again_where_it_goes_on_soon_and_another_names_it_where_late():
    desk = Desk()
    first = desk.take(case("a1", at=0.0), Class.SRE, 1.0)
    desk.now(acts.resolved(desk.incident, None, 10.0))
    soon = absorb(desk.incident, case("a2", at=10 + REOPEN_S), classed("a2", Class.SRE), 5000.0)
    late = absorb(desk.incident, case("a2", at=11 + REOPEN_S), classed("a2", Class.SRE), 5000.0)

    assert (soon.id, soon.opening, soon.count) == (first.id, 2, 2)
    assert (late.former, late.count, late.id != first.id) == (first.id, 1, True)


def test_a_team_that_resolved_its_part_hears_again_where_it_goes_on():
    desk = Desk()
    desk.take(case("a1", at=0.0), Class.BOTH, 1.0)
    desk.now(acts.resolved(desk.incident, SRE, 10.0))
    desk.take(case("a2", at=9.0), Class.BOTH, 11.0)
    assert desk.incident.part(SRE).state is Standing.RESOLVED
    desk.take(case("a3", at=12.0), Class.BOTH, 13.0)

    assert desk.incident.part(SRE).state is Standing.NEW
    assert (desk.said[-1].team, desk.said[-1].action) == (SRE, Action.TRIGGER)


# ------------------------------------------------------------------------------------------------ trips, merges
def test_a_trip_wakes_whoever_leads_and_counts_as_no_anomaly():
    incident = opened(Class.SRE)
    trip = Signal("e1", "breaker", "acme", "bot", 5.0, "k", pages="trip")
    after = receive(incident, trip, 6.0)

    assert (after.count, after.signals, after.reasons) == (1, 1, ("trip",))
    assert [(t.team, t.action, t.urgency) for t in told(incident, after)] == [
        (SRE, Action.TRIGGER, Urgency.PAGE)
    ]


def test_a_drift_alarm_opens_an_incident_that_wakes_nobody():
    drift = Signal(
        "e1", "drift-watch", "acme", "bot", 5.0, "k", label=Class.SRE, clause="pay.small", change="c1"
    )
    after = receive(None, drift, 6.0)

    assert (after.label, after.change, after.urgency, after.agent) == (Class.SRE, "c1", Urgency.QUEUE, "bot")


def test_two_that_turn_out_to_be_one_are_merged_with_sums_of_both():
    older = opened(Class.UNDETERMINED)
    other = absorb(None, case("b1", at=3.0, **EXECUTED), classed("b1", Class.SRE, change="c1"), 3.0)
    one, gone = merged(older, other, 2, 4.0)

    assert (one.count, one.sessions, one.label, one.ran) == (2, 2, Class.SRE, True)
    assert (gone.open, gone.into, gone.state) == (False, one.id, "merged")
    assert set(one.keys) == {*older.keys, *other.keys}
    assert [t.why for t in told(other, gone)] == [f"merged into {one.id}"]
    assert one.part(SRE).urgency is Urgency.PAGE


# ------------------------------------------------------------------------------------------------ properties
LABELS = st.sampled_from(list(Class))
ANOMALIES = st.lists(
    st.tuples(
        st.integers(0, 30),  # which anomaly
        st.integers(0, 4),  # of which session
        st.floats(0, 1e5, allow_nan=False),
        LABELS,
        st.sampled_from(list(Severity)),
        st.sampled_from(["", "mail", "web"]),
        st.floats(0, 1, allow_nan=False),
        st.booleans(),
    ),
    min_size=1,
    max_size=25,
    unique_by=lambda row: row[0],
)


def folded(rows):
    desk = Desk()
    for n, session, at, label, severity, origin, confidence, ran in rows:
        one = case(f"a{n}", f"s{session}", at, severity=severity, ran=ran)
        desk.take(one, label, 1e5, origin=origin, confidence=confidence)
    return desk.incident


@settings(deadline=None)
@given(ANOMALIES, st.randoms(use_true_random=False))
def test_sums_and_class_are_the_same_in_every_order(rows, chance):
    mixed = list(rows)
    chance.shuffle(mixed)
    one, other = folded(rows), folded(mixed)

    names = "count sessions classes milli origins leads label confidence severity first first_at last_at ran urgency"
    for name in names.split():
        assert getattr(one, name) == getattr(other, name), name
    assert one.count == len(rows)
    assert one.sessions == len({row[1] for row in rows})
    assert set(one.keys) == set(other.keys)


ACTS = st.lists(
    st.one_of(
        st.tuples(
            st.just("absorb"),
            st.integers(0, 12),
            LABELS,
            st.booleans(),
            st.sampled_from([Severity.LOW, Severity.MEDIUM, Severity.CRITICAL]),
        ),
        st.tuples(st.just("storm"), LABELS),
        st.tuples(st.sampled_from(["ack", "hand", "resolve"]), st.sampled_from([SECURITY, SRE])),
        st.tuples(st.sampled_from(["resolve all", "reopen", "a minute", "two hours", "eight days"])),
    ),
    max_size=30,
)


class World:
    """Drives one incident by a list of acts, and checks after each what must always hold."""

    def __init__(self):
        self.desk, self.at, self.next = Desk(), 0.0, 1000
        self.woken = set()

    def step(self, act):
        heard = len(self.desk.said)
        before = self.desk.incident
        self.do(act)
        if self.desk.incident is None:
            return
        if before is not None and before.id != self.desk.incident.id:
            self.woken.clear()
        for one in self.desk.said[heard:]:
            self.hear(one)
        self.check(self.desk.incident)

    def hear(self, one):
        if one.action is Action.RESOLVE:
            self.woken.discard(one.team)
        elif one.action is Action.TRIGGER and one.urgency is Urgency.PAGE:
            assert one.team not in self.woken, "woken twice for one incident"
            self.woken.add(one.team)

    def check(self, incident):
        leading = [p for p in incident.parts if p.active and p.leads]
        assert incident.open == bool(leading)
        assert {p.team for p in incident.parts if p.active and p.urgency is Urgency.PAGE} == self.woken
        assert len({p.team for p in incident.parts}) == len(incident.parts)
        assert sum(incident.classes.values()) == incident.count == len(self.desk.members)
        assert all(
            n >= 0 for n in (*incident.classes.values(), *incident.leads.values(), *incident.milli.values())
        )

    def do(self, act):
        match act:
            case ("absorb", n, label, ran, severity):
                known = f"a{n}" in self.desk.members
                one = case(f"a{n}", at=self.at, ran=ran, severity=severity)
                if not known and self.other_begins():
                    return
                after = self.desk.take(one, label, self.at)
                if not known and wakes(one):
                    assert {p.team for p in after.parts if p.active and p.leads} <= {
                        p.team for p in after.parts if p.urgency is Urgency.PAGE
                    }, "a page was lost"
            case ("storm", label):
                if self.other_begins():
                    return
                for _ in range(STORM_COUNT):
                    self.next += 1
                    self.desk.take(case(f"a{self.next}", at=self.at), label, self.at)
                assert self.desk.incident.urgency is Urgency.PAGE
            case (("a minute" | "two hours" | "eight days") as time,):
                self.at += {"a minute": 60, "two hours": 7200, "eight days": 8 * 86400}[time]
                if self.desk.incident is not None:
                    self.desk.now(ended(self.desk.incident, self.at))
            case _ if self.desk.incident is not None:
                self.person(*act)

    def other_begins(self):
        """Whether a new member would begin another incident, which this world has no place for."""
        now = self.desk.incident
        return now is not None and now.closed_at is not None and self.at > now.closed_at + REOPEN_S

    def person(self, did, team=None):
        now, other = self.desk.incident, SRE if team is SECURITY else SECURITY
        rules = {
            "ack": lambda: acts.acknowledged(now, team, "ann", self.at),
            "hand": lambda: acts.handed(now, team, other, self.at),
            "resolve": lambda: acts.resolved(now, team, self.at),
            "resolve all": lambda: acts.resolved(now, None, self.at),
            "reopen": lambda: acts.reopened(now, self.at),
        }
        with suppress(BadInput):
            self.desk.now(rules[did]())


@settings(deadline=None, max_examples=200)
@given(ACTS)
def test_whatever_happens_nobody_is_woken_twice_for_one_opening_and_no_page_is_lost(sequence):
    world = World()
    for act in sequence:
        world.step(act)


def test_the_same_class_again_changes_nothing():
    incident = opened(Class.SRE)

    assert absorb(
        incident, case(), classed(label=Class.SRE), 9.0, was=member_of(case(), classed(label=Class.SRE))
    ) is (incident)


def test_the_worst_severity_is_kept_and_told():
    before = opened(Class.SRE, severity=Severity.LOW)
    after = absorb(before, case("a2", severity=Severity.HIGH), classed("a2", Class.SRE), 1.0)

    assert [t.why for t in told(before, after)] == ["severity: high"]


def alarm(name="e1", group="", change=""):
    """As the drift watch writes it."""
    few, many = measure(100, 1, 1.0, 1.0), measure(100, 30, 30.0, 30.0)
    stream = Stream(StreamKind.LINE_VIOLATIONS, "pay", "pay.small")
    drift = Drift("bot", "acme", stream, 500, "s9", 5.0, 400, few, many, 9.0, 1.0, group or name)
    told = Change(change, ChangeKind.MODEL, 2e9, "bot", "acme", "m1", "m2").told()
    cause = {"change": told, "p_corrected": 0.001, "told": "correlates"} if change else None
    return of_drift(
        Event(name, "s9", "drift.detected", "bot", "", {**drift.body(), "cause": cause}, "acme"), 5.0
    )


def test_an_alarm_about_a_line_is_near_its_anomalies_and_one_change_is_one_incident():
    drift, other = alarm(group="g"), alarm("e2", group="g")

    assert drift.near == (key_of(case(), classed()),)
    assert drift.key == other.key
    named = alarm(change="c1")
    assert named.near[0] == key_of(case(), classed(change="c1"))
    assert (named.label, named.severity, named.evidence.facts["after"]) == (Class.SRE, Severity.MEDIUM, "m2")
    assert "violations of pay.small: in 1 of 100 sessions" in named.evidence.told


def test_a_rise_alone_moves_no_incident_away_from_security():
    incident = opened(Class.UNDETERMINED)
    after = receive(incident, alarm(), 6.0)

    assert (after.label, [p.team for p in after.parts if p.leads]) == (Class.UNDETERMINED, [SECURITY])
    assert after.classes == incident.classes


@pytest.mark.parametrize(
    ("before", "after", "actors", "severity"),
    [
        (Mode.AUTONOMOUS, Mode.SUPERVISED, (), Severity.HIGH),
        (Mode.SUPERVISED, Mode.QUARANTINED, (), Severity.CRITICAL),
        (Mode.SUPERVISED, Mode.PROBATION, (), None),
        (Mode.AUTONOMOUS, Mode.HALTED, ("ann",), None),
    ],
)
def test_only_what_the_rules_take_away_is_a_trip(before, after, actors, severity):
    body = {"before": before.value, "after": after.value, "actors": list(actors), "sessions": ["s1"]}
    found = signal_of(Event("e1", "", "breaker.changed", "bot", "", body, "acme"), 1.0)

    assert (found[0].severity if found else None) == severity
    if found:
        assert (found[0].pages, found[0].id, found[0].lead, found[1]) == ("trip", "e1", SECURITY, ("s1",))
