"""The events of one run of trials: made, and read back to what stands in the record of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from remit.core.event import Event, StoredEvent
from remit.core.trial.apart import run_tenant
from remit.core.trial.run import Run, RunInfo, in_order
from remit.core.trial.trial import Breach, Trial
from remit.core.types import Json

BEGUN, RESUMED, STARTED, FINISHED = "trial.run", "trial.resumed", "trial.started", "trial.finished"
PAUSED, ENDED = "trial.paused", "trial.ended"
KINDS = (BEGUN, RESUMED, STARTED, FINISHED, PAUSED, ENDED)


def run_event(
    event_id: str,
    info: RunInfo,
    kind: str,
    body: Mapping[str, Json],
    subject: str = "",
    retain_s: float | None = None,
) -> Event:
    """An event of the run, under its own tenant.

    Args:
        event_id: new.
        info: of the run.
        kind: one of `KINDS`.
        body: what is told.
        subject: whose data it holds.
        retain_s: how long it is kept; None for ever.
    """
    return Event(
        event_id,
        info.id,
        kind,
        info.suite,
        "",
        body,
        tenant=run_tenant(info.id),
        subject=subject,
        retain_s=retain_s,
    )


@dataclass(slots=True)
class RunSoFar:
    """What the events of one run say, taken in their order."""

    info: RunInfo | None = None
    at: float = 0.0
    trials: dict[tuple[str, int], Trial] = field(default_factory=dict)
    started: set[tuple[str, int]] = field(default_factory=set)
    repeated: int = 0
    launch: int = 1
    ended: bool = False
    paused: bool = False
    stopped: str = ""
    verdict: str = ""

    def run(self) -> Run:
        """With every trial that has ended."""
        assert self.info is not None  # noqa: S101 - the caller looked
        return Run(self.info, in_order(self.trials.values(), self.info.arms), self.repeated, self.stopped)

    def take(self, stored: StoredEvent) -> None:
        """The next event."""
        body, kind = stored.event.body, stored.event.kind
        if kind == BEGUN:
            self.info, self.at = msgspec.convert(body["run"], RunInfo), stored.at
        elif kind == RESUMED:
            self.launch, self.paused = int(body["launch"]), False
            self.repeated += len(body["repeated"])
            self.stopped = ""
            self.started &= self.trials.keys()  # those were counted, and run again
        elif kind == STARTED:
            self.started |= {(arm, draw) for arm, draw in body["trials"]}
        elif kind == FINISHED:
            for trial in msgspec.convert(body["trials"], list[Trial]):
                self.trials.setdefault(trial.key, trial)
        elif kind == PAUSED:
            self.paused, self.stopped = True, str(body["why"])
        elif kind == ENDED:
            self.ended, self.stopped, self.verdict = True, str(body["stopped"]), str(body["verdict"])
            self._take_afterwards(body)

    def _take_afterwards(self, body: Mapping[str, Any]) -> None:
        """What was seen of the whole run when it had ended."""
        if self.info is not None:
            self.info = replace(self.info, invariants=(*self.info.invariants, *body.get("watched", ())))
        for arm, draw, told in body.get("broken", ()):
            if (trial := self.trials.get((arm, draw))) is not None:  # else it was erased
                breach = msgspec.convert(told, Breach)
                self.trials[arm, draw] = replace(trial, breaches=(*trial.breaches, breach))


@dataclass(frozen=True, slots=True)
class RunLine:
    """A run in a list."""

    id: str
    suite: str
    at: float
    arms: tuple[str, ...]
    state: str
    """`ended`, `paused` (it may go on), or `open` (it runs, or was cut off)."""
    trials: int
    stopped: str
    verdict: str
    suite_hash: str
    design_hash: str
    source: str


def line_of(read: RunSoFar) -> RunLine:
    """The run in a list."""
    info = read.info
    assert info is not None  # noqa: S101 - the caller looked
    state = "ended" if read.ended else "paused" if read.paused else "open"
    return RunLine(
        info.id,
        info.suite,
        info.at or read.at,
        info.arms,
        state,
        len(read.trials),
        read.stopped,
        read.verdict,
        info.suite_hash,
        info.design_hash,
        info.source,
    )


def lines_of(runs: Sequence[RunLine]) -> Iterator[dict[str, Json]]:
    """As `remit trial ls --json` prints them."""
    for run in runs:
        yield msgspec.to_builtins(run)
