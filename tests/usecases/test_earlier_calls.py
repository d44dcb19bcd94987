"""Clauses that look at earlier calls, through the guard, on a real store: who gets what, and what never runs twice."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from remit import ApprovalRequired, BadInput, CallDenied
from remit.core.scope import Scope, ScopeKind
from remit.core.types import Mode
from remit.store import control_hand
from remit.store.verify import verify
from remit.testing import answer, pending
from remit.testing.earlier import GuardedStore, shop
from remit.usecases.session import Session

LOOKED = """
history:
  - {id: looked, formerly: {tool: look, within: 30m%s}, where: "event.args.id == args.id"}
"""
ONCE = """
history:
  - {id: once, never: {tool: pay, within: 1h%s}, where: "event.args.id == args.id"%s}
"""
REPEAT = """
idempotency: {key: [args.id, args.amount], within: 1h, on_repeat: %s}
"""
RETURNS = REPEAT % "return_first"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[GuardedStore]:
    made = GuardedStore(tmp_path)
    yield made
    made.store.close()


def pay(
    place: GuardedStore,
    session: Session,
    order: str = "O-1",
    amount: float = 5,
    gives: object = None,
    **more: Any,
) -> Any:
    return session.call("pay", {"id": order, "amount": amount, **more}, run=place.tool("pay", gives))


def look(place: GuardedStore, session: Session, order: str = "O-1", gives: object = None) -> Any:
    return session.call("look", {"id": order}, run=place.tool("look", gives))


def denied(place: GuardedStore, session: Session, clause: str, **options: Any) -> CallDenied:
    before = len(place.ran)
    with pytest.raises(CallDenied) as no:
        pay(place, session, **options)
    assert len(place.ran) == before
    assert f"pay.{clause}" in no.value.decision.clauses
    assert (
        session.check("pay", {"id": options.get("order", "O-1"), "amount": options.get("amount", 5)}).result
        == "deny"
    )
    return no.value


# ---------------------------------------------------------------------------------------------------- formerly
def test_a_result_that_came_back_is_what_formerly_asks_for(place: GuardedStore) -> None:
    with place.guard(shop(pay=LOOKED % "")).session() as session:
        denied(place, session, "looked")
        look(place, session, "O-2")
        denied(place, session, "looked")
        look(place, session)
        assert session.check("pay", {"id": "O-1", "amount": 5}).result == "allow"
        pay(place, session)


def test_a_failed_a_withheld_and_a_denied_attempt_are_no_result(place: GuardedStore) -> None:
    with place.guard(shop(pay=LOOKED % "")).session() as session:
        with pytest.raises(OSError):
            look(place, session, gives=OSError("down"))
        denied(place, session, "looked")
        with pytest.raises(Exception, match="output"):
            look(place, session, gives={"id": "O-1"})
        denied(place, session, "looked")
        with pytest.raises(CallDenied):
            session.call("look", {"id": "O-1", "more": 1}, run=place.tool("look"))
        denied(place, session, "looked")


def test_a_request_in_flight_is_no_result(place: GuardedStore) -> None:
    with place.guard(shop(pay=LOOKED % "")).session() as session:

        def during(**_: Any) -> dict[str, Any]:
            denied(place, session, "looked")
            return {"id": "O-1", "total": 1}

        session.call("look", {"id": "O-1"}, run=during)
        pay(place, session)


def test_an_interrupted_call_is_no_result_and_may_have_happened(place: GuardedStore) -> None:
    clauses = {
        "pay": LOOKED % "",
        "approve": "history: [{id: unseen, never: {tool: look, phase: response, within: 1h}}]",
    }
    with place.guard(shop(**clauses)).session() as session:
        with pytest.raises(KeyboardInterrupt):
            look(place, session, gives=KeyboardInterrupt())
        denied(place, session, "looked")
        with pytest.raises(CallDenied, match="unknown outcome"):
            session.call("approve", {"id": "O-1"}, run=place.tool("approve"))


def test_formerly_looks_into_its_own_session_unless_it_says_otherwise(place: GuardedStore) -> None:
    with place.guard(shop(pay=LOOKED % "")) as guard:
        with guard.session(principal="ann") as one:
            look(place, one)
        with guard.session(principal="ann") as two:
            denied(place, two, "looked")
    with place.guard(shop(pay=LOOKED % ", across: principal", version="2")) as guard:
        with guard.session(principal="ann") as three:
            pay(place, three)
        with guard.session(principal="bob") as other:
            denied(place, other, "looked")
        with guard.session() as nobody:
            assert denied(place, nobody, "looked").decision.errors


def test_a_window_is_by_the_store_s_clock_and_ends_sharp(place: GuardedStore) -> None:
    with place.guard(shop(pay=LOOKED % "")).session() as session:
        look(place, session)
        place.ahead += 1790
        pay(place, session)
        place.ahead += 11
        denied(place, session, "looked")


def test_where_may_relate_the_result(place: GuardedStore) -> None:
    where = """
