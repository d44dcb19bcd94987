"""`remit classify --rerun`: an agent that is asked again, as a command."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from remit.cli.output import Output, note, safe
from remit.core.errors import BadInput

if TYPE_CHECKING:
    from remit.core.classify.case import Case
    from remit.core.classify.classification import Classification
    from remit.core.classify.counterfactual import Counterfactual
    from remit.core.envelope import Envelope
    from remit.core.event import StoredEvent
    from remit.ports import Rerunnable
    from remit.usecases.rerun_sessions import RerunSessions
    from remit.usecases.triage import Desk, TriageWork


@dataclass(frozen=True)
class Asking:
    """What was given on the command line, checked before anything is asked."""

    agent: Rerunnable
    old: Rerunnable | None
    k: int

    @classmethod
    def of(cls, command: str, old: str | None, runs: int | None) -> Asking:
        """
        Raises:
            BadInput: no such command, or too few runs to tell anything.
        """
        from remit.adapters.rerun_command import RerunCommand
        from remit.usecases.counterfactual import RUNS, runs_are_enough

        k = RUNS if runs is None else runs
        runs_are_enough(k, "--runs")
        before = RerunCommand(_argv(old, "--rerun-old")) if old else None
        return cls(RerunCommand(_argv(command, "--rerun")), before, k)

    def of_sessions(self, envelopes: Mapping[str, Envelope]) -> RerunSessions:
        """Asks about every anomaly of recorded sessions whose evidence points at a text."""
        from remit.usecases.rerun_sessions import RerunSessions

        return RerunSessions(self.agent, envelopes, self.k, self.old, _told)

    def of_store(
        self, desk: Desk, work: TriageWork, anomalies: Sequence[StoredEvent]
    ) -> Iterator[tuple[Case, Classification]]:
        """Asks about these anomalies, keeps what came of it, and tells how they are classified with it."""
        from remit.usecases.rerun_journal import ask_about

        for _ in desk.once():
            pass  # what waits is classified first: a class says which text is suspected
        for stored in anomalies:
            found = ask_about(desk.triage, work, stored, self.agent, self.old, self.k)
            note(f"remit: {safe(stored.event.id, 60)}: {safe(found.told, 300)}")
        for _ in desk.once():
            pass
        for stored in anomalies:
            pending = work.one(stored.seq)
            if pending is not None:
                done = desk.triage.judge(pending)
                yield done.case, done.found


def _argv(command: str, option: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError as error:
        raise BadInput(option, f"{error}: {command[:60]!r}", "quote it as for a shell") from None


def _told(case: Case, found: Counterfactual) -> None:
    """It takes minutes, and people wait."""
    if not Output.json:
        note(f"remit: asked again about {safe(case.anomaly, 60)}: {found.conclusion}")
