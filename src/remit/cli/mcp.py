"""`remit mcp`: in front of the servers that an MCP client starts."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from remit.cli import mcp_pins
from remit.cli.mcp_front import front_of, this_world
from remit.cli.output import Output, emit, note, safe, say, table
from remit.cli.variadic import Variadic
from remit.core.errors import BadInput
from remit.usecases.mcp_clients.change import ChosenServers, ConfigChange, choose, unwrapping, wrapping
from remit.usecases.mcp_clients.files import load, save
from remit.usecases.mcp_clients.places import CLIENTS, places
from remit.usecases.mcp_clients.servers import Server, ServerState, option_of

app = typer.Typer(add_completion=False, no_args_is_help=True)
app.add_typer(mcp_pins.app, name="pins")

Files = Annotated[
    list[Path] | None,
    typer.Argument(metavar="[FILE…]", help="Configurations; default: the project's.", show_default=False),
]
Clients = Annotated[
    list[str] | None,
    typer.Option(
        "--client", metavar="CLIENT", help=f"Its files here and in your home: {', '.join(CLIENTS)}."
    ),
]
Names = Annotated[list[str] | None, typer.Option("--server", metavar="NAME", help="Only this server.")]
Yes = Annotated[bool, typer.Option("--yes", help="Write what is shown.")]
BY_URL = "by URL: cannot be wrapped by this version"


@app.callback()
def mcp() -> None:
    """In front of the servers that an MCP client starts."""


@app.command(cls=Variadic)
def ls(files: Files = None, *, client: Clients = None) -> int:
    """The servers of every client's configuration, and which of them are behind remit."""
    world, rows, broken = this_world(), [], 0
    _refuse_unknown(client)
    for path, kind in [(f, "") for f in files or []] or [
        (p.path, p.client) for p in places(world, *(client or ()))
    ]:
        try:
            config = load(path, named=bool(files))
        except BadInput as error:
            broken += 1
            note(f"remit: {safe(error)}")
            continue
        rows += [_row(kind, path, server) for server in config.servers]
    if Output.json:
        emit({"servers": rows, "unreadable": broken})
    else:
        shown = [(r["client"], r["file"], r["server"], r["state"], r["note"]) for r in rows]
        table(
            "", ("client", "file", "server", "is", ""), shown, empty="no MCP client's configuration was found"
        )
    return 3 if broken else 0


def _row(client: str, path: Path, server: Server) -> dict[str, Any]:
    notes = [f"project {server.project}"] if server.project else []
    notes += ["disabled"] if server.disabled else []
    if server.state is ServerState.WRAPPED:
        notes.append(f"envelope {option_of(server.command, '--envelope') or 'drafted by the proxy'}")
    elif server.state is ServerState.BY_URL:
        notes.append("cannot be wrapped by this version")
    elif server.why:
        notes.append(server.why)
    return {
        "client": client,
        "file": str(path),
        "server": server.name,
        "state": server.state.value,
        "project": server.project,
        "disabled": server.disabled,
        "note": "; ".join(notes),
    }


@app.command(cls=Variadic)
def wrap(
    files: Files = None,
    *,
    client: Clients = None,
    server: Names = None,
    envelope: Annotated[
        Path | None, typer.Option(help="Default: remit/envelope.yaml.", show_default=False)
    ] = None,
    store: Annotated[
        str | None, typer.Option(metavar="URL", help="Default: from the settings.", show_default=False)
    ] = None,
    namespace: Annotated[
        bool,
        typer.Option("--namespace", help="The envelope, for several servers, has SERVER/TOOL for each tool."),
    ] = False,
    yes: Yes = False,
) -> int:
    """Put `remit proxy` in front of servers; shows the change, and writes it with --yes or after a question."""
    chosen = _chosen(files, client, server)
    front = front_of(envelope, store, namespace=namespace)
    return _carry_out([wrapping(one, front) for one in chosen], "wrapped", yes)


@app.command(cls=Variadic)
def unwrap(files: Files = None, *, client: Clients = None, server: Names = None, yes: Yes = False) -> int:
    """Take remit away again: what stood there before stands there again."""
    return _carry_out([unwrapping(one) for one in _chosen(files, client, server)], "unwrapped", yes)


def _chosen(
    files: Sequence[Path] | None, clients: Sequence[str] | None, names: Sequence[str] | None
) -> list[ChosenServers]:
    _refuse_unknown(clients)
    return choose(this_world(), files or (), clients or (), names or ())


def _refuse_unknown(clients: Sequence[str] | None) -> None:
    for name in clients or ():
        if name not in CLIENTS:
            raise typer.BadParameter(f"--client: found {name!r}, use one of {', '.join(CLIENTS)}")


def _carry_out(changes: Sequence[ConfigChange], done: str, yes: bool) -> int:
    """Show, ask where somebody is there, write."""
    show_changes(changes)
    due = [change for change in changes if change.changed]
    written = bool(due) and (yes or agreed("Write this?"))
    if written:
        write_changes(due)
    if Output.json:
        emit({"files": [_told(change) for change in changes], "written": written})
    elif written:
        say(f"\nWritten. Restart the client, so that it starts its servers anew. {_undo(done)}")
    elif due:
        say("\nNothing is written yet: --yes writes it.")
    return 0


def _undo(done: str) -> str:
    return "`remit mcp unwrap` with the same arguments takes it back." if done == "wrapped" else ""


def write_changes(changes: Sequence[ConfigChange]) -> None:
    """Each file as a whole; one that changed meanwhile is left as it is.

    Raises:
        BadInput: a file cannot be written; those before it are.
    """
    for change in changes:
        save(change.chosen.config, change.text)


def agreed(question: str) -> bool:
    """Whether somebody is there and says yes."""
    if Output.json or not (sys.stdin.isatty() and sys.stdout.isatty()):
        return False
    return typer.confirm(f"\n{question}", default=False)


def show_changes(changes: Sequence[ConfigChange]) -> None:
    """The diffs, then each server that stays as it is and why: nothing is passed over in silence."""
    for change in changes:
        if change.diff:
            say(safe(change.diff, len(change.diff)))
        for server in change.chosen.servers:
            if server not in change.changed:
                say(f"{safe(change.chosen.place.path)}: {safe(server.name, 80)}: {safe(_why_not(server))}")
        for server in change.chosen.others:
            say(f"{safe(change.chosen.place.path)}: {safe(server.name, 80)}: {safe(_elsewhere(server))}")


def _why_not(server: Server) -> str:
    if server.state is ServerState.BY_URL:
        return BY_URL
    if server.state is ServerState.ODD:
        return f"left alone: {server.why}"
    if server.state is ServerState.WRAPPED:
        return (
            f"wrapped already, envelope {option_of(server.command, '--envelope') or 'drafted by the proxy'}"
        )
    return "not wrapped"


def _elsewhere(server: Server) -> str:
    """Why a server is not meant by this command."""
    if server.project and Path(server.project) != Path.cwd():
        return f"left alone: it belongs to {server.project}; run this there"
    return "left alone: it was not asked for"


def _told(change: ConfigChange) -> dict[str, Any]:
    return {
        "client": change.chosen.place.client,
        "file": str(change.chosen.place.path),
        "diff": change.diff,
        "changed": [server.name for server in change.changed],
        "left": [
            {"server": one.name, "state": one.state.value, "why": _why_not(one)}
            for one in change.chosen.servers
            if one not in change.changed
        ]
        + [{"server": o.name, "state": o.state.value, "why": _elsewhere(o)} for o in change.chosen.others],
    }
