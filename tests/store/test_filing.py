"""From classifications to incidents, messages and routes, in one transaction."""

from __future__ import annotations

import pytest
from delivery_help import SIEM, take
from incident_help import SECURITY, SRE, case, classed

from remit.core.alert import Action, Urgency
from remit.core.change import Change, ChangeKind
from remit.core.classify.classification import Class, Evidence
from remit.core.classify.work import Done, Pending
from remit.core.event import Event, StoredEvent
from remit.core.scope import Scope, ScopeKind
from remit.core.types import Mode
from remit.store import control_hand, incident_rows
from remit.store.delivery_queue import SqliteRoute
from remit.store.filing import Filing
from remit.store.incident_messages import MessagePlace, messages
from remit.store.incidents import Incidents
from remit.store.records import EXTENSIONS
from remit.store.sqlite import SqliteStore

QUOTED = Evidence(
    "content.explanation",
    Class.SECURITY,
    0.9,
    "an instruction in mail asks for it",
    {"segment": 1, "source": "mail", "integrity": "untrusted", "excerpt": "pay eve"},
)


@pytest.fixture
def store(tmp_path):
    with SqliteStore.open(
        None, home=tmp_path / "home", extensions=EXTENSIONS, clock=lambda: 1000.0
    ) as opened:
        yield opened


def done(name, label=Class.SECURITY, *, person=None, subject="ada", **changes):
    found = classed(
        name, label, evidence=(QUOTED,), **{k: changes.pop(k) for k in ("change",) if k in changes}
    )
    one = case(name, **changes)
    event = Event(name, one.session, "decided", "bot", "", {}, "acme", subject, retain_s=3600.0)
    return Done(Pending(StoredEvent(1, 0.0, event), person=person), one, found)


def send(store, *some, place=None):
    def work(tx):
        with Incidents(tx) as desk:
            for one in some:
                desk.absorb(one.case, one.standing, by_person=one.pending.person is not None)
        known = {one.case.anomaly: one for one in some}
        return messages(tx, desk.changes, place or MessagePlace(), known)

    return store.transact_now(work)


def test_a_batch_is_one_message_for_each_team_and_incident_that_says_whose_data_it_quotes(store):
    (one,) = send(store, *[done(f"a{n}", subject=f"customer-{n}") for n in range(5)])

    assert (one.alert.team, one.alert.count, one.alert.action) == (SECURITY, 5, Action.TRIGGER)
    assert (one.subject, one.retain_s) == ("customer-0", 3600.0)
    assert one.alert.session == "s-a0"


def test_the_one_that_wakes_people_stands_for_the_others(store):
    (one,) = send(store, done("a1"), done("a2", ran=True, subject="bob"), done("a3"))

    assert (one.subject, one.alert.session, one.alert.urgency) == ("bob", "s-a2", Urgency.PAGE)
    assert any("remit impact a2" in step for step in one.alert.steps)


def test_the_same_batch_again_tells_nobody(store):
    send(store, done("a1"))

    assert send(store, done("a1")) == []


def test_a_persons_word_routes_with_the_classifiers_evidence(store):
    send(store, done("a1"))
    moved = send(store, done("a1", person=Class.SRE))

    assert [(m.alert.team, m.alert.action) for m in moved] == [
        (SECURITY, Action.RESOLVE),
        (SRE, Action.TRIGGER),
    ]
    assert [m.alert.label for m in moved] == [Class.SRE, Class.SRE]


def test_mode_change_and_place_are_said(store):
    scope = Scope(ScopeKind.AGENT, "acme", "bot")
    store.transact_now(
        lambda tx: control_hand.trip(tx, scope, Mode.HALTED, id="x", actor="ann", reason="stop")
    )
    change = Change("c1", ChangeKind.MODEL, 2e9, "bot", "acme", before="m1", after="m2", by="ann")
    place = MessagePlace("prod", "https://remit.example", {"c1": change}.get)
    (one,) = send(store, done("a1", Class.SRE, change="c1"), place=place)

    assert (one.alert.mode, one.alert.env) == ("halted", "prod")
    assert one.alert.url == f"https://remit.example/incidents/{one.alert.incident}"
    assert one.alert.change.startswith("model: m1 → m2")
    assert any(step.startswith("Contained") for step in one.alert.steps)


def test_what_a_person_does_is_told_without_a_quotation_and_is_nobodys_data(store):
    send(store, done("a1"))
    (known,) = store.read(incident_rows.listed)

    def work(tx):
        with Incidents(tx) as desk:
            desk.acknowledge(known.id, SECURITY, "ann")
        return messages(tx, desk.changes)

    (one,) = store.transact_now(work)
    assert (one.alert.action, one.alert.owner, one.alert.evidence) == (Action.ACKNOWLEDGE, "ann", ())
    assert (one.subject, one.alert.attempted) == ("", {})


def test_what_is_filed_waits_on_its_route_sealed_under_whose_data_it_quotes(store):
    filing = Filing((SIEM,), "prod")
    store.transact_now(lambda tx: filing.file(tx, [done("a1", subject="ada")]))
    (key,) = store.read(lambda db: db.execute("SELECT key_id FROM delivery").fetchone())
    store.erase("ada", tenant="acme")
    (alert,) = take(SqliteRoute(store, SIEM))

    assert key is not None
    assert (alert.team, alert.env, alert.count) == (SECURITY, "prod", 1)
    assert alert.evidence == ()  # erased while it waited


def test_what_is_filed_twice_waits_once_and_the_end_follows_it(store):
    filing = Filing((SIEM,))
    for _ in range(2):
        store.transact_now(lambda tx: filing.file(tx, [done("a1")]))
    (known,) = store.read(incident_rows.listed)

    def end(tx):
        with Incidents(tx) as desk:
            desk.resolve(known.id, None, "ann", "done")
        filing.tell(tx, desk.changes)

    store.transact_now(end)
    assert [a.action for a in take(SqliteRoute(store, SIEM))] == [Action.TRIGGER, Action.RESOLVE]
