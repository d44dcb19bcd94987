"""Calls in an event loop: many at once, and cancelled at every place where they wait."""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from remit import AnswerRefused, ApprovalRequired, BadInput, CallDenied, ResultWithheld, Unavailable
from remit.core.approval import ApprovalState
from remit.testing import FakeRecords, envelope, fake_guard, one_tool, open_guard
from remit.usecases.session import Session

OK = {"refund_id": "R"}


async def pay(amount: int) -> dict[str, str]:
    return OK


def never(**_: Any) -> None:
    raise AssertionError("it ran")


async def until(true: Callable[[], object]) -> None:
    """Let the loop go on until it is so."""
    async with asyncio.timeout(60):
        while not true():
            await asyncio.sleep(0.001)


def test_coroutines_functions_and_what_returns_an_awaitable_are_all_run() -> None:
    class Payer:
        async def __call__(self, amount: int) -> dict[str, str]:
            return OK

    async def main() -> None:
        async with fake_guard()[0].session() as session:
            for run in (pay, lambda amount: OK, lambda amount: pay(amount), Payer(), functools.partial(pay)):
                assert await session.acall("refund", {"amount": 5}, run=run) == OK

    asyncio.run(main())


def test_a_coroutine_tool_is_guarded_by_the_session_around_it() -> None:
    guard, _ = fake_guard()

    @guard.tool
    async def refund(amount: int) -> dict[str, str]:
        return OK

    async def main() -> None:
        async with guard.session():
            assert await refund(5) == OK
            with pytest.raises(CallDenied):
                await refund(90)

    asyncio.run(main())


def test_a_coroutines_own_exception_passes_and_its_output_is_judged() -> None:
    guard, records = fake_guard()

    async def fails(amount: int) -> None:
        raise KeyError("O-1")

    async def wrong(amount: int) -> str:
        return "wrong"

    async def lazily(amount: int) -> Any:
        yield 1

    async def main() -> None:
        async with guard.session() as session:
            with pytest.raises(KeyError):
                await session.acall("refund", {"amount": 5}, run=fails)
            with pytest.raises(ResultWithheld):
                await session.acall("refund", {"amount": 5}, run=wrong)
            with pytest.raises(BadInput, match="generator"):
                await session.acall("refund", {"amount": 5}, run=lazily)

            def stops(amount: int) -> None:
                raise StopIteration

            with pytest.raises(RuntimeError):  # a coroutine cannot raise StopIteration (PEP 479)
                await session.acall("refund", {"amount": 5}, run=stops)

    asyncio.run(main())
    assert [b["ended"] for b in records.bodies("settled")] == ["error", "value", "error", "error"]
    assert not records.in_flight


def test_two_hundred_calls_at_once_are_all_recorded_and_no_limit_is_exceeded(folder: Path) -> None:
    running, most = 0, 0
    many = asyncio.Event()

    async def slow(amount: int) -> dict[str, str]:
        nonlocal running, most
        running, most = running + 1, max(most, running + 1)
        if running > 10:
            many.set()
        await asyncio.wait_for(many.wait(), 60)
        running -= 1
        return OK

    async def main(session: Session) -> list[Any]:
        calls = [session.acall("refund", {"amount": 2}, run=slow) for _ in range(200)]
        return await asyncio.gather(*calls, return_exceptions=True)

    with open_guard(folder) as guard:
        with guard.session(id="s") as session:
            results = asyncio.run(main(session))
        kinds = [e.event.kind for e in guard.records.events("s")]
    assert results.count(OK) == 100  # 200 a day
    assert sum(isinstance(r, CallDenied) for r in results) == 100
    assert kinds.count("decided") == 200 and kinds.count("settled") == 100
    assert most > 10


