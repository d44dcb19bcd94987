"""A run from results that were recorded elsewhere, in any of the formats that `formats/` lists.

What is not known is not made up: an imported trial has no seed, and its place in the order of starts is its time where
every record has one, else its place in the files. A run that its record does not judge, or that the world broke off, is
neither success nor failure.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from remit.core.errors import BadInput
from remit.core.trial.analysis.counted import counted, part_of
from remit.core.trial.analysis.merged import stopped_arms
from remit.core.trial.run import Run, RunInfo, TaskInfo, in_order, trial_line
from remit.core.trial.suite import BASELINE, ONLY_ARM, Design
from remit.core.trial.trial import Trial
from remit.core.types import Json
from remit.usecases.sessions_files import files_below
from remit.usecases.trials.formats import Unrecognised, read_file
from remit.usecases.trials.formats.fields import FieldNames
from remit.usecases.trials.formats.recorded import Reading, RecordedTrial
from remit.usecases.trials.numbered import NamedTrial, numbered

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
    """The trials of it that rates are made of: of a sequential run of ours those up to its decision, and of one that was
    cut off those up to the first in start order that had not ended, since behind it only the quick ones have ended."""
    kept: Run
    """What is to be kept of it: a run of ours whole, so that its report tells the rest by itself; of others put together
    those that rates are made of, and any in which an invariant was broken."""
    formats: tuple[str, ...]
    passed_over: tuple[str, ...] = ()
    """Files of a folder in which no results stand."""
    left_out: int = 0
    """Records that `where` left out."""


@dataclass
class _Gathered:
    """Trials as they came, not yet numbered."""

    listed: list[NamedTrial] = field(default_factory=list)
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

    def behind(self, trial: Trial, of: Run, where: str) -> bool:
        """Whether the trial is in no rate of its run.

        Raises:
            BadInput: that is known of its run as a whole only, and this is a part of it.
        """
        if id(of) not in self.ends:
            if of.info.design.kind == "sequential" and part_of(of) is not None:
                told = "one part of a run that ended as soon as its gates knew enough: all parts say which trials count"
                raise BadInput(where, told, "put the parts together: remit trial merge DIR --out RUN.jsonl")
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
    return imported([(chosen, paths)], suite=suite).kept


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
    return Imported(*_placed(found, suite), tuple(found.formats), tuple(found.passed_over), found.left_out)


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
    behind = one.of is not None and found.behind(one.trial, one.of, one.where)
    early = one.of is not None and one.trial.arm in stopped_arms(one.of.info)
    found.listed.append(
        NamedTrial(one.where, arm, "" if tasks.keys else one.suite, task, one.trial, behind, early)
    )
    if arms.keys or tasks.keys or not found.known:
        found.known.update(one.fields)
    found.models.setdefault(arm, set()).add(one.model)
    own = one.of if (arm, task) == (one.trial.arm, one.trial.task) else None
    found.runs[id(own)] = own


def _placed(found: _Gathered, suite: str) -> tuple[Run, Run, Run]:
    """The trials in their order, numbered; a run of ours keeps its own. Beside it `rated` and `kept`."""
    listed = found.listed
    known = next(iter(found.runs.values())) if len(found.runs) == 1 else None
    if known is not None:
        arms = tuple(arm for arm in known.info.arms if any(one.arm == arm for one in listed))
        info = replace(known.info, arms=arms, suite=suite or known.info.suite)
        run = replace(known, info=info, trials=in_order((one.trial for one in listed), arms))
        if len(run.trials) == sum(len(known.of(arm)) for arm in arms):
            return run, _without(run, {one.trial.key for one in listed if one.behind}), run
        return _in_parts(replace(run, info=_some_of(run, found)), listed, [one.trial for one in listed])
    suites = sorted({one.suite for one in listed})
    if len(suites) > 1:
        for one in listed:
            one.task = f"{one.suite}/{one.task}" if one.suite else one.task
    if all(one.trial.at is not None for one in listed):
        listed.sort(key=lambda one: one.trial.at or 0.0)
    order = dict.fromkeys(one.arm for one in listed)
    arms = tuple(sorted(order, key=lambda arm: arm != BASELINE))
    in_place = list(numbered(listed))
    trials = in_order(in_place, arms)
    tasks = dict.fromkeys((trial.task for trial in trials), TaskInfo())
    named = suite or (suites[0] if len(suites) == 1 else "") or "imported"
    return _in_parts(Run(_info(named, arms, tasks, trials, found), trials), listed, in_place)


def _in_parts(run: Run, listed: Sequence[NamedTrial], trials: Sequence[Trial]) -> tuple[Run, Run, Run]:
    """A run that is not one of ours as it stood, what rates are made of, and what is kept.

    Args:
        run: all of it.
        listed: what its trials were called.
        trials: those of it, in the order of *listed*.
    """
    behind = [trial for one, trial in zip(listed, trials, strict=True) if one.behind]
    silent = {trial.key for trial in behind if not trial.breaches}
    return run, _without(run, {trial.key for trial in behind}), _without(run, silent)


def _some_of(run: Run, found: _Gathered) -> RunInfo:
    """Of a run of ours of which only some trials were chosen: its gates were to judge all of them."""
    epochs = max(trial.epoch for trial in run.trials) + 1
    return replace(
        run.info,
        design=replace(run.info.design, kind="fixed", epochs=epochs, gates=()),
        source=", ".join(found.formats),
        design_hash="",
        stopped_arms=_early(found, run.info.arms),
    )


def _early(found: _Gathered, arms: Sequence[str]) -> tuple[str, ...]:
    early = {one.arm for one in found.listed if one.early}
    return tuple(arm for arm in arms if arm in early)


def _without(run: Run, keys: set[tuple[str, int]]) -> Run:
    return replace(run, trials=tuple(one for one in run.trials if one.key not in keys)) if keys else run


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
        stopped_arms=_early(found, arms),
    )
