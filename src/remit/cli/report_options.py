"""Options of every command that ends with a report: what makes it, and where it is written beside what is printed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from remit.cli.trial_shown import Outputs, outputs_of
from remit.settings import load_settings

EmbedderOption = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="What embeds answers: lexical, semantic, remote:URL#MODEL, module:attribute, or none.",
    ),
]
MethodsOption = Annotated[
    bool,
    typer.Option(
        "--methods",
        help="Also compare two arms by other published methods, paired and unpaired; they decide nothing.",
    ),
]
RunOption = Annotated[
    Path | None, typer.Option("--out", metavar="F.jsonl", help="Write the run, a line for each trial.")
]
RunArgument = Annotated[
    str, typer.Argument(metavar="RUN|FILE", help="Id of a run, or a file of results; - is a run on stdin.")
]


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """What is asked of a report; each field is an option."""

    embedder: EmbedderOption = "lexical"
    junit: Annotated[
        Path | None,
        typer.Option(metavar="F.xml", help="Write the report as JUnit XML, for a dashboard of CI."),
    ] = None
    markdown: Annotated[Path | None, typer.Option(metavar="F.md", help="Write the report as Markdown.")] = (
        None
    )
    html: Annotated[
        Path | None,
        typer.Option(metavar="F.html", help="Write the report as one page that needs nothing else."),
    ] = None
    step_summary: Annotated[
        bool,
        typer.Option("--step-summary", help="Add the Markdown to the file named by $GITHUB_STEP_SUMMARY."),
    ] = False

    def outputs(self) -> Outputs:
        """The files, checked, and the embedder with them: neither is found wanting when all trials have been paid for."""
        from remit.usecases.trials.analysed import made_embedder

        made_embedder(self.embedder, load_settings())
        return outputs_of(
            junit=self.junit, markdown=self.markdown, html=self.html, step_summary=self.step_summary
        )
