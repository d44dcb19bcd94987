"""Deliveries on a real store: in order within an incident, none lost, none told twice without need."""

from __future__ import annotations

from dataclasses import replace

import pytest
from delivery_help import LIMITED, PAGER, SIEM, Clock, alert, fail, put, states, take, told

from remit.core.alert import Action, Urgency
from remit.core.classify.classification import Team
from remit.core.withheld import withheld
from remit.store import control, deliveries
from remit.store.deliveries import DEAD_AFTER_S, MOST_SEALED
from remit.store.delivery_queue import MOST_DECLINED, SqliteRoute
from remit.store.outbox import LEASE_S
from remit.store.route_view import again
from remit.store.sqlite import SqliteStore

UPDATE, RESOLVE, ACK = Action.UPDATE, Action.RESOLVE, Action.ACKNOWLEDGE
PAGE = Urgency.PAGE


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store(tmp_path, clock):
    extensions = (control.DDL, deliveries.DDL)
    with SqliteStore.open(
        tmp_path / "remit.db",
        home=tmp_path / "home",
        extensions=extensions,
        clock=clock,
        reserve_bytes=1 << 16,
    ) as opened:
        yield opened


@pytest.fixture
def pager(store):
    return SqliteRoute(store, PAGER, (PAGER,))


def test_an_alert_waits_on_every_route_of_its_team_and_on_no_other(store):
    other = replace(PAGER, name="mail")

    assert put(store, alert(), routes=(PAGER, other, SIEM)) == 2
    assert SqliteRoute(store, SIEM).claim() is None
    assert SqliteRoute(store, other).claim().alert == withheld(alert())


def test_an_alert_of_a_team_without_a_route_goes_to_all_of_them(store):
    assert put(store, alert(team=Team.SECURITY), routes=(PAGER, LIMITED)) == 2


def test_the_same_alert_again_adds_nothing(store, pager):
    put(store, alert())
    assert put(store, alert()) == 0
    take(pager)
    assert put(store, alert()) == 0
    assert pager.claim() is None


def test_nothing_waits_of_a_transaction_that_was_undone(store, pager):
    def work(tx):
        deliveries.enqueue(tx, alert(), (PAGER,))
        raise RuntimeError("undone")

    with pytest.raises(RuntimeError):
        store.transact_now(work)
    assert pager.claim() is None


def test_an_update_waits_for_its_trigger_and_the_end_for_both(store, pager, clock):
    put(store, alert(), alert(revision=2, action=UPDATE), alert(revision=3, action=RESOLVE))
    first = pager.claim()

    assert first.alert.action is Action.TRIGGER
    assert pager.claim() is None
    pager.retry(first, "down", jitter=1.0)
    assert pager.claim() is None
    clock.at += 2.0
    assert told(take(pager)) == [("i-1", "trigger"), ("i-1", "update"), ("i-1", "resolve")]


def test_what_waits_about_one_incident_does_not_delay_another(store, pager):
    put(store, alert(), alert(revision=2, action=UPDATE), alert("i-2"))
    pager.claim()

    assert told(take(pager)) == [("i-2", "trigger")]


def test_updates_that_wait_become_the_newest_and_say_how_many_it_replaces(store, pager):
    put(store, alert(), *(alert(revision=n, action=UPDATE) for n in range(2, 15)))

    first, second = take(pager)
    assert (first.action, second.action, second.revision) == (Action.TRIGGER, UPDATE, 14)
    assert second.title == "clerk: pay refused 14 times … and 12 more updates before"
    assert states(store) == {"done": 2, "superseded": 12}


def test_an_update_in_somebodys_hands_is_not_replaced(store, pager):
    put(store, alert())
    take(pager)
    put(store, alert(revision=2, action=UPDATE))
    held = pager.claim()
    put(store, alert(revision=3, action=UPDATE))
    pager.done(held)

    assert [one.revision for one in take(pager)] == [3]


def test_answers_and_ends_are_never_merged(store, pager):
    put(
        store,
        alert(),
        alert(revision=2, action=UPDATE),
        alert(revision=3, action=ACK),
        alert(revision=4, action=UPDATE),
        alert(revision=5, action=UPDATE),
        alert(revision=6, action=RESOLVE),
    )

    assert [one.action.value for one in take(pager)] == [
        "trigger",
        "update",
        "acknowledge",
        "update",
        "resolve",
    ]


