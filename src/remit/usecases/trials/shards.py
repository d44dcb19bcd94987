"""A run in parts, each in a process of its own, perhaps on a machine of its own; what they share is a folder.

Shard *i* of *n* runs the draws *i*, *i + n*, … and writes each trial that has ended to its own file, so that no two
processes write to one. Each reads the files of the others, decides on the contiguous prefix of all trials together, and
tells the others to stop by a file. Whoever comes first writes down which run it is; one of another suite, design or agent
is refused.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from remit.core.errors import BadInput, Unavailable
from remit.core.trial.run import Run, RunInfo, in_order, run_from, run_lines, trial_line
from remit.core.trial.trial import Trial
from remit.usecases.trials.plan import check_same
from remit.usecases.trials.runner import DrawShare, End

_NAMED = re.compile(r"shard-(\d{1,4})-of-(\d{1,4})\.jsonl")
_MOST = 1000
RUN, STOP = "run.json", "stop"
PART_OF = "--shard"


def shard_of(text: str, folder: Path | None) -> Shard | None:
    """The part that `--shard i/n --shared DIR` names; None where neither is given.

    Raises:
        BadInput: one is given without the other, or it is no part.
    """
    if not text and folder is None:
        return None
    if not text or folder is None:
        missing, given = ("--shard I/N", "--shared") if not text else ("--shared DIR", "--shard")
        raise BadInput(given, f"stands without {missing.split()[0]}", f"add {missing}")
    found = re.fullmatch(r"(\d{1,4})/(\d{1,4})", text)
    if found is None or not 1 <= int(found[1]) <= int(found[2]) <= _MOST:
        raise BadInput("--shard", f"found {text[:40]!r}", f"write I/N, I from 1 to N, N up to {_MOST}")
    return Shard(folder, int(found[1]), int(found[2]))


@dataclass(slots=True)
class Shard:
    """One part of a run.

    Args of the class are its first fields; the others are its state.
    """

    folder: Path
    index: int
    """From 1."""
    of: int
    _run: str = ""
    """Id of the whole run."""
    _read: dict[Path, int] = field(default_factory=dict)
    """How far the file of each other part was read."""

    @property
    def part(self) -> DrawShare:
        """Which draws are its own."""
        return DrawShare(self.index - 1, self.of)

    @property
    def path(self) -> Path:
        """Its own file."""
        return self.folder / f"shard-{self.index}-of-{self.of}.jsonl"

    # ------------------------------------------------------------------------------------------ which run
    def agreed(self, info: RunInfo) -> RunInfo:
        """This part of the run that all parts agree on: the first one writes it down.

        In the record each part is a run of its own, so that several may stand in one store.

        Raises:
            BadInput: the folder is of another suite, design or agent, or of another number of parts.
            Unavailable: the folder cannot be written.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._claim(msgspec.json.encode({"parts": self.of, "run": info}))
            found = msgspec.json.decode((self.folder / RUN).read_bytes(), type=_Agreed)
        except OSError as error:
            raise Unavailable(f"{self.folder}: {error.strerror or error}") from None
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise BadInput(str(self.folder / RUN), "it says of no run", "use a folder of its own") from None
        if found.parts != self.of:
            told = f"there are {found.parts} parts, and this is one of {self.of}"
            raise BadInput("--shard", told, "use another folder")
        check_same(found.run, info)
        self._run = found.run.id
        part = f"{self.index}-of-{self.of}"
        return replace(found.run, id=f"{self._run}.{part}", source=f"{found.run.source} {PART_OF} {part}")

    def _claim(self, data: bytes) -> None:
        """Written aside and linked, so that nobody reads a half of it, and the first one stands."""
        draft = self.folder / f".{RUN}.{os.getpid()}.{self.index}"
        draft.write_bytes(data)
        with contextlib.suppress(FileExistsError):
            os.link(draft, self.folder / RUN)
        draft.unlink()

    # ------------------------------------------------------------------------------------------ own trials
    def begin(self, before: Run) -> list[Trial]:
        """Add to this part's file what only the record has of it. What stands there stays where it is: others read on.

        Returns:
            Trials that only the file has: they ended in another store, such as that of a machine that is gone. They are
            not to be run again.
        """
        own = [trial for trial in before.trials if trial.draw % self.of == self.index - 1]
        try:
            if not self.path.exists():
                info = replace(before.info, id=self._run or before.info.id)
                _replaced(self.path, run_lines(replace(before, info=info, trials=())))
            data = self.path.read_bytes()
            whole = data[: data.rfind(b"\n") + 1]  # a process that was killed may have left half a line
            known = {trial.key: trial for trial in _trials(self.path, whole.splitlines()[1:])}
            with self.path.open("r+b") as file:
                file.truncate(len(whole))
                file.seek(len(whole))
                file.writelines(trial_line(trial) for trial in own if trial.key not in known)
        except OSError as error:
            raise Unavailable(f"{self.path}: {error.strerror or error}") from None
        recorded = {trial.key for trial in own}
        return [trial for key, trial in known.items() if key not in recorded]

    def wrote(self, trial: Trial) -> None:
        """A trial of this part is durable."""
        try:
            with self.path.open("ab") as file:
                file.write(trial_line(trial))
        except OSError as error:
            raise Unavailable(f"{self.path}: {error.strerror or error}") from None

    # ------------------------------------------------------------------------------------------ the others
    def others(self) -> list[Trial]:
        """Trials of other parts that were written since the last look."""
        found: list[Trial] = []
        for path in self.folder.glob(f"shard-*-of-{self.of}.jsonl"):
            if path != self.path and _NAMED.fullmatch(path.name):
                found += self._news(path)
        return found

    def _news(self, path: Path) -> list[Trial]:
        after = self._read.get(path, 0)
        try:
            with path.open("rb") as file:
                file.seek(after)
                data = file.read()
        except OSError as error:
            raise Unavailable(f"{path}: {error.strerror or error}") from None
        whole = data[: data.rfind(b"\n") + 1]
        self._read[path] = after + len(whole)
        return _trials(path, whole.splitlines()[1 if after == 0 else 0 :])

    def stopped(self) -> str:
        """Why another part said stop; empty where none did."""
        return stopped_in(self.folder)

    def ended(self, found: Run, end: End) -> None:
        """Tell the others to stop, where enough is known."""
        if end is End.DECIDED:
            _replaced(self.folder / STOP, [found.stopped.encode("utf-8", "replace") + b"\n"])


