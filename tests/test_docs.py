"""What the documents show is run here, so that it stays true."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
from inspect import signature
from pathlib import Path
from typing import Any

import pytest
import typer

import remit
from remit.cli.main import COMMANDS, root
from remit.wiring import read_envelope_file

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])


def blocks(path: Path, language: str) -> list[str]:
    return re.findall(
        rf"^```{language}\n(.*?)^```", path.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )


def test_the_example_of_the_readme_ends_as_the_readme_says(tmp_path, monkeypatch):
    (example,) = blocks(ROOT / "README.md", "python")
    envelope = ROOT / "examples/envelopes/refund.yaml"
    monkeypatch.chdir(tmp_path)

    with pytest.raises(remit.CallDenied, match=r"refund_payment\.once-per-order"):
        exec(
            compile(example.replace("examples/envelopes/refund.yaml", str(envelope)), "README.md", "exec"), {}
        )


def test_the_readme_puts_remit_in_front_of_a_real_server(tmp_path: Path) -> None:
    (commands,) = (block for block in blocks(ROOT / "README.md", "sh") if "remit init" in block)
    steps = [line for line in commands.splitlines() if not line.startswith("pip install")]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environ = {**os.environ, "HOME": str(tmp_path), "REMIT_HOME": str(tmp_path / "home"), "PATH": path}

    done = subprocess.run(
        ["bash", "-e", "-c", "\n".join(steps)],
        env=environ,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    (server,) = json.loads((tmp_path / "shop/.mcp.json").read_text())["mcpServers"].values()
    found = asyncio.run(_first_call(server, tmp_path / "shop", environ))
    assert "On branch" in found
    told = subprocess.run(
        ["remit", "readiness", "--envelope", "remit/envelope.yaml", "--json"],
        env=environ, cwd=tmp_path / "shop", capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert json.loads(told.stdout)["calls"] == 1, told.stdout + told.stderr


def test_the_readme_judges_an_agent_as_it_says(tmp_path: Path) -> None:
    (commands,) = (block for block in blocks(ROOT / "README.md", "sh") if "remit trial" in block)
    shutil.copytree(ROOT / "examples/trials", tmp_path / "examples/trials")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

    done = subprocess.run(
        ["bash", "-e", "-c", commands],
        env={**os.environ, "HOME": str(tmp_path), "REMIT_HOME": str(tmp_path / "home"), "PATH": path},
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr
    (shown,) = re.findall(
        r"^> \*\*PASS\*\* (.*)$", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert f"PASS  {shown}" in " ".join(done.stdout.split(" "))
    assert {"run.jsonl", "report.html", "report.xml"} <= {file.name for file in tmp_path.iterdir()}


def test_five_minutes_with_trials_end_as_the_page_says(tmp_path: Path) -> None:
    page = (ROOT / "docs/trials.md").read_text(encoding="utf-8")
    part = page[page.index("## In five minutes") : page.index("## Suites")]
    fences = re.findall(r"^```(\w*)\n(.*?)^```", part, re.DOTALL | re.MULTILINE)
    agent, suite, command, shown = (text for kind, text in fences if kind in ("py", "yml", "", "text"))
    (tmp_path / "agent.py").write_text(agent, encoding="utf-8")
    (tmp_path / "suite.yaml").write_text(suite, encoding="utf-8")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

    done = subprocess.run(
        command.split(), env={**os.environ, "REMIT_HOME": str(tmp_path / "home"), "PATH": path, "COLUMNS": "200"},
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.stdout.startswith(shown), done.stdout + done.stderr
    assert (done.returncode, (tmp_path / "report.html").exists()) == (0, True)


async def _first_call(server: dict[str, Any], folder: Path, environ: dict[str, str]) -> str:
    """What a client gets that starts the server as its configuration says."""
    from mcp import Client, StdioServerParameters
    from mcp.client.stdio import stdio_client

    started = StdioServerParameters(command=server["command"], args=server["args"], env=environ, cwd=folder)
    # Its own default for errlog is what stderr was at import, in another test perhaps.
    async with Client(stdio_client(started, errlog=sys.__stderr__)) as client:
        result = await client.call_tool("git_status", {"repo_path": str(folder)})
        return str(result.content[0].text)


def test_the_examples_of_the_python_reference_run_one_after_another(tmp_path, monkeypatch):
    shutil.copy(ROOT / "examples/envelopes/refund.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REMIT_HOME", str(tmp_path / "home"))

    page = ROOT / "docs/python.md"
    exec(compile("\n".join(blocks(page, "python")), page.name, "exec"), {})


@pytest.mark.parametrize("called", [remit.open, remit.Guard.session])
def test_every_parameter_of_the_doors_is_in_the_python_reference(called):
    page = (ROOT / "docs/python.md").read_text(encoding="utf-8")

    assert [name for name in signature(called).parameters if name != "self" and f"`{name}`" not in page] == []


def test_every_public_name_and_error_is_in_the_python_reference():
    page = (ROOT / "docs/python.md").read_text(encoding="utf-8")

    assert [name for name in remit.__all__ if not name.startswith("__") and name not in page] == []


def headings(path: Path) -> set[str]:
    """The anchors of a page."""
    found = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^a-z0-9 _-]", "", text.lower()).replace(" ", "-") for text in found}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_inside_the_project_leads_somewhere(path):
    for target, heading in re.findall(r"\]\(([^)#\s]*)(?:#([^)\s]+))?\)", path.read_text(encoding="utf-8")):
        if "://" not in target:
            there = path.parent / target if target else path
            assert there.exists(), target
            assert not heading or heading in headings(there), f"{target}#{heading}"


def command_lines(path: Path) -> list[list[str]]:
    """The words after `remit` of every command line that a document shows or names, without what a shell adds."""
    text = path.read_text(encoding="utf-8")
    shown = [line.strip() for block in re.findall(r"^```\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
             for line in block.splitlines()]  # fmt: skip
    found = [line for line in shown if line.startswith("remit ")] + re.findall(r"`(remit [^`]+)`", text)
    return [re.split(r"\s[#>|]\s*", line.replace("\n", " "))[0].split()[1:] for line in found]


def leaf(words: list[str]) -> tuple[Any, list[str]]:
    """The command that these words reach, and the words after it."""
    command: Any = typer.main.get_command(root)
    while hasattr(command, "commands") or command.name is None:
        rest = [word for word in words if word != "--json"]
        if not rest or not re.fullmatch("[a-z-]+", rest[0]) or rest[0].startswith("-"):
            break
        found = command.get_command(None, rest[0])
        assert found is not None, " ".join(words)
        command, words = found, rest[1:]
    return command, words


def options(command: Any) -> set[str]:
    return {name for parameter in command.params for name in parameter.opts if name.startswith("--")}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_and_option_that_a_document_names_exists(path):
    for words in command_lines(path):
        command, rest = leaf(words)
        given = {word.split("=")[0] for word in rest if re.match("--[a-z]", word)}
        assert given <= options(command) | {"--json", "--help"}, " ".join(words)


def test_every_command_and_option_is_in_the_page_of_the_command_line():
    page = (ROOT / "docs/cli.md").read_text(encoding="utf-8")
    everywhere = {"--help", "--json", "--store", "--tenant", "--as"}
    unsaid: list[str] = []
    for name in COMMANDS:
        command, _ = leaf([name])
        part = page[page.index(f"### `remit {name}") :].split("\n##", 1)[0]
        text = page if name in ("envelope", "replay") else part
        commands = getattr(command, "commands", {"": command})
        for sub, one in commands.items():
            assert sub in text, f"remit {name} {sub}"
            unsaid += [f"{name} {sub} {option}" for option in options(one) - everywhere if option not in text]
    assert unsaid == []


@pytest.mark.parametrize(
    "path", sorted((ROOT / "examples/envelopes").glob("*.yaml")), ids=lambda path: path.name
)
def test_every_example_envelope_loads_and_its_tests_hold(path):
    assert read_envelope_file(path).tools
