"""`remit trial schema`: the language of suites, for editors."""

from __future__ import annotations

import json
import sys

import typer

from remit.cli.output import Output, emit


def add(app: typer.Typer) -> None:
    """Make it a command of *app*."""
    app.command("schema")(schema)


def schema() -> int:
    """The JSON Schema of a suite, for editors: `# yaml-language-server: $schema=…`."""
    from remit.core.trial.suite_schema import SUITE_SCHEMA

    if Output.json:
        emit(SUITE_SCHEMA)
    else:
        sys.stdout.write(json.dumps(SUITE_SCHEMA, indent=2) + "\n")
    return 0