def test_the_end_of_an_incident_goes_only_where_its_beginning_went(store):
    pages = replace(PAGER, name="pages", urgency=PAGE)
    put(store, alert(), alert("i-2", urgency=PAGE), routes=(PAGER, pages))
    ends = [alert("i-1", 2, RESOLVE), alert("i-2", 2, RESOLVE)]

    assert put(store, *ends, routes=(PAGER, pages)) == 3
    assert told(take(SqliteRoute(store, pages))) == [("i-2", "trigger"), ("i-2", "resolve")]


def test_an_incident_that_becomes_a_page_opens_on_a_route_for_pages(store):
    pages = replace(PAGER, name="pages", urgency=PAGE)
    put(store, alert(), alert(revision=2, action=UPDATE, urgency=PAGE), routes=(pages,))
    put(store, alert(revision=3, action=UPDATE), routes=(pages,))  # it knows the incident by now

    assert [(one.action, one.revision) for one in take(SqliteRoute(store, pages))] == [
        (Action.TRIGGER, 3),
    ]


def test_an_incident_that_becomes_a_page_takes_its_beginning_out_of_the_queue(store):
    chat = SqliteRoute(store, LIMITED)
    put(store, *(alert(f"i-{n}") for n in range(10)), routes=(LIMITED,))
    assert len(take(chat)) == 10  # the burst is used up
    put(store, alert("i-10"), routes=(LIMITED,))
    assert chat.claim() is None
    put(store, alert("i-10", 2, urgency=PAGE), routes=(LIMITED,))

    assert told(take(chat)) == [("i-10", "trigger"), ("i-10", "trigger")]


def test_news_of_a_page_wakes_nobody_and_takes_no_token_of_pages(store):
    chat = SqliteRoute(store, LIMITED)
    put(store, *(alert(f"i-{n}") for n in range(10)), alert("i-10", urgency=PAGE), routes=(LIMITED,))
    assert len(take(chat)) == 11
    put(store, alert("i-10", 2, UPDATE, urgency=PAGE), routes=(LIMITED,))

    assert chat.claim() is None


def test_a_lease_that_ran_out_is_claimed_again_with_the_same_id_and_the_late_one_changes_nothing(
    store, pager, clock
):
    put(store, alert())
    late = pager.claim()
    clock.at += LEASE_S - 1
    assert pager.claim() is None
    clock.at += 1
    present = pager.claim()

    assert (present.id, present.attempts) == (late.id, 2)
    pager.done(late)
    pager.retry(late, "too late", jitter=0.5)
    assert states(store) == {"claimed": 1}
    pager.done(present)
    assert states(store) == {"done": 1}


def test_the_database_holds_nothing_of_an_alerts_words_in_the_clear(store, tmp_path):
    put(store, alert(attempted={"to": "DE-SECRET-IBAN"}, title="DE-SECRET-IBAN"))
    store.close()

    assert b"DE-SECRET-IBAN" not in b"".join(path.read_bytes() for path in tmp_path.glob("remit.db*"))


def test_arguments_leave_only_by_a_route_that_permits_content(store):
    open_route = replace(PAGER, name="open", content=True)
    put(store, alert(attempted={"to": "x"}), routes=(PAGER, open_route))

    assert SqliteRoute(store, PAGER).claim().alert.attempted == {}
    assert SqliteRoute(store, open_route).claim().alert.attempted == {"to": "x"}


def test_what_was_erased_meanwhile_is_told_by_what_the_index_shows(store, pager):
    put(store, alert(), subject="ann")
    store.erase("ann")

    (sent,) = take(pager)
    assert (sent.id, sent.title, sent.evidence) == (alert().id, "clerk: denied at pay", ())


def test_more_than_a_store_should_hold_waits_as_an_outline_and_is_told_as_a_digest(store, pager):
    put(store, *(alert(f"i-{n}") for n in range(MOST_SEALED + 32)))

    sent = take(pager)
    assert len(sent) == MOST_SEALED + 1
    assert sent[-1].title.startswith("Digest: 32 incidents of clerk")
    assert sent[-1].evidence[-1].told == "… and 25 more"


