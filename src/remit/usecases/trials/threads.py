"""A thread for each piece of somebody else's code that may hang: nobody waits for one that was left behind."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any


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
