"""`remit doctor` and MCP: the canaries fail when the proxy does, and what goes past it is named."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from remit.cli.canaries_mcp import PROXY, canaries

ALLOWED, REFUSED, UNRECORDED = (
    "mcp: an allowed call runs through the proxy",
    "mcp: a refused call does not run",
    "mcp: a call does not run where it cannot be recorded",
)


def found(proxy):
    return {check.name: check for check in canaries(proxy)}


def a_proxy(folder: Path, text: str) -> list[str]:
    """A program that stands where `remit proxy` would."""
    (folder / "proxy.py").write_text(text)
    return [sys.executable, str(folder / "proxy.py")]


def test_through_the_real_proxy_what_is_allowed_runs_and_nothing_else():
    checks = found(PROXY)

    assert list(checks) == [ALLOWED, REFUSED, UNRECORDED]
    assert all(check.ok for check in checks.values()), checks


def test_a_proxy_that_lets_everything_through_fails(tmp_path):
    text = "import subprocess, sys\nsys.exit(subprocess.call(sys.argv[sys.argv.index('--') + 1:]))\n"

    checks = found(a_proxy(tmp_path, text))

    assert checks[ALLOWED].ok
    assert not checks[REFUSED].ok
    assert "ran" in checks[REFUSED].told
    assert not checks[UNRECORDED].ok


PATCHED = """
import sys
from remit.usecases import session
from remit.core.refusals import CallDenied
from remit.core.errors import Unavailable

real = session.Session.acall

async def acall(self, tool, args, *, run, **rest):
    try:
        return await real(self, tool, args, run=run, **rest)
    except {caught}:
        return await run(**args)

session.Session.acall = acall
from remit.cli.main import main
sys.exit(main(["proxy", *sys.argv[1:]]))
"""


@pytest.mark.parametrize(("caught", "fails"), [("CallDenied", REFUSED), ("Unavailable", UNRECORDED)])
def test_a_proxy_that_lets_what_was_refused_or_could_not_be_recorded_run_fails(tmp_path, caught, fails):
    checks = found(a_proxy(tmp_path, PATCHED.format(caught=caught)))

    assert [name for name, check in checks.items() if not check.ok] == [fails]


def test_a_proxy_that_runs_nothing_proves_nothing_and_fails(tmp_path):
    checks = found(a_proxy(tmp_path, "raise SystemExit('no such option')\n"))

    assert list(checks) == [ALLOWED]
    assert "no such option" in checks[ALLOWED].told


# ---------------------------------------------------------------------------------------------- looks
FLOWING = """
apiVersion: remit/v1
kind: CapabilityEnvelope
metadata: {name: shop, version: "1"}
spec:
  enforcement: enforce
  tools:
    write_note:
      effect: write
      args: {type: object, additionalProperties: false, required: [text], properties: {text: {type: string}}}
      flow: [{id: said, arg: text, from: [user]}]
    gone:
      effect: read
      args: {type: object, additionalProperties: false, properties: {}}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch, place):
    """A project whose MCP servers Claude Code starts, in a home where nothing else is."""
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    monkeypatch.delenv("CLAUDE_CONFIG_DIR", raising=False)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    (tmp_path / "envelope.yaml").write_text(FLOWING)
    return tmp_path


@pytest.fixture
def no_canaries(monkeypatch):
    monkeypatch.setattr("remit.cli.canaries_mcp.canaries", lambda: iter(()))


def configured(folder: Path, **servers: dict[str, object]) -> None:
    (folder / ".mcp.json").write_text(json.dumps({"mcpServers": servers}))


def server(trace: Path) -> list[str]:
    return [sys.executable, "-m", "remit.cli.canary_server", str(trace)]


def behind(folder: Path, *options: str) -> dict[str, object]:
    command = ["proxy", *options, "--", *server(folder / "ran")]
    return {"command": "remit", "args": command}


def told(line, name):
    return [check for check in line.told["checks"] if check["name"] == name]


def test_servers_that_are_not_wrapped_and_those_by_url_are_named(run, folder, no_canaries):
    command = server(folder / "ran")
    configured(folder, a={"command": command[0], "args": command[1:]}, b={"url": "https://example.com/mcp"})

    found = told(run("doctor", "--json"), "mcp: not wrapped")

    assert [check["ok"] for check in found] == [False, False]
    assert "a is started without remit" in found[0]["told"]
    assert "b is reached by URL" in found[1]["told"]


