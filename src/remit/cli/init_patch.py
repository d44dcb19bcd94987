"""The change that puts remit in front of a project's agent: found, shown as a diff, written where that is wanted."""

from __future__ import annotations

import difflib
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from remit.cli.init_tools import Project
from remit.cli.mcp_front import absolute_store, front_of
from remit.core.errors import BadInput
from remit.usecases.adopt.langchain_patch import ByHand, Patched, patched
from remit.usecases.mcp_clients.change import ConfigChange, wrapping
from remit.usecases.mcp_clients.files import refuse_strangers, save
from remit.usecases.mcp_clients.servers import ServerState
from remit.usecases.rewrite import rewrite
from remit.wiring import read_text


@dataclass(frozen=True, slots=True)
class Patch:
    """All that would change."""

    folder: Path
    code: tuple[Patched, ...]
    settings: tuple[Patched, ...]
    """Of Claude Code."""
    configs: tuple[ConfigChange, ...]
    by_hand: tuple[ByHand, ...]

    @property
    def shown(self) -> str:
        """The diff for people, without the secrets of a client's configuration."""
        return "".join(
            [
                *map(self._of_code, self.code),
                *map(self._of_settings, self.settings),
                *(change.diff for change in self.configs),
            ]
        )

    @property
    def text(self) -> str:
        """The diff for `git apply` and `patch -p1`: the project's files, as they are."""
        inside = [
            c for c in self.configs if c.chosen.place.path.absolute().is_relative_to(self.folder.absolute())
        ]
        own = [
            unified(
                c.chosen.config.text,
                c.text,
                c.chosen.place.path.absolute().relative_to(self.folder.absolute()),
            )
            for c in inside
        ]
        return "".join([*map(self._of_code, [*self.code, *self.settings]), *own])

    def _of_code(self, one: Patched) -> str:
        return unified(one.before, one.after, one.path)

    def _of_settings(self, one: Patched) -> str:
        """Without lines around: settings may have secrets."""
        return unified(one.before, one.after, one.path, context=0)

    def apply(self) -> None:
        """Write all of it, each file as a whole.

        Raises:
            BadInput: a file changed meanwhile, or cannot be written; those before it are written.
        """
        for one in (*self.code, *self.settings):
            target = (self.folder / one.path).resolve()
            there = target.exists()
            target.parent.mkdir(parents=True, exist_ok=True)
            refuse_strangers(target if there else target.parent)
            rewrite(target, one.after, one.before if there else None)
        for change in self.configs:
            save(change.chosen.config, change.text)


def patch_of(project: Project, envelope: Path, *, mcp: bool, claude: bool) -> Patch:
    """What would put remit in front of one agent; its envelope must be there already.

    Args:
        project: what was found.
        envelope: of the agent.
        mcp: the agent is the client of the MCP servers, also where the project is one itself.
        claude: the agent is Claude Code.
    """
    code: list[Patched] = []
    by_hand: list[ByHand] = []
    for file in () if mcp else project.files:
        made, left = patched(file)
        code += [made] if made else []
        by_hand += left
    changes: list[ConfigChange] = []
    configs = project.mcp if mcp or not project.coded else ()
    if any(server.state is ServerState.DIRECT for chosen in configs for server in chosen.servers):
        front = front_of(envelope, None, folder=project.folder)
        changes = [change for chosen in configs if (change := wrapping(chosen, front)).changed]
    by_hand += [
        ByHand(f"{chosen.place.path}: {server.name}", "a server by URL cannot be wrapped by this version")
        for chosen in configs
        for server in chosen.servers
        if server.state is ServerState.BY_URL
    ]
    settings = _hooked(project, envelope) if claude else ()
    return Patch(project.folder, tuple(code), settings, tuple(changes), tuple(by_hand))


def _hooked(project: Project, envelope: Path) -> tuple[Patched, ...]:
    """Claude Code's settings with the hooks; nothing where they are there already."""
    from remit.adapters.claude_settings import hooks_block, installed
    from remit.cli.hooks import refuse_old, settings_place

    refuse_old()
    place = settings_place(project.folder)
    before = read_text(place) if place.exists() else ""
    options = {"envelope": str(envelope.absolute()), "store": absolute_store(None, project.folder.absolute())}
    after = installed(before, hooks_block(sys.executable, options), str(place))
    return (Patched(place.relative_to(project.folder), before, after),) if after != before else ()


def unified(before: str, after: str, path: Path, context: int = 3) -> str:
    """A unified diff that `git apply` and `patch -p1` take, also where a file does not end in a line's end."""
    old, new = f"a/{path.as_posix()}" if before else "/dev/null", f"b/{path.as_posix()}"
    lines = difflib.unified_diff(_lines(before), _lines(after), old, new, n=context)
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    )


def _lines(text: str) -> list[str]:
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def write_patch(place: Path, text: str) -> None:
    """The diff as a file that only its owner reads: a configuration may have secrets around what changes.

    Raises:
        BadInput: it is there already, or cannot be written.
    """
    try:
        handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode())
    except FileExistsError:
        raise BadInput(str(place), "is there already", "name another file") from None
    except OSError as error:
        raise BadInput(str(place), f"cannot be written: {error.strerror}", "check the folder") from None
