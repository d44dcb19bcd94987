"""One run of a test that is run many times, as the test sees it: its seed, what it tells, its governed session."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from remit.core.trial.suite import ONLY_ARM
from remit.core.trial.trial import Breach, Slot
from remit.ports import Answered
from remit.testing.asked import MarkerArguments, asked_of
from remit.testing.plugin import MARKER, RUNS
from remit.usecases.session import Session
from remit.usecases.trials.answered import sound


@dataclass(slots=True)
class ReliabilityRun:
    """One run of a test, as the test sees it."""

    slot: Slot
    told: dict[str, Any] = field(default_factory=dict)
    breaches: list[Breach] = field(default_factory=list)
    session: str = ""

    @property
    def seed(self) -> int:
        """For the agent's model: another in each run, the same whenever the test is run again."""
        return self.slot.seed

    @property
    def number(self) -> int:
        """From 0."""
        return self.slot.epoch

    def answer(self, text: str) -> str:
        """Keep the agent's answer for the report, and give it back."""
        self.told["answer"] = str(text).encode("utf-8", "replace").decode()
        return text

    def usage(self, *, tokens: int | None = None, cost: float | None = None) -> None:
        """Keep what the run cost.

        Raises:
            BadInput: that is no number of tokens, or no cost.
        """
        known = sound(Answered("", tokens=tokens, cost=cost))
        self.told |= {"tokens": known.tokens, "cost": known.cost}


def asked_by(item: pytest.Item) -> MarkerArguments:
    """What the marker of *item* asks; without one, nothing that a run of it would need.

    Raises:
        BadInput: it cannot be meant.
    """
    marker = item.get_closest_marker(MARKER)
    if marker is None:
        return MarkerArguments(0.5)
    most = item.config.getoption("--reliability-max-runs")
    return asked_of(f"{item.nodeid}: reliability", marker.args, marker.kwargs, most)


def run_of(item: pytest.Item) -> ReliabilityRun:
    """The run that goes on; of a test without the marker, its only one."""
    if RUNS not in item.stash:
        item.stash[RUNS] = ReliabilityRun(Slot(0, ONLY_ARM, item.nodeid, 0, 0))
    found: ReliabilityRun = item.stash[RUNS]
    return found


def governed(item: pytest.Item, folder: Path) -> Generator[Session, None, None]:
    """A session under the marker's envelope; every violation is a breach of the run."""
    from remit.testing.builders import open_guard
    from remit.usecases.envelope_file import read_envelope_file

    asked, run = asked_by(item), run_of(item)
    if not asked.envelope:
        raise pytest.UsageError(
            f"{item.nodeid}: remit_session needs an envelope: reliability(…, envelope=PATH)"
        )
    path = Path(item.path).parent / Path(asked.envelope)
    with open_guard(folder, read_envelope_file(path)) as guard:
        session = guard.session(facts=asked.facts, principal_kind=asked.principal_kind, seed=run.seed)
        run.session = session.id
        try:
            with session:
                yield session
        finally:
            run.breaches += _breaches(guard.records.events(session.id))


def _breaches(events: Iterator[Any]) -> list[Breach]:
    found = [stored.event for stored in events if stored.event.anomaly is not None]
    return [
        Breach("safety", f"{event.anomaly.tool or 'the answer'}: {event.anomaly.kind}", None, clause)
        for event in found
        for clause in (event.anomaly.clauses or ("",))
        if event.anomaly.counts
    ]
