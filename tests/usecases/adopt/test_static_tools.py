"""Tools from source that is read and never run, as the framework itself would describe them."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from remit.adapters.agent_tools import tools_of_agent
from remit.core.errors import BadInput
from remit.usecases.adopt.detect import uses
from remit.usecases.adopt.source import sources
from remit.usecases.adopt.static_tools import FoundTools, tools_of

TOOLS = '''\
from typing import Annotated, Any, Literal, Optional

from langchain.agents import create_agent
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import InjectedToolArg, tool
from langgraph.prebuilt import InjectedState
from pydantic import BaseModel, Field


class Mail(BaseModel):
    to: list[str] = Field(description="whom")
    subject: str = "hello"
    copies: int = Field(default=1)


@tool
def get_order(order_id: str, lines: list[int], kind: Literal["a", "b"] = "a") -> str:
    """Read an order.

    More of it.
    """
    return ""


@tool("pay_now")
def pay(
    amount: float,
    note: Optional[str] = None,
    *,
    fast: bool,
    state: Annotated[dict, InjectedState],
    key: Annotated[str, InjectedToolArg],
    config: RunnableConfig,
    other: Any = None,
) -> str:
    """Pay somebody."""
    return ""


@tool(args_schema=Mail)
async def send_mail(to, subject, copies):
    """Send a mail."""
    return ""


def lookup(name: "str | int", depth: Annotated[int, "how deep"] = 1) -> str:
    """Look something up."""
    return name


TOOLS = [get_order, pay, send_mail, lookup]


def build(model: Any) -> Any:
    return create_agent(model, TOOLS)
'''


def read(folder: Path) -> FoundTools:
    return tools_of(sources(folder))


def test_names_descriptions_and_parameters_are_those_that_the_framework_makes(tmp_path: Path) -> None:
    (tmp_path / "static_shop_tools.py").write_text(TOOLS)
    found = {hint.name: hint for hint in read(tmp_path).hints}
    real = {one["name"]: one for one in tools_of_agent("static_shop_tools:TOOLS", tmp_path)}

    assert list(found) == ["get_order", "pay_now", "send_mail", "lookup"]
    assert set(found) == set(real)
    for name, hint in found.items():
        schema = real[name]["inputSchema"]
        assert typed(hint.schema) == typed(schema), name
        assert set(hint.schema.get("required", [])) == set(schema.get("required", [])), name
        assert real[name]["description"].startswith(hint.description)


WORDS = ("type", "enum", "items", "anyOf")


def typed(schema: Any) -> Any:
    """What a schema says of each property, without titles, defaults and descriptions."""

    def plain(one: Any) -> Any:
        if isinstance(one, list):
            return [plain(each) for each in one]
        return {k: plain(v) for k, v in one.items() if k in WORDS} if isinstance(one, dict) else one

    def without_enum_type(one: Any) -> Any:
        return {k: v for k, v in one.items() if not (k == "type" and "enum" in one)}

    return {name: without_enum_type(plain(one)) for name, one in schema["properties"].items()}


def test_tools_that_only_running_could_tell_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(
        "from langchain.agents import create_agent\nfrom shop import TOOLS, other\n\n"
        "a = create_agent('m', [*TOOLS, other])\nb = create_agent('m', tools=load())\n"
    )

    assert read(tmp_path).unread == ("a.py:4: *TOOLS", "a.py:4: other", "a.py:5: load()")


def test_tools_of_the_claude_agent_sdk_have_their_servers_name(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(
        "from claude_agent_sdk import create_sdk_mcp_server, tool\n\n"
        "@tool('add', 'Adds.', {'a': float, 'b': float})\nasync def add(args): ...\n\n"
        "server = create_sdk_mcp_server(name='calc', tools=[add])\n"
    )
    (hint,) = read(tmp_path).hints

    assert (hint.name, hint.description) == ("mcp__calc__add", "Adds.")
    assert hint.schema["properties"] == {"a": {"type": "number"}, "b": {"type": "number"}}


@pytest.mark.parametrize(
    ("name", "text", "what"),
    [
        ("pyproject.toml", '[project]\nname="x"\ndependencies=["LangChain[openai]>=1"]\n', "langchain"),
        ("pyproject.toml", '[dependency-groups]\ndev=["claude_agent_sdk"]\n', "claude-agent-sdk"),
        ("pyproject.toml", '[project.optional-dependencies]\na=["langgraph==1"]\n', "langchain"),
        ("pyproject.toml", '[tool.poetry.group.a.dependencies]\nlanggraph="^1"\n', "langchain"),
        ("requirements-dev.txt", "# a\nlangchain==1.2 ; python_version>'3'\n", "langchain"),
        ("uv.lock", '[[package]]\nname = "langgraph"\n', "langchain"),
        ("poetry.lock", '[[package]]\nname = "claude-agent-sdk"\n', "claude-agent-sdk"),
        (".claude", None, "claude-code"),
        ("agent.py", "import langgraph.graph\n", "langchain"),
    ],
)
def test_what_a_project_uses_is_found_where_it_says_so(
    tmp_path: Path, name: str, text: str | None, what: str
) -> None:
    if text is None:
        (tmp_path / name).mkdir()
    else:
        (tmp_path / name).write_text(text)

    assert [(use.what, use.where) for use in uses(tmp_path, tuple(sources(tmp_path)))] == [(what, name)]


@pytest.mark.parametrize(
    "text", ["", "= broken", '[project]\ndependencies="x"', "project = 3", "[tool]\npoetry=[]"]
)
def test_a_project_that_uses_nothing_or_is_odd_is_no_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    (tmp_path / "requirements.txt").write_bytes(b"\xff")

    assert uses(tmp_path, ()) == []


def module(folder: Path, name: str, text: str) -> str:
    assert importlib.util.find_spec(name) is None
    (folder / f"{name}.py").write_text(text)
    return name


def test_the_tools_of_an_agent_that_is_named_are_asked_of_the_framework(tmp_path: Path) -> None:
    name = module(
        tmp_path,
        "named_agent",
        "from langchain.agents import create_agent\n"
        "from langchain_core.language_models.fake_chat_models import FakeListChatModel\n"
        "from langchain_core.tools import tool\n\n"
        "@tool\ndef get_order(order_id: str) -> str:\n    'Read an order.'\n    return order_id\n\n"
        "def build():\n    return create_agent(FakeListChatModel(responses=['x']), [get_order])\n\n"
        "agent = build()\n",
    )
    (direct,) = tools_of_agent(f"{name}:agent", tmp_path)

    assert (direct["name"], direct["inputSchema"]["required"]) == ("get_order", ["order_id"])
    assert tools_of_agent(f"{name}:build", tmp_path) == [direct]


@pytest.mark.parametrize(
    ("attribute", "told"),
    [
        ("missing", "AttributeError"),
        ("number", "no tools"),
        ("broken", "calling it failed"),
        ("leaves", "SystemExit"),
        ("mixed", "among its"),
    ],
)
def test_what_is_no_agent_is_told(tmp_path: Path, attribute: str, told: str) -> None:
    (tmp_path / "odd_agent.py").write_text(
        "number = 3\nmixed = [3]\ndef broken():\n    raise ValueError('no')\ndef leaves():\n    raise SystemExit(0)\n"
    )

    with pytest.raises(BadInput, match=told):
        tools_of_agent(f"odd_agent:{attribute}", tmp_path)
    with pytest.raises(BadInput, match="module:attribute"):
        tools_of_agent("odd_agent", tmp_path)
    with pytest.raises(BadInput, match="ModuleNotFoundError"):
        tools_of_agent("no_such_agent:x", tmp_path)
