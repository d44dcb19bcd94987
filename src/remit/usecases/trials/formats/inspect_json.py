"""Logs of Inspect in its JSON form: `{version: 2, eval, samples: […]}`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from remit.core.errors import BadInput
from remit.usecases.trials.formats.inspect_sample import Sample, about, trial_of
from remit.usecases.trials.formats.opened import ResultRecord, decoded, raw_items, raw_members
from remit.usecases.trials.formats.recorded import Reading, RecordedTrial


def fits(keys: frozenset[str]) -> bool:
    """Whether a record with these keys is one."""
    return keys >= {"version", "eval"}


def read(source: Iterable[ResultRecord], reading: Reading) -> Iterator[RecordedTrial]:
    """The trials of a log.

    Raises:
        BadInput: with file and place.
    """
    for record in source:
        place = record.where.rpartition(":")[0]
        members = raw_members(record.data, record.where)
        head = about(
            {key: decoded(members[key], place, Any) for key in ("version", "eval") if key in members}, place
        )
        if "samples" not in members:
            raise BadInput(f"{place}: samples", "no samples", "write the log with its samples")
        for at, item in enumerate(raw_items(members["samples"], f"{place}: samples")):
            where = f"{place}: samples[{at}]"
            yield from trial_of(decoded(item, where, Sample), head, where, reading)
