"""Earlier calls in the store: the same answers as a list that is scanned, and one run among threads and processes."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remit import CallDenied, Refused
from remit.core.admission import AdmitRequest, Settlement, Trace
from remit.core.envelope import BreakerRule
from remit.core.history import DONE, FAILED, IN_FLIGHT, UNKNOWN, WITHHELD, Caller, watches_of
from remit.core.past import Recalled
from remit.core.prepare import Prepared, facts_for, prepare
from remit.core.recollection import Exchange, Recollection
from remit.core.types import Json, ToolCall, ToolEffect
from remit.store import connection, control
from remit.store.past_rows import PastRows
from remit.testing.control import ControlTables
from remit.testing.earlier import GuardedStore, shop

SOAK = os.environ.get("REMIT_SOAK") == "1"
RULE = BreakerRule(lease_s=1e9, threshold=1e9, max_violations=10**9)
RULES = shop(
    pay="""
idempotency: {key: [args.id, args.amount], within: 50s, on_repeat: return_first}
history:
  - id: enough
    formerly: {tool: look, within: 100s}
    where: "event.args.id == args.id && double(event.output.total) >= args.amount"
  - {id: asked, formerly: {tool: look, phase: request, within: 20s, across: agent}, where: "event.args.id == args.id"}
  - {id: once, never: {tool: pay, within: 30s}, where: "event.args.id == args.id"}
  - id: less
    never: {tool: pay, within: 60s, across: principal, phase: response}
    where: "event.args.id == args.id && event.args.amount > args.amount"
  - id: approved
    since: {tool: approve, within: 100s}
    where: "event.args.id == args.id"
    broken_by: {tool: revoke, where: "event.args.id == args.id"}
