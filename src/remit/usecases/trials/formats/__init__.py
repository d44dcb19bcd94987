"""Results that somebody else recorded, a file for each format. Which one a file has is seen from its content.

To add one: write `fits` (does a record with these keys belong to it) and `read`, and add its line to `FORMATS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from remit.core.errors import BadInput
from remit.usecases.trials.formats import inspect_json, inspect_zip, plain, runs, tau, tau2
from remit.usecases.trials.formats.opened import REMEDY, ResultRecord, raw_members, records
from remit.usecases.trials.formats.recorded import Reading, RecordedTrial


@dataclass(frozen=True, slots=True)
class ResultFormat:
    """One way in which results are recorded."""

    name: str
    told: str
    """By what it is recognised."""
    fits: Callable[[frozenset[str]], bool]
    """Whether a record with these keys is the first of such a file."""
    read: Callable[[Iterable[ResultRecord], Reading], Iterator[RecordedTrial]]


FORMATS: tuple[ResultFormat, ...] = (
    ResultFormat("remit", "a first line with 'format' and 'run'", runs.fits, runs.read),
    ResultFormat("inspect", "'version' and 'eval', or a zip file", inspect_json.fits, inspect_json.read),
    ResultFormat(
        "tau2",
        "'info', 'tasks' and 'simulations', or 'task_id', 'termination_reason' and 'reward_info'",
        tau2.fits,
        tau2.read,
    ),
    ResultFormat("tau-bench", "'task_id', 'reward' and 'traj'", tau.fits, tau.read),
    ResultFormat("plain", "'task_id' or 'task'", plain.fits, plain.read),
)
"""In the order in which they are tried."""

_FORM = 'write a table as one object a line, {"task_id": "a", "success": true}'


class Unrecognised(BadInput):
    """A file in which no results are known to stand."""


def read_file(path: Path, reading: Reading) -> tuple[str, Iterator[RecordedTrial]]:
    """Name of the format of a file, and its trials, read as they are asked for.

    Raises:
        Unrecognised: no format fits.
        BadInput: it cannot be read.
    """
    if str(path) != "-" and _zipped(path):
        return "inspect", inspect_zip.read(path, reading)
    source = records(path)
    first = next(source, None)
    if first is None:
        raise Unrecognised(str(path), "nothing in it", REMEDY)
    keys = _keys(first)
    for known in FORMATS:
        if known.fits(keys):
            return known.name, known.read(chain([first], source), reading)
    told = ", ".join(f"{known.name} ({known.told})" for known in FORMATS)
    raise Unrecognised(first.where, "results of no known format", f"known: {told}")


def _keys(first: ResultRecord) -> frozenset[str]:
    if first.data.lstrip()[:1] != b"{":
        raise Unrecognised(first.where, "no JSON object", f"{_FORM}; {REMEDY}")
    return frozenset(raw_members(first.data, first.where))


def _zipped(path: Path) -> bool:
    try:
        return inspect_zip.fits(path)
    except OSError as error:
        raise BadInput(str(path), f"cannot be read: {error.strerror or error}", "check the path") from None
