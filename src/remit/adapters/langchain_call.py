"""One LangChain call on its way through the hook, the calls beside it in its turn, and its way through a thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from remit.adapters.langchain_thread import Thread
from remit.usecases.begun import Begun


@dataclass
class HookedCall:
    """One call on its way through the hook."""

    thread: Thread
    tool: str
    args: Any
    tool_call_id: str
    call_id: str
    """The framework's id behind the id of the model's message: providers give the same id in two turns."""
    turn: str
    name: str
    """Tells it from every other call of its session, as `Once.key` does."""
    pausing: bool
    resumed: int = 0
    """How often the pause was answered since the node began."""
    done: asyncio.Future[None] | None = None
    waits_until: float = 0.0
    """Of the guard's monotonic clock; 0 where nobody is waited for yet."""


@contextmanager
def in_flight(call: HookedCall) -> Iterator[None]:
    """The call is one of its turn's that somebody may wait for."""
    call.done = asyncio.get_running_loop().create_future()
    mine = call.thread.running.setdefault(call.turn, set())
    mine.add(call.done)
    try:
        yield
    finally:
        done(call)
        if not mine:
            call.thread.running.pop(call.turn, None)


def done(call: HookedCall) -> None:
    if call.done is not None and not call.done.done():
        call.done.set_result(None)
        call.thread.running.get(call.turn, set()).discard(call.done)


async def siblings(call: HookedCall) -> None:
    """Let the other calls of the turn end before the node is left: after that, nobody would wait for them."""
    done(call)
    here = asyncio.get_running_loop()
    others = [one for one in call.thread.running.get(call.turn, ()) if one.get_loop() is here]
    if others and call.turn:
        await asyncio.wait(others)


class Hand:
    """Hands a call that began in a thread over to the task that waits for it, or gives it back.

    Args:
        begin: begins the call.
    """

    def __init__(self, begin: Callable[[], Begun]) -> None:
        self._begin = begin
        self._lock = threading.Lock()
        self._left = False
        self._begun: Begun | None = None

    def over(self) -> Begun:
        """Begin; where the task left meanwhile, nothing runs."""
        begun = self._begin()
        with self._lock:
            self._begun = begun
            left = self._left
        if left:
            self._back(begun)
        return begun

    def leave(self) -> None:
        """The task was cancelled: it will run nothing."""
        with self._lock:
            self._left = True
            begun = self._begun
        if begun is not None:
            threading.Thread(target=self._back, args=(begun,)).start()  # the event loop waits for no disk

    @staticmethod
    def _back(begun: Begun) -> None:
        if not begun.again:
            begun.abandon("cancelled before it was dispatched")