""",
    move="monotonic: [{id: rises, value: 'has(args.version) ? args.version : 0.0', by: [args.id]}]",
)
SESSIONS = (Caller("s-0", "ann"), Caller("s-1", "ann"), Caller("s-2", "bob"))
ENDS = (DONE, FAILED, WITHHELD, UNKNOWN)


@dataclass
class Told:
    """One call as the naive list has it."""

    tool: str
    args: dict[str, Json]
    who: Caller
    asked: float
    state: str = IN_FLIGHT
    ended: float = 0.0
    output: Json = None
    began: int = 0
    order: int = 0
    """Of its end among all that happened."""


class Naive:
    """What the documentation says, by looking through everything."""

    def __init__(self) -> None:
        self.calls: list[Told] = []

    def of(self, tool: str, order: str) -> Iterator[Told]:
        return (c for c in self.calls if c.tool == tool and c.args["id"] == order)

    def history(self, who: Caller, args: dict[str, Json], now: float) -> list[bool]:
        def within(at: float, window: float) -> bool:
            return now - at < window

        order, amount = args["id"], args["amount"]
        results = [c for c in self.of("look", order) if c.state == DONE and c.who.session == who.session]
        enough = any(within(c.ended, 100) and c.output["total"] >= amount for c in results)
        asked = any(within(c.asked, 20) for c in self.of("look", order))
        once = not any(c.state == IN_FLIGHT or within(c.ended, 30) for c in self.of("pay", order))
        less = not any(
            within(c.ended, 60) and c.state in (DONE, WITHHELD, UNKNOWN) and c.args["amount"] > amount
            for c in self.of("pay", order)
            if c.who.principal == who.principal
        )
        said = [c for c in self.of("approve", order) if c.state == DONE and c.who.session == who.session]
        latest = max((c.order for c in said if within(c.ended, 100)), default=None)
        approved = latest is not None and not any(
            c.state == IN_FLIGHT or c.order > latest for c in self.of("revoke", order)
        )
        return [enough, asked, once, less, approved]

    def first(self, who: Caller, args: dict[str, Json], now: float) -> tuple[str, set[bool]] | None:
        same = [
            c
            for c in self.of("pay", args["id"])
            if c.args["amount"] == args["amount"] and (c.state == IN_FLIGHT or now - c.ended < 50)
        ]
        for state in (IN_FLIGHT, DONE, WITHHELD, UNKNOWN, FAILED):
            found = [c for c in same if c.state == state]
            if found:
                last = max(c.ended for c in found)  # of two that ended at one instant, either
                return state, {c.who.principal == who.principal for c in found if c.ended == last}
        return None

    def mark(self, order: str) -> int | None:
        return max((int(c.args["version"] * 10**6) for c in self.of("move", order)), default=None)


class Driven:
    """The store's own functions, with everything admitted, beside the naive list and the recollection."""

    def __init__(self) -> None:
        self.world = ControlTables()
        for watch in watches_of(RULES.tools):
            row = ("acme", "shop", watch.tool, watch.id, msgspec.json.encode(watch).decode(), watch.within_s)
            self.world.connection.execute("INSERT INTO history_watch VALUES (?, ?, ?, ?, ?, ?, 0, 1, 0)", row)
        self.naive = Naive()
        self.recollection = Recollection(SESSIONS[0])
        self.happened = 0

    def prepared(self, tool: str, args: dict[str, Json], who: Caller) -> Prepared:
        return prepare(ToolCall(tool, args), RULES, facts_for(RULES, {}, who))

    def begin(self, tool: str, args: dict[str, Json], who: Caller) -> None:
        prepared, token = self.prepared(tool, args, who), f"t-{len(self.naive.calls)}"
        request = AdmitRequest(
            token=token, tenant="acme", agent="shop", session=who.session, tool=tool, effect=ToolEffect.WRITE,
            rule=RULE, enforce=False, asks=prepared.asks, repeat=prepared.repeat, marks=prepared.marks,
            trace=Trace(who, lambda: args),
        )  # fmt: skip
        assert self.world.admit(request).status == "admitted"
        self.happened += 1
        self.naive.calls.append(Told(tool, args, who, self.world.now, began=self.happened))
        self.recollection.add(Exchange(tool, args, state=IN_FLIGHT))

    def end(self, place: int, state: str, output: Json) -> None:
        told = self.naive.calls[place]
        settlement = Settlement(
            f"t-{place}", "clean", trace=Trace(told.who, lambda: told.args), tool=told.tool, state=state,
            output=lambda: (True, output),
        )  # fmt: skip
        self.world.run(lambda tx: control.settle(tx, settlement))
        self.happened += 1
        told.state, told.ended, told.output, told.order = state, self.world.now, output, self.happened
        self.recollection.end(place, output, state)

    def recall(self, prepared: Prepared) -> Recalled:
        rows = PastRows(self.world.connection, lambda _, sealed, __: sealed, "acme", "shop", self.world.now)
        first = rows.first(prepared.repeat) if prepared.repeat else None
        return Recalled(rows.answers(prepared.asks), first, rows.marks(prepared.marks))

    def compare(self, args: dict[str, Json], who: Caller, *, alone: bool) -> None:
        now = self.world.now
        paying, moving = self.prepared("pay", args, who), self.prepared("move", {"id": args["id"]}, who)
        found, marks = self.recall(paying), self.recall(moving).marks
        assert not any(one.error for one in found.history)
        assert [one.holds for one in found.history] == self.naive.history(who, args, now)
        first = self.naive.first(who, args, now)
        assert (found.first and found.first.state) == (first and first[0])
        assert first is None or found.first is None or first[0] != DONE or found.first.own in first[1]
        assert marks == (self.naive.mark(args["id"]),)
        if alone:
            told = self.recollection.recall(paying)
            assert [one.holds for one in told.history] == [one.holds for one in found.history]
            assert (told.first and told.first.state) == (found.first and found.first.state)
            assert self.recollection.recall(moving).marks == marks


ORDERS, AMOUNTS = st.sampled_from(["O-1", "O-2"]), st.sampled_from([1, 2.0, 2, 3.5])
STEPS = st.one_of(
    st.tuples(
        st.just("begin"), st.sampled_from(["look", "pay", "approve", "revoke", "move"]), ORDERS, AMOUNTS
    ),
    st.tuples(st.just("end"), st.integers(0, 3), st.sampled_from((DONE, *ENDS)), st.integers(0, 4)),
    st.tuples(st.just("step"), st.sampled_from([0.5, 10.0, 20.0, 30.0, 60.0])),
)