def test_a_wrapped_server_is_well_and_one_without_an_envelope_or_with_a_broken_one_is_not(
    run, folder, no_canaries
):
    (folder / "broken.yaml").write_text("apiVersion: remit/v9")
    monitoring = FLOWING.replace("enforcement: enforce", "enforcement: monitor")
    (folder / "monitoring.yaml").write_text(monitoring)
    configured(
        folder,
        well=behind(folder, "--envelope", str(folder / "envelope.yaml")),
        drafting=behind(folder),
        broken=behind(folder, "--envelope", str(folder / "broken.yaml")),
        watching=behind(folder, "--envelope", str(folder / "monitoring.yaml")),
    )

    found = told(run("doctor", "--json"), "mcp: wrapped")

    assert [check["ok"] for check in found] == [False, False, True, False]
    assert "drafts one" in found[0]["told"]
    assert "broken.yaml" in found[1]["told"]
    assert "only monitors" in found[3]["told"]


def test_servers_of_one_configuration_and_envelope_are_told_together(run, folder, no_canaries):
    place = str(folder / "monitoring.yaml")
    (folder / "monitoring.yaml").write_text(FLOWING.replace("enforcement: enforce", "enforcement: monitor"))
    configured(folder, **{name: behind(folder, "--envelope", place) for name in ("git", "time")})

    (found,) = told(run("doctor", "--json"), "mcp: wrapped")

    assert found["told"].endswith("which only monitors: git, time")
    assert f"remit readiness --envelope {place}" in found["remedy"]


def test_flow_clauses_that_ask_for_the_user_are_named_where_the_proxy_uses_the_envelope(
    run, folder, no_canaries
):
    configured(folder, shop=behind(folder, "--envelope", str(folder / "envelope.yaml")))

    (found,) = told(run("doctor", "--json"), "mcp: flow")

    assert not found["ok"]
    assert "write_note.said" in found["told"]


def test_a_configuration_that_cannot_be_read_is_named(run, folder, no_canaries):
    (folder / ".mcp.json").write_text("{not json")

    (found,) = told(run("doctor", "--json"), "mcp: configuration")

    assert ".mcp.json" in found["told"]


def test_live_tools_that_the_envelope_does_not_list_and_those_that_are_not_there_are_named(
    run, folder, no_canaries
):
    configured(folder, shop=behind(folder, "--envelope", str(folder / "envelope.yaml")))

    found = [check["told"] for check in told(run("doctor", "--mcp", "--json"), "mcp: live")]

    assert found == [
        "shop: shop does not list divide, unlisted",
        "shop lists what none of its servers has: gone",
    ]
    assert not (folder / "ran").exists()


def test_servers_are_started_only_when_asked(run, folder, no_canaries):
    configured(folder, shop={"command": sys.executable, "args": ["-c", "open('started', 'w')"]})

    run("doctor", "--envelope", "envelope.yaml", "--json")
    assert not (folder / "started").exists()

    found = told(run("doctor", "--envelope", "envelope.yaml", "--mcp", "--json"), "mcp: live")
    assert (folder / "started").exists()
    assert "could not be asked" in found[0]["told"]


TEXTS = """
import asyncio
import mcp_types as types
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

async def tools(context, params):
    return types.ListToolsResult(tools=[])

async def resources(context, params):
    return types.ListResourcesResult(resources=[])

async def main():
    async with stdio_server() as (read, write):
        server = Server("texts", on_list_tools=tools, on_list_resources=resources)
        await server.run(read, write, server.create_initialization_options())

asyncio.run(main())
"""


def test_resources_that_the_envelope_does_not_list_are_named(run, folder, no_canaries):
    (folder / "texts.py").write_text(TEXTS)
    configured(folder, texts={"command": sys.executable, "args": [str(folder / "texts.py")]})

    found = told(run("doctor", "--envelope", "envelope.yaml", "--mcp", "--json"), "mcp: live")

    assert any("resources/read pass" in check["told"] for check in found), found
