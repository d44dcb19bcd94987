"""remit in front of a client's servers, and away again: the smallest edit, and nothing of the file is lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.core.errors import BadInput
from remit.core.jsontext import Edit, edited
from remit.usecases.mcp_clients.change import ChosenServers, wrapping
from remit.usecases.mcp_clients.files import shown_diff
from remit.usecases.mcp_clients.places import ConfigFile
from remit.usecases.mcp_clients.servers import Config, ServerState, option_of, read_config
from remit.usecases.mcp_clients.wrap import Front, unwrapped, wrapped

OPTIONS = ("--envelope", "/home/ann/shop/remit/envelope.yaml", "--store", "sqlite:////home/ann/shop/remit.db")
FRONT = Front("/opt/remit/bin/remit", "/opt/remit/bin/python", OPTIONS)

VSCODE = """\
// Servers of this workspace
{
\t"inputs": [
\t\t{"type": "promptString", "id": "key", "password": true}, // asked once
\t],
\t"servers": {
\t\t"git": {
\t\t\t"type": "stdio",
\t\t\t"command": "u\\u0076x", /* the launcher */
\t\t\t"args": [
\t\t\t\t// the repository
\t\t\t\t"mcp-server-git", // by Anthropic
\t\t\t\t"--repository", "${workspaceFolder}",
\t\t\t],
\t\t\t"env": {"TOKEN": "${input:key}"},
\t\t\t"dev": {"watch": "**/*.py"},
\t\t},
\t\t"docs": {"type": "http", "url": "https://example.com/mcp"},
\t},
}
"""


def config(text: str) -> Config:
    return read_config(text, Path("f.json"))


def wrap(text: str, front: Front = FRONT) -> str:
    return wrapped(config(text), config(text).servers, front)


def unwrap(text: str) -> str:
    return unwrapped(config(text), config(text).servers)


def one(entry: str) -> str:
    return '{"mcpServers": {"s": ' + entry + "}}"


def test_comments_formatting_variables_and_everything_else_stay() -> None:
    after = wrap(VSCODE)

    assert after == VSCODE.replace('"u\\u0076x", /*', '"/opt/remit/bin/remit", /*').replace(
        '\t\t\t\t"mcp-server-git"',
        '\t\t\t\t"proxy", "--server", "git", "--envelope", "/home/ann/shop/remit/envelope.yaml",'
        ' "--store", "sqlite:////home/ann/shop/remit.db", "--",\n'
        '\t\t\t\t"u\\u0076x",\n\t\t\t\t"mcp-server-git"',
    )
    assert unwrap(after) == VSCODE


def test_what_it_means_is_the_old_command_behind_remit() -> None:
    (git, docs) = config(wrap(VSCODE)).servers

    assert git.state is ServerState.WRAPPED
    assert git.command == (
        "/opt/remit/bin/remit", "proxy", "--server", "git", *OPTIONS, "--",
        "uvx", "mcp-server-git", "--repository", "${workspaceFolder}",
    )  # fmt: skip
    assert git.original == ("uvx", "mcp-server-git", "--repository", "${workspaceFolder}")
    assert option_of(git.command, "--envelope") == "/home/ann/shop/remit/envelope.yaml"
    assert docs.state is ServerState.BY_URL


ENTRIES = [
    '{"command": "x"}',
    '{"command":"x"}',
    '{\n  "command": "x"\n}',
    '{\r\n  "command": "x",\r\n  "env": {}\r\n}',
    '{"command": "x", "args": []}',
    '{"command": "x", "args": [ ]}',
    '{"command": "x", "args": [\n  ]}',
    '{"command": "x", "args": [ /* none */ ]}',
    '{"args": [], "command": "x"}',
    '{"args": ["a"], "command": "x"}',
    '{"command": "x", "args": ["a"]}',
    '{"command": "x", "args": [ "a" ]}',
    '{"command": "x", "args": ["a",]}',
    '{"command": "x", "args": [\n    "a", // why\n    "b"\n]}',
    '{"command": "x", // one\n "args": /* two */ [/* three */"a"/* four */,]}',
    '{"command": "x" /* last */}',
    '{"command": "x", "disabled": true, "cwd": "/srv", "env": {"PYTHONPATH": "src"}}',
    '{"command": "x", "args": ["--", "proxy", "--server"]}',
]


@pytest.mark.parametrize("entry", ENTRIES)
def test_unwrapping_restores_every_byte(entry: str) -> None:
    text = one(entry)
    after = wrap(text)
    (before_s,), (after_s,) = config(text).servers, config(after).servers

    assert (before_s.state, after_s.state) == (ServerState.DIRECT, ServerState.WRAPPED)
    assert after_s.original == before_s.command
    assert unwrap(after) == text


@pytest.mark.parametrize("entry", ENTRIES)
def test_wrapping_twice_changes_nothing(entry: str) -> None:
    after = wrap(one(entry))

    assert wrap(after) == after


@pytest.mark.parametrize("entry", ENTRIES[:12])
def test_a_formatter_in_between_loses_nothing(entry: str) -> None:
    text = one(entry)
    after = json.dumps(config(wrap(text)).root.plain(), indent=4)
    (server,) = config(unwrap(after)).servers

    assert server.command == config(text).servers[0].command


def test_comments_that_were_put_between_remits_arguments_stay() -> None:
    after = wrap(one('{"command": "x", "args": ["a"]}'))
    noted = after.replace('"--store"', '/* kept */ "--store"')

    assert "/* kept */" in unwrap(noted)
    assert config(unwrap(noted)).servers[0].command == ("x", "a")


def test_a_server_written_in_python_does_not_change_the_interpreter_that_runs_remit() -> None:
    after = wrap(one('{"command": "x", "env": {"PYTHONPATH": "src"}}'))

    assert config(after).servers[0].command[:6] == (
        "/opt/remit/bin/python", "-E", "-P", "-m", "remit.cli.main", "proxy",
    )  # fmt: skip


def test_where_there_is_no_script_the_interpreter_runs_the_module() -> None:
    after = wrap(one('{"command": "x"}'), Front("", "/opt/python", OPTIONS))

    assert config(after).servers[0].command[:6] == (
        "/opt/python",
        "-E",
        "-P",
        "-m",
        "remit.cli.main",
        "proxy",
    )
    assert unwrap(after) == one('{"command": "x"}')


@pytest.mark.parametrize("name", ["--", "-x", "--server", "remit", "proxy", "a b", "\u00e9\u2028"])
def test_whatever_a_server_is_called_its_name_is_no_option(name: str) -> None:
    text = json.dumps({"mcpServers": {name: {"command": "x", "args": ["--", "y"]}}})
    (server,) = config(wrap(text)).servers

    assert option_of(server.command, "--server") == name
    assert (server.original, unwrap(wrap(text))) == (("x", "--", "y"), text)


def test_what_could_not_be_taken_back_is_not_written() -> None:
    chosen = ChosenServers(ConfigFile("", Path("f.json"), True), config(VSCODE), config(VSCODE).servers)

    assert wrapping(chosen, FRONT).changed
    with pytest.raises(BadInput, match="edited safely"):
        wrapping(chosen, Front("/opt/renamed", ""))


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ("3", "no command"),
        ("{}", "no command"),
        ('{"command": ["x"]}', "no command"),
        ('{"command": ""}', "no command"),
        ('{"command": "x", "args": "a b"}', "no list of texts"),
        ('{"command": "x", "args": ["a", 1]}', "no list of texts"),
        ('{"command": "x", "url": "http://x"}', "and a URL"),
        ('{"command": "/bin/remit", "args": ["proxy", "--"]}', "without a command"),
        ('{"command": "/bin/remit", "args": ["proxy", "x"]}', "without a command"),
    ],
)
def test_what_cannot_be_understood_is_left_alone_and_says_why(entry: str, why: str) -> None:
    (server,) = config(one(entry)).servers

    assert server.state is ServerState.ODD
    assert why in server.why
    assert wrap(one(entry)) == one(entry)


@pytest.mark.parametrize(
    "command",
    [
        ["remit", "proxy", "--", "x", "a"],
        ["C:\\\\tools\\\\remit.exe", "proxy", "--store=s", "--", "x", "a"],
        ["uvx", "remit", "proxy", "--server", "s", "--", "x", "a"],
    ],
)
def test_what_somebody_wrapped_by_hand_is_known(command: list[str]) -> None:
    text = one(f'{{"command": "{command[0]}", "args": {json.dumps(command[1:])}}}')

    assert wrap(text) == text
    assert config(unwrap(text)).servers[0].command == ("x", "a")


def test_the_servers_of_each_project_in_claude_codes_own_file_are_found() -> None:
    text = json.dumps(
        {
            "numStartups": 3,
            "mcpServers": {"all": {"command": "x"}},
            "projects": {"/p": {"mcpServers": {"own": {"command": "y"}}, "history": []}, "/q": {}},
        }
    )

    assert [(s.project, s.name) for s in config(text).servers] == [("", "all"), ("/p", "own")]


@pytest.mark.parametrize("text", ["[]", "3"])
def test_a_file_that_is_no_object_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        config(text)


@pytest.mark.parametrize(("text", "lists"), [("{}", False), ('{"mcp": 3}', False), ('{"servers": {}}', True)])
def test_a_file_that_has_no_place_for_servers_is_told_from_an_empty_list(text: str, lists: bool) -> None:
    assert (config(text).servers, config(text).lists) == ((), lists)


def test_no_secret_is_in_what_is_shown() -> None:
    text = """\
{
  "apiKey": "hidden-1",
  "mcpServers": {
    "a": {
      "type": "stdio", // hidden-2
      "command": "uvx", "env": {"command": "hidden-3", "args": "hidden-4"},
      "args": [
        "server",
        "--key", "hidden-5"
      ],
      "env": {"TOKEN": "hidden-6"}
    },
    "u": {"url": "https://x/?key=hidden-7", "headers": {"Authorization": "hidden-8"}}
  }
}
""".replace('"env": {"command"', '"envs": {"command"')
    shown = shown_diff(text, wrap(text), "f")

    assert "hidden" not in shown
    assert '-      "command": "uvx", "envs": {"command": "…", "args": "…"},' in shown
    assert '+      "command": "/opt/remit/bin/remit", ' in shown


NAMES = st.text(min_size=1, max_size=8)
TEXTS = st.text(max_size=8)
SPACE = st.sampled_from(["", " ", "\n    ", "\r\n\t", " /* c */ ", " // d\n"])
OTHERS: dict[str, Any] = {
    "env": {"A": "b"},
    "cwd": "/srv",
    "disabled": True,
    "type": "stdio",
    "x-own": [1, None],
}


@st.composite
def files(draw: st.DrawFn) -> str:
    """A configuration with up to four servers, written in some way."""

    def gap() -> str:
        return draw(SPACE)

    def obj(members: list[str]) -> str:
        comma = draw(st.sampled_from(["", ","])) if members else ""
        return "{" + gap() + f"{gap()},{gap()}".join(members) + comma + gap() + "}"

    def token(value: object) -> str:
        return json.dumps(value, ensure_ascii=draw(st.booleans()))

    def entry() -> str:
        members = [f'"command":{gap()}{token(draw(TEXTS.filter(bool)))}']
        if draw(st.booleans()):
            items = [token(one) for one in draw(st.lists(TEXTS, max_size=4))]
            comma = draw(st.sampled_from(["", ","])) if items else ""
            members.append(f'"args":{gap()}[{gap()}' + f",{gap()}".join(items) + f"{comma}{gap()}]")
        kept = draw(st.lists(st.sampled_from(sorted(OTHERS)), unique=True))
        return obj(draw(st.permutations(members + [f'"{key}": {json.dumps(OTHERS[key])}' for key in kept])))

    names = draw(st.lists(NAMES, unique=True, max_size=4))
    key = draw(st.sampled_from(["mcpServers", "servers"]))
    servers = obj([f"{token(name)}:{gap()}{entry()}" for name in names])
    return gap() + obj([f'"{key}":{gap()}{servers}', '"other": "…"']) + gap()


def intended(text: str) -> Any:
    """What the wrapped file must mean, computed from the plain object."""
    plain = config(text).root.plain()
    assert isinstance(plain, dict)
    for server in config(text).servers:
        if server.state is ServerState.DIRECT:
            entry = (plain.get("mcpServers") or plain.get("servers"))[server.name]
            front = FRONT.command(server)
            entry["args"] = [*front[1:], entry["command"], *entry.get("args", [])]
            entry["command"] = front[0]
    return plain


def outside(text: str, like: Config) -> str:
    """*text* without commands and arguments; without the key `args` too where *like* has none."""
    edits = []
    for server, before in zip(config(text).servers, like.servers, strict=True):
        command, args = server.node.get("command"), server.node.get("args")
        assert command
        if args and not before.node.get("args"):
            edits.append(Edit(command.start, args.end, ""))
        else:
            edits += [Edit(node.start, node.end, "") for node in (command, args) if node]
    return edited(text, edits)


@given(files())
def test_any_file_means_what_was_intended_and_is_untouched_outside_the_edits(text: str) -> None:
    after = wrap(text)

    assert config(after).root.plain() == intended(text)
    assert outside(after, config(text)) == outside(text, config(text))


@given(files())
def test_any_file_comes_back_byte_for_byte(text: str) -> None:
    assert unwrap(wrap(text)) == text


@given(files(), st.data())
def test_each_server_can_be_wrapped_and_unwrapped_by_itself(text: str, data: st.DataObject) -> None:
    servers = config(text).servers
    some = data.draw(st.sets(st.sampled_from(range(len(servers))))) if servers else set()
    partly = wrapped(config(text), [servers[at] for at in some], FRONT)

    assert unwrap(wrap(partly)) == text
