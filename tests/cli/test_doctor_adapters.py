"""Which adapters `remit doctor` tries, and what the store says of tools that nobody governs."""

from __future__ import annotations

import pytest

from remit.cli import doctor_adapters
from remit.cli.canaries import Check


@pytest.fixture
def tried(monkeypatch, place, tmp_path):
    """The adapters that were tried; none of their canaries flies."""
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    monkeypatch.delenv("CLAUDE_CONFIG_DIR", raising=False)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    found: list[str] = []

    def trying(name):
        def checks(asked):
            found.append(name)
            yield Check(f"{name}: canary", True, "fail", "tried")

        return checks

    table = {
        name: doctor_adapters.Adapter((), one.install, one.used, trying(name))
        for name, one in doctor_adapters.ADAPTERS.items()
    }
    monkeypatch.setattr(doctor_adapters, "ADAPTERS", table)
    return found


def test_where_nothing_is_in_use_none_is_tried_and_one_line_says_so(run, tried):
    line = run("doctor", "--json")

    assert tried == []
    (told,) = [c["told"] for c in line.told["checks"] if c["name"] == "adapters"]
    assert told == "not in use in this folder, and not tried: mcp, langchain, claude-code"


@pytest.mark.parametrize(
    ("file", "text", "adapter"),
    [
        (".mcp.json", '{"mcpServers": {}}', "mcp"),
        ("nobody/.claude.json", '{"mcpServers": {"a": {"command": "/bin/remit", "args": ["proxy"]}}}', "mcp"),
        ("pyproject.toml", '[project]\ndependencies = ["langchain>=1"]\n', "langchain"),
        (
            ".claude/settings.json",
            '{"hooks": {"Stop": [{"hooks": [{"command": "remit-hook"}]}]}}',
            "claude-code",
        ),
        ("nobody/.claude/settings.json", '{"hooks": "…/claude_hook.py"}', "claude-code"),
        ("requirements-dev.txt", "LangGraph==1.2\n", "langchain"),
    ],
)
def test_what_this_folder_uses_is_tried(run, tried, place, file, text, adapter):
    path = place.folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)

    run("doctor", "--json")

    assert tried == [adapter]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (["--adapter", "langchain"], ["langchain"]),
        (["--adapter", "claude-code", "--adapter", "mcp"], ["mcp", "claude-code"]),
        (["--adapter", "all"], ["mcp", "langchain", "claude-code"]),
        (["--mcp"], ["mcp"]),
    ],
)
def test_what_is_asked_for_is_tried(run, tried, asked, expected):
    assert run("doctor", *asked, "--json").code == 0
    assert tried == expected


def test_an_adapter_that_does_not_exist_is_a_usage_error(run, place):
    assert run("doctor", "--adapter", "crewai").code == 2


def test_what_is_not_installed_is_said_in_one_line_and_does_not_fail(run, tried, monkeypatch):
    never = doctor_adapters.Adapter(
        ("no_such_module.of_anybody",), "pip install it", lambda folder: True, lambda asked: iter([1 / 0])
    )
    monkeypatch.setitem(doctor_adapters.ADAPTERS, "langchain", never)

    line = run("doctor", "--json")

    (found,) = [c for c in line.told["checks"] if c["name"] == "langchain: installed"]
    assert (line.code, found["level"], found["remedy"]) == (0, "info", "pip install it")
    assert "no_such_module" in found["told"]


def test_a_canary_that_fails_ends_with_1(run, tried, monkeypatch):
    failing = doctor_adapters.Adapter(
        (), "", lambda folder: True, lambda asked: iter([Check("mcp: canary", False, "fail", "it ran")])
    )
    monkeypatch.setitem(doctor_adapters.ADAPTERS, "mcp", failing)

    assert run("doctor").code == 1


def test_tools_that_ran_where_nobody_governs_them_are_named_once(run, place):
    with place.guard() as guard, guard.session() as session:
        for _ in range(2):
            session.tell(
                "coverage.gap", {"tool": "web_search", "found": "runs at its provider", "host": "langchain"}
            )

    (found,) = [c for c in run("doctor", "--json").told["checks"] if c["name"] == "coverage"]

    assert not found["ok"]
    assert found["level"] == "warn"
    assert found["told"].count("web_search") == 1
    assert "runs at its provider" in found["told"]


def test_a_store_without_such_tools_says_nothing_of_them(run, place):
    place.guard().close()

    assert not [c for c in run("doctor", "--json").told["checks"] if c["name"] == "coverage"]
