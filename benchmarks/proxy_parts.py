"""The two programs that `benchmarks.proxy` puts behind a pipe: a server of 20 tools, and the plainest honest proxy.

    python -m benchmarks.proxy_parts server
    python -m benchmarks.proxy_parts bare MODE COMMAND…

Both use the SDK's low-level `Server` as its documentation shows it; the proxy keeps one `ClientSession` to what is
behind it, in the protocol era that MODE names.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import mcp_types as types
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

READS = [f"look_{n:02d}" for n in range(10)]
WRITES = [f"note_{n:02d}" for n in range(10)]
SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["order_id", "text", "amount", "size"],
    "properties": {
        "order_id": {"type": "string"},
        "text": {"type": "string", "maxLength": 5000},
        "amount": {"type": "integer"},
        "size": {"type": "integer"},
    },
}


def echo_server() -> Server[Any]:
    """Twenty tools; each answers its `text`, filled up to `size` characters."""
    tools = [types.Tool(name=name, description=name, input_schema=SCHEMA) for name in (*READS, *WRITES)]

    async def list_tools(_ctx: Any, _params: Any) -> types.ListToolsResult:
        return types.ListToolsResult(tools=tools)

    async def call_tool(_ctx: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
        given = params.arguments or {}
        text = str(given["text"]).ljust(int(given["size"]), ".")
        return types.CallToolResult(content=[types.TextContent(text=text)])

    return Server("echo", version="1", on_list_tools=list_tools, on_call_tool=call_tool)


def bare_proxy(upstream: Client) -> Server[Any]:
    """Name and arguments there, the result back; it decides nothing and writes nothing."""

    async def list_tools(_ctx: Any, params: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        return await upstream.session.list_tools(params=params)

    async def call_tool(
        _ctx: Any, params: types.CallToolRequestParams
    ) -> types.CallToolResult | types.InputRequiredResult:
        return await upstream.session.call_tool(params.name, params.arguments, allow_input_required=True)

    return Server("bare", version="1", on_list_tools=list_tools, on_call_tool=call_tool)


async def _serve(server: Server[Any]) -> None:
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())


async def _serve_bare(command: list[str], mode: str) -> None:
    behind = StdioServerParameters(command=command[0], args=command[1:])
    async with Client(behind, mode=mode, cache=None) as upstream:
        await _serve(bare_proxy(upstream))


def main() -> None:
    """Run the program that the first argument names."""
    if sys.argv[1] == "server":
        asyncio.run(_serve(echo_server()))
    else:
        asyncio.run(_serve_bare(sys.argv[3:], sys.argv[2]))


if __name__ == "__main__":
    main()
