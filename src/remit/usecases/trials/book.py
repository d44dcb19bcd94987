"""What a run's record must do; `store.trial_book.TrialBook` does it in the journal."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from typing import Protocol

from remit.core.trial.run import Run
from remit.core.trial.trial import Slot, Trial


class RunLog(Protocol):
    """One run that this process, and no other, is working on."""

    @property
    def launch(self) -> int:
        """The how-manieth start of the run this is, from 1."""

    @property
    def before(self) -> Run:
        """What had ended before this launch."""

    def write(self, started: Sequence[Slot], finished: Sequence[Trial]) -> Future[None]:
        """Write that trials started and ended, in one transaction; durable when the future is done."""

    def end(self, stopped: str, verdict: str) -> Future[None]:
        """Write that the run has ended: it does not go on."""

    def pause(self, why: str) -> Future[None]:
        """Write that the run was cut off: it may go on."""

    def close(self) -> None:
        """Let another process go on with the run."""
