"""Settings from the environment and TOML to one frozen value, read once.

Order: an argument in code or on the command line, then the environment (`REMIT_…`), then `[tool.remit]` in the nearest
`pyproject.toml`, then `remit.toml` beside it, then the default.
"""

from __future__ import annotations

import os
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from remit.core.errors import BadInput

OWN_ONLY = ("detectors", "embedder", "routes")
"""Settings that do not count in `pyproject.toml`."""
TRUSTED_OWNERS = (0,)
"""Users beside this one whose settings count wherever they lie: root."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What can be set outside the code."""

    store: str = "sqlite:///remit.db"
    """Where sessions are recorded."""
    home: str = ""
    """Folder of keys and checkpoints; empty: `$XDG_STATE_HOME/remit` or `~/.local/state/remit`."""
    approval_wait_s: float = 30.0
    """How long a blocking call waits for a person, in seconds."""
    webhook_url: str = ""
    """Where held calls and trips are told; empty: nowhere."""
    webhook_secret: str = ""
    """Key of the webhook's HMAC-SHA-256 signature."""
    routes: str = ""
    """File of the routes by which incidents are told (`routes.toml`); empty: by none."""
    detectors: str = ""
    """Optional witnesses of the classifier, `module:attribute`, several separated by commas."""
    embedder: str = ""
    """Optional: what turns texts into vectors: `lexical`, `semantic`, `remote:URL#MODEL` or `module:attribute`."""
    operator: str = ""
    """Who answers approvals on this machine."""

    @property
    def home_path(self) -> Path:
        """The folder of keys and checkpoints."""
        if self.home:
            return Path(self.home).expanduser()
        state = os.environ.get("XDG_STATE_HOME")
        return (Path(state) if state else Path("~/.local/state").expanduser()) / "remit"


def load_settings(
    folder: Path | None = None, environ: Mapping[str, str] | None = None, *, own_only: bool = False
) -> Settings:
    """The settings as they apply in *folder*.

    Args:
        folder: default: the working folder.
        environ: default: this process's.
        own_only: from files, only from `remit.toml`: `pyproject.toml` is a file that agents have to write to.

    Raises:
        BadInput: an unknown key or a value of the wrong type, with its place.
    """
    environ = os.environ if environ is None else environ
    values: dict[str, Any] = {}
    for place, table in _tables(folder or Path.cwd(), own_only=own_only):
        if not isinstance(table, dict):
            raise BadInput(place, f"found {table!r}", "write a table of settings")
        for key, value in table.items():
            if key in OWN_ONLY and place.endswith("[tool.remit]"):
                told = "agents write to this file, and it would choose code that runs or where messages go"
                raise BadInput(f"{place}: {key}", told, "set it in remit.toml or in the environment")
            values[key] = _typed(f"{place}: {key}", key, value)
    for field in fields(Settings):
        name = f"REMIT_{field.name.upper()}"
        if environ.get(name):
            values[field.name] = _typed(name, field.name, environ[name])
    return Settings(**values)


def _tables(folder: Path, *, own_only: bool) -> list[tuple[str, Any]]:
    for here in (folder, *folder.parents):
        found: list[tuple[str, Any]] = []
        own, project = here / "remit.toml", here / "pyproject.toml"
        _refuse_planted(here, own, project)
        if own.is_file():
            found.append((str(own), _read(own)))
        if project.is_file() and not own_only:
            tools = _read(project).get("tool")
            table = tools.get("remit") if isinstance(tools, dict) else None
            if table is not None:
                found.append((f"{project} [tool.remit]", table))
        if found or project.is_file():
            return found
    return []


def _refuse_planted(folder: Path, *files: Path) -> None:
    """No settings from somebody else in a folder where anybody may write, such as /tmp above a folder of ours."""
    try:
        if not folder.stat().st_mode & stat.S_IWOTH:
            return
        owners = {path: path.lstat().st_uid for path in files if path.is_symlink() or path.exists()}
    except OSError as error:
        raise BadInput(str(folder), f"cannot be looked at: {error}", "check its owner and mode") from None
    for path, owner in owners.items():
        if owner not in (os.geteuid(), *TRUSTED_OWNERS):
            found = "another user's file in a folder where anybody may write"
            raise BadInput(str(path), found, "remove it, or work in a folder of your own")


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadInput(str(path), f"cannot be read: {error}", "mend the file") from None


def _typed(where: str, key: str, value: Any) -> Any:
    known = {field.name: field.default for field in fields(Settings)}
    if key not in known:
        raise BadInput(where, "unknown setting", f"known: {', '.join(known)}")
    if isinstance(known[key], float):
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = -1.0
        if isinstance(value, bool) or not 0 <= number < 1e9:
            raise BadInput(where, f"found {value!r}", "write a number of seconds, 0 or more")
        return number
    if not isinstance(value, str):
        raise BadInput(where, f"found {value!r}", "write a string")
    return value