# ------------------------------------------------------------------------------------------ failing
def test_a_receiver_that_is_down_is_tried_seldom_however_much_waits(store, pager, clock):
    put(store, *(alert(f"i-{n}") for n in range(50)))
    attempts, started = 0, clock.at
    while clock.at < started + 3600.0:
        if pager.claim() is not None:
            attempts += 1
            clock.at += LEASE_S  # nobody comes back
        clock.at += 1.0
    assert attempts <= 60

    clock.at += LEASE_S
    waits = []
    for _ in range(7):
        fail(pager)
        before = clock.at
        while pager.claim() is None:
            clock.at += 1.0
        waits.append(clock.at - before)
        clock.at += LEASE_S
    assert waits == sorted(waits)
    assert max(waits) <= 60.0


def test_a_receiver_that_is_back_gets_everything_at_once_and_in_order(store, pager, clock):
    for n in range(20):
        put(store, alert(f"i-{n}"), alert(f"i-{n}", 2, UPDATE), alert(f"i-{n}", 3, RESOLVE))
    for _ in range(40):
        fail(pager)
        clock.at += 60.0

    sent = take(pager)
    assert len(sent) == 60
    for n in range(20):
        assert [one.revision for one in sent if one.incident == f"i-{n}"] == [1, 2, 3]


def test_one_message_that_always_fails_does_not_hold_up_the_others(store, pager, clock):
    put(store, *(alert(f"i-{n}") for n in range(10)))
    got = []
    for _ in range(40):
        clock.at += 61.0
        while (found := pager.claim()) is not None:
            if found.alert.incident == "i-0":
                pager.retry(found, "500", jitter=0.0)
            else:
                got.append(found.alert.incident)
                pager.done(found)

    assert sorted(got) == [f"i-{n}" for n in range(1, 10)]
    assert states(store) == {"done": 9, "waiting": 1}


def test_a_receiver_may_ask_for_a_pause(store, pager, clock):
    put(store, alert(), alert("i-2"))
    fail(pager, "429", after_s=600.0)
    clock.at += 599.0
    assert pager.claim() is None
    clock.at += 1.0
    assert len(take(pager)) == 2


def test_what_is_refused_for_good_while_others_are_taken_is_kept_and_what_follows_opens_the_incident(
    store, pager, clock
):
    put(store, alert("bad"))
    tries = 0
    for n in range(6):
        put(store, alert(f"good-{n}"))
        while (found := pager.claim()) is not None:
            if found.alert.incident == "bad":
                tries += 1
                pager.retry(found, "400: too long", jitter=0.0, declined=True)
                clock.at += 300.0
            else:
                pager.done(found)
        clock.at += 600.0

    assert tries == MOST_DECLINED
    assert states(store) == {"done": 6, "refused": 1}
    put(store, alert("bad", 2, UPDATE))
    assert [(one.incident, one.action, one.revision) for one in take(pager)] == [("bad", Action.TRIGGER, 2)]


def test_the_end_of_what_was_refused_is_kept_with_it_and_both_are_told_when_somebody_says_so(
    store, pager, clock
):
    put(store, alert("bad"))
    for n in range(MOST_DECLINED):
        put(store, alert(f"good-{n}"))
        while (found := pager.claim()) is not None:
            if found.alert.incident == "bad":
                pager.retry(found, "400: too long", jitter=0.0, declined=True)
            else:
                pager.done(found)
            clock.at += 300.0
    put(store, alert("bad", 2, RESOLVE))
    assert take(pager) == []
    assert states(store) == {"done": MOST_DECLINED, "refused": 2}

    assert store.transact_now(lambda tx: again(tx, PAGER)) == 2
    assert told(take(pager)) == [("bad", "trigger"), ("bad", "resolve")]


def test_what_newer_messages_made_wrong_is_not_tried_again(store, pager, clock):
    put(store, alert("old"))
    store.transact_now(lambda tx: tx.connection.execute("UPDATE delivery SET state = 'dead'") and None)
    put(store, alert("old", 2, UPDATE))
    assert told(take(pager)) == [("old", "trigger")]

    assert store.transact_now(lambda tx: again(tx, PAGER)) == 0
    assert states(store) == {"done": 1, "superseded": 1}


def test_a_receiver_that_refuses_all_for_good_loses_nothing(store, pager, clock):
    put(store, *(alert(f"i-{n}") for n in range(5)))
    for _ in range(20):
        fail(pager, "401: no such key", declined=True)
        clock.at += 300.0

    assert states(store) == {"waiting": 5}
    assert len(take(pager)) == 5


