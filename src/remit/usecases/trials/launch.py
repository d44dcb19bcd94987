"""Begin a run, or go on with the one that was cut off: the same command again does the right one of the two."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

from remit.core.errors import BadInput
from remit.core.trial.run import Run, RunInfo
from remit.usecases.trials.book import RunLog
from remit.usecases.trials.plan import check_same

Log_co = TypeVar("Log_co", bound=RunLog, covariant=True)


class ListedRun(Protocol):
    """A run as a book lists it."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def state(self) -> str:
        """`ended`, `paused` or `open`."""

    @property
    def design_hash(self) -> str:
        """Over suite and design."""

    @property
    def source(self) -> str:
        """What began it."""


class RunBook(Protocol[Log_co]):
    """The record of runs (`store.trial_book.TrialBook`)."""

    def load(self, run_id: str) -> Run:
        """A run."""

    def runs(self) -> Sequence[ListedRun]:
        """All of them, oldest first."""

    def begin(self, info: RunInfo, retain_s: float | None = None) -> Log_co:
        """Begin a run."""

    def resume(self, run_id: str, retain_s: float | None = None) -> Log_co:
        """Go on with a run."""


def launched(
    book: RunBook[Log_co],
    info: RunInfo,
    *,
    resume: str = "",
    anew: bool = False,
    retain_s: float | None = None,
) -> Log_co:
    """The run to work on.

    Args:
        book: the record.
        info: of the run as it would begin now, under a new id.
        resume: go on with this one, and with no other.
        anew: begin a new one, whatever was cut off.
        retain_s: how long its trials are kept.

    Raises:
        BadInput: the run to go on with is not there, has ended, or is one of another suite, design or agent.
    """
    if resume and anew:
        raise BadInput("--resume", "stands beside --new", "write one of them")
    if resume:
        check_same(book.load(resume).info, info)
        return book.resume(resume, retain_s)
    if not anew and (cut := left_over(book, info)):
        return book.resume(cut, retain_s)
    return book.begin(info, retain_s)


def left_over(book: RunBook[Log_co], info: RunInfo) -> str:
    """The latest run of the same suite, design and agents that has not ended, and is whole; empty where there is none."""
    found = [
        line.id
        for line in book.runs()
        if line.state != "ended" and line.design_hash == info.design_hash and line.source == info.source
    ]
    return found[-1] if found else ""
