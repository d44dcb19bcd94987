"""A call that was admitted and whose tool somebody else runs: a host that asks before and tells afterwards."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from remit.core.errors import BadInput
from remit.core.lifecycle import RunTool
from remit.core.types import Decision, Json, Outcome
from remit.usecases.answers import CallAnswers
from remit.usecases.driver import Driver
from remit.usecases.once import Ending

if TYPE_CHECKING:
    from remit.usecases.session import Session


class Begun:
    """One call between its decision and its outcome; made by `Session.begin`.

    Exactly one of `end`, `fail` and `abandon` ends it. It may be ended from another thread than it was begun on, not
    from two at once.
    """

    def __init__(self, session: Session, answers: CallAnswers, wait_s: float | None = None) -> None:
        self.again = False
        """Whether this is a repeat: then nothing may run, and `value` is the first call's result."""
        self.value: Json = None
        self._session = session
        self._answers = answers
        self._driver = Driver(session, answers, _never, wait_s)
        self._script = answers.script()
        self._open = ExitStack()
        self._need: RunTool | None = None
        self._since = 0.0
        known = session.once.begin(answers.once, answers.call.tool) if answers.once else None
        if known is not None:
            self.again, self.value = True, known.give()
            return
        self._begin()

    @property
    def decision(self) -> Decision | None:
        """What was decided; None where this is a repeat."""
        return self._need.decision if self._need is not None else None

    @property
    def arguments(self) -> dict[str, Json]:
        """What must run: a copy of the arguments that were checked."""
        if self._need is None:
            raise BadInput("arguments", "this call is a repeat, and nothing may run", "give `value` again")
        return self._answers.arguments(self._need.decision)

    def _begin(self) -> None:
        self._open.enter_context(self._session.on_the_way(self._answers.token))
        try:
            found = self._driver.until_run(self._script)
        except BaseException as error:
            if not self._given_elsewhere(error):
                raise
            return
        if isinstance(found, RunTool):
            self._need, self._since = found, time.perf_counter()
            return
        self.again, self.value = True, found
        self._close(Ending(found))

    def _given_elsewhere(self, error: BaseException) -> bool:
        """What begins with an error ends with it; where the call was made elsewhere before, with what that gave."""
        ending = Ending(error=error)
        if self._answers.once:
            ending = self._session.once.elsewhere(self._answers.once, self._answers.call.tool, error)
        self._close(ending)
        if ending.error is error:
            return False
        self.again, self.value = True, ending.give()
        return True

    def _close(self, ending: Ending) -> None:
        self._open.close()
        if self._answers.once:
            ran = self._answers.token in self._session.calls
            self._session.once.end(self._answers.once, ending, ran=ran)

    # ------------------------------------------------------------------------------------------ ending it
    def end(self, value: Any) -> Any:
        """It ran, and gave *value*.

        Returns:
            The value as the agent may see it.

        Raises:
            ResultWithheld: it violates the envelope.
            Unavailable: the outcome could not be recorded.
        """
        return self._end(Outcome(value=value, elapsed_s=self._elapsed()))

    def fail(self, error: BaseException) -> None:
        """It ran and raised *error*; nobody knows whether it ran, where that is `OutcomeUnknown`.

        Raises:
            Unavailable: the outcome could not be recorded.
        """
        try:
            self._end(Outcome(error=error, elapsed_s=self._elapsed()))
        except BaseException as raised:
            if raised is not error:
                raise

    def abandon(self, why: str) -> None:
        """It never ran: what was reserved for it is given back.

        Args:
            why: in a few words, for the journal.
        """
        need = self._taken()
        self._session.calls.pop(self._answers.token, None)
        self._script.close()
        written = self._answers.give_back(need.admission, why)
        self._close(Ending(error=BadInput("call", "it was begun and did not run")))
        written.result()

    def _end(self, outcome: Outcome) -> Any:
        self._taken()
        ending = Ending()
        try:
            ending = Ending(self._driver.resume(self._script, outcome))
        except BaseException as error:  # noqa: BLE001 - given to the caller as it is
            ending = Ending(error=error)
        self._close(ending)
        return ending.give()

    def _taken(self) -> RunTool:
        need, self._need = self._need, None
        if need is None:
            raise BadInput("call", "it has ended, or was a repeat", "end each call once")
        return need

    def _elapsed(self) -> float:
        return time.perf_counter() - self._since


def _never(**_: Any) -> None:
    """The tool runs elsewhere."""
    raise AssertionError
