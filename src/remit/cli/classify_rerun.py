"""`remit classify --rerun`: an agent that is asked again, as a command."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from remit.cli.output import Output, note, safe
from remit.core.errors import BadInput

if TYPE_CHECKING:
    from remit.core.classify.case import Case
    from remit.core.classify.counterfactual import Counterfactual
    from remit.core.envelope import Envelope
    from remit.usecases.rerun_sessions import RerunSessions

    Asking = Callable[[Mapping[str, Envelope]], RerunSessions]


def asking(command: str, old: str | None, runs: int | None) -> Asking:
    """Checks what was given, and says how anomalies are asked about once the envelopes are known.

    Raises:
        BadInput: no such command, or too few runs to tell anything.
    """
    from remit.adapters.rerun_command import RerunCommand
    from remit.usecases.counterfactual import RUNS, runs_are_enough
    from remit.usecases.rerun_sessions import RerunSessions

    k = RUNS if runs is None else runs
    runs_are_enough(k, "--runs")
    agent = RerunCommand(_argv(command, "--rerun"))
    before = RerunCommand(_argv(old, "--rerun-old")) if old else None
    return lambda envelopes: RerunSessions(agent, envelopes, k, before, _told)


def _argv(command: str, option: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError as error:
        raise BadInput(option, f"{error}: {command[:60]!r}", "quote it as for a shell") from None


def _told(case: Case, found: Counterfactual) -> None:
    """It takes minutes, and people wait."""
    if not Output.json:
        note(f"remit: asked again about {safe(case.anomaly, 60)}: {found.conclusion}")
