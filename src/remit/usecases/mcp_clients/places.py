"""Where each client keeps its list of servers. To add a client: add its function to `CLIENTS`.

Sources: the clients' own documentation (Claude Code: MCP scopes; Claude Desktop: `claude_desktop_config.json`; Cursor:
`mcp.json`; VS Code: MCP configuration reference), as of October 2026.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Machine:
    """The machine, as far as it decides where the files lie."""

    folder: Path
    """The project."""
    home: Path
    platform: str = sys.platform
    environ: Mapping[str, str] | None = None

    def variable(self, name: str) -> str:
        """A variable of the environment; empty where it is not set."""
        return (self.environ or {}).get(name, "")


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """One file that a client reads."""

    client: str
    path: Path
    in_project: bool
    """It belongs to the project, not to the person."""


def _claude(world: Machine) -> list[Path]:
    own = world.variable("CLAUDE_CONFIG_DIR")
    return [world.folder / ".mcp.json", (Path(own) if own else world.home) / ".claude.json"]


def _cursor(world: Machine) -> list[Path]:
    return [world.folder / ".cursor/mcp.json", world.home / ".cursor/mcp.json"]


def _vscode(world: Machine) -> list[Path]:
    user = [_app_data(world) / name / "User" for name in ("Code", "Code - Insiders")]
    profiles = [file for folder in user for file in sorted(folder.glob("profiles/*/mcp.json"))]
    return [world.folder / ".vscode/mcp.json", *(folder / "mcp.json" for folder in user), *profiles]


def _claude_desktop(world: Machine) -> list[Path]:
    return [_app_data(world) / "Claude/claude_desktop_config.json"]


def _app_data(world: Machine) -> Path:
    """Where programs with a window keep what belongs to a person."""
    if world.platform == "darwin":
        return world.home / "Library/Application Support"
    if world.platform == "win32":
        return Path(world.variable("APPDATA") or world.home / "AppData/Roaming")
    return Path(world.variable("XDG_CONFIG_HOME") or world.home / ".config")


CLIENTS: Mapping[str, Callable[[Machine], list[Path]]] = {
    "claude": _claude,
    "cursor": _cursor,
    "vscode": _vscode,
    "claude-desktop": _claude_desktop,
}
"""name: every file where this client looks for servers, the project's first."""


def places(world: Machine, *clients: str) -> list[ConfigFile]:
    """The configurations that there are, of these clients or of all."""
    found: dict[Path, ConfigFile] = {}
    for client in clients or CLIENTS:
        for path in CLIENTS[client](world):
            if path.is_file() and path.resolve() not in found:  # clients may share one file by links
                found[path.resolve()] = ConfigFile(client, path, path.is_relative_to(world.folder))
    return list(found.values())


def place_of(path: Path, world: Machine) -> ConfigFile:
    """A file that somebody named; its client where it is a known one."""
    for client, files in CLIENTS.items():
        for known in files(world):
            if known.absolute() == path.absolute():
                return ConfigFile(client, path, known.is_relative_to(world.folder))
    return ConfigFile("", path, path.absolute().is_relative_to(world.folder.absolute()))
