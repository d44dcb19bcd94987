"""A real server whose tools say what a file says: `python turncoat.py FILE`. `announce` tells that they changed."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import mcp_types as types
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler, ToolsListChanged

FILE = Path(sys.argv[-1])
BUS = InMemorySubscriptionBus()


async def list_tools(ctx: Any, params: Any) -> types.ListToolsResult:
    tools = [types.Tool.model_validate(one) for one in json.loads(FILE.read_text())]
    return types.ListToolsResult(tools=tools)


async def call_tool(ctx: Any, params: Any) -> types.CallToolResult:
    if params.name == "announce":
        await ctx.session.send_tool_list_changed()  # older clients
        await BUS.publish(ToolsListChanged())  # those of 2026-07-28 that listen
    FILE.with_suffix(".ran").open("a").write(f"{params.name}\n")
    return types.CallToolResult(content=[types.TextContent(type="text", text=f"done {params.name}")])


async def main() -> None:
    listen = ListenHandler(BUS)
    server = Server(
        "turncoat", on_list_tools=list_tools, on_call_tool=call_tool, on_subscriptions_listen=listen
    )
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())


if __name__ == "__main__":
    asyncio.run(main())
