"""All trials of one run of a suite, and what is known about it: as JSON Lines, a header and a line for each trial."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from remit.core.errors import BadInput
from remit.core.trial.suite import Design
from remit.core.trial.trial import Trial
from remit.core.types import Json

FORMAT = "remit.trials/v1"


@dataclass(frozen=True, slots=True)
class TaskInfo:
    """What a report needs to know of a task."""

    weight: float = 1.0
    stratum: str = ""
    deadline_s: float | None = None


@dataclass(frozen=True, slots=True)
class RunInfo:
    """What is fixed before the first trial starts."""

    id: str
    suite: str
    suite_hash: str
    design: Design
    arms: tuple[str, ...]
    tasks: Mapping[str, TaskInfo]
    """All tasks of the suite, in its order."""
    invariants: tuple[str, ...] = ()
    """Those that were watched."""
    fingerprints: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)
    """By arm: `model`, `prompt`, `tools`, `envelope`, `config`, `code`, as far as they are known."""
    at: float | None = None
    """When it began, UTC epoch seconds."""
    source: str = ""
    """`remit trial run`, or the format that it was imported from."""
    coverage: Mapping[str, Json] = field(default_factory=dict)
    design_hash: str = ""
    """SHA-256 over suite and design, as they stood before the first trial."""
    earlier: Mapping[str, int] = field(default_factory=dict)
    """By verdict (empty: none was reached), runs of the same suite and agents that the store held when this one began:
    whoever runs again until it passes, passes."""
    stopped_arms: tuple[str, ...] = ()
    """In a run that was put together from others: arms whose own run ended as soon as gates of its own knew enough, so
    that how many trials they have hangs on how it went."""


ByTask = Mapping[str, list[Trial]]
"""The trials of one arm whose world did not fail, by task."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run and its trials, in start order."""

    info: RunInfo
    trials: tuple[Trial, ...]
    """Sorted by draw, then by the order of arms."""
    repeated: int = 0
    """Trials that were in flight when the run was cut off, and ran again."""
    stopped: str = ""
    """Why it ended before all trials had run: a gate had decided, an invariant was broken, somebody stopped it."""

    def of(self, arm: str) -> list[Trial]:
        """The trials of one arm, in start order."""
        return [trial for trial in self.trials if trial.arm == arm]

    def by_task(self, arm: str) -> dict[str, list[Trial]]:
        """The trials of one arm by task, tasks in the suite's order; those whose world failed are left out."""
        found: dict[str, list[Trial]] = {task: [] for task in self.info.tasks}
        for trial in self.of(arm):
            if trial.success is not None:
                found.setdefault(trial.task, []).append(trial)
        return {task: trials for task, trials in found.items() if trials}


def run_lines(run: Run) -> Iterator[bytes]:
    """The run as JSON Lines."""
    header = {"format": FORMAT, "run": run.info, "repeated": run.repeated, "stopped": run.stopped}
    yield msgspec.json.encode(header) + b"\n"
    for trial in run.trials:
        yield trial_line(trial)


def trial_line(trial: Trial) -> bytes:
    """One trial as a line of JSON."""
    return msgspec.json.encode(trial) + b"\n"


def run_from(lines: Iterable[tuple[str, bytes]]) -> Run:
    """The run that was written so.

    Args:
        lines: place and bytes of each line.

    Raises:
        BadInput: it is none, with the place.
    """
    header: dict[str, Any] | None = None
    trials: dict[tuple[str, int], Trial] = {}
    for where, data in lines:
        if header is None:
            header = _decoded(where, data, dict[str, Any])
            if header.get("format") != FORMAT:
                raise BadInput(where, "no file of a trial run", f"the first line has format {FORMAT!r}")
            info = _converted(where, header.get("run"), RunInfo)
            continue
        trial = _decoded(where, data, Trial)
        if trial.key in trials:
            raise BadInput(where, f"trial {trial.draw} of {trial.arm!r} stands here twice", "remove one")
        trials[trial.key] = trial
    if header is None:
        raise BadInput("trials", "an empty file", "write a run with `remit trial run --out FILE`")
    stopped, repeated = header.get("stopped", ""), header.get("repeated", 0)
    return Run(info, in_order(trials.values(), info.arms), int(repeated), str(stopped))


def in_order(trials: Iterable[Trial], arms: Sequence[str]) -> tuple[Trial, ...]:
    """Trials by draw, then by the order of arms."""
    rank = {arm: place for place, arm in enumerate(arms)}
    return tuple(sorted(trials, key=lambda trial: (trial.draw, rank.get(trial.arm, len(rank)))))


def _decoded(where: str, data: bytes, kind: Any) -> Any:
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise BadInput(where, f"no line of a trial run: {error}", "export it again") from None


def _converted(where: str, value: Any, kind: Any) -> Any:
    try:
        return msgspec.convert(value, kind)
    except (msgspec.ValidationError, RecursionError) as error:
        raise BadInput(where, f"no header of a trial run: {error}", "export it again") from None