def test_the_event_loop_goes_on_while_the_store_writes() -> None:
    records = FakeRecords()
    guard, _ = fake_guard(records)
    admit = records.admit

    ticked = threading.Event()

    def slowly(*args: Any) -> Future[Any]:
        late: Future[Any] = Future()

        def write() -> None:
            assert ticked.wait(60)
            late.set_result(admit(*args).result())

        threading.Thread(target=write).start()
        return late

    records.admit = slowly  # type: ignore[method-assign]

    async def tick() -> None:
        for _ in range(6):
            await asyncio.sleep(0.01)
        ticked.set()

    async def main() -> None:
        ticking = asyncio.create_task(tick())
        async with guard.session() as session:
            await asyncio.wait_for(session.acall("refund", {"amount": 5}, run=pay), 60)
        await ticking

    asyncio.run(main())
    assert ticked.is_set()


def test_a_full_queue_refuses_a_call_in_an_event_loop_at_once(folder: Path) -> None:
    """Room in the queue is nothing that a loop may wait for."""
    guard = open_guard(folder)
    store = guard.records.store  # type: ignore[attr-defined]
    waits: list[float | None] = []
    transact = store.transact

    def seen(*args: Any, **options: Any) -> Any:
        waits.append(options.get("wait_s"))
        return transact(*args, **options)

    store.transact = seen

    async def main() -> None:
        async with guard.session() as session:
            session.observe("user", "hello")
            await session.acall("refund", {"amount": 5}, run=pay)

    with guard:
        asyncio.run(main())
    assert len(waits) > 3
    assert set(waits[:-1]) == {0.0}  # the last write, of the session's end, is made on a thread


# ---------------------------------------------------------------------------------------------- cancellation
async def cancelled_after(steps: int, call: Any) -> bool:
    """Let *call* run for some turns of the loop, then cancel it; False when it was done before."""
    task = asyncio.ensure_future(call)
    for step in range(steps):
        await asyncio.sleep(0 if step < 6 else 0.002)
        if task.done():
            task.result()
            return False
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    return True


@pytest.mark.parametrize("steps", range(14))
def test_a_call_cancelled_at_any_place_leaves_nothing_reserved_and_nothing_unrecorded(
    folder: Path, steps: int
) -> None:
    began: list[int] = []

    async def slow(amount: int) -> dict[str, str]:
        began.append(amount)
        await asyncio.sleep(0.001)
        return OK

    async def main(session: Session) -> None:
        async with session:
            await cancelled_after(steps, session.acall("refund", {"amount": 5}, run=slow))

    with open_guard(folder) as guard:
        asyncio.run(main(guard.session(id="s")))
        events = [e.event for e in guard.records.events("s")]
        store = guard.records.store  # type: ignore[attr-defined]
        left = store.read(
            lambda db: db.execute("SELECT count(*) FROM breaker_reservation WHERE state = 'in_flight'").get
        )
    allowed = [e for e in events if e.kind == "decided"]
    ended = [e.kind for e in events if e.kind in ("settled", "released")]
    assert left == 0
    assert len(ended) == len(allowed)
    assert ended == (["settled"] if began else ["released"] * len(allowed))


def test_an_effect_cancelled_while_it_runs_has_an_unknown_outcome() -> None:
    guard, records = fake_guard()
    began = asyncio.Event()

    async def slow(amount: int) -> None:
        began.set()
        await asyncio.sleep(3600)

    async def main() -> None:
        async with guard.session() as session:
            task = asyncio.create_task(session.acall("refund", {"amount": 5}, run=slow))
            await began.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(main())
    assert records.settlements[0].violations[0][1] == "unknown-outcome"
    assert records.bodies("settled")[0]["error"]["type"] == "CancelledError"


def test_a_function_cancelled_in_its_thread_has_an_unknown_outcome() -> None:
    guard, records = fake_guard()
    began, end = threading.Event(), threading.Event()

    def slow(amount: int) -> dict[str, str]:
        began.set()
        end.wait(60)
        return OK

    async def main() -> None:
        async with guard.session() as session:
            task = asyncio.create_task(session.acall("refund", {"amount": 5}, run=slow))
            await asyncio.to_thread(began.wait, 60)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            end.set()

    asyncio.run(main())
    assert records.settlements[0].violations[0][1] == "unknown-outcome"


