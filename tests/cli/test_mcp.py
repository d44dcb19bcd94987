"""`remit mcp`: every client's real form of configuration, shown first, written whole, taken back exactly."""

from __future__ import annotations

import json
import os
import pty
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import remit as package
from remit.usecases.mcp_clients.places import Machine, places

Remit = Callable[..., Any]

CLAUDE_PROJECT = """\
{
  "mcpServers": {
    "git": {
      "type": "stdio",
      "command": "uvx",
      "args": ["mcp-server-git", "--repository", "${CLAUDE_PROJECT_DIR:-.}"],
      "env": {
        "GIT_TOKEN": "hidden"
      }
    },
    "linear": {
      "type": "http",
      "url": "https://mcp.linear.app/mcp",
      "headers": {"Authorization": "Bearer ${LINEAR}"}
    }
  }
}
"""
CLAUDE_PERSON = """\
{
  "numStartups": 42,
  "oauthAccount": {"emailAddress": "ann@example.com"},
  "mcpServers": {"time": {"type": "stdio", "command": "mcp-server-time", "args": [], "env": {}}},
  "projects": {
    "%s": {
      "allowedTools": [],
      "mcpServers": {"memory": {"type": "stdio", "command": "npx", "args": ["-y", "@x/memory"], "env": {}}}
    },
    "/another/project": {"mcpServers": {"theirs": {"type": "stdio", "command": "x", "args": []}}}
  }
}
"""
CURSOR = """\
{ "mcpServers": { "git": { "command": "uvx", "args": ["mcp-server-git"], "disabled": true } } }
"""
VSCODE = """\
{
\t// asked when the server starts
\t"inputs": [{"type": "promptString", "id": "key", "password": true},],
\t"servers": {
\t\t"git": {
\t\t\t"command": "uvx",
\t\t\t"args": [
\t\t\t\t"mcp-server-git", // official
\t\t\t\t"--repository", "${workspaceFolder}",
\t\t\t],
\t\t\t"envFile": "${workspaceFolder}/.env",
\t\t\t"env": {"KEY": "${input:key}"},
\t\t},
\t},
}
"""
DESKTOP = """\
{
  "mcpServers": {
    "filesystem": {
      "command": "npx",
      "args": [
        "-y",
        "@modelcontextprotocol/server-filesystem",
        "/Users/ann/Desktop"
      ]
    }
  },
  "globalShortcut": "Ctrl+Space"
}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, remit: Remit) -> Path:
    """A project with an envelope and every client's configuration, the person's too."""
    folder, home = tmp_path / "shop", tmp_path / "home"
    for place, text in {
        folder / ".mcp.json": CLAUDE_PROJECT,
        folder / ".cursor/mcp.json": CURSOR,
        folder / ".vscode/mcp.json": VSCODE,
        home / ".claude.json": CLAUDE_PERSON % folder,
        home / ".config/Claude/claude_desktop_config.json": DESKTOP,
    }.items():
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(text.encode())
    for name in ("REMIT_STORE", "CLAUDE_CONFIG_DIR", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(folder)
    assert remit("envelope", "schema").code == 0
    (folder / "remit").mkdir()
    (folder / "remit/envelope.yaml").write_text(
        "apiVersion: remit/v1\nkind: CapabilityEnvelope\nmetadata: {name: shop, version: '1'}\n"
        "spec:\n  enforcement: monitor\n  tools:\n"
        "    git_status: {effect: read, args: {type: object, additionalProperties: false}}\n"
    )
    return folder


def servers(path: Path) -> Any:
    return json.loads(path.read_text())["mcpServers"]


def test_a_change_is_shown_and_not_written_where_nobody_can_be_asked(remit: Remit, project: Path) -> None:
    ran = remit("mcp", "wrap", ".mcp.json")

    assert ran.code == 0
    assert '-      "command": "uvx",' in ran.out
    assert "--yes writes it" in ran.out
    assert "hidden" not in ran.out
    assert (project / ".mcp.json").read_text() == CLAUDE_PROJECT


def test_yes_puts_remit_in_front_and_keeps_everything_else(remit: Remit, project: Path) -> None:
    ran = remit("mcp", "wrap", ".mcp.json", "--yes")
    git = servers(project / ".mcp.json")["git"]

    assert ran.code == 0
    assert Path(git["command"]).is_absolute()
    assert git["args"] == [
        "proxy", "--server", "git", "--envelope", str(project / "remit/envelope.yaml"),
        "--store", f"sqlite:///{project / 'remit.db'}", "--home", os.environ["REMIT_HOME"], "--",
        "uvx", "mcp-server-git", "--repository", "${CLAUDE_PROJECT_DIR:-.}",
    ]  # fmt: skip
    assert (git["type"], git["env"]) == ("stdio", {"GIT_TOKEN": "hidden"})
    assert "linear: by URL: cannot be wrapped by this version" in ran.out


def test_the_command_that_is_written_is_this_remit(remit: Remit, project: Path) -> None:
    remit("mcp", "wrap", ".mcp.json", "--yes")
    command = servers(project / ".mcp.json")["git"]["command"]
    ran = subprocess.run([command, "--version"], capture_output=True, text=True, check=True)

    assert ran.stdout.startswith("remit, version ")


def test_the_home_is_written_only_where_it_is_another_than_every_process_finds_by_itself(
    remit: Remit, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("REMIT_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    remit("mcp", "wrap", ".mcp.json", "--yes")

    assert "--home" not in servers(project / ".mcp.json")["git"]["args"]


EVERY = ["claude", "cursor", "vscode", "claude-desktop"]


@pytest.mark.parametrize("client", EVERY)
def test_each_clients_files_are_wrapped_once_and_come_back_byte_for_byte(
    remit: Remit, project: Path, client: str
) -> None:
    files = [p.path for p in places(Machine(project, project.parent / "home"), client)]
    before = [path.read_bytes() for path in files]
    assert remit("mcp", "wrap", "--client", client, "--yes").code == 0
    wrapped = [path.read_bytes() for path in files]
    again = remit("mcp", "wrap", "--client", client, "--yes", "--json").object

    assert all(a != b for a, b in zip(before, wrapped, strict=True))
    assert (again["written"], [f["changed"] for f in again["files"]]) == (False, [[] for _ in files])
    assert [path.read_bytes() for path in files] == wrapped
    assert remit("mcp", "unwrap", "--client", client, "--yes").code == 0
    assert [path.read_bytes() for path in files] == before


def test_without_a_name_all_that_belongs_to_the_project_is_meant(remit: Remit, project: Path) -> None:
    told = remit("mcp", "wrap", "--json").object
    changed = {Path(f["file"]).name: f["changed"] for f in told["files"]}
    (own,) = [f for f in told["files"] if f["file"].endswith(".claude.json")]

    assert changed == {".mcp.json": ["git"], "mcp.json": ["git"], ".claude.json": ["memory"]}
    assert len(told["files"]) == 4
    assert [one["server"] for one in own["left"]] == ["time", "theirs"]


def test_a_person_whose_claude_code_has_no_server_yet_can_wrap_list_and_unwrap(
    remit: Remit, project: Path
) -> None:
    (project.parent / "home/.claude.json").write_text('{"numStartups": 3, "userID": "x"}')
    wrapped, listed = remit("mcp", "wrap", "--yes"), remit("mcp", "ls")
    unwrapped = remit("mcp", "unwrap", "--yes")
    alone = remit("mcp", "wrap", "--client", "claude-desktop", "--yes")

    assert (wrapped.code, listed.code, unwrapped.code, alone.code) == (0, 0, 0, 0)
    assert "lists no servers" not in wrapped.err + listed.err
    assert (project / ".mcp.json").read_text() == CLAUDE_PROJECT


def test_servers_of_other_projects_are_listed_and_left_alone(remit: Remit, project: Path) -> None:
    listed = remit("mcp", "ls", "--json").object["servers"]
    remit("mcp", "wrap", "--client", "claude", "--yes")
    person = json.loads((project.parent / "home/.claude.json").read_text())

    assert [s["server"] for s in listed if s["project"] == "/another/project"] == ["theirs"]
    assert person["projects"]["/another/project"]["mcpServers"]["theirs"]["command"] == "x"
    assert person["mcpServers"]["time"]["args"][-1] == "mcp-server-time"


def test_ls_says_which_servers_are_behind_remit(remit: Remit, project: Path) -> None:
    remit("mcp", "wrap", ".mcp.json", "--yes")
    ran = remit("mcp", "ls", "--json")
    states = {
        (s["client"], s["server"], s["project"]): (s["state"], s["disabled"]) for s in ran.object["servers"]
    }

    assert ran.code == 0
    assert states == {
        ("claude", "git", ""): ("wrapped", False),
        ("claude", "linear", ""): ("by URL", False),
        ("claude", "time", ""): ("direct", False),
        ("claude", "memory", str(project)): ("direct", False),
        ("claude", "theirs", "/another/project"): ("direct", False),
        ("cursor", "git", ""): ("direct", True),
        ("vscode", "git", ""): ("direct", False),
        ("claude-desktop", "filesystem", ""): ("direct", False),
    }
    assert "envelope " in remit("mcp", "ls", ".mcp.json").out


def test_a_disabled_server_is_wrapped_and_stays_disabled(remit: Remit, project: Path) -> None:
    remit("mcp", "wrap", ".cursor/mcp.json", "--yes")

    assert servers(project / ".cursor/mcp.json")["git"]["args"][0] == "proxy"
    assert servers(project / ".cursor/mcp.json")["git"]["disabled"] is True


def test_only_the_named_server_is_wrapped(remit: Remit, project: Path) -> None:
    path = project / "two.json"
    path.write_text('{"mcpServers": {"a": {"command": "x"}, "b": {"command": "y"}}}')
    remit("mcp", "wrap", "two.json", "--server", "b", "--yes")
    unknown = remit("mcp", "wrap", "two.json", "--server", "c")

    assert [one["command"] == "x" for one in servers(path).values()] == [True, False]
    assert (unknown.code, "there are: a, b" in unknown.err) == (3, True)


def test_a_malformed_file_is_named_with_line_and_column_and_nothing_is_written(
    remit: Remit, project: Path
) -> None:
    (project / ".vscode/mcp.json").write_text('{"servers": {\n  "git" {"command": "hidden"}}}')
    ran = remit("mcp", "wrap", "--yes")
    listed = remit("mcp", "ls")

    assert ran.code == 3
    assert "mcp.json:2:9: found '{'" in ran.err
    assert "hidden" not in ran.out + ran.err
    assert (project / ".mcp.json").read_text() == CLAUDE_PROJECT
    assert listed.code == 3
    assert "filesystem" in listed.out


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[]", b"{}", b'{"mcpServers": {}, "mcpServers": {}}'])
def test_what_is_no_configuration_is_refused(remit: Remit, project: Path, content: bytes) -> None:
    (project / "f.json").write_bytes(content)
    ran = remit("mcp", "wrap", "f.json", "--yes")

    assert ran.code == 3
    assert "f.json" in ran.err
    assert (project / "f.json").read_bytes() == content


def test_without_an_envelope_the_next_step_is_told(remit: Remit, project: Path) -> None:
    (project / "remit/envelope.yaml").unlink()
    ran = remit("mcp", "wrap", "--yes")

    assert ran.code == 3
    assert "remit init" in ran.err
    assert (project / ".mcp.json").read_text() == CLAUDE_PROJECT


def test_envelope_and_store_become_absolute(remit: Remit, project: Path) -> None:
    (project / "my.yaml").write_text((project / "remit/envelope.yaml").read_text())
    remit("mcp", "wrap", ".mcp.json", "--envelope", "my.yaml", "--store", "sqlite:///data/r.db", "--yes")
    args = servers(project / ".mcp.json")["git"]["args"]

    assert args[args.index("--envelope") + 1] == str(project / "my.yaml")
    assert args[args.index("--store") + 1] == f"sqlite:///{project / 'data/r.db'}"


def test_one_envelope_for_several_servers_tells_their_tools_apart(remit: Remit, project: Path) -> None:
    (project / "two.json").write_text('{"mcpServers": {"a b": {"command": "x"}, "c": {"command": "y"}}}')
    text = (project / "remit/envelope.yaml").read_text().replace("git_status", "a-b/git_status")
    (project / "remit/envelope.yaml").write_text(text)
    remit("mcp", "wrap", "two.json", "--server", "a b", "c", "--yes")
    first, second = (one["args"] for one in servers(project / "two.json").values())
    remit("mcp", "unwrap", "two.json", "--yes")
    remit("mcp", "wrap", "two.json", "--namespace", "--yes")

    assert first[first.index("--namespace") + 1] == "a-b"
    assert "--namespace" not in second
    assert [one["args"][-3] for one in servers(project / "two.json").values()] == ["a-b", "c"]


def test_a_store_in_memory_is_refused(remit: Remit, project: Path) -> None:
    assert remit("mcp", "wrap", ".mcp.json", "--store", "memory:").code == 3


def test_an_unknown_client_and_no_file_are_told(remit: Remit, project: Path, tmp_path: Path) -> None:
    assert remit("mcp", "wrap", "--client", "emacs").code == 2
    assert remit("mcp", "wrap", "missing.json").code == 3
    (project / ".cursor/mcp.json").unlink()
    assert "no MCP configuration of cursor" in remit("mcp", "wrap", "--client", "cursor").err


def test_rights_stay_and_a_link_stays_a_link(remit: Remit, project: Path) -> None:
    real = project / "dotfiles.json"
    (project / ".mcp.json").rename(real)
    (project / ".mcp.json").symlink_to(real)
    real.chmod(0o640)
    remit("mcp", "wrap", ".mcp.json", "--yes")

    assert (project / ".mcp.json").is_symlink()
    assert servers(real)["git"]["args"][0] == "proxy"
    assert stat.S_IMODE(real.stat().st_mode) == 0o640


def test_a_file_that_others_may_write_is_refused(remit: Remit, project: Path) -> None:
    (project / ".mcp.json").chmod(0o666)
    ran = remit("mcp", "wrap", ".mcp.json", "--yes")

    assert (ran.code, "chmod o-w" in ran.err) == (3, True)
    assert (project / ".mcp.json").read_text() == CLAUDE_PROJECT


def test_a_folder_where_others_may_replace_files_is_refused(remit: Remit, project: Path) -> None:
    (project / ".cursor").chmod(0o777)

    assert remit("mcp", "wrap", ".cursor/mcp.json", "--yes").code == 3
    assert (project / ".cursor/mcp.json").read_text() == CURSOR
    (project / ".cursor").chmod(0o1777)
    assert remit("mcp", "wrap", ".cursor/mcp.json", "--yes").code == 0


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give a file away")
def test_another_users_file_is_refused(remit: Remit, project: Path) -> None:
    os.chown(project / ".mcp.json", 12345, 12345)
    ran = remit("mcp", "wrap", ".mcp.json", "--yes")

    assert (ran.code, "another user" in ran.err) == (3, True)


def environment(**more: str) -> dict[str, str]:
    source = str(Path(package.__file__).parents[1])
    return {**os.environ, "PYTHONPATH": source, **more}


WRAP = [sys.executable, "-m", "remit.cli.main", "mcp", "wrap", ".mcp.json"]


@pytest.mark.parametrize(("answer", "written"), [("y\n", True), ("n\n", False), ("\n", False)])
def test_on_a_terminal_the_question_decides(project: Path, answer: str, written: bool) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(WRAP, stdin=theirs, stdout=theirs, stderr=theirs, env=environment())
    os.close(theirs)
    shown = b""
    while b"[y/N]" not in shown:
        shown += os.read(ours, 4096)
    os.write(ours, answer.encode())
    try:
        while os.read(ours, 4096):
            pass
    except OSError:
        pass  # the other end is closed
    os.close(ours)

    assert process.wait(timeout=600) == 0
    assert (servers(project / ".mcp.json")["git"]["command"] != "uvx") is written


def test_a_full_disk_loses_nothing(project: Path) -> None:
    limited = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200));"
        "from remit.cli.main import main; sys.exit(main(['mcp', 'wrap', '.mcp.json', '--yes']))"
    )
    ran = subprocess.run(
        [sys.executable, "-B", "-c", limited], env=environment(), capture_output=True, text=True, check=False
    )

    assert ran.returncode == 3, ran.stderr
    assert "cannot be written" in ran.stderr
    assert (project / ".mcp.json").read_text() == CLAUDE_PROJECT
    assert [path.name for path in project.glob(".*.new")] == []


def test_killed_at_any_moment_the_file_is_the_old_one_or_the_new_one(project: Path) -> None:
    path = project / ".mcp.json"
    subprocess.run([*WRAP, "--yes"], env=environment(), check=True, capture_output=True)
    new = path.read_bytes()
    started = time.monotonic()
    path.write_bytes(CLAUDE_PROJECT.encode())
    subprocess.run([*WRAP, "--yes"], env=environment(), check=True, capture_output=True)
    whole_s = time.monotonic() - started
    seen = set()
    for part in range(12):
        path.write_bytes(CLAUDE_PROJECT.encode())
        process = subprocess.Popen(
            [*WRAP, "--yes"], env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(whole_s * part / 10)
        process.send_signal(signal.SIGKILL)
        process.wait()
        seen.add(path.read_bytes())

    assert seen <= {CLAUDE_PROJECT.encode(), new}


def test_clients_that_share_one_file_by_a_link_change_it_once(remit: Remit, project: Path) -> None:
    (project / ".cursor/mcp.json").unlink()
    (project / ".cursor/mcp.json").symlink_to(project / ".mcp.json")
    ran = remit("mcp", "wrap", "--yes", "--json")
    again = remit("mcp", "unwrap", ".mcp.json", ".cursor/mcp.json", "--yes")

    assert (ran.code, again.code) == (0, 0)
    assert [f["file"] for f in ran.object["files"]].count(str(project / ".mcp.json")) == 1
    assert (project / ".mcp.json").read_text() == CLAUDE_PROJECT


def test_no_server_of_a_file_is_passed_over_in_silence(remit: Remit, project: Path) -> None:
    out = remit("mcp", "wrap", "--client", "claude").out

    assert "theirs: left alone: it belongs to /another/project" in out
    assert "time: left alone" in remit("mcp", "wrap").out


def test_nothing_is_wrapped_by_a_remit_that_has_no_proxy(
    remit: Remit, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mcp", None)
    ran = remit("mcp", "wrap", ".mcp.json", "--yes")

    assert (ran.code, "pip install 'remit[mcp]'" in ran.err) == (3, True)
    assert (project / ".mcp.json").read_text() == CLAUDE_PROJECT
