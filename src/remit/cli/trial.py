"""`remit trial …`: suites run many times, and what their results say. Each command is a file, listed here."""

from __future__ import annotations

import importlib

import typer

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def trial() -> None:
    """Run an agent many times, and judge it as a distribution."""


COMMANDS: tuple[str, ...] = (
    "trial_run",
    "trial_ls",
    "trial_merge",
    "trial_plan",
    "trial_check",
    "trial_schema",
    "trial_report",
    "trial_selftest",
    "trial_import",
    "trial_sample",
    "trial_compare",
)
"""Modules with a function `add(app)`, in the order of the help."""

for _name in COMMANDS:
    importlib.import_module(f"remit.cli.{_name}").add(app)