@settings(max_examples=3000 if SOAK else 250, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), STEPS), min_size=4, max_size=24), st.booleans())
def test_the_store_answers_as_a_list_that_is_scanned_and_as_the_recollection(
    steps: list[tuple[int, Any]], alone: bool
) -> None:
    driven = Driven()
    for number, (what, *more) in steps:
        who = SESSIONS[0 if alone else number]
        if what == "begin":
            tool, order, amount = more
            key = {"pay": "amount", "move": "version"}.get(tool)
            driven.begin(tool, {"id": order} | ({key: amount} if key else {}), who)
        elif what == "end":
            flying = [n for n, c in enumerate(driven.naive.calls) if c.state == IN_FLIGHT]
            if flying:
                place, state, total = more
                driven.end(flying[place % len(flying)], state, {"id": "O-1", "total": total})
        elif not alone:
            driven.world.now += more[0]
        for order in ("O-1", "O-2"):
            driven.compare({"id": order, "amount": 2}, who, alone=alone)


# ---------------------------------------------------------------------------------------------------- processes
ONCE = shop(
    pay="""
history: [{id: once, never: {tool: pay, within: 1h}, where: "event.args.id == args.id"}]
"""
)
SAME = shop(pay="idempotency: {key: [args.id], within: 1h, on_repeat: return_first}")
RETRIED = shop("  breaker: {lease: 1s, threshold: 10000}\n", pay="""
idempotency: {key: [args.id], within: 1h, on_repeat: return_first, after_error: retry}
""", version="2")  # fmt: skip


KINDS = {"never": ONCE, "refuse": SAME, "retry": RETRIED}


HANGS_S = 600
"""Only against hanging."""


def _pays(folder: Path, kind: str, rounds: int, ready: Any, answers: Any) -> None:
    connection.BUSY_S = HANGS_S  # SQLite is not fair to those who wait for its lock
    place = GuardedStore(folder)
    with place.guard(KINDS[kind]).session(principal="ann") as session:
        for n in range(rounds):
            ready.wait(HANGS_S)
            with contextlib.suppress(Refused):
                session.call("pay", {"id": f"O-{n}", "amount": 1}, run=place.tool("pay"))
    answers.put([args["id"] for _, args in place.ran])
    place.store.close()


@pytest.mark.parametrize("kind", ["never", "refuse"])
def test_of_processes_with_the_same_call_exactly_one_runs(tmp_path: Path, kind: str) -> None:
    processes, rounds = (8, 50) if SOAK else (3, 12)
    GuardedStore(tmp_path).store.close()
    context = multiprocessing.get_context("spawn")
    ready, answers = context.Barrier(processes), context.Queue()
    workers = [
        context.Process(target=_pays, args=(tmp_path, kind, rounds, ready, answers)) for _ in range(processes)
    ]
    for worker in workers:
        worker.start()
    ran = [order for _ in workers for order in answers.get(timeout=HANGS_S)]
    for worker in workers:
        worker.join(HANGS_S)
    assert sorted(ran) == sorted(f"O-{n}" for n in range(rounds))


def _dies(folder: Path, kind: str) -> None:
    place = GuardedStore(folder)
    with place.guard(KINDS[kind]).session(principal="ann") as session:
        session.call("pay", {"id": "O-1", "amount": 1}, run=lambda **_: os.kill(os.getpid(), 9))


@pytest.mark.parametrize("kind", list(KINDS))
def test_a_process_that_is_killed_while_the_tool_runs_leaves_an_outcome_that_nobody_knows(
    tmp_path: Path, kind: str
) -> None:
    GuardedStore(tmp_path).store.close()
    worker = multiprocessing.get_context("spawn").Process(target=_dies, args=(tmp_path, kind))
    worker.start()
    worker.join(HANGS_S)
    assert worker.exitcode == -9
    place = GuardedStore(tmp_path)
    with place.guard(KINDS[kind]).session(principal="ann") as session:
        with pytest.raises(CallDenied, match="still running"):
            session.call("pay", {"id": "O-1", "amount": 1}, run=place.tool("pay"))
        place.ahead += 61
        if kind == "retry":
            session.call("approve", {"id": "O-1"}, run=place.tool("approve"))  # sweeps the lease
            assert session.call("pay", {"id": "O-1", "amount": 1}, run=place.tool("pay"))
        else:
            for _ in range(2):
                with pytest.raises(CallDenied, match=r"still running|nobody knows how|of unknown outcome"):
                    session.call("pay", {"id": "O-1", "amount": 1}, run=place.tool("pay"))
                session.call("approve", {"id": "O-1"}, run=place.tool("approve"))
    place.store.close()


