"""An agent under test that is a Python function of its trial: it returns its answer, or `Answered`; plain or a coroutine.

A plain function runs in a thread of its own. Nobody can end a thread: where it is not done by the trial's deadline, it is
left behind, and told by the next thing that it asks of its trial; the run goes on.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from remit.core.canonical import canonical
from remit.ports import AgentTrial, Answered


class PythonTarget:
    """A function as an agent under test.

    Args:
        function: takes the trial.
    """

    def __init__(self, function: Callable[[AgentTrial], Any]) -> None:
        self._function = function
        self._depth = sys.getrecursionlimit()
        call = getattr(function, "__call__", None)  # noqa: B004 - of an object that is called like a function
        self._awaits = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call)

    async def run(self, trial: AgentTrial) -> Answered:
        """One run."""
        try:
            with _deep(self._depth):
                found = await (self._function(trial) if self._awaits else _in_thread(self._plain, trial))
                if inspect.isawaitable(found):
                    found = await found
        except (
            SystemExit,
            KeyboardInterrupt,
        ) as raised:  # they end a whole event loop, and say that all is well
            raise RuntimeError(f"the agent raised {raised!r}") from None
        if isinstance(found, Answered):
            return found
        return Answered(found if isinstance(found, str) else canonical(found, where="the agent's answer"))

    def _plain(self, trial: AgentTrial) -> Any:
        with _deep(self._depth):
            return self._function(trial)

    async def aclose(self) -> None:
        """Nothing was started."""


@contextmanager
def _deep(depth: int) -> Iterator[None]:
    """Python's recursion limit is one for the whole process: an agent that lowers it must leave no other without room."""
    try:
        yield
    finally:
        if sys.getrecursionlimit() < depth:
            sys.setrecursionlimit(depth)


async def _in_thread(function: Callable[[AgentTrial], Any], trial: AgentTrial) -> Any:
    """What the function returns, from a thread of its own: abandoned ones must not use up a pool."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Any] = loop.create_future()
    context = contextvars.copy_context()

    def tell(value: Any, error: BaseException | None) -> None:
        if done.done():
            return  # nobody waits any more
        if error is None:
            done.set_result(value)
        else:
            done.set_exception(error)

    def work() -> None:
        value: Any = None
        error: Exception | None = None
        try:
            value = context.run(function, trial)
        except StopIteration as stop:  # a future takes none
            error = RuntimeError(f"the agent raised {stop!r}")
        except BaseException as raised:  # noqa: BLE001 - it is the agent's
            error = raised if isinstance(raised, Exception) else RuntimeError(f"the agent raised {raised!r}")
        if not loop.is_closed():
            try:
                loop.call_soon_threadsafe(tell, value, error)
            except RuntimeError:  # the loop was closed meanwhile: the run is over
                return

    threading.Thread(target=work, name="remit-trial", daemon=True).start()
    return await done
