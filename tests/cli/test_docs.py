"""What the pages show is true: examples load, and every command and option of this version stands there."""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path
from textwrap import indent

import pytest
import typer

from remit.cli.main import COMMANDS
from remit.core.lint import RULES, lint
from remit.core.reader import read_envelope
from remit.core.recorded import read_session
from remit.core.selftest import load_envelope
from remit.usecases.replay import replay_session
from remit.usecases.sessions_files import UnreadRecord, sessions_in

DOCS = Path(__file__).parents[2] / "docs"


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)


HEAD = (
    "apiVersion: remit/v1\nkind: CapabilityEnvelope\nmetadata: {name: docs, version: '1'}\nspec:\n  tools:\n"
)


def the_envelope() -> str:
    return blocks("envelope.md", "yaml")[0]


@pytest.mark.parametrize("tools", blocks("envelope.md", "yaml")[1:])
def test_the_tools_on_its_page_load_as_part_of_an_envelope(tools: str) -> None:
    assert load_envelope(HEAD + indent(tools, "    "), "docs").tools


def test_the_envelope_on_its_page_loads_without_a_warning() -> None:
    text = the_envelope()

    assert lint(load_envelope(text, "docs"), text, "docs") == []


@pytest.mark.parametrize("text", blocks("sessions.md", "json"))
def test_the_sessions_on_their_page_are_read_and_judged(text: str) -> None:
    (session,) = sessions_in(UnreadRecord("docs:1", text.encode(), 0))
    envelope = the_envelope()

    assert [step.role for step in session.steps] == ["user", "assistant", "tool"]
    assert session.steps[2].answers is not None
    assert len(replay_session(session, read_envelope(envelope, "docs")).judged) == 1


def test_the_session_on_its_page_is_a_line_of_json_lines_too() -> None:
    line = json.dumps(json.loads(blocks("sessions.md", "json")[0]))

    assert read_session(line.encode(), "f:1").suite == "shop"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_its_place_on_the_page(name: str) -> None:
    assert f"### `remit {name}" in (DOCS / "cli.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "name", ["check", "drift", "envelope", "impact", "init", "mcp", "readiness", "replay"]
)
def test_every_option_of_these_commands_is_on_the_page(name: str) -> None:
    page = (DOCS / "cli.md").read_text(encoding="utf-8")
    command = typer.main.get_command(importlib.import_module(COMMANDS[name][0]).app)
    commands = list(getattr(command, "commands", {"": command}).values())
    options = [
        option for one in commands for param in one.params for option in param.opts if option.startswith("--")
    ]

    assert [option for option in options if option not in page and option != "--help"] == []


def test_every_lint_is_on_the_page() -> None:
    folder = Path(importlib.import_module("remit.core.lint").__file__ or "").parent
    source = "".join(file.read_text(encoding="utf-8") for file in folder.glob("*.py"))
    named = set(re.findall(r'(?:found_at|Finding)\(\s*"([a-z-]+)"', source))

    assert len(named) >= len(RULES)
    assert [
        rule for rule in named if f"`{rule}`" not in (DOCS / "envelope.md").read_text(encoding="utf-8")
    ] == []
