"""A server of both eras that uses everything of the protocol, and does what tests ask of it. Run as a program."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import anyio
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError

server = MCPServer("everything", version="1")


@server.tool()
async def echo(text: str) -> str:
    """Say it again."""
    return text


@server.tool()
async def progress(steps: int, ctx: Context) -> str:
    """Report progress."""
    for at in range(steps):
        await ctx.report_progress(at, steps, f"step {at}")
    return "done"


@server.tool()
async def log(ctx: Context) -> str:
    """Write to the client's log."""
    await ctx.info("a word to the client")
    return "logged"


@server.tool()
async def ask_model(ctx: Context) -> str:
    """Sample from the client's model."""
    from mcp_types import SamplingMessage, TextContent

    message = SamplingMessage(role="user", content=TextContent(type="text", text="hello"))
    answer = await ctx.session.create_message(messages=[message], max_tokens=10)
    return f"the model said {answer.content.text}"


@server.tool()
async def roots(ctx: Context) -> str:
    """Ask for the client's roots."""
    found = await ctx.session.list_roots()
    return ",".join(str(root.uri) for root in found.roots)


@server.tool()
async def grow(ctx: Context) -> str:
    """Get one more tool, and say so."""
    server.add_tool(lambda: "grown", name="grown", description="It is new.")
    await ctx.session.send_tool_list_changed()
    return "grown"


@server.tool()
async def sleep(seconds: float, mark: str) -> str:
    """Take some time; leave marks of having begun and having been stopped."""
    Path(f"{mark}.begun").touch()
    try:
        await anyio.sleep(seconds)
    except BaseException:
        Path(f"{mark}.stopped").touch()
        raise
    return "slept"


@server.tool()
async def die() -> str:
    """End in the middle of a call."""
    os.kill(os.getpid(), signal.SIGKILL)
    return "never"


@server.tool()
def fail() -> str:
    """Fail."""
    raise ToolError("nothing but failure")


@server.resource("note://{name}")
def note(name: str) -> str:
    """A note."""
    return f"the note {name}"


@server.prompt()
def greet(name: str) -> str:
    """A greeting."""
    return f"Say hello to {name}."


def stay() -> None:
    """Neither hear the end of input nor SIGTERM, and have a child that does the same."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if "--child" not in sys.argv:
        child = subprocess.Popen([sys.executable, __file__, "--stay", "--child"], stdin=subprocess.DEVNULL)
        Path(sys.argv[1]).write_text(f"{os.getpid()} {child.pid}")
    time.sleep(600)


if __name__ == "__main__":
    if "--stay" in sys.argv:
        stay()
    server.run("stdio")
