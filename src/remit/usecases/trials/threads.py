"""A thread for each piece of somebody else's code that may hang: nobody waits for one that was left behind."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from remit.core.errors import Unavailable

T = TypeVar("T")
GRACE_S = 2.0


class Threads(ThreadPoolExecutor):
    """What an event loop runs plain functions in (`loop.set_default_executor`).

    A pool has few threads, which a few hanging tools use up, and is waited for at the end, for ever. Here each piece of
    work has a thread of its own, that ends with the process.
    """

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Start it."""
        done: Future[Any] = Future()

        def work() -> None:
            if not done.set_running_or_notify_cancel():
                return
            try:
                done.set_result(fn(*args, **kwargs))
            except BaseException as error:  # noqa: BLE001 - it is the caller's
                done.set_exception(error)

        threading.Thread(target=work, name="remit-trial-aside", daemon=True).start()
        return done

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Nothing to wait for."""


def in_own_loop(work: Coroutine[Any, Any, T]) -> T:
    """What `asyncio.run` does, without waiting for what does not end: neither for threads nor for coroutines that go on
    when they are cancelled.

    Raises:
        Unavailable: somebody else's code in a task of its own ended the program, which must not look like a good end,
            or it stopped the loop, or left no room on the stack.
    """
    depth = sys.getrecursionlimit()
    runner = asyncio.Runner()
    try:
        loop = runner.get_loop()
        loop.set_default_executor(Threads())
        try:
            return runner.run(work)
        except SystemExit as stop:
            told = f"an agent or a world wants to end the program (sys.exit({stop.code!r:.60})) in a task of its own"
            raise Unavailable(told) from None
        except RuntimeError as error:
            low = sys.getrecursionlimit()
            sys.setrecursionlimit(max(depth, low))
            raise _broken(error, low, depth) from None
        finally:
            _let_go(loop)
    finally:
        runner.close()


def _broken(error: RuntimeError, low: int, depth: int) -> RuntimeError | Unavailable:
    """Who broke the loop, where that can be told: what shares a process with others can do so."""
    if isinstance(error, RecursionError) and low < depth:
        return Unavailable(
            f"an agent or a world lowered Python's recursion limit from {depth} to {low}; {_APART}"
        )
    if str(error) == _STOPPED:
        return Unavailable(f"an agent or a world stopped the event loop that every trial runs in; {_APART}")
    return error


_STOPPED = "Event loop stopped before Future completed."
_APART = "mend it, or make it a command: a program of its own"


def _let_go(loop: asyncio.AbstractEventLoop) -> None:
    """Cancel what is left, and leave behind what does not mind."""
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.wait(left, timeout=GRACE_S))
    for task in left:
        if not task.done():
            left_behind(task)


def left_behind(task: asyncio.Task[Any]) -> None:
    """Let nobody wait for a task that does not let go when it is cancelled."""
    asyncio._unregister_task(task)  # the hook that asyncio documents for loops
    task._log_destroy_pending = False  # type: ignore[attr-defined]  # else the end of the program tells of each
