"""Trips and drift alarms join incidents behind the classifier, and what is quiet ends."""

from __future__ import annotations

import pytest
from incident_help import SECURITY, SRE, case, classed

from remit.core.alert import Action, Urgency
from remit.core.classify.classification import Class
from remit.core.event import AnomalyIndex, Event
from remit.core.scope import Scope, ScopeKind
from remit.core.types import Mode, Severity
from remit.store import control_hand, incident_rows, triage
from remit.store.incident_feed import PATIENCE_S, IncidentFeed
from remit.store.incidents import Incidents
from remit.store.records import EXTENSIONS
from remit.store.sqlite import SqliteStore


class World:
    """A store, its clock, and a feed that keeps what it told."""

    def __init__(self, folder):
        self.at, self.said = 1_000_000.0, []
        self.store = SqliteStore.open(None, home=folder, extensions=EXTENSIONS, clock=lambda: self.at)
        self.feed = self.another()

    def another(self):
        return IncidentFeed(
            self.store, lambda _tx, changes: self.said.extend(t for c in changes for t in c.told)
        )

    def anomaly(self, name, label, session):
        index = AnomalyIndex("denied", Severity.MEDIUM, ("pay.small",), "pay", counts=True)
        return self.store.append_now(Event(name, session, "decided", "bot", "", {}, "acme", anomaly=index))

    def classify(self, name, label, session, seq):
        def work(tx):
            with Incidents(tx) as desk:
                desk.absorb(case(name, session, self.at), classed(name, label))
            triage.set_mark(tx, "anomalies", seq)

        self.store.transact_now(work)

    def trip(self, name="e1", sessions=("x",), before=Mode.AUTONOMOUS, after=Mode.SUPERVISED):
        body = {"before": before.value, "after": after.value, "actors": [], "sessions": list(sessions)}
        self.store.append_now(Event(name, "", "breaker.changed", "bot", "", body, "acme"))

    def open_ones(self):
        return self.store.read(incident_rows.listed)


@pytest.fixture
def world(tmp_path):
    found = World(tmp_path)
    yield found
    found.store.close()


def test_a_trip_waits_for_its_violations_to_be_classified_and_wakes_their_team(world):
    seq = world.anomaly("a1", Class.SRE, "x")
    world.trip()
    assert world.feed.step() == 0
    world.classify("a1", Class.SRE, "x", seq)

    assert world.feed.step() == 1
    assert [(t.team, t.urgency) for t in world.said] == [(SRE, Urgency.PAGE)]
    assert [one.signals for one in world.open_ones()] == [1]


def test_where_the_classifier_is_behind_for_long_the_trip_is_told_all_the_same(world):
    world.anomaly("a1", Class.SRE, "x")
    world.trip()
    world.at += PATIENCE_S

    assert world.feed.step() == 1
    assert [(t.team, t.urgency) for t in world.said] == [(SECURITY, Urgency.PAGE), (SRE, Urgency.QUEUE)]


def test_two_feeds_tell_one_trip_once(world):
    world.trip()
    world.feed.step()
    world.another().step()
    world.store.transact_now(lambda tx: tx.connection.execute("DELETE FROM triage_mark"))
    world.another().step()

    assert len([t for t in world.said if t.urgency is Urgency.PAGE]) == 1


def test_a_persons_stop_and_a_way_back_open_nothing(world):
    scope = Scope(ScopeKind.AGENT, "acme", "bot")
    world.store.transact_now(
        lambda tx: control_hand.trip(tx, scope, Mode.HALTED, id="x", actor="ann", reason="stop")
    )
    world.trip("e2", before=Mode.SUPERVISED, after=Mode.PROBATION)

    assert world.feed.step() == 2
    assert world.open_ones() == []


def test_a_drift_alarm_joins_the_incident_of_its_line(world):
    world.classify("a1", Class.UNDETERMINED, "x", 0)
    stream = {"kind": "violations-of", "tool": "pay", "name": "pay.small"}
    body = {
        "id": "d1",
        "group": "d1",
        "stream": stream,
        "direction": "worse",
        "cause": {"change": {"id": "c1"}},
    }
    world.store.append_now(Event("d1", "x", "drift.detected", "bot", "", body, "acme"))
    world.feed.step()

    (one,) = world.open_ones()
    assert (one.count, one.signals, one.label, one.change) == (1, 1, Class.SRE, "c1")
    assert (SECURITY, Action.RESOLVE) in [(t.team, t.action) for t in world.said]


def test_alarms_of_one_drift_are_one_incident(world):
    for name in ("d1", "d2"):
        stream = {"kind": "sum-of", "tool": "pay", "name": "pay.amount"}
        body = {"id": name, "group": "d1", "stream": stream, "direction": "other", "cause": None}
        world.store.append_now(Event(name, "x", "drift.detected", "bot", "", body, "acme"))
    world.feed.step()

    (one,) = world.open_ones()
    assert (one.kind, one.signals, one.count) == ("drift-watch", 2, 0)
    assert [(t.team, t.urgency) for t in world.said] == [(SRE, Urgency.QUEUE)]


def test_what_is_quiet_for_a_day_is_ended_by_the_feed(world):
    world.classify("a1", Class.SRE, "x", 0)
    world.feed.step()
    world.at += 86400.0

    assert world.feed.step() == 1
    assert [(t.team, t.action) for t in world.said] == [(SRE, Action.RESOLVE)]
    assert world.open_ones() == []
