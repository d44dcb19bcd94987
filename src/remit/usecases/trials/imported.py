"""A run from results that were recorded elsewhere, in any of the formats that `formats/` lists.

What is not known is not made up: an imported trial has no seed, and its place in the order of starts is its time where
every record has one, else its place in the files. A run that its record does not judge, or that the world broke off, is
neither success nor failure.
"""

from __future__ import annotations

import hashlib
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from remit.core.errors import BadInput
from remit.core.trial.analysis.counted import counted
from remit.core.trial.run import Run, RunInfo, TaskInfo, in_order, trial_line
from remit.core.trial.suite import BASELINE, ONLY_ARM, Design
from remit.core.trial.trial import Trial
from remit.core.types import Json
from remit.usecases.sessions_files import files_below
from remit.usecases.trials.formats import Unrecognised, read_file
from remit.usecases.trials.formats.fields import FieldNames
from remit.usecases.trials.formats.recorded import Reading, RecordedTrial

MOST_TRIALS = 5_000_000
ENDINGS = ("*.jsonl", "*.jsonl.gz", "*.json", "*.json.gz", "*.eval")
"""What is looked at in a folder; any file that is named by itself is read."""


@dataclass(frozen=True, slots=True)
class ImportChoice:
    """Which records count, and what they are called."""

    arm: str = ""
    """Name of the arm of all records; empty: as each record says, else `agent`."""
    arm_by: tuple[str, ...] = ()
    """Fields whose values name the arm."""
    task_by: tuple[str, ...] = ()
    """Fields whose values name the task, instead of its id."""
    where: Mapping[str, str] = field(default_factory=dict)
    """Only records with these values count."""
    reading: Reading = field(default_factory=Reading)


@dataclass(frozen=True, slots=True)
class Imported:
    """A run from elsewhere, and what was not read of the folders it came from."""

    run: Run
    rated: Run
    """The trials of it that rates are made of: of a sequential run of ours those up to its decision, since behind it only
    the quick ones have ended."""
    formats: tuple[str, ...]
    passed_over: tuple[str, ...] = ()
    """Files of a folder in which no results stand."""
    left_out: int = 0
    """Records that `where` left out."""


@dataclass(slots=True)
class _Named:
    """A trial with what it is called."""

    where: str
    arm: str
    suite: str
    """Empty where the task is named by fields."""
    task: str
    trial: Trial
    behind: bool = False
    """Whether it ended behind the decision of its run, or behind one in start order that had not ended."""


@dataclass
class _Gathered:
    """Trials as they came, not yet numbered."""

    listed: list[_Named] = field(default_factory=list)
    models: dict[str, set[str]] = field(default_factory=dict)
    formats: Counter[str] = field(default_factory=Counter)
    passed_over: list[str] = field(default_factory=list)
    left_out: int = 0
    known: set[str] = field(default_factory=set)
    """Names of fields that some record had."""
    runs: dict[int, Run | None] = field(default_factory=dict)
    """Runs of ours that trials are of, by identity; None for a trial that is of none, or is called otherwise."""
    ends: dict[int, tuple[Run, set[tuple[str, int]]]] = field(default_factory=dict)
    """Of each of our runs, by identity, the trials that rates are made of."""

    def behind(self, trial: Trial, of: Run) -> bool:
        """Whether the trial is in no rate of its run."""
        if id(of) not in self.ends:
            self.ends[id(of)] = of, {one.key for one in counted(of).trials}
        return trial.key not in self.ends[id(of)][1]


def read_run(
    paths: Sequence[Path],
    *,
    arm: str = "",
    arm_by: Sequence[str] = (),
    task_by: Sequence[str] = (),
    where: Mapping[str, str] | None = None,
    reading: Reading | None = None,
    suite: str = "",
) -> Run:
    """The run that recorded results are.

    Args:
        paths: files and folders; `-` is standard input.
        arm: name of the arm of all of them.
        arm_by: fields whose values name the arm.
        task_by: fields whose values name the task.
        where: only records with these values, compared as text; a dotted key reads below.
        reading: how success is to be understood.
        suite: name of the suite; empty: as the records say.

    Raises:
        BadInput: anything that is no result, with file and line; two results for one trial.
    """
    chosen = ImportChoice(arm, tuple(arm_by), tuple(task_by), where or {}, reading or Reading())
    return imported([(chosen, paths)], suite=suite).run


