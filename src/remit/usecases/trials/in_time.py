"""An agent's answer within its deadline, or none: one that does not let go when it is told to is left behind."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from remit.ports import Answered
from remit.usecases.trials.threads import left_behind

GRACE_S = 2.0
"""How long a cancelled agent may take to let go before it is left behind."""


class GaveUp(Exception):
    """The agent was cancelled, and nobody but itself did that: its failure, and no end of the run."""

    def __init__(self) -> None:
        super().__init__("it cancelled itself")


class TooLate(Exception):
    """The deadline has passed."""


async def within(deadline_s: float, running: object) -> Answered:
    """What the agent answers within *deadline_s*. One that does not let go when it is told to is left behind."""
    loop = asyncio.get_running_loop()
    until = loop.time() + deadline_s
    task: asyncio.Task[Answered] = loop.create_task(running)  # type: ignore[arg-type]
    done: asyncio.Future[None] = loop.create_future()

    def over(*_: object) -> None:
        if not done.done():
            done.set_result(None)

    task.add_done_callback(over)
    timer = loop.call_at(until, over)
    try:
        await done
        if not task.done() or loop.time() >= until:  # one that blocked the loop is no sooner done for that
            raise TooLate
        return _result(task)
    finally:
        timer.cancel()
        if not task.done():
            task.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.wait({task}, timeout=GRACE_S)
            task.add_done_callback(lambda late: late.cancelled() or late.exception())
            if not task.done():
                left_behind(task)
        elif not task.cancelled():
            task.exception()  # it was looked at


def _result(task: asyncio.Task[Answered]) -> Answered:
    """What came of it: an error is the agent's, whatever kind it is of."""
    if task.cancelled():
        raise GaveUp
    error = task.exception()
    if error is not None and not isinstance(error, Exception):
        raise RuntimeError(f"the agent raised {error!r}") from None
    return task.result()
