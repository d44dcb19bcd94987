"""One configuration and what becomes of it: which servers change, which stay and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from remit.core.errors import BadInput
from remit.usecases.mcp_clients.files import load, shown_diff
from remit.usecases.mcp_clients.places import ConfigFile, Machine, place_of, places
from remit.usecases.mcp_clients.servers import Config, Server, ServerState, read_config
from remit.usecases.mcp_clients.wrap import Front, unwrapped, wrapped


@dataclass(frozen=True, slots=True)
class ChosenServers:
    """A configuration, and the servers in it that a command is about."""

    place: ConfigFile
    config: Config
    servers: tuple[Server, ...]

    @property
    def others(self) -> tuple[Server, ...]:
        """Servers of other projects, or of all, that are not meant here."""
        return tuple(one for one in self.config.servers if one not in self.servers)


@dataclass(frozen=True, slots=True)
class ConfigChange:
    """What a file would become."""

    chosen: ChosenServers
    text: str
    """The whole new text."""
    changed: tuple[Server, ...]
    """The servers that it changes."""
    diff: str
    """For people; no values of `env` or `headers` in it."""


def choose(
    world: Machine, files: Sequence[Path] = (), clients: Sequence[str] = (), names: Sequence[str] = ()
) -> list[ChosenServers]:
    """The servers that a command is about.

    Args:
        world: where the project and the person's files lie.
        files: these configurations; else those of *clients*; else what belongs to the project.
        clients: of these clients the project's and the person's configurations.
        names: only these servers.

    Raises:
        BadInput: no configuration, a malformed one, or a name that none of them has.

    Claude Code keeps servers of other projects in the same file: they are left out.
    """
    found = [place_of(path, world) for path in {one.resolve(): one for one in files}.values()] or places(
        world, *clients
    )
    whole, named = bool(files or clients), bool(files)
    picked = [pick(place, world, everything=whole, named=named, names=names) for place in found]
    chosen = [one for one in picked if one is not None]
    if not chosen:
        told = (
            f"no MCP configuration of {', '.join(clients)} was found"
            if clients
            else "it has no MCP configuration"
        )
        raise BadInput(
            str(world.folder),
            told,
            "name the file, or a client: --client claude, cursor, vscode, claude-desktop",
        )
    _refuse_unknown(chosen, names)
    return chosen


def pick(
    place: ConfigFile,
    world: Machine,
    *,
    everything: bool = False,
    named: bool = False,
    names: Sequence[str] = (),
) -> ChosenServers | None:
    """The servers of one configuration; None where it has none for this project.

    Args:
        place: of the configuration.
        world: whose folder is the project.
        everything: also what is the person's, for all projects.
        named: somebody named this very file.
        names: only these.

    Raises:
        BadInput: malformed; or named, and nothing in it lists servers.
    """
    config, whole = load(place.path, named=named), everything or place.in_project
    mine = [one for one in config.servers if _of_project(one, world, whole)]
    if not mine and not (whole and config.lists):
        return None
    return ChosenServers(place, config, tuple(one for one in mine if not names or one.name in names))


def _of_project(server: Server, world: Machine, everything: bool) -> bool:
    if not server.project:
        return everything
    return Path(server.project).resolve() == world.folder.resolve()


def _refuse_unknown(chosen: Sequence[ChosenServers], names: Sequence[str]) -> None:
    known = {server.name for one in chosen for server in one.servers}
    for name in names:
        if name not in known:
            there = sorted({server.name for one in chosen for server in one.config.servers})
            raise BadInput(f"--server {name}", "no such server", f"there are: {', '.join(there) or 'none'}")


def wrapping(chosen: ChosenServers, front: Front) -> ConfigChange:
    """remit in front of every server that the client starts by itself."""
    direct = tuple(one for one in chosen.servers if one.state is ServerState.DIRECT)
    text = wrapped(chosen.config, direct, front)
    _proved(chosen, text, direct)
    return _change(chosen, text, direct)


def unwrapping(chosen: ChosenServers) -> ConfigChange:
    """remit taken away."""
    ours = tuple(one for one in chosen.servers if one.state is ServerState.WRAPPED)
    return _change(chosen, unwrapped(chosen.config, ours), ours)


def _change(chosen: ChosenServers, text: str, servers: tuple[Server, ...]) -> ConfigChange:
    diff = shown_diff(chosen.config.text, text, str(chosen.place.path))
    return ConfigChange(chosen, text, servers, diff)


def _proved(chosen: ChosenServers, text: str, direct: Sequence[Server]) -> None:
    """Somebody else's file: what cannot be taken back exactly is not written."""
    after = read_config(text, chosen.place.path)
    ours = {(one.project, one.name) for one in direct}
    again = [one for one in after.servers if (one.project, one.name) in ours]
    if len(again) != len(direct) or unwrapped(after, again) != chosen.config.text:
        raise BadInput(str(chosen.place.path), "this text cannot be edited safely", "edit it by hand")
