"""How a session ends: its final answer judged, all that it told durable, and then closed, once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import TYPE_CHECKING

from remit.core import codec
from remit.core.errors import BadInput
from remit.core.event import Event
from remit.core.promote import withheld_by
from remit.core.refusals import AnswerRefused
from remit.core.types import Enforcement, Violation
from remit.usecases.awaiting import shielded
from remit.usecases.final_answer import FinalAnswer, final_answer
from remit.usecases.governing import Under

if TYPE_CHECKING:
    from remit.usecases.session import Session


class SessionEnd:
    """The end of one session, from its final answer on.

    Args:
        session: that ends.
    """

    __slots__ = ("_closed", "_finished", "_last", "_session", "unmet")

    def __init__(self, session: Session) -> None:
        self._session = session
        self.unmet: tuple[Violation, ...] = ()
        """What the final answer did not meet, also where that was only watched."""
        self._finished = False
        self._closed = False
        self._last: Future[None] | None = None
        """The write that ends the session, while nobody knows what became of it."""

    def check_open(self, what: str) -> None:
        """Refuse *what* for a session that is closed.

        Raises:
            BadInput: it is.
        """
        if self._closed:
            told = f"session {self._session.id} is closed"
            raise BadInput(what, told, "resume it: guard.session(id=…)")

    # ------------------------------------------------------------------------------------------ the final answer
    def finish(self, answer: str) -> str:
        """See `Session.finish`."""
        under = self._session.under()
        final = self._final(answer, under)
        self._session.guard.records.settle(None, [final.event], final.missteps).result()
        return self._said(final, under)

    async def afinish(self, answer: str) -> str:
        """See `Session.afinish`."""
        under = self._session.under()
        if under.envelope.session_ensure:  # which reads the session's events
            return await asyncio.to_thread(self.finish, answer)
        final = self._final(answer, under)
        await shielded(self._session.guard.records.settle(None, [final.event], final.missteps))
        return self._said(final, under)

    def _final(self, answer: str, under: Under) -> FinalAnswer:
        """The answer judged; nothing is written yet."""
        self.check_open("finish")
        if not isinstance(answer, str):
            raise BadInput(
                "finish(answer)", f"found {type(answer).__name__}", "pass the final answer as a string"
            )
        self._session.surface()
        return final_answer(self._session, codec.exact(answer), under)

    def _said(self, final: FinalAnswer, under: Under) -> str:
        """The answer, once it is durable that it was given."""
        self._finished, self.unmet = True, final.found
        if refused := withheld_by(final.found, under.envelope, under.binding):
            enforced = under.envelope.enforcement is Enforcement.ENFORCE
            raise AnswerRefused(final.found if enforced else refused)
        return final.text

    # ------------------------------------------------------------------------------------------ closing
    def close(self, error: BaseException | None) -> None:
        """See `Session.close`."""
        if self._closed and self._last is None:
            return
        if self._last is None:
            self._session.writes.end()
            self._last = self._session.guard.records.append([self._closing(error)])
        with self._ending(self._last) as written:
            written.result()

    async def aclose(self, error: BaseException | None) -> None:
        """See `Session.aclose`."""
        if self._closed and self._last is None:
            return
        if self._last is None:
            await self._session.writes.aend()
            self._last = self._session.guard.records.append([self._closing(error)])
        with self._ending(self._last) as written:
            await shielded(written)

    async def aconclude(self, answer: str) -> None:
        """See `Session.aconclude`."""
        await (
            self._session.writes.ended()
        )  # what was lost is raised next, and written again: nothing ends over a hole
        under = self._session.under()
        if under.envelope.session_ensure:  # which reads the session's events
            await self.afinish(answer)
            await self.aclose(None)
            return
        final = self._final(answer, under)
        last = [final.event, self._closing(None, finished=True)]
        self._last = self._session.guard.records.settle(None, last, final.missteps)
        self._closed = True  # also where this is cancelled now: the write goes on, and `close` waits for it
        with self._ending(self._last) as written:
            await shielded(written)
        self._said(final, under)

    @contextmanager
    def _ending(self, written: Future[None]) -> Iterator[Future[None]]:
        """Waits for the write that ends the session; where that failed, the session stays open."""
        try:
            yield written
        except Exception:
            if self._last is written:
                self._last, self._closed = None, False
            raise
        self._last, self._closed = None, True

    def _closing(self, error: BaseException | None, *, finished: bool | None = None) -> Event:
        session = self._session
        told = None if error is None else codec.error_body(error, session.under().redactor.text)
        body = {"finished": self._finished if finished is None else finished, "error": told}
        return session.event("session.closed", body)