def imported(sources: Sequence[tuple[ImportChoice, Sequence[Path]]], *, suite: str = "") -> Imported:
    """One run from several sources, each read in its own way.

    Raises:
        BadInput: as `read_run`.
    """
    found = _Gathered()
    for chosen, paths in sources:
        _gather(chosen, paths, found)
    if not found.listed:
        told = f"{found.left_out} records, of which --where left none" if found.left_out else "no result"
        raise BadInput(
            ", ".join(str(path) for _, paths in sources for path in paths), told, "check what was named"
        )
    run, rated = _placed(found, suite)
    return Imported(run, rated, tuple(found.formats), tuple(found.passed_over), found.left_out)


def result_files(paths: Sequence[Path]) -> Iterator[tuple[Path, bool]]:
    """The files that *paths* name, each once, and whether a folder was named instead of the file.

    Raises:
        BadInput: a path is not there, or a folder holds no file that might hold results.
    """
    seen: set[Path] = set()
    for path in paths:
        if path.is_dir():
            inside = files_below(path, ENDINGS)
            if not inside:
                raise BadInput(str(path), "no result in this folder", f"files end in {', '.join(ENDINGS)}")
            listed = [(file, True) for file in inside]
        elif path.exists() or str(path) == "-":
            listed = [(path, False)]
        else:
            raise BadInput(str(path), "no such file or folder", "check the path")
        for file, inner in listed:
            if file not in seen:
                seen.add(file)
                yield file, inner


def _gather(chosen: ImportChoice, paths: Sequence[Path], found: _Gathered) -> None:
    arms, tasks = FieldNames("--arm-by", chosen.arm_by), FieldNames("--task-by", chosen.task_by)
    kept = FieldNames("--where", tuple(chosen.where))
    values = tuple(chosen.where.values())

    def wanted(fields: Mapping[str, Json]) -> bool:
        if kept.of(fields) == values:
            return True
        found.left_out += 1
        found.known.update(fields)
        return False

    reading = replace(chosen.reading, wanted=wanted)
    before = len(found.listed)
    for path, in_folder in result_files(paths):
        try:
            name, trials = read_file(path, reading)
        except Unrecognised:
            if not in_folder or path.suffix == ".jsonl":
                raise
            found.passed_over.append(str(path))
            continue
        found.formats[name] += 1
        for one in trials:
            _keep(one, chosen, arms, tasks, found)
    kept.check(found.known)
    if len(found.listed) > before:  # of records that were left out, nobody looked at the other fields
        for asked in (arms, tasks):
            asked.check(found.known)


def _keep(
    one: RecordedTrial, chosen: ImportChoice, arms: FieldNames, tasks: FieldNames, found: _Gathered
) -> None:
    if len(found.listed) >= MOST_TRIALS:
        raise BadInput(one.where, f"more than {MOST_TRIALS} trials", "choose some: --where")
    arm = chosen.arm or ", ".join(arms.of(one.fields)) or one.trial.arm or ONLY_ARM
    task = "/".join(tasks.of(one.fields)) or one.trial.task
    behind = one.of is not None and found.behind(one.trial, one.of)
    found.listed.append(_Named(one.where, arm, "" if tasks.keys else one.suite, task, one.trial, behind))
    if arms.keys or tasks.keys or not found.known:
        found.known.update(one.fields)
    found.models.setdefault(arm, set()).add(one.model)
    own = one.of if (arm, task) == (one.trial.arm, one.trial.task) else None
    found.runs[id(own)] = own