history:
  - id: enough
    formerly: {tool: look, within: 30m}
    where: >-
      event.args.id == args.id && args.amount <= double(event.output.total)
      && (!has(event.args.note) || event.args.note != 'old')
"""
    with place.guard(shop(pay=where)).session() as session:
        look(place, session)
        pay(place, session, amount=10.0)
        denied(place, session, "enough", amount=10.5)
        session.call("look", {"id": "O-3", "note": "old"}, run=place.tool("look"))
        denied(place, session, "enough", order="O-3")


# ---------------------------------------------------------------------------------------------------- never
def test_never_counts_calls_of_every_end_and_none_that_did_not_run(place: GuardedStore) -> None:
    with place.guard(shop(pay=ONCE % ("", ""))).session() as session:
        pay(place, session, "done")
        with pytest.raises(OSError):
            pay(place, session, "failed", gives=OSError())
        with pytest.raises(KeyboardInterrupt):
            pay(place, session, "unknown", gives=KeyboardInterrupt())
        for order in ("done", "failed", "unknown"):
            denied(place, session, "once", order=order)
        with pytest.raises(CallDenied):
            session.call("pay", {"id": "new", "amount": "many"}, run=place.tool("pay"))
        pay(place, session, "new")

        def again(**_: Any) -> int:
            denied(place, session, "once", order="flight")
            return 1

        session.call("pay", {"id": "flight", "amount": 1}, run=again)


def test_a_call_that_raised_late_counts_from_its_end(place: GuardedStore) -> None:
    with place.guard(shop(pay=ONCE % ("", ""))).session() as session:

        def slow(**_: Any) -> None:
            place.ahead += 50
            raise OSError

        with pytest.raises(OSError):
            session.call("pay", {"id": "O-1", "amount": 1}, run=slow)
        place.ahead += 3580
        denied(place, session, "once")
        place.ahead += 21
        pay(place, session)


def test_equal_numbers_are_equal_however_they_are_written(place: GuardedStore) -> None:
    same = """
history:
  - {id: once, never: {tool: pay, within: 1h}, where: "event.args.amount == args.amount && event.args.id == args.id"}
"""
    with place.guard(shop(pay=same)).session() as session:
        for first, second in ((5, 5.0), (0.0, -0.0), (1e15, 10**15), (1e300, 1e300)):
            pay(place, session, str(first), first)
            denied(place, session, "once", order=str(first), amount=second)
        pay(place, session, "\u00e9")
        pay(place, session, "e\u0301")
        denied(place, session, "once", order="e\u0301")


def test_another_agent_s_and_another_tenant_s_calls_are_not_seen(place: GuardedStore) -> None:
    rules = shop(pay=ONCE % ("", "") + RETURNS)
    with place.guard(rules).session(id="s-1", principal="ann") as session:
        pay(place, session)
    with place.guard(rules, tenant="other").session(principal="ann") as session:
        assert pay(place, session)["n"] == 2
    other = shop(pay=ONCE % ("", "") + RETURNS, version="1")
    with place.guard(replace(other, name="clerk", hash="f" * 64)).session(principal="ann") as session:
        assert pay(place, session)["n"] == 3


def test_a_secret_is_compared_by_its_token(place: GuardedStore) -> None:
    where = ONCE.replace(
        "event.args.id == args.id",
        "has(event.args.password) && has(args.password) && event.args.password == args.password",
    )
    with place.guard(shop(pay=where % ("", ""))).session() as session:
        pay(place, session, "a", password="correct horse battery")
        pay(place, session, "b", password="another one entirely")
        with pytest.raises(CallDenied, match=r"pay\.once"):
            pay(place, session, "c", password="correct horse battery")
    raw = b"".join(p.read_bytes() for p in place.folder.glob("remit.db*"))
    assert b"correct horse" not in raw


def test_a_result_that_does_not_say_what_it_was_about_does_not_pass_never(place: GuardedStore) -> None:
    where = """
