"""`remit proxy`: stand between an MCP client and a server on stdio, and judge every call of a tool."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from remit.core.errors import BadInput, Unavailable
from remit.core.notice import visible
from remit.core.types import Enforcement, PrincipalKind
from remit.settings import Settings, load_settings

if TYPE_CHECKING:
    from remit.cli.answering import Elicited
    from remit.core.envelope import Envelope
    from remit.proxy.opening import OpenGuard
    from remit.usecases.guard import Guard

app = typer.Typer(add_completion=False)

DEFAULT_TIMEOUT_S = 600.0
MOST_WAIT_S = 1e9
_LAUNCHERS = {
    "npx",
    "uvx",
    "uv",
    "node",
    "python",
    "python3",
    "bun",
    "bunx",
    "deno",
    "docker",
    "run",
    "pipx",
    "env",
}


@app.command(context_settings={"allow_interspersed_args": False})
def proxy(
    command: Annotated[
        list[str], typer.Argument(metavar="-- COMMAND...", help="The server, as the client started it.")
    ],
    *,
    envelope: Annotated[
        Path | None,
        typer.Option(
            help="What the agent may do; without it, one is made from the server's tools, in monitor."
        ),
    ] = None,
    store: Annotated[
        str | None, typer.Option(metavar="URL", help="sqlite:///file.db; default from the settings.")
    ] = None,
    home: Annotated[
        str, typer.Option(metavar="DIR", help="Where keys and checkpoints are; default REMIT_HOME.")
    ] = "",
    server: Annotated[
        str, typer.Option(metavar="NAME", help="The server's name: pins are kept for each.")
    ] = "",
    namespace: Annotated[
        str, typer.Option(metavar="P", help="In the envelope, tools are named P/NAME.")
    ] = "",
    fact: Annotated[
        list[str] | None, typer.Option(metavar="K=V", help="A fact of the session; V is JSON or text.")
    ] = None,
    principal: Annotated[str | None, typer.Option(help="Who the user is.")] = None,
    principal_kind: Annotated[str | None, typer.Option(metavar="K", help="operator or customer.")] = None,
    session: Annotated[
        str | None, typer.Option(metavar="ID", help="Resume this session, or open it.")
    ] = None,
    timeout: Annotated[
        float,
        typer.Option(metavar="S", help="Seconds that the server may take for one request; 0: without end."),
    ] = DEFAULT_TIMEOUT_S,
    on_drift: Annotated[
        str,
        typer.Option(metavar="hide|report", help="What becomes of a tool whose definition changed."),
    ] = "hide",
) -> int:
    """Pass MCP between a client and a server, and judge every call of a tool by an envelope."""
    try:
        from remit.proxy.holding import Elicitation
        from remit.proxy.opening import Opening
        from remit.proxy.run import Options, Reports, serve
        from remit.usecases.pinning import OnDrift, Pins
    except ImportError as error:
        raise Unavailable(f"the proxy needs the MCP SDK ({error.name}): pip install 'remit[mcp]'") from None
    if on_drift not in ("hide", "report"):
        raise BadInput("--on-drift", f"found {on_drift[:40]!r}", "use hide or report")
    if principal_kind is not None and principal_kind not in tuple(PrincipalKind):
        raise BadInput("--principal-kind", f"found {principal_kind[:40]!r}", "use operator or customer")
    if not 0 <= timeout < MOST_WAIT_S:
        raise BadInput("--timeout", f"found {timeout:g}", "give seconds, or 0 for no end")
    named = server or server_name(command)
    drifted: OnDrift = "report" if on_drift == "report" else "hide"
    settings, report = load_settings(own_only=True), Reports()
    settings = replace(settings, home=home) if home else settings
    guards: list[Guard] = []
    whose = {
        "principal": principal,
        "principal_kind": principal_kind,
        "id": session,
        "facts": facts_of(fact or []) if fact else None,
        "fingerprint": {"config": hashlib.sha256("\0".join(command).encode()).hexdigest()},
    }
    opens = _opens(envelope, store, named, namespace, settings, guards, report)
    opening = Opening(
        opens,
        lambda guard: Pins(guard, named, on_drift=drifted, tell=report),
        whose=whose,
        namespace=namespace,
    )
    opening.runtime["server"] = named
    options = Options(command, timeout or None, lambda at: Elicitation(lambda: at.guard, _people))
    try:
        return asyncio.run(serve(options, opening, report))
    finally:
        for guard in guards:
            guard.close()


def _people(guard: Guard) -> Elicited:
    from remit.cli.answering import Elicited
    from remit.store.records import SqliteRecords

    records = guard.records
    assert isinstance(records, SqliteRecords)  # noqa: S101 - `open_guard` makes no others
    return Elicited(records.store)


def _opens(
    envelope: Path | None,
    store: str | None,
    named: str,
    namespace: str,
    settings: Settings,
    guards: list[Guard],
    report: Any,
) -> OpenGuard:
    """How the guard is opened: at once where there is an envelope, so that a wrong one is told before anything runs."""

    def opened(path: Path) -> Guard:
        from remit.wiring import open_guard

        guard = open_guard(path, store, reload_every_s=2.0, settings=settings)
        guards.append(guard)
        for told in unreachable(guard.envelope):
            report(told)
        return guard

    if envelope is not None:
        guard = opened(envelope)

        def met(tools: Sequence[Mapping[str, Any]]) -> Guard:
            for told in none_listed(guard.envelope, tools, namespace):
                report(told)
            return guard

        return met
    return lambda tools: opened(drafted(tools, named, namespace, settings, report))


def drafted(
    tools: Sequence[Mapping[str, Any]], named: str, namespace: str, settings: Settings, report: Any
) -> Path:
    """The envelope that was made from the server's tools before, or one that is made now; it blocks nothing."""
    from remit.usecases.scaffold import scaffold
    from remit.usecases.tool_hint import tools_in

    if Path(named).name != named:
        raise BadInput(
            "--server", f"found {named[:60]!r}, which names no file", "leave out '/', or give --envelope"
        )
    place = settings.home_path / "mcp" / f"{named}.yaml"
    if place.exists():
        return place
    listed = [dict(one) for one in tools]
    hints = tools_in(listed, named, server=named, namespace=namespace) if listed else []
    made = scaffold(f"{named}-agent", hints)
    try:
        if _written_first(place, made.text):
            report(f"wrote {place}: it monitors, and blocks nothing; read it, and give it with --envelope")
    except OSError as error:
        raise BadInput(str(place), f"cannot be written: {error.strerror}", "give --envelope") from None
    return place


