"""Options that commands share: declared once, so that each has one meaning, one default and one help everywhere."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Annotated

import pytest
import typer
import typer.main
from typer.testing import CliRunner

from remit.cli import compare, stats, trial
from remit.cli.option_groups import grouped
from remit.cli.report_options import ReportOptions
from remit.cli.results_read import ResultOptions


@dataclass(frozen=True)
class Page:
    """A group."""

    width: Annotated[int, typer.Option(help="How wide.")]
    bold: Annotated[bool, typer.Option("--bold")] = False


def test_a_group_stands_for_its_fields_and_reaches_the_command_as_one_value():
    app = typer.Typer(add_completion=False)

    @app.command()
    @grouped
    def show(name: str, *, page: Page, last: str = "z") -> None:
        typer.echo(f"{name} {page} {last}")

    printed = CliRunner().invoke(app, ["a", "--width", "9", "--last", "y"])

    assert printed.output == "a Page(width=9, bold=False) y\n"
    assert [one.name for one in typer.main.get_command(app).params] == ["name", "width", "bold", "last"]


def test_a_field_without_a_default_is_asked_for():
    app = typer.Typer(add_completion=False)

    @app.command()
    @grouped
    def show(*, page: Page) -> None: ...

    assert CliRunner().invoke(app, []).exit_code == 2


def options_of(path: str):
    """Name, flags, default and help of each option of a command."""
    name, _, inner = path.partition(" ")
    command = typer.main.get_command({"trial": trial, "compare": compare, "stats": stats}[name].app)
    command = command.commands[inner] if inner else command
    return {p.name: (tuple(p.opts), p.default, getattr(p, "help", "")) for p in command.params}


@pytest.mark.parametrize(
    ("group", "first", "others"),
    [
        (ReportOptions, "trial report", ("trial run", "trial compare", "trial merge", "compare")),
        (ResultOptions, "trial import", ("stats",)),
    ],
)
def test_commands_that_share_a_group_say_the_same_of_each_of_its_options(group, first, others):
    known = options_of(first)
    for other in others:
        found = options_of(other)
        for field in fields(group):
            assert found[field.name] == known[field.name], (other, field.name)


def test_an_option_of_one_name_has_one_help_wherever_it_asks_for_one_thing():
    assert options_of("stats")["methods"] == options_of("trial report")["methods"]
    assert options_of("compare")["out"] == options_of("trial run")["out"] == options_of("trial merge")["out"]
    assert options_of("trial selftest")["run"] == options_of("trial report")["run"]
