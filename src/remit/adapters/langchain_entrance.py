"""Which session a LangChain run belongs to, and whose it is; entered for as long as a hook needs it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from remit.adapters.langchain_thread import SESSION, Invocation, OpenThreads, Thread
from remit.core.errors import BadInput
from remit.usecases.guard import Guard


class Entrance:
    """Enters the session of a run.

    Args:
        guard: whose sessions these are.
        session_id: names the conversation, or is a function of the run that does.
        asked: `principal` and its like as `Guard.session` takes them, or functions of the run.
    """

    def __init__(
        self, guard: Guard, session_id: str | Callable[[Invocation], str] | None, **asked: Any
    ) -> None:
        self._threads = OpenThreads(guard)
        self._session_id = session_id
        self._asked = asked

    @property
    def named(self) -> bool:
        """Whether the host names the conversation itself."""
        return self._session_id is not None

    def key(self, run: Invocation) -> str:
        """What names the conversation.

        Raises:
            BadInput: nothing does.
        """
        given = self._session_id(run) if callable(self._session_id) else self._session_id
        own = run.state.get(SESSION) if isinstance(run.state, Mapping) else None
        found = given if given is not None else run.thread_id or own
        if not isinstance(found, str) or not found:
            told_so = "found no conversation" if found is None else f"found {type(found).__name__}"
            raise BadInput(
                "RemitMiddleware(session_id)",
                told_so,
                "invoke with configurable.thread_id, or give session_id",
            )
        return found

    def enter(self, run: Invocation) -> Thread:
        """The run's session, in use until it is left; raises as `OpenThreads.enter` and `key` do."""
        asked = {name: one(run) if callable(one) else one for name, one in self._asked.items()}
        return self._threads.enter(self.key(run), **asked)

    async def aenter(self, run: Invocation) -> Thread:
        """As `enter`, off the event loop; left again where nobody waits for it any more."""
        entering = asyncio.ensure_future(asyncio.to_thread(self.enter, run))
        try:
            return await asyncio.shield(entering)
        except asyncio.CancelledError:
            entering.add_done_callback(self._left)
            raise

    def _left(self, entering: asyncio.Future[Thread]) -> None:
        if not entering.cancelled() and entering.exception() is None:
            self.leave(entering.result())

    @contextmanager
    def using(self, run: Invocation) -> Iterator[Thread]:
        """The run's session, for the length of a block."""
        thread = self.enter(run)
        try:
            yield thread
        finally:
            self.leave(thread)

    def leave(self, thread: Thread) -> None:
        """It is not in use by this caller any more."""
        self._threads.leave(thread)

    def release(self, run: Invocation) -> None:
        """The run is over: unless another goes on, what it told is durable when this returns."""
        self._threads.release(self.key(run))

    def close(self) -> None:
        """Close every session."""
        self._threads.close()
