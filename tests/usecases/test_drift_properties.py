"""Whatever sessions do between the steps of the watch, and whenever it steps: each call counts once, in order."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from pathlib import Path

from drift_help import open_store, write
from hypothesis import given, settings
from hypothesis import strategies as st

from remit.core.event import Event
from remit.core.ids import derived_id
from remit.store.drift_rows import SqliteDriftBook
from remit.store.sqlite import SqliteStore
from remit.usecases.drift import DriftWatch

ACTS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["call", "close", "resume"]), st.integers(0, 3)),
        st.tuples(st.just("step"), st.integers(1, 4)),
        st.tuples(st.just("idle"), st.just(4)),
        st.tuples(st.just("another"), st.just(4)),
    ),
    max_size=40,
)


class Sessions:
    """Four sessions that call, end and go on as they are told."""

    def __init__(self, store: SqliteStore) -> None:
        self.store = store
        self.made: Counter[str] = Counter()
        self._seen = 0
        self._open: set[str] = set()

    def add(self, kind: str, session: str) -> None:
        self._seen += 1
        body = {"tool": "pay", "token": str(self._seen)} if kind == "decided" else {}
        write(self.store, [Event(derived_id(session, self._seen), session, kind, "shop", "e", body)])

    def act(self, what: str, number: int) -> None:
        session = f"s{number}"
        if what == "close":
            if session in self._open:
                self._open.discard(session)
                self.add("session.closed", session)
            return
        if session not in self._open:
            self._open.add(session)
            self.add("session.resumed" if self.made[session] else "session.opened", session)
        if what == "call":
            self.made[session] += 1
            self.add("decided", session)


@settings(max_examples=40, deadline=None)
@given(acts=ACTS)
def test_each_call_of_each_session_counts_once(acts: list[tuple[str, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder, open_store(Path(folder)) as store:
        sessions, counted, late_s = Sessions(store), Counter[str](), 0.0

        def clock() -> float:
            return time.time() + late_s

        watch = DriftWatch(SqliteDriftBook(store), clock, batch=3)

        def step(times: int) -> None:
            for _ in range(times):
                done = watch.watch_once()
                counted.update({one.session: one.made for one in done.sessions})
                if not done.more:
                    return

        for what, number in acts:
            if what == "another":  # a process that starts, and knows what is written only
                watch = DriftWatch(SqliteDriftBook(store), clock, batch=2)
            elif what in ("step", "idle"):
                late_s = 7 * 3600.0 if what == "idle" else 0.0
                step(number)
                late_s = 0.0
            else:
                sessions.act(what, number)
        for number in range(4):
            sessions.act("close", number)
        step(1000)

        places = store.read(
            lambda db: [row[0] for row in db.execute("SELECT place FROM drift_session ORDER BY place")]
        )

    assert +counted == +sessions.made
    assert places == list(range(len(places)))
