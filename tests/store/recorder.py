"""A file layer for SQLite that records every write and sync, and the crash states that follow from them.

A state is what a disk may hold after power was lost at some point: everything that was synced, and of the writes
since then none, all, a prefix, or any of them, torn into sectors of 512 bytes. Blind spots: a delete counts as
durable at once, and syncs of folders are not modelled.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import apsw

SECTOR = 512


@dataclass
class Recording:
    """What happened, in order: (what, file, offset or size, bytes)."""

    steps: list[tuple[str, str, int, bytes]] = field(default_factory=list)

    def acknowledged(self, number: int) -> None:
        self.steps.append(("acknowledged", "", number, b""))


class RecordingVFS(apsw.VFS):
    """Passes everything on to the default file layer and records it."""

    def __init__(self, name: str, recording: Recording) -> None:
        self.recording = recording
        super().__init__(name, base="")

    def xOpen(self, name: object, flags: list[int]) -> RecordingFile:
        return RecordingFile(self.recording, name, flags)

    def xDelete(self, name: str, syncdir: bool) -> None:
        self.recording.steps.append(("delete", Path(name).name, 0, b""))
        super().xDelete(name, syncdir)


class RecordingFile(apsw.VFSFile):
    def __init__(self, recording: Recording, name: object, flags: list[int]) -> None:
        self.steps = recording.steps
        self.name = Path(name.filename() if isinstance(name, apsw.URIFilename) else str(name)).name
        super().__init__("", name, flags)  # type: ignore[arg-type]

    def xWrite(self, data: bytes, offset: int) -> None:
        super().xWrite(data, offset)
        self.steps.append(("write", self.name, offset, bytes(data)))

    def xTruncate(self, size: int) -> None:
        super().xTruncate(size)
        self.steps.append(("truncate", self.name, size, b""))

    def xSync(self, flags: int) -> None:
        super().xSync(flags)
        self.steps.append(("sync", self.name, 0, b""))


@dataclass
class Disk:
    """The files of a crash state, and the last event that was acknowledged before the crash."""

    files: dict[str, bytes]
    acknowledged: int

    def write_to(self, folder: Path) -> None:
        folder.mkdir()
        for name, content in self.files.items():
            (folder / name).write_bytes(content)


def apply(content: bytearray, step: tuple[str, str, int, bytes]) -> None:
    what, _, at, data = step
    if what == "truncate":
        del content[at:]
    else:
        content.extend(bytes(max(0, at + len(data) - len(content))))
        content[at : at + len(data)] = data


def torn(
    steps: list[tuple[str, str, int, bytes]], choose: random.Random
) -> list[tuple[str, str, int, bytes]]:
    """Some sectors of some writes, in another order."""
    pieces = []
    for what, name, at, data in steps:
        if what == "truncate":
            pieces.append((what, name, at, data))
            continue
        pieces += [(what, name, at + i, data[i : i + SECTOR]) for i in range(0, len(data), SECTOR)]
    kept = [piece for piece in pieces if choose.random() < 0.5]
    choose.shuffle(kept)
    return kept


def crash_states(recording: Recording, number: int, seed: int) -> Iterator[Disk]:
    """States after *number* crashes at random points."""
    choose = random.Random(seed)
    for _ in range(number):
        point = choose.randrange(len(recording.steps) + 1)
        yield _state(recording.steps[:point], choose.choice(("none", "all", "prefix", "torn")), choose)


def _state(steps: list[tuple[str, str, int, bytes]], keep: str, choose: random.Random) -> Disk:
    durable: dict[str, bytearray] = {}
    waiting: dict[str, list[tuple[str, str, int, bytes]]] = {}
    acknowledged = 0
    for step in steps:
        what, name, number, _ = step
        if what == "acknowledged":
            acknowledged = number
        elif what == "delete":
            durable.pop(name, None)
            waiting.pop(name, None)
        elif what == "sync":
            for pending in waiting.pop(name, []):
                apply(durable.setdefault(name, bytearray()), pending)
        else:
            waiting.setdefault(name, []).append(step)
    for name, pending in waiting.items():
        content = durable.setdefault(name, bytearray())
        kept = {
            "none": [],
            "all": pending,
            "prefix": pending[: choose.randrange(len(pending) + 1)],
            "torn": torn(pending, choose),
        }[keep]
        for step in kept:
            apply(content, step)
    return Disk({name: bytes(content) for name, content in durable.items()}, acknowledged)
