"""What a client makes of the variables in a server's entry, for the few that can be known outside the client."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from remit.core.errors import BadInput
from remit.usecases.mcp_clients.servers import Server

_VARIABLE = re.compile(r"\$\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Startable:
    """A server as it can be started here."""

    name: str
    command: tuple[str, ...]
    env: Mapping[str, str]
    cwd: Path

    @property
    def program(self) -> str:
        """What is started."""
        return self.command[0]


def startable(server: Server, folder: Path, home: Path, environ: Mapping[str, str]) -> Startable:
    """The server's own command, also where it is wrapped, with its variables replaced.

    Args:
        server: of a configuration.
        folder: the project.
        home: the person's.
        environ: of this process.

    Raises:
        BadInput: a variable that only the client knows, as one that it asks the person for.
    """

    def known(match: re.Match[str]) -> str:
        name, _, default = match[1].partition(":-")
        fixed = {
            "workspaceFolder": str(folder),
            "workspaceFolderBasename": folder.name,
            "userHome": str(home),
            "pathSeparator": "/",
            "/": "/",
            "CLAUDE_PROJECT_DIR": environ.get("CLAUDE_PROJECT_DIR", str(folder)),
        }
        if name in fixed:
            return fixed[name]
        variable = name.removeprefix("env:")
        if variable in environ and re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", variable):
            return environ[variable]
        if ":-" in match[1]:
            return default
        raise BadInput(
            f"server {server.name}",
            f"only its client knows ${{{match[1][:60]}}}",
            "give its tools: --tools tools.json",
        )

    def replaced(text: str) -> str:
        return _VARIABLE.sub(known, text)

    cwd = Path(replaced(server.cwd)).expanduser() if server.cwd else folder
    return Startable(
        server.name,
        tuple(replaced(one) for one in server.original),
        {key: replaced(value) for key, value in server.env.items()},
        folder / cwd,
    )
