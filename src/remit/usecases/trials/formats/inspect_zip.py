"""Logs of Inspect in its packed form, `.eval`: a zip file with a head and a member, or a folder, for each sample.

Samples that are cut into chunks are read too. Inspect's own library is not needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from remit.core.errors import BadInput
from remit.usecases.trials.formats.inspect_sample import About, Sample, about, trial_of
from remit.usecases.trials.formats.opened import decoded
from remit.usecases.trials.formats.recorded import Reading, RecordedTrial
from remit.usecases.trials.formats.zipped import MAGIC, Members

_HEADS = ("header.json", "_journal/start.json")
"""The second is all there is of a log whose run was cut off."""
_FOLDER, _SHELL = "samples/", "/sample.json"


def fits(path: Path) -> bool:
    """Whether the file is a zip file: no other format is."""
    with path.open("rb") as file:
        return file.read(2) == MAGIC


def read(path: Path, reading: Reading) -> Iterator[RecordedTrial]:
    """The trials of a log.

    Raises:
        BadInput: with file and member.
        Unavailable: it is packed in a way that nothing here unpacks.
    """
    with Members(path) as members:
        head = _head(members)
        for name in members.names():
            if not name.startswith(_FOLDER):
                continue
            where = f"{path}: {name}"
            if name.endswith(_SHELL) and name.count("/") > 1:
                yield from trial_of(_chunked(members, name), head, where, reading)
            elif name.endswith(".json") and name.count("/") == 1:
                yield from trial_of(decoded(members.read(name), where, Sample), head, where, reading)


def _head(members: Members) -> About:
    for name in _HEADS:
        if name in members:
            where = f"{members.path}: {name}"
            return about(decoded(members.read(name), where, dict[str, Any]), where)
    raise BadInput(str(members.path), "a zip file, but no log of Inspect", f"one has a member {_HEADS[0]}")


def _chunked(members: Members, shell: str) -> Sample:
    """A sample whose messages and attachments stand in members of their own."""
    base = shell.removesuffix(_SHELL)
    sample = decoded(members.read(shell), f"{members.path}: {shell}", Sample)
    said: list[Any] = _sequence(members, f"{base}/messages/")
    texts = {str(at): text for at, text in enumerate(_sequence(members, f"{base}/attachments/"))}
    listed = [one for first, after in sample.message_refs for one in said[max(first, 0) : after]]
    try:
        told = msgspec.convert({"messages": listed, "attachments": texts}, _Apart)
    except msgspec.ValidationError as error:
        raise BadInput(f"{members.path}: {base}", f"not of the form that it has to have: {error}") from None
    return msgspec.structs.replace(sample, messages=told.messages, attachments=told.attachments)


class _Apart(msgspec.Struct):
    messages: list[dict[str, Any]]
    attachments: dict[str, str]


def _sequence(members: Members, folder: str) -> list[Any]:
    """The items of all chunks of a folder, in the order of their first item."""
    starts = {int(name[len(folder) : -5]): name for name in members.names() if _is_chunk(name, folder)}
    found: list[Any] = []
    for start in sorted(starts):
        found += decoded(members.read(starts[start]), f"{members.path}: {starts[start]}", list[Any])
    return found


def _is_chunk(name: str, folder: str) -> bool:
    middle = name[len(folder) : -5]
    return name.startswith(folder) and name.endswith(".json") and middle.isascii() and middle.isdigit()