history:
  - {id: unread, never: {tool: look, phase: response, within: 1h}, where: "event.output.id == args.id"}
"""
    for gives in ({"total": 3}, {"id": 7, "total": 3}, object(), ["O-1"]):
        with place.guard(shop(pay=where, version=str(id(gives)))).session() as session:
            pay(place, session)
            with pytest.raises(Exception, match="output"):
                look(place, session, gives=gives)
            assert denied(place, session, "unread").decision.errors
        place.ahead += 3700


def test_an_outcome_that_nobody_knows_does_not_pass_a_never_about_results(place: GuardedStore) -> None:
    where = """
history:
  - {id: unread, never: {tool: look, phase: response, within: 1h}, where: "event.output.id == args.id"}
"""
    with place.guard(shop(pay=where)).session() as session:
        with pytest.raises(OSError):
            look(place, session, gives=OSError())
        pay(place, session)
        with pytest.raises(SystemExit):
            look(place, session, gives=SystemExit())
        assert denied(place, session, "unread").decision.errors


# ---------------------------------------------------------------------------------------------------- since
SINCE = """
history:
  - id: approved
    since: {tool: approve, within: 1h}
    where: "event.args.id == args.id"
    broken_by: {tool: revoke, where: "event.args.id == args.id"}
"""


def said(place: GuardedStore, session: Session, what: str, order: str = "O-1", gives: object = None) -> None:
    session.call(what, {"id": order}, run=place.tool(what, gives))


def test_since_holds_from_the_latest_until_it_is_broken(place: GuardedStore) -> None:
    with place.guard(shop(pay=SINCE)).session() as session:
        denied(place, session, "approved")
        said(place, session, "approve")
        said(place, session, "revoke", "O-2")
        pay(place, session)
        said(place, session, "revoke")
        denied(place, session, "approved")
        said(place, session, "approve")
        pay(place, session)


def test_what_breaks_counts_while_it_runs_and_when_it_failed_after(place: GuardedStore) -> None:
    with place.guard(shop(pay=SINCE)).session() as session:

        def during(**_: Any) -> None:
            said(place, session, "approve")  # while it is being revoked
            denied(place, session, "approved")
            raise OSError

        with pytest.raises(OSError):
            session.call("revoke", {"id": "O-1"}, run=during)
        denied(place, session, "approved")  # it may have revoked after it was approved


# ---------------------------------------------------------------------------------------------------- people
def test_an_approval_does_not_waive_what_became_true_meanwhile(place: GuardedStore) -> None:
    rules = shop(pay=ONCE % ("", "") + "approve: [{id: always}]")
    with place.guard(rules) as guard, guard.session() as one, guard.session() as two:
        for session in (one, two):
            with pytest.raises(ApprovalRequired):
                pay(place, session)
        for question in pending(guard):
            answer(guard, question)
        pay(place, one)
        denied(place, two, "once")
        assert len(place.ran) == 1


def test_a_clause_that_holds_asks_and_a_yes_lets_it_run(place: GuardedStore) -> None:
    rules = shop(pay=ONCE % ("", ", on_violation: hold"))
    with place.guard(rules) as guard, guard.session() as session:
        pay(place, session)
        with pytest.raises(ApprovalRequired):
            pay(place, session)
        answer(guard, pending(guard)[0])
        pay(place, session)
        assert len(place.ran) == 2


def test_a_rejected_call_is_no_event_not_even_for_a_clause_that_is_added_later(place: GuardedStore) -> None:
    rules = shop(pay="approve: [{id: always}]")
    with place.guard(rules) as guard, guard.session() as session:
        for _ in range(2):
            with pytest.raises((ApprovalRequired, CallDenied)):
                pay(place, session)
            for question in pending(guard)[:1]:
                if guard.records.approval(question).state == "pending":  # type: ignore[union-attr]
                    answer(guard, question, approve=False)
        with pytest.raises(CallDenied):
            pay(place, session)
    with place.guard(shop(pay=ONCE % ("", ""), version="2")).session() as session:
        pay(place, session)


def test_a_repeat_that_is_held_runs_again_where_a_person_says_so(place: GuardedStore) -> None:
    with place.guard(shop(pay=REPEAT % "hold")) as guard, guard.session() as session:
        pay(place, session)
        with pytest.raises(ApprovalRequired):
            pay(place, session)
        answer(guard, pending(guard)[0])
        assert pay(place, session)["n"] == 2


# ---------------------------------------------------------------------------------------------------- idempotency
def test_a_repeat_gets_the_first_result_and_nothing_runs(place: GuardedStore) -> None:
    rules = shop(pay=RETURNS)
    with place.guard(rules).session(principal="ann") as session:
        assert pay(place, session, amount=5)["n"] == 1
        assert session.check("pay", {"id": "O-1", "amount": 5.0}).repeats
        assert pay(place, session, amount=5.0) == {"id": "O-1", "total": 10, "n": 1}
    place.reopen()
    with place.guard(rules).session(principal="ann") as later:
        assert pay(place, later)["n"] == 1
        assert asyncio.run(later.acall("pay", {"id": "O-1", "amount": 5}, run=place.tool("pay")))["n"] == 1
        place.ahead += 3601
        assert pay(place, later)["n"] == 2
    assert len(place.ran) == 2
    assert verify(place.folder / "remit.db", place.folder / "home").ok


def test_the_first_result_goes_to_whom_it_was_given_and_to_nobody_else(place: GuardedStore) -> None:
    with place.guard(shop(pay=RETURNS)) as guard:
        with guard.session(principal="ann") as session:
            pay(place, session)
        for who in ("bob", None):
            with guard.session(principal=who) as session:
                assert "somebody else" in str(denied(place, session, "idempotency"))
        with guard.session() as one, guard.session() as two:
            pay(place, one, "O-2")
            assert pay(place, one, "O-2")["n"] == 2
            denied(place, two, "idempotency", order="O-2")


@pytest.mark.parametrize("on_repeat", ["return_first", "refuse"])
def test_a_call_that_is_running_is_not_repeated(place: GuardedStore, on_repeat: str) -> None:
    with place.guard(shop(pay=REPEAT % on_repeat)).session() as session:

        def during(**_: Any) -> int:
            assert "still running" in str(denied(place, session, "idempotency"))
            return 1

        session.call("pay", {"id": "O-1", "amount": 5}, run=during)


@pytest.mark.parametrize("error", [OSError("down"), SystemExit(), GeneratorExit()])
@pytest.mark.parametrize("after_error", ["refuse", "hold", "retry"])
def test_after_an_error_the_envelope_says_what_a_repeat_gets(
    place: GuardedStore, error: BaseException, after_error: str
) -> None:
    clause = RETURNS.replace("return_first", f"return_first, after_error: {after_error}")
    with place.guard(shop(pay=clause)).session() as session:
        with pytest.raises(type(error)):
            pay(place, session, gives=error)
        if after_error == "retry":
            assert pay(place, session)["n"] == 2
            assert pay(place, session)["n"] == 2
        elif after_error == "hold":
            with pytest.raises(ApprovalRequired):
                pay(place, session)
        else:
            denied(place, session, "idempotency")


@pytest.mark.parametrize("gives", [object(), {"x": float("nan")}, "x" * 1_000_001, (i for i in "ab"), {1: 2}])
def test_a_result_that_cannot_be_given_again_is_refused_and_never_run_again(
    place: GuardedStore, gives: object
) -> None:
    with place.guard(shop(pay=RETURNS)).session() as session:
        try:
            pay(place, session, gives=gives)
        except Exception as error:
            assert "generator" in str(error)
        denied(place, session, "idempotency")


def test_a_withheld_first_result_is_not_given_again(place: GuardedStore) -> None:
    with place.guard(shop(pay=RETURNS + "output: {type: object, required: [ok]}")).session() as session:
        with pytest.raises(Exception, match="output"):
            pay(place, session)
        denied(place, session, "idempotency")


def test_an_erased_result_is_not_given_again_and_nothing_of_it_is_left(place: GuardedStore) -> None:
    rules = shop(
        pay=RETURNS,
        approve="""
