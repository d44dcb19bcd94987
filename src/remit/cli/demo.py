"""`remit demo`: the main job on a real local model, unguarded and then within its remit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from remit.cli.output import Output

app = typer.Typer(add_completion=False)


@app.command()
def demo(
    once: Annotated[bool, typer.Option("--once", help="One case only, in both arms: a few seconds.")] = False,
    folder: Annotated[Path | None, typer.Option(help="Where the store goes; default .demo here.")] = None,
    picture: Annotated[
        Path | None, typer.Option(help="Also write what was printed to this SVG file.")
    ] = None,
) -> int:
    """Run a small language model as a refund agent, first unguarded, then guarded, and account for both."""
    from remit.demo.run import main

    return main(once=once, json_output=Output.json, folder=folder, picture=picture)