def _placed(found: _Gathered, suite: str) -> tuple[Run, Run]:
    """The trials in their order, numbered; a run of ours keeps its own. Beside it the part that rates are made of."""
    listed = found.listed
    known = next(iter(found.runs.values())) if len(found.runs) == 1 else None
    if known is not None:
        arms = tuple(arm for arm in known.info.arms if any(one.arm == arm for one in listed))
        info = replace(known.info, arms=arms, suite=suite or known.info.suite)
        run = replace(known, info=info, trials=in_order((one.trial for one in listed), arms))
        return run, _without(run, {one.trial.key for one in listed if one.behind})
    suites = sorted({one.suite for one in listed})
    if len(suites) > 1:
        for one in listed:
            one.task = f"{one.suite}/{one.task}" if one.suite else one.task
    if all(one.trial.at is not None for one in listed):
        listed.sort(key=lambda one: one.trial.at or 0.0)
    order = dict.fromkeys(one.arm for one in listed)
    arms = tuple(sorted(order, key=lambda arm: arm != BASELINE))
    numbered = list(_numbered(listed))
    trials = in_order(numbered, arms)
    tasks = dict.fromkeys((trial.task for trial in trials), TaskInfo())
    named = suite or (suites[0] if len(suites) == 1 else "") or "imported"
    run = Run(_info(named, arms, tasks, trials, found), trials)
    return run, _without(run, {two.key for one, two in zip(listed, numbered, strict=True) if one.behind})


def _without(run: Run, keys: set[tuple[str, int]]) -> Run:
    return replace(run, trials=tuple(one for one in run.trials if one.key not in keys)) if keys else run


def _numbered(listed: Sequence[_Named]) -> Iterator[Trial]:
    """Trials with their epoch and draw; those of one task and epoch in several arms have one draw.

    Raises:
        BadInput: two results for one trial.
    """
    next_epoch: Counter[tuple[str, str]] = Counter()
    draws: dict[tuple[str, int], int] = {}
    places: dict[tuple[str, int], _Named] = {}
    for one in listed:
        task, epoch = sys.intern(one.task), one.trial.epoch
        if epoch < 0:
            epoch = next_epoch[one.arm, task]
        next_epoch[one.arm, task] = max(next_epoch[one.arm, task], epoch + 1)
        draw = draws.setdefault((task, epoch), len(draws))
        earlier = places.setdefault((one.arm, draw), one)
        if earlier is not one:
            raise _twice(earlier, one, epoch)
        yield replace(one.trial, draw=draw, arm=one.arm, task=task, epoch=epoch)


def _twice(one: _Named, other: _Named, epoch: int) -> BadInput:
    left, right = one.trial.extra, other.trial.extra
    differ = [key for key in left if key in right and left[key] != right[key]]
    told = f"trial {epoch} of task {one.task!r} stands here a second time; the first: {one.where}"
    if not differ:
        return BadInput(other.where, told, "leave one out, or give each its own 'trial'")
    hint = f"tell them apart with --arm-by or --task-by (these differ: {', '.join(differ[:8])})"
    return BadInput(other.where, told, f"{hint}, or choose with --where")


def _info(
    suite: str,
    arms: tuple[str, ...],
    tasks: Mapping[str, TaskInfo],
    trials: Sequence[Trial],
    found: _Gathered,
) -> RunInfo:
    digest = hashlib.sha256()
    for trial in trials:
        digest.update(trial_line(trial))
    models = {arm: next(iter(found.models[arm])) for arm in arms if len(found.models[arm]) == 1}
    return RunInfo(
        id=f"imported-{digest.hexdigest()[:16]}",
        suite=suite,
        # Nobody knows what the suite held: runs of two names are not compared, runs of one are taken at their word.
        suite_hash=hashlib.sha256(f"imported\0{suite}".encode("utf-8", "replace")).hexdigest(),
        design=Design(epochs=max(trial.epoch for trial in trials) + 1),
        arms=arms,
        tasks=tasks,
        fingerprints={arm: {"model": model} for arm, model in models.items() if model},
        source=", ".join(found.formats),
    )
