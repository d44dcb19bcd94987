"""`remit init`: a first envelope that loads, shown before it is written, never over another one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from remit.core.types import Enforcement, ToolEffect
from remit.usecases.scaffold import scaffold
from remit.usecases.tool_effect import effect_of
from remit.usecases.tool_hint import tools_in
from remit.wiring import read_envelope_file

Remit = Callable[..., Any]
Written = Callable[..., Path]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "My Shop").mkdir()
    return tmp_path / "My Shop"


def test_without_hints_a_starter_is_written_that_loads_and_monitors(remit: Remit, project: Path) -> None:
    ran = remit("init", project)
    envelope = read_envelope_file(project / "remit/envelope.yaml")

    assert ran.code == 0
    assert "it is a starter" in ran.out
    assert "envelope.yaml written; it monitors, and blocks nothing" in ran.out
    assert "guard = remit.open(" in ran.out
    assert (envelope.name, envelope.enforcement) == ("my-shop-agent", Enforcement.MONITOR)
    assert len(envelope.tests) == 3
    assert remit("envelope", "lint", "--strict", project / "remit/envelope.yaml").code == 0


def test_a_new_envelope_is_told_by_the_effects_that_were_guessed(remit: Remit, project: Path) -> None:
    tools = [{"name": name} for name in ("get_order", "refund_order", "frobnicate")]
    (project / "tools.json").write_text(json.dumps(tools))
    (project / ".git").mkdir()
    first = remit("init", project, "--tools", project / "tools.json").out
    (project / ".gitignore").write_text("remit.db*\n")
    second = remit("init", project, "--tools", project / "tools.json").out

    assert "  read (1): get_order\n" in first
    assert "  irreversible (2): refund_order, frobnicate\n" in first
    assert "apiVersion" not in first
    assert "echo 'remit.db*' >>" in first and "gitignore" not in second


def test_the_second_time_nothing_changes(remit: Remit, project: Path) -> None:
    remit("init", project)
    ran = remit("init", project, "--json")

    assert ran.code == 0
    assert (ran.object["written"], ran.object["diff"]) == (False, "")


def test_another_envelope_is_shown_and_not_overwritten(remit: Remit, project: Path, written: Written) -> None:
    place = written("My Shop/remit/envelope.yaml", "mine: true\n")
    ran = remit("init", project)

    assert ran.code == 3
    assert "-mine: true" in ran.out
    assert "--yes overwrites it" in ran.err
    assert place.read_text() == "mine: true\n"


def test_yes_overwrites(remit: Remit, project: Path, written: Written) -> None:
    place = written("My Shop/remit/envelope.yaml", "mine: true\n")

    assert remit("init", project, "--yes").code == 0
    assert read_envelope_file(place).name == "my-shop-agent"


ORDER = {"type": "object", "properties": {"order_id": {"type": "string"}}, "required": ["order_id"]}
MAIL = {"type": "object", "properties": {"to": {"type": "string"}, "body": {"type": "string"}}}
LISTS = {
    "mcp": {
        "tools": [{"name": "get_order", "inputSchema": ORDER}, {"name": "send_mail", "inputSchema": MAIL}]
    },
    "openai": [
        {"type": "function", "function": {"name": "get_order", "parameters": ORDER}},
        {"type": "function", "function": {"name": "send_mail", "parameters": MAIL}},
    ],
    "anthropic": [{"name": "get_order", "input_schema": ORDER}, {"name": "send_mail", "input_schema": MAIL}],
}


@pytest.mark.parametrize("form", LISTS)
def test_tools_are_listed_from_definitions_closed_and_with_cautious_effects(
    remit: Remit, project: Path, written: Written, form: str
) -> None:
    ran = remit(
        "init", project, "--tools", written("tools.json", json.dumps(LISTS[form], indent=1)), "--json"
    )
    envelope = read_envelope_file(project / "remit/envelope.yaml")

    assert [(tool["name"], tool["effect"]) for tool in ran.object["tools"]] == [
        ("get_order", "read"),
        ("send_mail", "egress"),
    ]
    assert envelope.tools["send_mail"].schema["additionalProperties"] is False
    assert [flow.clause.id for flow in envelope.tools["send_mail"].flow] == ["send_mail.to-from-user"]
    assert remit("envelope", "lint", "--strict", project / "remit/envelope.yaml").code == 0


def test_what_an_envelope_cannot_list_is_left_out_and_named(
    remit: Remit, project: Path, written: Written
) -> None:
    awkward = [
        {"name": "ok", "inputSchema": {}},
        {"name": "has space"},
        {
            "name": "bad_argument",
            "inputSchema": {"type": "object", "properties": {"user-id": {"type": "string"}}},
        },
    ]
    ran = remit("init", project, "--tools", written("tools.json", json.dumps(awkward)), "--json")

    assert ran.code == 0
    assert [tool["name"] for tool in ran.object["tools"]] == ["ok"]
    assert [tool["name"] for tool in ran.object["left_out"]] == ["has space", "bad_argument"]


def test_a_schema_that_an_envelope_refuses_gives_way_to_the_argument_names(
    remit: Remit, project: Path, written: Written
) -> None:
    odd = {
        "type": "object",
        "properties": {"q": {"type": "string", "pattern": "(?=look)ahead"}, "r": {"$ref": "http://x"}},
    }
    remit(
        "init", project, "--tools", written("tools.json", json.dumps([{"name": "find", "inputSchema": odd}]))
    )
    tool = read_envelope_file(project / "remit/envelope.yaml").tools["find"]

    assert tool.schema["properties"] == {"q": {}, "r": {}}
    assert tool.schema["additionalProperties"] is False


def test_recorded_sessions_tell_the_tools_and_the_shapes_of_their_arguments(
    remit: Remit, project: Path, written: Written
) -> None:
    args: list[dict[str, Any]] = [
        {"amount": 1, "to": ["a"], "note": None, "at": {"x": 1}},
        {"amount": 1.5, "to": [], "note": "n", "at": {"x": 2, "y": "z"}},
    ]
    steps = [{"role": "assistant", "tool_calls": [{"name": "pay", "args": one} for one in args]}]
    path = written("s.jsonl", [{"session_id": "s", "steps": steps}])
    ran = remit("init", project, "--from-sessions", path)
    tool = read_envelope_file(project / "remit/envelope.yaml").tools["pay"]

    assert ran.code == 0
    assert tool.effect is ToolEffect.IRREVERSIBLE
    assert tool.schema["required"] == ["amount", "to", "note", "at"]
    assert tool.schema["properties"] == {
        "amount": {"type": "number"},
        "to": {"type": "array", "items": {"type": "string"}},
        "note": {"type": ["null", "string"]},
        "at": {
            "type": "object",
            "additionalProperties": False,
            "required": ["x"],
            "properties": {"x": {"type": "integer"}, "y": {"type": "string"}},
        },
    }
    replayed = remit(
        "readiness", "--sessions", path, "--envelope", project / "remit/envelope.yaml", "--json"
    ).object
    assert replayed["would_refuse"] == 0


def test_sessions_without_a_call_give_no_starter_by_mistake(
    remit: Remit, project: Path, written: Written
) -> None:
    ran = remit("init", project, "--from-sessions", written("s.jsonl", [{"session_id": "s", "steps": []}]))

    assert ran.code == 3
    assert "these sessions call no tool" in ran.err
    assert not (project / "remit").exists()


@pytest.mark.parametrize("content", ["{}", "[]", "3", '[{"nope": 1}]', "{"])
def test_a_file_without_tools_is_named(remit: Remit, project: Path, written: Written, content: str) -> None:
    path = written("tools.json", content)
    ran = remit("init", project, "--tools", path)

    assert ran.code == 3
    assert str(path) in ran.err


STRANGE = '\U0001f600 \u0085 \u2028 \ufeff "quoted": {flow} # no comment \x1b[31m'


def test_strangers_text_is_data_in_the_written_envelope(
    remit: Remit, project: Path, written: Written
) -> None:
    schema = {"type": "object", "properties": {"mood": {"enum": [STRANGE, "ok"]}}}
    tools = [
        {"name": "get_mood", "description": STRANGE + "\n    evil: {effect: read}", "inputSchema": schema}
    ]
    ran = remit("init", project, "--tools", written("tools.json", json.dumps(tools)))
    envelope = read_envelope_file(project / "remit/envelope.yaml")

    assert ran.code == 0
    assert list(envelope.tools) == ["get_mood"]
    assert envelope.tools["get_mood"].schema["properties"]["mood"]["enum"] == [STRANGE, "ok"]


@pytest.mark.parametrize(
    ("tool", "effect", "why"),
    [
        ({"name": "git_show"}, "read", "'show'"),
        (
            {"name": "git_status", "annotations": {"readOnlyHint": True}},
            "irreversible",
            "says that it only reads",
        ),
        ({"name": "git_show", "annotations": {"readOnlyHint": False}}, "irreversible", "does not say"),
        ({"name": "create_branch", "annotations": {"destructiveHint": True}}, "irreversible", "destroys"),
        ({"name": "create_branch", "annotations": {"destructiveHint": False}}, "write", "'create'"),
        ({"name": "delete_show"}, "irreversible", "'delete'"),
        ({"name": "get_page", "annotations": {"destructiveHint": True}}, "read", "'get'"),
    ],
)
def test_a_servers_word_makes_a_proposal_stricter_and_never_looser(
    tool: dict[str, Any], effect: str, why: str
) -> None:
    for server in ("git", "delete"):
        (hint,) = tools_in([tool], "f", server=server)
        found, told = effect_of(hint)
        expected = "irreversible" if (server, tool["name"]) == ("delete", "git_show") else effect

        assert (found.value, why in told or found.value != effect) == (expected, True)


def test_no_rule_of_a_tool_behind_mcp_asks_for_the_users_word() -> None:
    made = {
        server: scaffold("a", tools_in([{"name": "send_mail", "inputSchema": MAIL}], "f", server=server)).text
        for server in ("", "mail")
    }

    assert ("from: [user]" in made[""], "approve:" in made[""]) == (True, False)
    assert ("from: [user]" in made["mail"], "approve:" in made["mail"]) == (False, True)
