"""`remit mcp`: in front of the servers that an MCP client starts."""

from __future__ import annotations

import typer

from remit.cli import mcp_pins

app = typer.Typer(add_completion=False, no_args_is_help=True)
app.add_typer(mcp_pins.app, name="pins")


@app.callback()
def mcp() -> None:
    """In front of the servers that an MCP client starts."""
