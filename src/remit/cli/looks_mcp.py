"""What MCP clients start past remit, and what of a server no envelope reaches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from remit.cli.canaries import Check
from remit.cli.mcp_front import this_world
from remit.core.envelope import Envelope
from remit.core.errors import BadInput
from remit.core.types import Enforcement
from remit.usecases.mcp_clients.files import load
from remit.usecases.mcp_clients.places import places
from remit.usecases.mcp_clients.servers import Server, ServerState, option_of
from remit.wiring import read_envelope_file

CONTENT = ("resources/read", "prompts/get")
"""Methods that are judged as tools of these names where the envelope lists them."""


@dataclass(frozen=True, slots=True)
class Wrapped:
    """A server behind remit."""

    server: Server
    path: Path
    """The configuration."""
    envelope: Envelope

    @property
    def prefix(self) -> str:
        """What its tools are called by in the envelope, before their names."""
        given = option_of(self.server.command, "--namespace")
        return f"{given}/" if given else ""


def looks(folder: Path, envelope: Envelope | None, *, start_servers: bool) -> Iterator[Check]:
    """Every configuration that a client of this person reads here; *envelope* is looked at as one behind the proxy."""
    wrapped: list[Wrapped] = []
    servers: list[tuple[Path, Server]] = []
    for place in places(this_world(folder)):
        try:
            servers += [(place.path, one) for one in load(place.path).servers if _here(one, folder)]
        except BadInput as error:
            yield Check("mcp: configuration", False, "warn", str(error), "mend the file")
    for path, server in servers:
        if server.disabled:
            continue
        if server.state is ServerState.WRAPPED:
            yield from _of_wrapped(path, server, wrapped)
        else:
            yield _past(path, server)
    yield from _in_front(wrapped)
    envelopes = {one.envelope.hash: one.envelope for one in wrapped}
    if envelope is not None:
        envelopes[envelope.hash] = envelope
    for one in envelopes.values():
        yield from _of_envelope(one)
    if start_servers:
        from remit.cli.live_mcp import live

        yield from live(wrapped, [(p, s) for p, s in servers if s.state is ServerState.DIRECT], envelope)


def _here(server: Server, folder: Path) -> bool:
    """Claude Code keeps the servers of all projects in one file."""
    return not server.project or Path(server.project) == folder


def _past(path: Path, server: Server) -> Check:
    if server.state is ServerState.DIRECT:
        told = f"{path}: {server.name} is started without remit in front"
        return Check("mcp: not wrapped", False, "warn", told, "remit mcp wrap")
    if server.state is ServerState.BY_URL:
        told = f"{path}: {server.name} is reached by URL: nothing stands in front of it"
        return Check("mcp: not wrapped", False, "warn", told, "use a server that the client starts, or none")
    told = f"{path}: {server.name}: {server.why}"
    return Check(
        "mcp: not wrapped", False, "warn", told, "mend the entry; its client may start it all the same"
    )


def _of_wrapped(path: Path, server: Server, into: list[Wrapped]) -> Iterator[Check]:
    given = option_of(server.command, "--envelope")
    if not given:
        told = (
            f"{path}: {server.name} is behind remit without an envelope: it drafts one, which only monitors"
        )
        yield Check("mcp: wrapped", False, "warn", told, "review the draft, and give it with --envelope")
        return
    try:
        envelope = read_envelope_file(Path(given))
    except BadInput as error:
        yield Check(
            "mcp: wrapped", False, "warn", f"{server.name}: {error}", "the proxy does not start until then"
        )
        return
    into.append(Wrapped(server, path, envelope))


def _in_front(wrapped: list[Wrapped]) -> Iterator[Check]:
    """The servers that are behind remit, those of one configuration and envelope together."""
    together: dict[tuple[Path, str], list[Wrapped]] = {}
    for one in wrapped:
        together.setdefault((one.path, option_of(one.server.command, "--envelope")), []).append(one)
    for (path, place), those in together.items():
        monitors = those[0].envelope.enforcement is Enforcement.MONITOR
        names = ", ".join(one.server.name for one in those)
        told = f"{path}: behind remit{', which only monitors' if monitors else ''}: {names}"
        remedy = f"remit readiness --envelope {place}; then set enforcement: enforce there"
        yield Check("mcp: wrapped", not monitors, "warn", told, remedy if monitors else "")


def _of_envelope(envelope: Envelope) -> Iterator[Check]:
    """MCP carries no text of the user, so what must come from the user can come from nowhere."""
    asking = [
        f"{name}.{flow.clause.id}"
        for name, tool in envelope.tools.items()
        for flow in tool.flow
        if "user" in flow.sources
    ]
    if asking:
        told = f"{envelope.name}: {', '.join(asking)} ask for the user's text, and MCP carries none"
        remedy = "behind the proxy they are never met by it: name other sources, or let a person approve"
        yield Check("mcp: flow", False, "warn", told, remedy)
