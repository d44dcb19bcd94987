"""Rates and storms: what is beyond the rate becomes one message, and nothing is lost."""

from __future__ import annotations

from dataclasses import replace

import pytest
from delivery_help import LIMITED, Clock, alert, fail, put, states, take, told

from remit.core.alert import Action, Urgency
from remit.core.digest import MEMBERS_TOLD
from remit.store import control, deliveries
from remit.store.delivery_queue import MOST_MERGED, SqliteRoute
from remit.store.sqlite import SqliteStore

PAGE = Urgency.PAGE
RESOLVE = Action.RESOLVE


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
def chat(store):
    return SqliteRoute(store, LIMITED)


def storm(store, n, first=0, **fields):
    """*n* incidents at once."""
    put(store, *(alert(f"i-{number}", **fields) for number in range(first, first + n)), routes=(LIMITED,))


def end(store, numbers):
    put(store, *(alert(f"i-{number}", 2, RESOLVE) for number in numbers), routes=(LIMITED,))


def test_what_the_burst_holds_leaves_by_itself(store, chat):
    storm(store, 10)

    assert [one.incident for one in take(chat)] == [f"i-{n}" for n in range(10)]


def test_the_last_of_the_burst_is_a_digest_of_all_that_wait(store, chat):
    storm(store, 50)

    sent = take(chat)
    assert len(sent) == 10
    assert sent[-1].title == "Digest: 41 incidents of clerk; the worst: clerk: denied at pay"
    named = [one.told for one in sent[-1].evidence]
    assert named[0] == "i-9: clerk: denied at pay"
    assert (len(named), named[-1]) == (MEMBERS_TOLD + 1, "… and 34 more")
    assert states(store) == {"done": 10, "merged": 41}


def test_a_storm_of_ten_thousand_is_told_in_twenty_messages_and_names_or_counts_every_incident(
    store, chat, clock
):
    for first in range(0, 10_000, 1000):
        storm(store, 1000, first)
    sent, started = [], clock.at
    while states(store).keys() & {"waiting", "claimed"}:
        sent += take(chat)
        clock.at += 60.0

    singles, digests = [o for o in sent if o.kind != "digest"], [o for o in sent if o.kind == "digest"]
    assert (len(singles), len(digests)) == (9, 10)
    assert len(singles) + sum(one.count for one in digests) == 10_000
    assert max(one.count for one in digests) <= MOST_MERGED
    # No more than 60 an hour and a burst of 10, whatever comes in.
    assert len(sent) <= 10 + (clock.at - started) / 60.0
    assert states(store) == {"done": 19, "merged": 9_991}


def test_after_a_quiet_time_the_burst_is_there_again(store, chat, clock):
    storm(store, 30)
    take(chat)
    clock.at += 600.0
    storm(store, 10, 100)

    assert [one.kind for one in take(chat)] == ["denied"] * 10


def test_pages_have_a_bucket_of_their_own_and_become_one_storm(store, chat):
    storm(store, 50)
    take(chat)
    storm(store, 30, 100, urgency=PAGE)

    sent = take(chat)
    assert len(sent) == 10
    assert {one.urgency for one in sent} == {PAGE}
    assert sent[-1].title.startswith("Storm: 21 incidents of clerk")


def test_a_page_leaves_before_what_may_wait(store, chat):
    storm(store, 3)
    storm(store, 1, 100, urgency=PAGE)

    assert take(chat)[0].incident == "i-100"


def test_ends_of_incidents_that_were_told_need_no_token(store, chat):
    storm(store, 10)
    take(chat)
    end(store, range(10))

    assert [one.action for one in take(chat)] == [RESOLVE] * 10


def test_a_digest_ends_when_all_its_incidents_have(store, chat, clock):
    storm(store, 30)
    digest = take(chat)[-1]
    end(store, range(9, 29))
    clock.at += 3600.0
    assert take(chat) == []
    end(store, [29])

    (over,) = take(chat)
    assert (over.incident, over.action, over.revision) == (digest.incident, RESOLVE, 2)
    end(store, range(9))
    assert len(take(chat)) == 9


def test_an_incident_that_a_digest_told_of_opens_by_itself_when_it_goes_on_and_ends_both(store, chat, clock):
    storm(store, 11)
    digest = take(chat)[-1]
    put(store, alert("i-10", 2, Action.UPDATE), routes=(LIMITED,))
    clock.at += 60.0
    assert [(o.incident, o.action, o.revision) for o in take(chat)] == [("i-10", Action.TRIGGER, 2)]
    end(store, [9])
    assert take(chat) == []
    put(store, alert("i-10", 3, RESOLVE), routes=(LIMITED,))

    assert sorted(told(take(chat))) == sorted([("i-10", "resolve"), (digest.incident, "resolve")])


def test_what_begins_and_ends_before_it_could_be_told_is_told_as_over(store, chat):
    storm(store, 12)
    end(store, range(9, 12))

    sent = take(chat)
    assert sent[9].title.startswith("Digest: 3 incidents of clerk, 3 of them over")
    assert [one.action for one in sent[10:]] == [RESOLVE]
    assert states(store).keys() == {"done"}


def test_a_digest_that_fails_is_tried_again_as_it_was_and_never_within_another(store, chat, clock):
    storm(store, 12)
    for _ in range(9):
        chat.done(chat.claim())
    digest = fail(chat)
    storm(store, 5, 100)
    sent = []
    for _ in range(3):
        clock.at += 60.0
        sent += take(chat)

    assert digest.id in [one.id for one in sent]
    assert sum(one.count for one in sent) == 3 + 5
    assert states(store).keys() == {"done", "merged"}


def test_a_failed_attempt_costs_no_token(store, chat, clock):
    storm(store, 10)
    for _ in range(30):
        fail(chat)
        clock.at += 0.0 if chat.claim() else 60.0
        clock.at += 60.0

    assert len(take(chat)) >= 10


def test_a_receiver_that_was_down_for_a_week_gets_every_incident_and_every_end(store, clock):
    route = replace(LIMITED, rate_per_h=0.0)
    queue = SqliteRoute(store, route, (route,))
    for hour in range(7 * 24):
        put(store, alert(f"i-{hour}"), *_updates(hour), routes=(route,))
        for _ in range(6):
            clock.at += 600.0
            if (found := queue.claim()) is not None:
                queue.retry(found, "connection refused", jitter=0.5)

    clock.at += 60.0
    sent = take(queue)
    for hour in range(7 * 24):
        mine = [one for one in sent if one.incident == f"i-{hour}"]
        assert [one.action.value for one in mine] == ["trigger", "update", "resolve"]
        assert mine[1].revision == 4
    assert states(store) == {"done": 3 * 7 * 24, "superseded": 2 * 7 * 24}


def _updates(hour):
    return [
        *(alert(f"i-{hour}", revision, Action.UPDATE) for revision in (2, 3, 4)),
        alert(f"i-{hour}", 5, RESOLVE),
    ]


def test_all_processes_share_one_rate(store, chat, clock, tmp_path):
    storm(store, 50)
    with SqliteStore.open(tmp_path / "remit.db", home=tmp_path / "home", create=False, clock=clock) as other:
        beside = SqliteRoute(other, LIMITED)
        sent = []
        for _ in range(20):
            for queue in (chat, beside):
                if (found := queue.claim()) is not None:
                    queue.done(found)
                    sent.append(found.alert)

    assert len(sent) == 10
    assert len({one.id for one in sent}) == 10
    assert sum(one.count for one in sent) == 50
