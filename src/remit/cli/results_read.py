"""Options of every command that reads results from elsewhere, and the run that they come to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Annotated

import typer

from remit.cli.output import note, safe
from remit.cli.replay import pairs_of
from remit.core.errors import BadInput
from remit.usecases.trials.formats.recorded import Reading
from remit.usecases.trials.imported import ImportChoice, Imported, imported

Files = Annotated[
    list[Path] | None,
    typer.Argument(metavar="FILE…", help="Files or folders of results, - for stdin.", show_default=False),
]
SuiteName = Annotated[str, typer.Option(metavar="NAME", help="Name of the suite.")]


@dataclass(frozen=True, slots=True)
class ResultOptions:
    """How results from elsewhere are understood; each field is an option."""

    arm: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[=FILE]", help="The arm of all results, or of one file; may be repeated with files."
        ),
    ] = None
    arm_by: Annotated[
        str, typer.Option(metavar="FIELD,…", help="Fields that name the arm: model, or meta.config.")
    ] = ""
    task_by: Annotated[
        str, typer.Option(metavar="FIELD,…", help="Fields that name the task, instead of its id.")
    ] = ""
    where: Annotated[
        list[str] | None,
        typer.Option(metavar="K=V", help="Only results with this field; attack.name=direct reads below."),
    ] = None
    success_by: Annotated[
        str,
        typer.Option(
            "--success", metavar="FIELD", help="Which field, or which score, says whether a run is a success."
        ),
    ] = ""
    at_least: Annotated[
        float | None,
        typer.Option(metavar="X", help="From which score a run is a success.", show_default=False),
    ] = None
    count_errors: Annotated[
        bool,
        typer.Option("--count-errors", help="Count runs that the world broke off by what their record says."),
    ] = False

    def reading(self) -> Reading:
        """How success is understood.

        Raises:
            UsageError: a score that is no number.
        """
        if self.at_least is not None and not isfinite(self.at_least):
            raise typer.BadParameter(f"--at-least: found {self.at_least}, write a number")
        return Reading(at_least=self.at_least, success=self.success_by, count_errors=self.count_errors)


def read_results(files: Sequence[Path] | None, asked: ResultOptions, suite: str = "") -> Imported:
    """The run that the options name.

    Raises:
        BadInput: a file is none of results.
        UsageError: no file, arms that do not fit, or a score that is no number.
    """
    reading = asked.reading()
    sources = _sources(files or [], asked.arm or [])
    fields, tasks = _listed(asked.arm_by), _listed(asked.task_by)
    if fields and any(name for name, _ in sources):
        raise typer.BadParameter(
            "--arm and --arm-by: one says the arm of all, the other reads it; use one of them"
        )
    wanted = pairs_of(asked.where or [])
    found = imported(
        [(ImportChoice(name, fields, tasks, wanted, reading), paths) for name, paths in sources], suite=suite
    )
    for path in found.passed_over:
        note(f"remit: {safe(path)} was passed over: no results of a known format")
    return found


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _sources(files: Sequence[Path], arms: Sequence[str]) -> list[tuple[str, Sequence[Path]]]:
    """Arms with their files; one without a name where the records say it."""
    named = [text.partition("=") for text in arms]
    alone = [name for name, mark, _ in named if not mark]
    sources: list[tuple[str, Sequence[Path]]] = [(name, [Path(file)]) for name, mark, file in named if mark]
    if len(alone) > 1 or (alone and not files):
        raise typer.BadParameter(
            "--arm: several names need their files, --arm baseline=a.jsonl --arm candidate=b.jsonl"
        )
    if any(not name for name, _ in sources):
        raise typer.BadParameter("--arm: no name before '='")
    if files:
        sources.append((alone[0] if alone else "", files))
    if not sources:
        raise typer.BadParameter("no file; name files or folders of results, - for stdin")
    if sum(str(path) == "-" for _, paths in sources for path in paths) > 1:
        raise BadInput("-", "standard input is named twice", "name it once")
    return sources
