"""Servers from npm through the proxy: from the folder `REMIT_TEST_NPM`, or where `npx --no-install` finds them."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from test_real_servers import proxied, tried

FOLDER = os.environ.get("REMIT_TEST_NPM", "")
FILES = """
apiVersion: remit/v1
kind: CapabilityEnvelope
metadata: {name: reader, version: "1"}
spec:
  enforcement: enforce
  tools:
    read_text_file:
      effect: read
      args: {type: object, additionalProperties: false, required: [path], properties: {path: {type: string}}}
      require: [{id: no-keys, expr: "!args.path.endsWith('.key')", message: "keys are not read"}]
      obligations: [{id: cut, redact: {patterns: ["NO[0-9]{13}"]}}]
    list_directory:
      effect: read
      args: {type: object, additionalProperties: false, required: [path], properties: {path: {type: string}}}
"""
EVERYTHING = """
apiVersion: remit/v1
kind: CapabilityEnvelope
metadata: {name: tester, version: "1"}
spec:
  enforcement: enforce
  tools:
    echo:
      effect: read
      args: {type: object, additionalProperties: false, required: [message], properties: {message: {type: string}}}
    get-tiny-image: {effect: read, args: {type: object, additionalProperties: false, properties: {}}}
"""


@functools.cache
def program(name: str) -> tuple[str, ...]:
    """The command that starts a server."""
    inside = Path(FOLDER) / "node_modules" / ".bin" / name
    if FOLDER and inside.exists():
        return (str(inside),)
    if shutil.which("npx") is None:
        pytest.skip("npx is not installed")
    looked = subprocess.run(
        ["npx", "--no-install", "which", name], capture_output=True, timeout=600, check=False
    )
    if looked.returncode != 0:
        pytest.skip(f"{name} is not installed: npm install it, and name the folder in REMIT_TEST_NPM")
    return ("npx", "--no-install", name)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_the_filesystem_server_reads_within_the_envelope(folder: Path, mode: str):
    command = program("mcp-server-filesystem")
    (folder / "files").mkdir()
    (folder / "files" / "a.txt").write_text("pay to NO9386011117947")
    (folder / "files" / "b.key").write_text("secret")
    place = str(folder / "files")

    async def act(client: Any) -> None:
        names = {tool.name for tool in (await client.list_tools()).tools}
        assert names == {"read_text_file", "list_directory"}
        read = await client.call_tool("read_text_file", {"path": f"{place}/a.txt"})
        assert not read.is_error and read.content[0].text.startswith("pay to ") and "NO93" not in str(read)
        assert "a.txt" in (await client.call_tool("list_directory", {"path": place})).content[0].text
        refused = await client.call_tool("read_text_file", {"path": f"{place}/b.key"})
        assert json.loads(refused.content[0].text)["clauses"] == ["read_text_file.no-keys"]
        unlisted = await client.call_tool("write_file", {"path": f"{place}/c", "content": "x"})
        assert unlisted.is_error and not (folder / "files" / "c").exists()
        outside = await client.call_tool("read_text_file", {"path": "/etc/hostname"})
        assert outside.is_error and "denied" in outside.content[0].text  # the server's own no

    tried(proxied(folder, FILES, *command, place), mode, act)


def test_the_everything_server_says_and_shows_things(folder: Path):
    command = program("mcp-server-everything")

    async def act(client: Any) -> None:
        assert (await client.call_tool("echo", {"message": "hello"})).content[0].text == "Echo: hello"
        kinds = [block.type for block in (await client.call_tool("get-tiny-image", {})).content]
        assert "image" in kinds
        assert (await client.list_resources()).resources
        assert (await client.list_prompts()).prompts

    tried(proxied(folder, EVERYTHING, *command), "auto", act)