def test_a_function_cancelled_while_it_waits_for_a_thread_does_not_run_and_is_released() -> None:
    from concurrent.futures import ThreadPoolExecutor

    guard, records = fake_guard()
    busy, free = threading.Event(), threading.Event()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        pool = ThreadPoolExecutor(1)
        loop.set_default_executor(pool)
        async with guard.session() as session:
            blocking = loop.run_in_executor(None, lambda: (busy.set(), free.wait(60)))
            await until(busy.is_set)
            task = asyncio.create_task(session.acall("refund", {"amount": 5}, run=never))
            await until(pool._work_queue.qsize)
            assert records.in_flight
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            free.set()
            await blocking
            pool.shutdown()

    asyncio.run(main())
    assert not records.in_flight and not records.settlements[0].ran
    assert records.bodies("released")[0]["reason"] == "cancelled before it was dispatched"


def test_a_function_that_no_thread_takes_does_not_run_and_is_released() -> None:
    from concurrent.futures import ThreadPoolExecutor

    guard, records = fake_guard()

    async def main() -> None:
        session = guard.session()
        pool = ThreadPoolExecutor(1)
        asyncio.get_running_loop().set_default_executor(pool)
        pool.shutdown()
        with pytest.raises(RuntimeError, match="shutdown"):
            await session.acall("refund", {"amount": 5}, run=never)

    asyncio.run(main())
    assert not records.in_flight and not records.settlements[0].ran


def test_a_call_cancelled_before_its_admission_is_released_as_soon_as_that_is_known() -> None:
    guard, records = fake_guard()
    admit = records.admit
    late: Future[Any] = Future()
    asked: list[Any] = []

    def hold(*args: Any) -> Future[Any]:
        asked.append(args)
        return late

    records.admit = hold  # type: ignore[method-assign]

    async def main() -> None:
        async with guard.session() as session:
            task = asyncio.create_task(session.acall("refund", {"amount": 5}, run=never))
            await until(lambda: asked)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            late.set_result(admit(*asked[0]).result())

    asyncio.run(main())
    assert not records.in_flight and not records.settlements[0].ran
    assert records.kinds()[-2:] == ["released", "session.closed"]


def test_an_admission_that_fails_after_its_call_was_cancelled_harms_nobody() -> None:
    guard, records = fake_guard()
    late: Future[Any] = Future()
    asked: list[Any] = []
    records.admit = lambda *args: asked.append(args) or late  # type: ignore[method-assign,func-returns-value]

    async def main() -> None:
        async with guard.session() as session:
            task = asyncio.create_task(session.acall("refund", {"amount": 5}, run=never))
            await until(lambda: asked)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            late.set_exception(Unavailable("the disk is full"))

    asyncio.run(main())
    assert records.settlements == []


def test_a_reservation_that_cannot_be_given_back_harms_nobody_else() -> None:
    """Its lease ends by itself."""
    guard, records = fake_guard()
    admit = records.admit
    late: Future[Any] = Future()
    asked: list[Any] = []
    records.admit = lambda *args: asked.append(args) or late  # type: ignore[method-assign,func-returns-value]

    async def main() -> None:
        async with guard.session() as session:
            task = asyncio.create_task(session.acall("refund", {"amount": 5}, run=never))
            await until(lambda: asked)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            admitted = admit(*asked[0]).result()
            settle, done = records.settle, threading.Event()

            def failing(*args: Any) -> Any:
                done.set()
                raise Unavailable("the disk is full")

            records.settle = failing  # type: ignore[method-assign]
            late.set_result(admitted)
            await asyncio.to_thread(done.wait, 60)
            records.settle = settle  # type: ignore[method-assign]
            records.admit = admit  # type: ignore[method-assign]
            assert await session.acall("refund", {"amount": 5}, run=pay) == OK

    asyncio.run(main())
    assert len(records.in_flight) == 1


