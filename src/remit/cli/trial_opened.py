"""What commands on finished runs share: a run by its id or its file, its answers embedded, its report."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from remit.cli.opened import opened
from remit.cli.output import note
from remit.core.errors import BadInput
from remit.settings import load_settings

if TYPE_CHECKING:
    from remit.core.trial.analysis.vectors import Vectors
    from remit.core.trial.report import Report
    from remit.core.trial.run import Run

_ENDINGS = (".jsonl", ".json", ".gz", ".eval")


def run_named(name: str, store: str | None = None) -> Run:
    """The run in this file, or the one of this id in the store.

    Args:
        name: a file or folder of results in any format that is known, `-` for a run on standard input, or an id.
        store: as `--store` was given.

    Raises:
        BadInput: there is none, or the file holds none.
    """
    path = Path(name)
    if name == "-" or path.is_file():
        return _run_in(path)
    if path.exists():
        from remit.usecases.trials.imported import read_run

        return read_run([path])
    if "/" in name or name.endswith(_ENDINGS):
        raise BadInput(name, "there is no such file", "name a file of a run, or an id of `remit trial ls`")
    return _run_of_store(name, store)


def _run_in(path: Path) -> Run:
    from remit.usecases.trials.formats import runs
    from remit.usecases.trials.formats.opened import raw_members, records
    from remit.usecases.trials.imported import read_run

    source = records(path)
    first = next(source, None)
    if first is None or first.data.lstrip()[:1] != b"{":
        raise BadInput(str(path), "no results in it", "name a file that `remit trial run --out` wrote")
    if runs.fits(frozenset(raw_members(first.data, first.where))):
        return runs.whole_run(chain([first], source))[0]
    if str(path) == "-":
        raise BadInput("-", "no run on standard input", "results of other formats are read from files")
    return read_run([path])


def _run_of_store(run_id: str, store: str | None) -> Run:
    from remit.wiring import trial_book_of

    with opened(store) as at:
        book = trial_book_of(at.store)
        run = book.load(run_id)
        if not book.ended(run_id):
            note("remit: this run has not come to its end; what follows is what is known so far")
        return run


def report_of(run: Run, embedder: str, *, methods: bool = False) -> Report:
    """What a run says, its answers embedded by what *embedder* names; see `analysed`."""
    from remit.usecases.trials.analysed import analysed

    return analysed(run, embedder, load_settings(), methods=methods)


def vectors_of(run: Run, embedder: str) -> tuple[Vectors | None, str]:
    """The answers' vectors, by their text, and what made them; None where nothing is to be embedded."""
    from remit.usecases.trials.analysed import vectors_of as made_of

    return made_of(run, embedder, load_settings())
