"""Files of remit's own trial runs, as `remit trial run --out` and `remit trial import --out` write them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from remit.core.trial.run import Run, run_from
from remit.usecases.trials.formats.opened import ResultRecord
from remit.usecases.trials.formats.recorded import Reading, RecordedTrial


def fits(keys: frozenset[str]) -> bool:
    """Whether a record with these keys is the first line of one."""
    return keys >= {"format", "run"}


def read(source: Iterable[ResultRecord], reading: Reading) -> Iterator[RecordedTrial]:
    """The trials of a run file.

    Raises:
        BadInput: with file and line.
    """
    run, place = whole_run(source)
    for trial in run.trials:
        model = run.info.fingerprints.get(trial.arm, {}).get("model")
        named = model if isinstance(model, str) else ""
        kept = {**trial.extra, "arm": trial.arm, "task": trial.task, "model": named}
        if reading.wanted(kept):
            place_of = f"{place}: trial {trial.draw} of {trial.arm!r}"
            yield RecordedTrial(place_of, trial, run.info.suite, named, kept, run)


def whole_run(source: Iterable[ResultRecord]) -> tuple[Run, str]:
    """The run with everything that is known about it, and its file.

    Raises:
        BadInput: with file and line.
    """
    places: list[str] = []

    def lines() -> Iterator[tuple[str, bytes]]:
        for record in source:
            places[:] = places or [str(record.path)]
            yield record.where, record.data

    return run_from(lines()), places[0]