history:
  - {id: unpaid, never: {tool: pay, within: 1h}, where: "event.args.id == args.id && event.args.amount > 3.0"}
""",
    )
    with place.guard(rules) as guard:
        with guard.session(principal="ann") as session:
            pay(place, session, gives={"iban": "DE-MARKER-77"})
        assert place.store.erase("ann")
        with guard.session(principal="ann") as session:
            denied(place, session, "idempotency")
            with pytest.raises(CallDenied, match="cannot be read any more"):
                session.call("approve", {"id": "O-1"}, run=place.tool("approve"))
    left = place.store.read(
        lambda db: db.execute(
            "SELECT hex(sealed), key FROM repeat_use UNION ALL SELECT hex(sealed), key FROM history_event"
        ).fetchall()
    )
    assert left and "DE-MARKER" not in str(left) and "ann" not in str(left)
    assert verify(place.folder / "remit.db", place.folder / "home").ok


def test_an_expired_result_is_not_given_again_and_the_call_not_run_again(place: GuardedStore) -> None:
    clause = RETURNS.replace("within: 1h", "within: 90d")
    with pytest.raises(BadInput, match=r"looks back 90d, and capture\.retain keeps 1h"):
        shop("  capture: {retain: 1h}\n", pay=clause)
    rules = shop(pay=clause)
    with place.guard(replace(rules, capture=replace(rules.capture, retain_s=3600.0))) as guard:
        with guard.session(principal="ann") as session:
            pay(place, session)
            place.ahead += 1800
            assert pay(place, session)["n"] == 1
        place.ahead += 3 * 3600
        place.store.expire()
        with guard.session(principal="ann") as session:
            assert "cannot be given again" in str(denied(place, session, "idempotency"))


def test_the_first_result_is_a_tool_s_word_and_vouches_for_nothing_that_was_asked(
    place: GuardedStore,
) -> None:
    clause = RETURNS + "\nflow: [{id: known, arg: id, from: [user, pay]}]"
    rules = shop(pay=clause.replace("args.id, args.amount", "size(args.id)"))
    with place.guard(rules) as guard, guard.session(user_input="pay O-1", principal="ann") as session:
        pay(place, session, "O-1", gives={"paid": "O-1", "next": "O-9"})
        segments = len(session.text.segments)
        with pytest.raises(CallDenied):
            pay(place, session, "O-7")
        again = pay(place, session, "O-9")
        assert again == {"paid": "O-1", "next": "O-9"}
        told = session.text.segments[segments]
        assert (told.role.value, told.source) == ("tool", "pay")


def test_of_threads_and_tasks_with_the_same_call_one_runs(place: GuardedStore) -> None:
    guard = place.guard(shop(pay=RETURNS))
    ready, got = threading.Barrier(6), list[object]()

    def one() -> None:
        with guard.session(principal="ann") as session:
            ready.wait()
            try:
                got.append(pay(place, session)["n"])
            except CallDenied:
                got.append(None)

    threads = [threading.Thread(target=one) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    async def tasks() -> None:
        async with guard.session(principal="ann") as session:
            calls = (
                session.acall("pay", {"id": "O-2", "amount": 5}, run=place.tool("pay")) for _ in range(6)
            )
            got.extend(await asyncio.gather(*calls, return_exceptions=True))

    asyncio.run(tasks())
    assert [args["id"] for _, args in place.ran] == ["O-1", "O-2"]
    assert set(got[:6]) <= {1, None} and len(got) == 12


def test_a_cancelled_call_that_may_still_work_is_not_repeated(place: GuardedStore) -> None:
    gate, done = threading.Event(), threading.Event()

    def slow(**_: Any) -> int:
        gate.set()
        done.wait(60)
        return 1

    async def main() -> None:
        async with place.guard(shop(pay=RETURNS)).session() as session:
            task = asyncio.create_task(session.acall("pay", {"id": "O-1", "amount": 5}, run=slow))
            await asyncio.to_thread(gate.wait)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            with pytest.raises(CallDenied, match="nobody knows how"):
                await session.acall("pay", {"id": "O-1", "amount": 5}, run=place.tool("pay"))
            done.set()

    asyncio.run(main())
    assert place.ran == []


def test_an_approved_repeat_that_failed_does_not_make_the_first_undone(place: GuardedStore) -> None:
    clause = REPEAT.replace("%s", "hold, after_error: retry")
    with place.guard(shop(pay=clause)) as guard, guard.session() as session:
        pay(place, session)
        with pytest.raises(ApprovalRequired):
            pay(place, session)
        answer(guard, pending(guard)[0])
        with pytest.raises(OSError):
            pay(place, session, gives=OSError())
        with pytest.raises(ApprovalRequired):
            pay(place, session)
        assert len(place.ran) == 2


@pytest.mark.parametrize(("mode", "gets"), [(Mode.SUPERVISED, 1), (Mode.QUARANTINED, 1), (Mode.HALTED, None)])
def test_a_stopped_agent_gets_the_first_result_where_it_may_read(
    place: GuardedStore, mode: Mode, gets: int | None
) -> None:
    with place.guard(shop(pay=RETURNS)) as guard, guard.session() as session:
        pay(place, session)
        scope = Scope(ScopeKind.AGENT, guard.tenant, guard.envelope.name)
        stop = {"id": "t-1", "actor": "alice", "reason": "stop"}
        place.store.transact(lambda tx: control_hand.trip(tx, scope, mode, **stop)).result()
        if gets is None:
            with pytest.raises(CallDenied, match="halted"):
                pay(place, session)
        else:
            assert pay(place, session)["n"] == gets
        assert len(place.ran) == 1


# ---------------------------------------------------------------------------------------------------- monotonic
def move(place: GuardedStore, session: Session, gives: object = None, **args: Any) -> Any:
    return session.call("move", {"id": "O-1", **args}, run=place.tool("move", gives))


def test_a_quantity_never_falls_and_each_key_has_its_own(place: GuardedStore) -> None:
    clause = "monotonic: [{id: rises, value: 'has(args.version) ? args.version : 0.0', by: [args.id]}]"
    with place.guard(shop(move=clause)).session() as session:
        move(place, session, version=2)
        move(place, session, version=2.0)
        with pytest.raises(CallDenied, match="1 is less than 2"):
            move(place, session, version=1)
        move(place, session, id="O-2", version=1)
        with pytest.raises(OSError):
            move(place, session, gives=OSError(), version=3)
        with pytest.raises(CallDenied):
            move(place, session, version=2)

        def parallel(**_: Any) -> int:
            with pytest.raises(CallDenied):
                move(place, session, version=4)
            return 1

        session.call("move", {"id": "O-1", "version": 5}, run=parallel)
        with pytest.raises(CallDenied):
            move(place, session, version=-1)


def test_states_only_move_forward(place: GuardedStore) -> None:
    of = "has(args.state) ? args.state : ''"
    clause = f'monotonic: [{{id: on, of: "{of}", order: [open, paid, closed], by: [args.id]}}]'
    with place.guard(shop(move=clause)).session() as session:
        move(place, session, state="open")
        move(place, session, state="closed")
        for back in ("paid", "gone"):
            with pytest.raises(CallDenied):
                move(place, session, state=back)
        move(place, session, state="closed")


@pytest.mark.parametrize(
    "odd", [{"v": float("nan")}, {"v": float("inf")}, {"v": True}, {}, {"v": 10**30}, object()]
)
def test_a_result_without_a_sound_quantity_is_withheld_and_the_call_is_settled(
    place: GuardedStore, odd: object
) -> None:
    clause = """
