"""What commands on finished runs share: a run by its id or its file, its answers embedded, its report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from remit.core.errors import BadInput

if TYPE_CHECKING:
    from remit.core.trial.analysis.vectors import Vectors
    from remit.core.trial.report import Report
    from remit.core.trial.run import Run

EmbedderOption = Annotated[
    str,
    typer.Option(
        "--embedder",
        metavar="NAME",
        help="What embeds answers: lexical, semantic, remote:URL#MODEL, module:attribute, or none.",
    ),
]
NONE = "none"


def run_named(name: str) -> Run:
    """The run in this file.

    Args:
        name: a file; `-` is standard input.

    Raises:
        BadInput: there is none, or the file is none of a run.
    """
    from remit.core.trial.run import run_from
    from remit.usecases.sessions_files import lines

    path = Path(name)
    if name != "-" and not path.exists():
        raise BadInput("run", f"there is no file {name[:200]!r}", "name a file of a run")
    if path.is_dir():
        raise BadInput(name, "is a folder", "name a file of a run")
    return run_from((line.where, line.data) for line in lines(path))


def report_of(run: Run, embedder: str) -> Report:
    """What a run says, its answers embedded by what *embedder* names.

    Raises:
        BadInput: no such embedder.
        Unavailable: what it needs is missing.
    """
    from remit.core.trial.analysis.analyse import analyse

    vectors, made = vectors_of(run, embedder)
    return analyse(run, vectors=vectors, embedder=made)


def vectors_of(run: Run, embedder: str) -> tuple[Vectors | None, str]:
    """The answers' vectors, by their text, and what made them; None where nothing is to be embedded.

    Raises:
        BadInput: no such embedder.
        Unavailable: what it needs is missing.
    """
    from remit.core.trial.analysis.vectors import texts
    from remit.usecases.embedding.named import embedder_named

    if embedder.strip() == NONE:
        return None, ""
    made = embedder_named(embedder, where="--embedder")
    answers = texts(run.trials)
    vectors = dict(zip(answers, made.embed(answers), strict=True)) if answers else {}
    return vectors, f"{made.name} {made.version}"