# ---------------------------------------------------------------------------------------------- people
def test_a_held_call_raises_at_once_and_continues_when_made_again() -> None:
    guard, records = fake_guard()

    async def main() -> None:
        async with guard.session() as session:
            with pytest.raises(ApprovalRequired):
                await session.acall("refund", {"amount": 30}, run=never)
            records.answer(next(iter(records.approvals)), ApprovalState.APPROVED)
            assert await session.acall("refund", {"amount": 30}, run=pay) == OK

    asyncio.run(main())


def test_a_waiting_call_sees_the_answer_and_does_not_stop_the_loop() -> None:
    guard, records = fake_guard(async_approval_wait_s=60.0)

    async def main() -> None:
        async with guard.session() as session:
            task = asyncio.create_task(session.acall("refund", {"amount": 30}, run=pay))
            await until(lambda: records.approvals)
            records.answer(next(iter(records.approvals)), ApprovalState.APPROVED)
            assert await task == OK

    asyncio.run(main())


def test_a_session_hides_no_error_behind_its_own_end() -> None:
    async def main(error: type[Exception] | None) -> None:
        guard, records = fake_guard()
        async with guard.session():
            records.failing = Unavailable("gone")
            if error:
                raise error

    with pytest.raises(Unavailable):
        asyncio.run(main(None))
    with pytest.raises(LookupError):
        asyncio.run(main(LookupError))


def test_a_final_answer_is_checked_and_recorded_without_stopping_the_loop() -> None:
    guard, records = fake_guard(envelope=one_tool(rest="  outputs:\n    - {id: short, max_length: 5}\n"))

    async def main() -> None:
        async with guard.session() as session:
            assert await session.afinish("done") == "done"
            with pytest.raises(AnswerRefused):
                await session.afinish("too long")

    asyncio.run(main())
    assert records.kinds() == ["session.opened", "finished", "finished", "session.closed"]


def test_a_session_that_is_concluded_is_finished_and_closed() -> None:
    guard, records = fake_guard()

    async def main() -> None:
        session = guard.session()
        await session.aconclude("done")
        await session.aclose()
        with pytest.raises(BadInput, match="closed"):
            await session.aconclude("again")

    asyncio.run(main())
    assert records.kinds() == ["session.opened", "finished", "session.closed"]
    assert records.bodies("session.closed") == [{"finished": True, "error": None}]


def test_an_answer_that_is_refused_at_the_end_closes_the_session_and_counts() -> None:
    guard, records = fake_guard(envelope=one_tool(rest="  outputs:\n    - {id: short, max_length: 5}\n"))

    async def main() -> Session:
        session = guard.session()
        with pytest.raises(AnswerRefused):
            await session.aconclude("too long")
        await session.aclose()
        return session

    session = asyncio.run(main())
    assert records.kinds() == ["session.opened", "finished", "session.closed"]
    assert [one.violations[0][1] for one in records.missteps] == ["outputs.short"]
    assert [one.clause for one in session.unmet] == ["outputs.short"]


def test_nothing_is_concluded_over_a_hole_in_the_record() -> None:
    guard, records = fake_guard()

    async def main() -> None:
        session = guard.session()
        records.failing = Unavailable("the disk is full")
        session.observe("user", "hello")
        for _ in range(2):
            with pytest.raises(Unavailable, match="the disk is full"):
                await session.aconclude("done")
        records.failing = None
        with pytest.raises(Unavailable):
            await session.aconclude("done")
        await session.aconclude("done")

    asyncio.run(main())
    assert records.kinds() == ["session.opened", "observed", "finished", "session.closed"]


