"""Tasks that wait for the store's writer: woken together, and cancelled alone."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from typing import Any

import pytest

from remit.usecases.awaiting import shielded


def in_a_thread(work: Any) -> None:
    """Run *work* on another thread, to its end."""
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def test_many_tasks_get_each_their_own_result_from_another_thread() -> None:
    async def waiting() -> list[int]:
        writes = [Future[int]() for _ in range(100)]
        tasks = [asyncio.create_task(shielded(write)) for write in writes]
        await asyncio.sleep(0)
        in_a_thread(lambda: [write.set_result(number) for number, write in enumerate(writes)])
        return await asyncio.gather(*tasks)

    assert asyncio.run(waiting()) == list(range(100))


def test_what_went_wrong_with_a_write_is_raised_to_whoever_waits() -> None:
    async def waiting() -> None:
        write = Future[None]()
        task = asyncio.create_task(shielded(write))
        await asyncio.sleep(0)
        in_a_thread(lambda: write.set_exception(OSError("full")))
        await task

    with pytest.raises(OSError, match="full"):
        asyncio.run(waiting())


def test_a_task_that_is_cancelled_leaves_its_write_and_the_other_tasks_alone() -> None:
    async def waiting() -> tuple[bool, int]:
        first, second = Future[int](), Future[int]()
        cancelled, other = asyncio.create_task(shielded(first)), asyncio.create_task(shielded(second))
        await asyncio.sleep(0)
        cancelled.cancel()
        await asyncio.wait({cancelled})
        in_a_thread(lambda: (first.set_result(1), second.set_result(2)))
        return cancelled.cancelled() and not first.cancelled(), await other

    assert asyncio.run(waiting()) == (True, 2)


def test_a_loop_that_is_closed_before_the_write_is_done_disturbs_no_writer() -> None:
    write = Future[int]()

    async def leaving() -> None:
        task = asyncio.create_task(shielded(write))
        await asyncio.sleep(0)
        task.cancel()

    asyncio.run(leaving())
    write.set_result(1)

    async def afterwards() -> int:
        again = Future[int]()
        threading.Timer(0.01, lambda: again.set_result(2)).start()
        return await shielded(again)

    assert (write.result(), asyncio.run(afterwards())) == (1, 2)


def test_writes_that_end_while_others_are_told_are_told_as_well() -> None:
    async def waiting() -> int:
        total = 0
        writes = [Future[int]() for _ in range(2_000)]
        tasks = [asyncio.create_task(shielded(write)) for write in writes]
        await asyncio.sleep(0)
        threads = [
            threading.Thread(target=lambda part=part: [write.set_result(1) for write in writes[part::4]])
            for part in range(4)
        ]
        for thread in threads:
            thread.start()
        for task in tasks:
            total += await task
        return total

    assert asyncio.run(waiting()) == 2_000


def test_an_interrupt_while_the_loop_is_rung_leaves_no_task_asleep(monkeypatch: pytest.MonkeyPatch) -> None:
    async def waiting() -> list[int]:
        writes = [Future[int](), Future[int]()]
        tasks = [asyncio.create_task(shielded(write)) for write in writes]
        await asyncio.sleep(0)
        with monkeypatch.context() as patched:
            patched.setattr(asyncio.get_running_loop(), "call_soon_threadsafe", once_interrupted())
            with pytest.raises(KeyboardInterrupt):
                writes[0].set_result(1)
            writes[1].set_result(2)
        for _ in range(5):  # the loop wakes them, and they go on
            await asyncio.sleep(0)
        return [task.result() for task in tasks]

    assert asyncio.run(waiting()) == [1, 2]


def once_interrupted() -> Any:
    """The running loop's `call_soon_threadsafe`, which an interrupt strikes the first time."""
    ring, interrupts = asyncio.get_running_loop().call_soon_threadsafe, [KeyboardInterrupt()]

    def rings(*given: Any) -> Any:
        if interrupts:
            raise interrupts.pop()
        return ring(*given)

    return rings
