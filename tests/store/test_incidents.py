"""Incidents on a real store: once for each problem, whoever counts, and the same again from the journal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from incident_help import SECURITY, SRE, case, classed
from journal_help import problems

from remit.core.alert import Action, Urgency
from remit.core.classify.classification import Class
from remit.core.errors import BadInput
from remit.core.event import Event
from remit.core.incident import BREAKER, STORM_COUNT, incident_key
from remit.core.incident_signals import Signal
from remit.store import incident_rows, incidents
from remit.store.incidents import KINDS, Incidents
from remit.store.records import EXTENSIONS
from remit.store.sqlite import SqliteStore

TABLES = {
    "incident": "id",
    "incident_key": "key",
    "incident_member": "anomaly",
}


class Clock:
    def __init__(self):
        self.at = 1_000_000.0

    def __call__(self):
        return self.at


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store(tmp_path, clock):
    with SqliteStore.open(
        tmp_path / "remit.db",
        home=tmp_path / "home",
        extensions=EXTENSIONS,
        clock=clock,
        reserve_bytes=1 << 16,
    ) as opened:
        yield opened


def on(store, work):
    """The changes that one batch makes."""

    def run(tx):
        with Incidents(tx) as desk:
            work(desk)
        return desk.changes

    return store.transact_now(run)


def take(store, *pairs, **options):
    return on(store, lambda desk: [desk.absorb(one, found, **options) for one, found in pairs])


def anomaly(n, label=Class.UNDETERMINED, *, at=1_000_000.0, session="", by_case=None, **found):
    one = case(f"a{n}", session, at, **(by_case or {}))
    return one, classed(one.anomaly, label, **found)


def rows(store):
    return {
        t: store.read(lambda db, t=t, key=key: list(db.execute(f"SELECT * FROM {t} ORDER BY {key}")))
        for t, key in TABLES.items()
    }


def told_again(store):
    return [e.event.body for e in store.events(kinds=KINDS)]


def the_only(store):
    (one,) = store.read(lambda db: incident_rows.listed(db, everything=True))
    return one


def assert_the_journal_gives_the_same(store):
    before, bodies = rows(store), told_again(store)
    store.transact_now(lambda tx: incidents.rebuild(tx, bodies))
    assert rows(store) == before


# ------------------------------------------------------------------------------------------------ one incident
def test_what_belongs_together_is_one_incident_with_one_event_for_a_batch(store):
    (change,) = take(store, *[anomaly(n, Class.SRE, session=f"s{n % 3}") for n in range(8)])

    assert (change.before, change.after.count, change.after.sessions, len(change.members)) == (None, 8, 3, 8)
    assert [(t.team, t.action, t.urgency) for t in change.told] == [(SRE, Action.TRIGGER, Urgency.QUEUE)]
    assert [e.event.kind for e in store.events(kinds=KINDS)] == ["incident.opened"]
    assert the_only(store) == change.after


def test_the_same_anomaly_again_counts_once_and_writes_nothing(store):
    take(store, anomaly(1, Class.SRE))

    assert take(store, anomaly(1, Class.SRE), anomaly(1, Class.SRE)) == []
    assert the_only(store).count == 1


def test_a_held_call_is_in_no_incident_unless_content_explains_it(store):
    assert take(store, anomaly(1, Class.SRE, by_case={"kind": "held"})) == []
    assert take(store, anomaly(2, Class.UNDETERMINED, by_case={"kind": "held"})) == []
    (change,) = take(store, anomaly(3, Class.SECURITY, by_case={"kind": "held"}))
    assert [(one.team.value, one.urgency.value) for one in change.told] == [("security", "queue")]


def test_another_origin_is_another_incident(store):
    assert len(take(store, anomaly(1, Class.SECURITY, origin="mail"), anomaly(2, Class.SRE))) == 2


def test_a_storm_of_ten_thousand_is_one_page_for_each_team(store):
    said = []
    for start in range(0, 10_000, 500):
        batch = [anomaly(n, Class.BOTH, at=1_000_000 + n / 20) for n in range(start, start + 500)]
        said += [t for change in take(store, *batch) for t in change.told]

    pages = [t.team for t in said if t.action is Action.TRIGGER and t.urgency is Urgency.PAGE]
    assert sorted(pages) == [SECURITY, SRE]
    assert len(said) == 2 * 3  # and again at 1,000 and at 10,000
    assert the_only(store).count == the_only(store).sessions == 10_000
    assert_the_journal_gives_the_same(store)


# ------------------------------------------------------------------------------------------------ other keys
def test_when_a_change_is_recorded_the_incident_stays_one_and_old_and_new_lead_to_it(store):
    take(store, anomaly(1), anomaly(2))
    (moved,) = take(store, anomaly(1, Class.SRE, change="c1"))
    (more,) = take(store, anomaly(3, Class.SRE, change="c1"), anomaly(4))

    assert (moved.before.label, moved.after.label) == (Class.UNDETERMINED, Class.SRE)
    assert [(t.team, t.action) for t in moved.told] == [(SECURITY, Action.RESOLVE), (SRE, Action.UPDATE)]
    assert (more.after.id, more.after.count, len(more.after.keys)) == (moved.after.id, 4, 2)
    assert_the_journal_gives_the_same(store)


def test_what_comes_with_the_change_named_joins_what_came_before_it_was_known(store):
    take(store, anomaly(1))
    (change,) = take(store, anomaly(2, Class.SRE, change="c1"))

    assert (change.after.count, change.after.change) == (2, "c1")


def test_two_that_turn_out_to_be_one_are_merged_into_the_older(store, clock):
    take(store, anomaly(1, session="x"))
    clock.at += 5
    take(
        store,
        anomaly(2, Class.SECURITY, session="x", origin="mail"),
        anomaly(3, Class.SECURITY, session="y", origin="mail"),
    )
    changes = take(store, anomaly(1, Class.SECURITY, session="x", origin="mail"))

    older, younger = sorted((c.after for c in changes), key=lambda one: one.opened_at)
    assert (older.count, older.sessions, older.label) == (3, 2, Class.SECURITY)
    assert (younger.into, younger.open) == (older.id, False)
    assert {m.anomaly for m in store.read(lambda db: incident_rows.members(db, older.id))} == {
        "a1",
        "a2",
        "a3",
    }
    (more,) = take(store, anomaly(4, Class.SECURITY, origin="mail"))
    assert more.after.id == older.id
    assert_the_journal_gives_the_same(store)


def test_a_former_incident_gives_its_other_keys_to_the_next(store, clock):
    take(store, anomaly(1))
    take(store, anomaly(1, Class.SRE, change="c1"))
    first = the_only(store).id
    on(store, lambda desk: desk.resolve(first, None, "bo"))
    clock.at += 10 * 86400
    (one,) = take(store, anomaly(2, Class.SRE, at=clock.at))
    (same,) = take(store, anomaly(3, Class.SRE, at=clock.at, change="c1"))

    assert (one.after.former, same.after.id, same.after.count) == (first, one.after.id, 2)
    assert_the_journal_gives_the_same(store)


# ------------------------------------------------------------------------------------------------ trips
def test_a_trip_joins_the_incident_of_the_sessions_that_led_to_it(store):
    take(store, anomaly(1, Class.SRE, session="x"), anomaly(2, Class.SECURITY, session="y", origin="mail"))
    trip = Signal(
        "e1",
        BREAKER,
        "acme",
        "bot",
        1_000_000.0,
        incident_key("acme", "bot", BREAKER, "", "", ""),
        pages="trip",
    )
    (change,) = on(store, lambda desk: desk.receive(trip, ["y"]))

    assert change.after.label is Class.SECURITY
    assert [(t.team, t.urgency) for t in change.told] == [(SECURITY, Urgency.PAGE)]
    assert on(store, lambda desk: desk.receive(trip, ["y"])) == []
    assert_the_journal_gives_the_same(store)


def test_a_trip_of_nothing_that_is_known_opens_an_incident(store):
    trip = Signal("e1", BREAKER, "acme", "bot", 1_000_000.0, "k", lead=SECURITY, pages="trip")
    (change,) = on(store, lambda desk: desk.receive(trip, ["y"]))

    assert [(t.team, t.urgency) for t in change.told] == [(SECURITY, Urgency.PAGE), (SRE, Urgency.QUEUE)]


def test_a_trip_in_the_same_batch_as_its_violations_joins_them(store):
    trip = Signal("e1", BREAKER, "acme", "bot", 1_000_000.0, "k", pages="trip")

    def work(desk):
        desk.absorb(*anomaly(1, Class.SRE, session="x"))
        desk.receive(trip, ["x"])

    (change,) = on(store, work)
    assert (change.after.count, change.after.signals) == (1, 1)


# ------------------------------------------------------------------------------------------------ people, the end
def test_what_people_do_is_in_the_journal_with_who_did_it_and_their_words(store):
    take(store, anomaly(1, Class.SECURITY))
    name = the_only(store).id
    on(store, lambda desk: desk.acknowledge(name, SECURITY, "ann"))
    on(store, lambda desk: desk.assign(name, SECURITY, "rota", "ann"))
    on(store, lambda desk: desk.hand(name, SECURITY, SRE, "ann", "it is the new model"))
    on(store, lambda desk: desk.resolve(name, SRE, "bo", "rolled back"))
    on(store, lambda desk: desk.reopen(name, "bo"))
    on(store, lambda desk: desk.note(name, "bo", "again"))

    told = [(kind, body["by"], body["note"]) for _, kind, body in incidents.history(store, the_only(store))]
    assert told == [
        ("incident.opened", "", ""),
        ("incident.acknowledged", "ann", ""),
        ("incident.changed", "ann", ""),
        ("incident.handed", "ann", "it is the new model"),
        ("incident.closed", "bo", "rolled back"),
        ("incident.changed", "bo", ""),
        ("incident.changed", "bo", "again"),
    ]
    assert_the_journal_gives_the_same(store)


def test_what_an_incident_does_not_permit_changes_nothing(store):
    take(store, anomaly(1, Class.SECURITY))
    before = rows(store)
    with pytest.raises(BadInput, match="handoff"):
        on(store, lambda desk: desk.acknowledge(the_only(store).id, SRE, "bo"))
    with pytest.raises(BadInput, match="there is none"):
        on(store, lambda desk: desk.resolve("inc-nothing", None, "bo"))

    assert rows(store) == before


def test_what_is_quiet_ends_and_tells_its_team(store, clock):
    take(store, anomaly(1, Class.SRE))
    assert on(store, lambda desk: desk.end_quiet()) == []
    clock.at += 2 * 86400
    (change,) = on(store, lambda desk: desk.end_quiet())

    assert [(t.team, t.action) for t in change.told] == [(SRE, Action.RESOLVE)]
    assert list(store.events(kinds=KINDS))[-1].event.kind == "incident.closed"


def test_no_words_of_people_or_customers_stand_in_the_tables(store):
    take(store, anomaly(1, Class.SECURITY, by_case={"args": {"to": "CUSTOMER-17"}}))
    on(store, lambda desk: desk.note(the_only(store).id, "bo", "CUSTOMER-17 called"))

    assert "CUSTOMER-17" not in str(rows(store))


def test_the_people_touched_are_counted_and_not_named(store):
    for n, subject in enumerate(["ada", "bob", "ada", ""]):
        event = Event(f"id-{n}", f"s{n}", "observed", "bot", "", {"n": n}, "acme", subject)
        store.append_now(event)
    take(store, *[anomaly(n, Class.SRE, session=f"s{n}") for n in range(4)])

    assert store.read(lambda db: incident_rows.people_touched(db, the_only(store).id)) == 2


# ------------------------------------------------------------------------------------------------ properties
STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("absorb"),
            st.integers(0, 9),
            st.sampled_from(list(Class)),
            st.sampled_from(["", "mail"]),
            st.sampled_from(["", "c1"]),
            st.booleans(),
        ),
        st.tuples(st.just("trip"), st.integers(0, 3)),
        st.tuples(st.sampled_from(["resolve", "quiet", "later", "ack"])),
    ),
    min_size=1,
    max_size=25,
)


@settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(STEPS)
def test_whatever_happens_the_journal_gives_the_tables_and_no_anomaly_counts_twice(tmp_path_factory, steps):
    clock = Clock()
    with SqliteStore.open(
        None, home=tmp_path_factory.mktemp("h"), extensions=EXTENSIONS, clock=clock
    ) as store:
        seen, trips = set(), set()
        for step in steps:
            drive(store, clock, step, seen, trips)
        found = store.read(lambda db: incident_rows.listed(db, everything=True))
        counts = {one.id: store.read(lambda db, one=one: incident_rows.members(db, one.id)) for one in found}
        assert sum(one.count for one in found if not one.into) == len(seen)
        for one in found:
            if not one.into:
                anomalies = [m for m in counts[one.id] if not m.signal]
                assert one.count == len(anomalies)
                assert one.sessions == len({m.session for m in anomalies})
                assert one.signals == len(counts[one.id]) - len(anomalies)
        assert_the_journal_gives_the_same(store)


def drive(store, clock, step, seen, trips):
    open_ones = [one.id for one in store.read(incident_rows.listed)]
    match step:
        case ("absorb", n, label, origin, change, ran):
            seen.add(n)
            one = case(f"a{n}", f"s{n % 4}", clock.at if n % 2 else 1_000_000.0, ran=ran)
            take(store, (one, classed(one.anomaly, label, origin=origin, change=change)))
        case ("trip", n):
            trips.add(n)
            trip = Signal(f"t{n}", BREAKER, "acme", "bot", clock.at, "k", pages="trip")
            on(store, lambda desk: desk.receive(trip, [f"s{n}"]))
        case ("resolve",) if open_ones:
            on(store, lambda desk: desk.resolve(open_ones[0], None, "bo"))
        case ("ack",) if open_ones:
            one = store.read(lambda db: incident_rows.read(db, open_ones[0]))
            on(
                store,
                lambda desk: desk.acknowledge(one.id, next(p.team for p in one.parts if p.active), "bo"),
            )
        case ("quiet",):
            clock.at += 8 * 86400
            on(store, lambda desk: desk.end_quiet())
        case ("later",):
            clock.at += 1800


# ------------------------------------------------------------------------------------------------ processes
WORKER = """
import sys
from pathlib import Path
sys.path[:0] = {paths!r}
from incident_help import case, classed
from remit.core.classify.classification import Class
from remit.store import connection
from remit.store.incidents import Incidents
from remit.store.records import EXTENSIONS
from remit.store.sqlite import SqliteStore