monotonic: [{id: rises, value: output.v, by: [args.id]}]
output: {schema: {type: object, properties: {v: {type: number}}, required: [v]}, on_violation: flag}
"""
    with place.guard(shop(move=clause)).session() as session:
        assert move(place, session, {"v": 2})["v"] == 2
        for bad in (odd, {"v": 1}):
            with pytest.raises(Exception, match="rises"):
                move(place, session, bad)
        assert move(place, session, {"v": 2})["v"] == 2
    flying = place.store.read(
        lambda db: db.execute("SELECT count(*) FROM breaker_reservation WHERE state = 'in_flight'").get
    )
    assert flying == 0


# ---------------------------------------------------------------------------------------------------- monitor
def test_monitor_records_and_runs_and_a_promoted_clause_binds(place: GuardedStore) -> None:
    clauses = ONCE % ("", "") + RETURNS
    with place.guard(shop("  enforcement: monitor\n", pay=clauses)).session(principal="ann") as session:
        assert [pay(place, session)["n"] for _ in range(2)] == [1, 2]
    promoted = "  enforcement: monitor\n  enforced: [{clause: pay.%s}]\n"
    with place.guard(shop(promoted % "idempotency", pay=clauses, version="2")).session(
        principal="ann"
    ) as session:
        assert pay(place, session)["n"] == 2
    with place.guard(
        shop(promoted % "once", pay=clauses.replace("return_first", "refuse"), version="3")
    ).session() as session:
        denied(place, session, "once")
    assert len(place.ran) == 2
