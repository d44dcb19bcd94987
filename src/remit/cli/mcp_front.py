"""How this remit is started in front of an MCP server: where it lies, which envelope, which store."""

from __future__ import annotations

import os
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

from remit.core.errors import BadInput, Unavailable
from remit.settings import load_settings
from remit.usecases.mcp_clients.places import Machine
from remit.usecases.mcp_clients.wrap import Front
from remit.wiring import read_envelope_file, store_path

ENVELOPE = Path("remit/envelope.yaml")


def this_world(folder: Path | None = None) -> Machine:
    """This machine, as the person who runs the command sees it."""
    return Machine((folder or Path.cwd()).absolute(), Path.home(), environ=os.environ)


def front_of(
    envelope: Path | None, store: str | None, *, namespace: bool = False, folder: Path | None = None
) -> Front:
    """remit's own command, everything absolute: the client chooses the folder in which servers start.

    Raises:
        BadInput: no such envelope, or one that does not load; a store that other processes could not open.
        Unavailable: the proxy's extra is not installed.
    """
    folder = (folder or Path.cwd()).absolute()
    if find_spec("mcp") is None:
        raise Unavailable("a wrapped server would not start without the MCP SDK: pip install 'remit[mcp]'")
    place = envelope or folder / ENVELOPE
    if not place.exists():
        told = "no such envelope" if envelope else "there is no envelope yet"
        raise BadInput(str(place), told, "`remit init` drafts one, or name it: --envelope FILE")
    tools = read_envelope_file(place).tools
    options = (
        "--envelope",
        str(place.absolute()),
        "--store",
        absolute_store(store, folder),
        *own_home(folder),
    )
    used = frozenset(name.split("/")[0] for name in tools if "/" in name)
    return Front(_program(), sys.executable, options, None if namespace else used)


def own_home(folder: Path) -> tuple[str, ...]:
    """`--home`, where this environment or the project names one: clients hand few variables on to their servers."""
    settings = load_settings(folder)
    named = settings.home or os.environ.get("XDG_STATE_HOME")
    return ("--home", str(folder / settings.home_path)) if named else ()


def absolute_store(store: str | None, folder: Path) -> str:
    """The address of the store, whatever folder it is opened from.

    Raises:
        BadInput: an address of another form, or `memory:`, which would end with the client.
    """
    address = store or load_settings(folder).store
    path = store_path(address)
    if path is None:
        raise BadInput("--store", "a store in memory leaves no record", "give sqlite:///remit.db")
    return f"sqlite:///{folder / path}"


def _program() -> str:
    """The console script beside this interpreter; else the one on the path; empty where there is none."""
    beside = Path(sys.executable).parent / ("remit.exe" if sys.platform == "win32" else "remit")
    return str(beside) if beside.is_file() else (shutil.which("remit") or "")
