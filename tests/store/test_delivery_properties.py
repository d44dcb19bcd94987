"""Whatever comes in, fails, dies or waits: no incident is forgotten, none is told out of order, no rate is broken."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from delivery_help import LIMITED, Clock, alert, put
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from remit.core.alert import Action, Urgency
from remit.store import control, deliveries
from remit.store.delivery_queue import SqliteRoute
from remit.store.outbox import LEASE_S
from remit.store.sqlite import SqliteStore

INCIDENTS = 8
ROUTE = replace(LIMITED, burst=2)

which = st.integers(0, INCIDENTS - 1)
news = st.tuples(st.sampled_from(["begins", "begins", "goes on", "goes on", "ends"]), which, st.booleans())
world_acts = st.one_of(
    st.tuples(st.just("sends"), st.integers(1, 4), st.just(False)),
    st.tuples(st.just("fails"), st.integers(1, 2), st.booleans()),
    st.tuples(st.just("dies"), st.just(1), st.just(False)),
    st.tuples(st.just("waits"), st.sampled_from([1, 30, 61, 600, 7200]), st.just(False)),
)
"""Several things happen between two looks, as in a storm."""
happen = st.lists(
    st.tuples(st.lists(news, min_size=1, max_size=8), st.lists(world_acts, max_size=3)), max_size=8
)


class World:
    """One route of one store, and what its receiver was told."""

    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.store = SqliteStore.open(
            None, home=folder, extensions=(control.DDL, deliveries.DDL), clock=self.clock
        )
        self.route = SqliteRoute(self.store, ROUTE)
        self.revision = dict.fromkeys(range(INCIDENTS), 0)
        self.on: dict[int, bool] = {}
        self.got: list = []
        self.sent_at: list[tuple[float, str]] = []

    def step(self, what: str, n: int, flag: bool) -> None:
        urgency = Urgency.PAGE if flag else Urgency.QUEUE
        if what == "begins" and not self.on.get(n):
            self.tell(n, Action.TRIGGER, urgency)
            self.on[n] = True
        elif what == "goes on" and self.on.get(n):
            self.tell(n, Action.TRIGGER if flag else Action.UPDATE, urgency)
        elif what == "ends" and self.on.get(n):
            self.tell(n, Action.RESOLVE, Urgency.QUEUE)
            self.on[n] = False
        elif what == "sends":
            self.send(n)
        elif what == "fails" and (found := self.route.claim()) is not None:
            self.route.retry(found, "down", jitter=0.5, declined=flag)
        elif what == "dies":
            self.route.claim()
        elif what == "waits":
            self.clock.at += n

    def tell(self, n: int, action: Action, urgency: Urgency) -> None:
        self.revision[n] += 1
        put(self.store, alert(f"i-{n}", self.revision[n], action, urgency=urgency), routes=(ROUTE,))

    def send(self, most: int) -> None:
        for _ in range(most):
            found = self.route.claim()
            if found is None:
                return
            self.route.done(found)
            self.got.append(found.alert)
            self.sent_at.append((self.clock.at, found.bucket))

    def drain(self) -> None:
        for _ in range(400):
            self.send(100)
            if not self.rows("state IN ('waiting', 'claimed')"):
                return
            self.clock.at += LEASE_S + 240.0
        raise AssertionError("something waits for ever")

    def rows(self, where: str) -> list:
        sql = f"SELECT topic, action, state FROM delivery WHERE {where}"
        return self.store.read(lambda db: db.execute(sql).fetchall())


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(happen)
def test_every_incident_is_told_in_order_and_within_the_rate_and_what_was_opened_is_closed(steps):
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        for told, done in steps:
            for step in (*told, *done):
                world.step(*step)
        world.drain()
        _told_in_order(world)
        _nothing_forgotten(world)
        _within_the_rate(world)
        world.store.close()


def _told_in_order(world: World) -> None:
    for n in range(INCIDENTS):
        mine = [one for one in world.got if one.incident == f"i-{n}"]
        assert [one.revision for one in mine] == sorted({one.revision for one in mine})
        is_open = False
        for one in mine:
            assert one.action is Action.TRIGGER or is_open, "an update or an end before its beginning"
            is_open = one.action is not Action.RESOLVE


def _nothing_forgotten(world: World) -> None:
    """What the receiver believes is what is so: of single incidents, and of the digests that told of others."""
    believed = {one.incident: one.action is not Action.RESOLVE for one in world.got}
    for n, on in world.on.items():
        merged = world.rows(f"topic = 'sre/i-{n}' AND state = 'merged'")
        if on:
            kept = world.rows(f"topic = 'sre/i-{n}' AND state = 'refused'")
            assert believed.get(f"i-{n}") or merged or kept, "an incident goes on, and nobody knows"
        else:
            assert not believed.get(f"i-{n}") and not merged, (
                "an incident is over, and the receiver thinks not"
            )
    sql = (
        "SELECT d.topic, d.members, (SELECT count(DISTINCT m.topic) FROM delivery m WHERE m.into_seq = d.seq"
        " AND m.state = 'merged') FROM delivery d WHERE d.members IS NOT NULL"
    )
    for topic, members, left in world.store.read(lambda db: db.execute(sql).fetchall()):
        assert members == left, "a digest counts its incidents"
        assert believed[topic.removeprefix("sre/")] == (left > 0), "a digest ends with its last incident"


def _within_the_rate(world: World) -> None:
    for bucket in ("page", "queue"):
        at = [when for when, whose in world.sent_at if whose == bucket]
        for first in range(len(at)):
            for last in range(first, len(at)):
                most = ROUTE.burst + (at[last] - at[first]) * ROUTE.rate_per_h / 3600.0
                assert last - first + 1 <= most + 1e-6