# ---------------------------------------------------------------------------------------------------- the store's own
def test_admitting_again_with_one_token_does_not_see_itself() -> None:
    driven, args = Driven(), {"id": "O-1", "amount": 1}
    prepared = driven.prepared("pay", args, SESSIONS[0])
    request = AdmitRequest(
        token="t", tenant="acme", agent="shop", session="s", tool="pay", effect=ToolEffect.WRITE, rule=RULE,
        asks=prepared.asks[2:3], repeat=prepared.repeat, trace=Trace(SESSIONS[0], lambda: args),
    )  # fmt: skip
    assert [driven.world.admit(request).status for _ in range(2)] == ["admitted", "admitted"]
    other = driven.world.admit(
        AdmitRequest(**{f: getattr(request, f) for f in request.__slots__} | {"token": "u"})
    )
    assert other.status == "refused"


def test_a_released_call_was_never_there() -> None:
    driven = Driven()
    args = {"id": "O-1", "amount": 1}
    driven.begin("pay", args, SESSIONS[0])
    driven.begin("move", {"id": "O-1", "version": 5}, SESSIONS[0])
    for token in ("t-0", "t-1"):
        driven.world.run(lambda tx, t=token: control.settle(tx, Settlement(t, "clean", ran=False)))  # type: ignore[misc]
    driven.naive = Naive()
    driven.compare(args, SESSIONS[0], alone=False)


def test_what_is_too_old_for_every_window_is_forgotten_and_marks_are_not() -> None:
    driven = Driven()
    driven.begin("pay", {"id": "O-1", "amount": 1}, SESSIONS[0])
    driven.end(0, DONE, 1)
    driven.begin("move", {"id": "O-1", "version": 5}, SESSIONS[0])
    driven.end(1, DONE, 1)
    driven.world.now += 2 * 86400
    driven.world.sweep()
    counts = [driven.world.connection.execute(f"SELECT count(*) FROM {t}").get for t in
              ("history_event", "repeat_use", "monotonic_use")]  # fmt: skip
    assert counts == [0, 0, 1]


def test_too_many_events_to_look_at_deny_and_cost_no_more(tmp_path: Path) -> None:
    place = GuardedStore(tmp_path)
    loose = 'history: [{id: less, never: {tool: look, within: 1h}, where: "event.args.id != args.id"}]'
    with place.guard(shop(pay=loose)).session() as session:
        for _ in range(257):
            session.call("look", {"id": "O-1"}, run=place.tool("look"))
        with pytest.raises(CallDenied, match="more than 256 calls of look to look at"):
            session.call("pay", {"id": "O-1", "amount": 1}, run=place.tool("pay"))
    place.store.close()


def test_the_sealed_values_of_two_rows_cannot_be_exchanged(tmp_path: Path) -> None:
    from remit import Unavailable

    place = GuardedStore(tmp_path)
    with place.guard(SAME).session(principal="ann") as session:
        for order in ("O-1", "O-2"):
            session.call("pay", {"id": order, "amount": 1}, run=place.tool("pay", {"for": order}))
        sql = "UPDATE repeat_use SET sealed = (SELECT r.sealed FROM repeat_use AS r WHERE r.token <> repeat_use.token)"
        place.store.transact_now(lambda tx: tx.connection.execute(sql), events=1)
        with pytest.raises(Unavailable):
            session.call("pay", {"id": "O-1", "amount": 1}, run=place.tool("pay"))
    assert len(place.ran) == 2 and time.time() > 0
    place.store.close()