began = float(sys.argv[3])

def batch(tx, names):
    with Incidents(tx) as desk:
        for n in names:
            desk.absorb(case(f"a{{n}}", f"s{{n % 40}}", began + n), classed(f"a{{n}}", Class.SRE))
    return [t for change in desk.changes for t in change.told]

connection.BUSY_S = 600.0  # SQLite is not fair to those who wait for its lock
with SqliteStore.open(Path(sys.argv[1]), home=Path(sys.argv[2]), extensions=EXTENSIONS, reserve_bytes=1 << 16) as store:
    print("ready", flush=True)
    for start in range(0, 400, 10):
        for one in store.transact_now(lambda tx: batch(tx, range(start, start + 10))):
            print(one.action, one.urgency, one.team, flush=True)
"""


def worker(tmp_path, began):
    here = os.path.dirname(__file__)
    paths = [here, os.path.join(os.path.dirname(here), "core"), *sys.path]
    code = textwrap.dedent(WORKER).format(paths=paths)
    return subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "remit.db"), str(tmp_path / "home"), str(began)],
        stdout=subprocess.PIPE,
        text=True,
    )


def opened_at(tmp_path):
    return SqliteStore.open(
        tmp_path / "remit.db", home=tmp_path / "home", extensions=EXTENSIONS, reserve_bytes=1 << 16
    )


def test_two_processes_that_see_the_same_anomalies_open_one_incident_and_wake_once(tmp_path):
    opened_at(tmp_path).close()
    began = time.time() - 400
    both = [worker(tmp_path, began), worker(tmp_path, began)]
    said = [one.communicate(timeout=300)[0] for one in both]

    assert [one.returncode for one in both] == [0, 0]
    assert "".join(said).count("trigger page") == 1
    with opened_at(tmp_path) as store:
        one = the_only(store)
        assert (one.count, one.sessions, one.classes) == (400, 40, {"sre": 400})
        assert_the_journal_gives_the_same(store)
    assert problems(tmp_path / "remit.db", tmp_path / "home") == []


def test_a_process_killed_on_the_way_leaves_whole_incidents_and_the_next_goes_on(tmp_path):
    opened_at(tmp_path).close()
    began = time.time() - 400
    one = worker(tmp_path, began)
    for line in one.stdout:
        if "page" in line:
            break
    one.send_signal(signal.SIGKILL)
    one.wait(timeout=60)
    with opened_at(tmp_path) as store:
        half = the_only(store)
        assert half.count == len(store.read(lambda db: incident_rows.members(db, half.id)))
        assert_the_journal_gives_the_same(store)
    again = worker(tmp_path, began)
    said, _ = again.communicate(timeout=300)

    assert again.returncode == 0
    assert "trigger page" not in said
    with opened_at(tmp_path) as store:
        assert (the_only(store).id, the_only(store).count) == (half.id, 400)
        assert_the_journal_gives_the_same(store)
    assert half.count >= STORM_COUNT