def test_nothing_is_concluded_over_a_hole_that_comes_while_it_waits() -> None:
    guard, records = fake_guard()
    lost = Future[None]()

    async def main() -> Session:
        session = guard.session()
        append, records.append = records.append, lambda *_, **__: lost  # type: ignore[method-assign]
        session.observe("user", "hello")
        records.append = append  # type: ignore[method-assign]
        concluding = asyncio.create_task(session.aconclude("done"))
        await asyncio.sleep(0)
        lost.set_exception(Unavailable("the disk is full"))
        with pytest.raises(Unavailable, match="the disk is full"):
            await concluding
        await session.aconclude("done")
        return session

    session = asyncio.run(main())
    assert records.kinds() == ["session.opened", "observed", "finished", "session.closed"]
    assert [segment.text for segment in session.text.segments] == ["hello", "done"]


def test_a_conclusion_that_is_cancelled_is_written_once() -> None:
    guard, records = fake_guard()
    written = Future[None]()
    settle = records.settle

    def slow(*given: Any) -> Future[None]:
        settle(*given)
        return written

    records.settle = slow  # type: ignore[method-assign]

    async def main() -> None:
        session = guard.session()
        concluding = asyncio.create_task(session.aconclude("done"))
        await asyncio.sleep(0)
        concluding.cancel()
        with pytest.raises(asyncio.CancelledError):
            await concluding
        written.set_result(None)
        await session.aclose()

    asyncio.run(main())
    assert records.kinds() == ["session.opened", "finished", "session.closed"]


def test_a_session_whose_conclusion_was_cancelled_is_closed_once_that_is_durable() -> None:
    guard, records = fake_guard()
    written = Future[None]()
    slowed(records, "settle", written)

    async def main() -> None:
        session = guard.session()
        await cancelled(session.aconclude("done"))
        closing = asyncio.create_task(session.aclose())
        await asyncio.sleep(0)
        assert not closing.done()
        written.set_result(None)
        await closing
        await session.aclose()

    asyncio.run(main())
    assert records.kinds() == ["session.opened", "finished", "session.closed"]


def test_a_cancelled_conclusion_that_was_lost_is_told_to_whoever_closes_and_closed_anew() -> None:
    guard, records = fake_guard()
    written = Future[None]()
    records.settle = lambda *_: written  # type: ignore[method-assign]

    async def main() -> None:
        session = guard.session()
        await cancelled(session.aconclude("done"))
        written.set_exception(Unavailable("the disk is full"))
        with pytest.raises(Unavailable, match="the disk is full"):
            await session.aclose()
        await session.aclose()

    asyncio.run(main())
    assert records.kinds() == ["session.opened", "session.closed"]
    assert records.bodies("session.closed") == [{"finished": False, "error": None}]


def test_a_session_whose_closing_was_cancelled_says_once_that_it_was_closed() -> None:
    guard, records = fake_guard()
    written = Future[None]()

    async def main() -> None:
        session = guard.session()
        slowed(records, "append", written)
        await cancelled(session.aclose())
        written.set_result(None)
        session.close()

    asyncio.run(main())
    assert records.kinds() == ["session.opened", "session.closed"]


def slowed(records: Any, name: str, end: Future[None]) -> None:
    """From now on what *records* takes by this method has ended when *end* has."""
    take = getattr(records, name)

    def slow(*given: Any) -> Future[None]:
        take(*given)
        return end

    setattr(records, name, slow)


async def cancelled(work: Coroutine[Any, Any, None]) -> None:
    """Begin *work*, and cancel it where it waits."""
    task = asyncio.create_task(work)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_envelopes_may_hold_reads_only() -> None:
    rules = envelope(
        "  tools:\n    look: {effect: read, args: {type: object, additionalProperties: false}}\n"
    )
    guard, records = fake_guard(envelope=rules)

    async def look() -> int:
        return 7

    async def main() -> None:
        async with guard.session() as session:
            assert await session.acall("look", {}, run=look) == 7

    asyncio.run(main())
    assert records.kinds()[1:3] == ["decided", "settled"]
