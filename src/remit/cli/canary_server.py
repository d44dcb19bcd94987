"""An MCP server for `remit doctor`: it writes what it runs into a file, so that a call that ran has left a trace.

python -m remit.cli.canary_server FILE
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import mcp_types as types
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

TOOLS = ("write_note", "divide", "unlisted")
"""What it offers. The canary's envelope lists all but the last."""
_ANY: dict[str, Any] = {"type": "object"}


def server(trace: Path) -> Server[Any]:
    """Three tools that do nothing but leave a line in *trace*."""
    tools = [types.Tool(name=name, description=f"A canary: {name}.", input_schema=_ANY) for name in TOOLS]

    async def list_tools(_context: Any, _params: Any) -> types.ListToolsResult:
        return types.ListToolsResult(tools=tools)

    async def call_tool(_context: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
        with trace.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"tool": params.name, "args": params.arguments}) + "\n")
        return types.CallToolResult(content=[types.TextContent(text="done")])

    return Server("remit-canary", version="1", on_list_tools=list_tools, on_call_tool=call_tool)


async def main(trace: Path) -> None:
    """Serve on standard input and output until the client goes away."""
    async with stdio_server() as (read, write):
        one = server(trace)
        await one.run(read, write, one.create_initialization_options())


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
