"""Which adapters `remit doctor` tries: those in use in this folder, or those that were asked for.

To add one: write its canaries and looks, add its line to `ADAPTERS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path

from remit.cli.canaries import Check
from remit.core.envelope import Envelope
from remit.settings import Settings

_MOST_BYTES = 1_000_000


class DoctorAdapter(StrEnum):
    """What `--adapter` takes."""

    MCP = "mcp"
    LANGCHAIN = "langchain"
    CLAUDE_CODE = "claude-code"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class DoctorRequest:
    """What the doctor was asked to look at."""

    folder: Path
    settings: Settings
    envelope: Envelope | None
    start_servers: bool
    """Whether the configured MCP servers may be started, to see which tools they have."""


@dataclass(frozen=True, slots=True)
class Adapter:
    """One way to stand in front of an agent."""

    needs: tuple[str, ...]
    """Modules that must be there."""
    install: str
    used: Callable[[Path], bool]
    checks: Callable[[DoctorRequest], Iterator[Check]]


def checks(wanted: Sequence[DoctorAdapter], asked: DoctorRequest) -> Iterator[Check]:
    """Canaries and looks of the adapters that are tried, and one line for those that are not."""
    left = []
    for name, adapter in ADAPTERS.items():
        if not _meant(name, adapter, wanted, asked):
            left.append(name)
        elif missing := [module for module in adapter.needs if not _there(module)]:
            told = f"not tried: {', '.join(missing)} is not installed"
            yield Check(f"{name}: installed", True, "info", told, adapter.install)
        else:
            yield from adapter.checks(asked)
    if left and not wanted:
        told = f"not in use in this folder, and not tried: {', '.join(left)}"
        yield Check("adapters", True, "info", told, "`remit doctor --adapter all` tries them too")


def _meant(name: str, adapter: Adapter, wanted: Sequence[DoctorAdapter], asked: DoctorRequest) -> bool:
    if wanted:
        return name in wanted or DoctorAdapter.ALL in wanted
    return adapter.used(asked.folder) or (name == DoctorAdapter.MCP and asked.start_servers)


def _there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ImportError:
        return False


# ---------------------------------------------------------------------------------------------- what is in use
def _uses_mcp(folder: Path) -> bool:
    """A configuration in this folder, or one of the person's that has remit in front of a server."""
    from remit.cli.mcp_front import this_world
    from remit.usecases.mcp_clients.places import places

    return any(one.in_project or "remit" in _text(one.path) for one in places(this_world(folder)))


def _uses_langchain(folder: Path) -> bool:
    from remit.usecases.adopt.detect import uses

    return any(use.what == DoctorAdapter.LANGCHAIN for use in uses(folder, ()))


def _uses_claude(folder: Path) -> bool:
    from remit.cli.looks_claude import settings_files

    return any("claude_hook.py" in (text := _text(f)) or "remit-hook" in text for f in settings_files(folder))


def _text(path: Path) -> str:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.read(_MOST_BYTES)
    except OSError:
        return ""


# ---------------------------------------------------------------------------------------------- what is tried
def _mcp(asked: DoctorRequest) -> Iterator[Check]:
    from remit.cli import canaries_mcp, looks_mcp

    yield from canaries_mcp.canaries()
    yield from looks_mcp.looks(asked.folder, asked.envelope, start_servers=asked.start_servers)


def _langchain(asked: DoctorRequest) -> Iterator[Check]:
    from remit.cli import canaries_langchain

    yield from canaries_langchain.canaries(asked.settings)


def _claude(asked: DoctorRequest) -> Iterator[Check]:
    from remit.cli import canaries_claude, looks_claude

    yield from canaries_claude.canaries()
    yield from looks_claude.looks(asked.folder)


ADAPTERS: dict[str, Adapter] = {
    "mcp": Adapter(("mcp",), "pip install 'remit[mcp]'", _uses_mcp, _mcp),
    "langchain": Adapter(("langchain",), "pip install 'remit[langchain]'", _uses_langchain, _langchain),
    "claude-code": Adapter(("fcntl",), "remit's hooks need Linux or macOS", _uses_claude, _claude),
}
"""name: what it needs, how that is installed, whether a folder uses it, and what is tried."""