def test_what_nobody_took_for_a_month_is_kept_as_dead_and_told_by_the_other_routes(store, clock):
    routes = (PAGER, replace(PAGER, name="mail"))
    pager, mail = (SqliteRoute(store, route, routes) for route in routes)
    put(store, alert(), routes=(PAGER,))
    fail(pager, "no route to host")
    clock.at += DEAD_AFTER_S
    assert pager.claim() is None

    assert states(store)["dead"] == 1
    (alarm,) = take(mail)
    assert (alarm.kind, alarm.incident, alarm.team) == ("route", "route-pager", Team.SRE)
    assert "no route to host" in alarm.title


def test_a_route_that_fails_for_a_quarter_of_an_hour_is_told_by_the_others_once_and_its_end_too(store, clock):
    routes = (PAGER, replace(PAGER, name="mail"))
    pager, mail = (SqliteRoute(store, route, routes) for route in routes)
    put(store, alert(), routes=(PAGER,))
    for _ in range(40):
        fail(pager)
        clock.at += 60.0
        while pager.claim() is None:
            clock.at += 60.0
        clock.at += LEASE_S
    (alarm,) = take(mail)
    assert (alarm.incident, alarm.urgency) == ("route-pager", Urgency.QUEUE)

    put(store, alert("i-2", urgency=PAGE), routes=(PAGER,))
    fail(pager)
    (worse,) = take(mail)
    assert (worse.action, worse.urgency) == (Action.TRIGGER, PAGE)

    clock.at += 60.0
    assert len(take(pager)) == 2
    assert told(take(mail)) == [("route-pager", "resolve")]


def test_two_routes_that_both_fail_do_not_tell_of_each_other_without_end(store, clock):
    routes = (PAGER, replace(PAGER, name="mail"))
    queues = [SqliteRoute(store, route, routes) for route in routes]
    put(store, alert(), routes=routes)
    for _ in range(200):
        clock.at += 300.0
        for queue in queues:
            if (found := queue.claim()) is not None:
                queue.retry(found, "down", jitter=0.5)

    assert states(store) == {"waiting": 4}  # the alert and one word about the other route, on each


# ------------------------------------------------------------------------------------------ again
def test_what_goes_on_is_told_again_until_it_ends_where_the_receiver_forgets(store, clock):
    forgetful = replace(PAGER, repeat_s=60.0)
    route = SqliteRoute(store, forgetful)
    put(store, alert(), routes=(forgetful,))

    ids = []
    for _ in range(5):
        ids += [one.id for one in take(route)]
        clock.at += 60.0
    assert ids == [alert().id] * 5

    put(store, alert(revision=2, action=UPDATE), routes=(forgetful,))
    assert [one.revision for one in take(route)] == [2]
    clock.at += 60.0
    assert [one.revision for one in take(route)] == [2]
    put(store, alert(revision=3, action=RESOLVE), routes=(forgetful,))
    assert [one.action for one in take(route)] == [RESOLVE]
    clock.at += 600.0
    assert take(route) == []
    assert states(store) == {"done": 3}


def test_the_end_waits_while_somebody_tells_again_that_it_goes_on(store, clock):
    forgetful = replace(PAGER, repeat_s=60.0)
    route = SqliteRoute(store, forgetful)
    put(store, alert(), routes=(forgetful,))
    take(route)
    clock.at += 60.0
    again = route.claim()
    put(store, alert(revision=2, action=RESOLVE), routes=(forgetful,))

    assert route.claim() is None
    route.retry(again, "down", jitter=0.0)
    clock.at += 60.0
    assert told(take(route)) == [("i-1", "resolve")]


# ------------------------------------------------------------------------------------------ test messages
def test_a_test_message_goes_at_once_whatever_waits_and_leaves_nothing_where_it_fails(store, pager, clock):
    put(store, alert())
    fail(pager)

    test = pager.try_out(Team.SRE)
    assert test.alert.title.startswith("TEST of route pager")
    pager.withdraw(test)
    assert states(store) == {"waiting": 1}
    test = pager.try_out(Team.SRE)
    pager.done(test)
    assert pager.over(test).alert.action is RESOLVE


def test_looking_where_nothing_is_due_commits_nothing(store, pager):
    put(store, alert())
    pager.claim()
    before = store.counters().batches

    assert pager.claim() is None
    assert store.counters().batches == before