class _Agreed(msgspec.Struct):
    parts: int
    run: RunInfo


def _trials(path: Path, lines: Iterable[bytes]) -> list[Trial]:
    try:
        return [msgspec.json.decode(line, type=Trial) for line in lines]
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadInput(str(path), f"no line of a trial: {error}", "use a folder of its own") from None


def stopped_in(folder: Path) -> str:
    """Why a part of the run in this folder said stop; empty where none did."""
    try:
        return (folder / STOP).read_text(encoding="utf-8", errors="replace").strip()[:500]
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as error:
        raise Unavailable(f"{folder / STOP}: {error.strerror or error}") from None


def _replaced(path: Path, lines: Iterable[bytes]) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("wb") as file:
            file.writelines(lines)
        draft.replace(path)
    except OSError as error:
        raise Unavailable(f"{path}: {error.strerror or error}") from None


def merged(runs: Mapping[str, Run], stopped: str = "") -> Run:
    """The parts of one run as one.

    Args:
        runs: by the name of their file.
        stopped: why they ended (`stopped_in`).

    Raises:
        BadInput: none, of different runs, suites or designs, or a trial stands in two of them.
    """
    if not runs:
        raise BadInput("merge", "found no part of a run", "name the folder, or the files shard-I-of-N.jsonl")
    (first, run), *others = runs.items()
    trials = {trial.key: (trial, first) for trial in run.trials}
    for name, other in others:
        _check_one(first, run.info, name, other.info)
        for trial in other.trials:
            if (known := trials.get(trial.key)) is not None:
                told = f"trial {trial.draw} of {trial.arm!r} stands there, and in {known[1]}"
                raise BadInput(name, told, "merge the parts of one run, each once")
            trials[trial.key] = (trial, name)
    everything = in_order((trial for trial, _ in trials.values()), run.info.arms)
    return Run(run.info, everything, sum(one.repeated for one in runs.values()), stopped)


def _check_one(first: str, info: RunInfo, name: str, other: RunInfo) -> None:
    for what, one, two in (
        ("the suite", info.suite_hash, other.suite_hash),
        ("the design", info.design_hash, other.design_hash),
        ("the run", info.id, other.id),
    ):
        if one != two:
            raise BadInput(name, f"{what} is another than in {first}", "merge the parts of one run")


def parts_in(paths: Sequence[Path]) -> dict[str, Run]:
    """The parts in these files, and in the folders among them.

    Raises:
        BadInput: a file is none of a run.
    """
    files: list[Path] = []
    for path in paths:
        inside = sorted(path.glob("shard-*-of-*.jsonl")) if path.is_dir() else [path]
        files += [one for one in inside if path.is_file() or _NAMED.fullmatch(one.name)]
    found: dict[str, Run] = {}
    for file in files:
        try:
            lines = file.read_bytes().splitlines()
        except OSError as error:
            raise BadInput(str(file), f"cannot be read: {error.strerror}", "check the path") from None
        found[str(file)] = run_from((f"{file}:{n}", line) for n, line in enumerate(lines, 1))
    return found


def missing_parts(names: Iterable[str]) -> list[str]:
    """Which parts are not among these files, by their names.

    >>> missing_parts(["a/shard-1-of-3.jsonl", "a/shard-3-of-3.jsonl"])
    ['shard-2-of-3.jsonl']
    """
    known = [found for name in names if (found := _NAMED.fullmatch(Path(name).name))]
    there = {int(one[1]) for one in known}
    parts = max((int(one[2]) for one in known), default=0)
    return [f"shard-{n}-of-{parts}.jsonl" for n in range(1, parts + 1) if n not in there]