def _written_first(place: Path, text: str) -> bool:
    """Write a file that is whole from its first moment on; False where another process was first, whose file stays."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=place.parent, prefix=".draft-") as folder:
        aside = Path(folder) / place.name
        aside.write_text(text, encoding="utf-8")
        try:
            os.link(aside, place)
        except FileExistsError:
            return False
    return True


def none_listed(envelope: Envelope, tools: Sequence[Mapping[str, Any]], namespace: str) -> list[str]:
    """What to say where an envelope that enforces is for other tools: the agent would see none, and nobody why."""
    names = [f"{namespace}/{one.get('name')}" if namespace else str(one.get("name")) for one in tools]
    if (
        not names
        or envelope.enforcement is not Enforcement.ENFORCE
        or any(n in envelope.tools for n in names)
    ):
        return []
    told = f"the envelope {envelope.name} lists none of this server's tools, so all are hidden and refused"
    return [f"{told}: {visible(', '.join(names), 300)}; add them, or give --envelope or --namespace"]


def unreachable(envelope: Envelope) -> list[str]:
    """What no call through MCP can meet, since the protocol does not carry what the user wrote.

    A clause that takes values from the user alone is never met.
    """
    found = [
        clause.clause.id
        for tool in envelope.tools.values()
        for clause in tool.flow
        if clause.sources and set(clause.sources) <= {"user", "system"}
    ]
    if not found:
        return []
    return [f"MCP does not carry what the user wrote, so these are never met: {', '.join(found)}"]


def server_name(command: Sequence[str]) -> str:
    """A short name for a server, from its command.

    >>> server_name(["npx", "-y", "@modelcontextprotocol/server-filesystem", "/tmp"])
    'server-filesystem'
    >>> server_name(["/usr/bin/python3", "-m", "mcp_server_git"])
    'mcp-server-git'
    """
    words = [word for word in command if not word.startswith("-") and Path(word).name not in _LAUNCHERS]
    last = Path((words or list(command))[0]).name
    name = re.sub(r"\.(py|js|mjs|ts|exe)$|@[0-9^~].*$", "", last)
    return re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-").lower() or "server"


def facts_of(given: Sequence[str]) -> dict[str, Any]:
    """The facts of `--fact K=V`: V as JSON, else as the text that it is.

    >>> facts_of(["customer_id=17", "region=eu"])
    {'customer_id': 17, 'region': 'eu'}
    """
    found: dict[str, Any] = {}
    for one in given:
        key, equals, value = one.partition("=")
        if not equals or not key:
            raise BadInput("--fact", f"found {one[:60]!r}", "write K=V")
        try:
            found[key] = json.loads(value)
        except ValueError:
            found[key] = value
    return found
