"""Configurations read and replaced on disk, and what of a change is shown: what will be started, never a secret."""

from __future__ import annotations

import difflib
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from remit.core.errors import BadInput
from remit.core.jsontext import read_jsontext
from remit.usecases.mcp_clients.servers import Config, read_config
from remit.usecases.rewrite import rewrite

CONTEXT_LINES = 3
_PLAIN = frozenset({"command", "type", "cwd"})
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|//[^\r\n]*|/\*.*?\*/', re.DOTALL)


def load(path: Path, *, named: bool = False) -> Config:
    """The configuration at *path*.

    Args:
        path: of the file.
        named: somebody said that it lists servers; a file that a client may keep for other things need not.

    Raises:
        BadInput: unreadable, no UTF-8, malformed; or named, and nothing in it lists servers.
    """
    config = _read(path)
    if named and not config.lists:
        raise BadInput(str(path), "it lists no servers", "name a file with the key mcpServers or servers")
    return config


def _read(path: Path) -> Config:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise BadInput(
            str(path), f"cannot be read: {error.strerror}", "check the path and its rights"
        ) from None
    try:
        return read_config(raw.decode(), path)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise BadInput(f"{path}:{line}", "bytes that are no UTF-8", "save it as UTF-8") from None


def save(config: Config, text: str) -> None:
    """Put *text* in the place of the configuration, as a whole; a link is followed, and stays a link.

    Raises:
        BadInput: somebody else could have written the file or could replace it, it changed meanwhile, or the disk
            takes no more; the file is as it was.
    """
    target = config.path.resolve()
    refuse_strangers(target)
    rewrite(target, text, config.text)


def refuse_strangers(path: Path) -> None:
    """No file that others may write: they would choose what the client starts.

    Raises:
        BadInput: it belongs to somebody else, or anybody may write it or its folder.
    """
    if not hasattr(os, "geteuid"):
        return
    found, folder = path.stat(), path.parent.stat()
    if found.st_uid != os.geteuid():
        raise BadInput(str(path), "belongs to another user", "run this as its owner")
    if found.st_mode & stat.S_IWOTH:
        raise BadInput(str(path), "anybody on this machine may write it", f"chmod o-w {path}")
    if folder.st_mode & stat.S_IWOTH and not folder.st_mode & stat.S_ISVTX:
        told = "anybody on this machine may replace files in this folder"
        raise BadInput(str(path.parent), told, f"chmod o-w {path.parent}")


def shown_diff(before: str, after: str, label: str) -> str:
    """A unified diff for people; text values are shown as … unless they say what is started.

    In lines that change, the program, its arguments, its type and folder stand as they are; around them arguments and
    comments are left out too. So the values of `env`, `headers` and of everything else in the file are never shown.
    """
    old, new = _lines(before), _lines(after)
    shown_old, shown_new = _masked(before, args=True), _masked(after, args=True)
    around = _masked(before, args=False)
    lines = [f"--- {label}\n", f"+++ {label}\n"]
    groups = list(difflib.SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(CONTEXT_LINES))
    for group in groups:
        (_, first_old, _, first_new, _), (_, _, last_old, _, last_new) = group[0], group[-1]
        lines.append(f"@@ -{_range(first_old, last_old)} +{_range(first_new, last_new)} @@\n")
        for tag, i1, i2, j1, j2 in group:
            if tag == "equal":
                lines += [f" {line}" for line in around[i1:i2]]
            else:
                lines += [f"-{line}" for line in shown_old[i1:i2]]
                lines += [f"+{line}" for line in shown_new[j1:j2]]
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines) if groups else ""


def _range(start: int, stop: int) -> str:
    length = stop - start
    return str(start + 1) if length == 1 else f"{start + (length > 0)},{length}"


def _masked(text: str, *, args: bool) -> list[str]:
    """The lines of *text* with … for what is not to be shown; as many lines as before."""
    plain = set(_plain(read_config(text, Path()), args))
    plain |= {
        member.start for _, node in read_jsontext(text, "").walk() for member in node.members().values()
    }

    def shown(match: re.Match[str]) -> str:
        if match[0].startswith('"'):
            return match[0] if match.start() in plain else '"…"'
        return match[0] if args else re.sub(r"[^\r\n]+", "…", match[0])

    return _lines(_TOKEN.sub(shown, text))


def _plain(config: Config, args: bool) -> Iterator[int]:
    """Where the texts begin that say what a server starts."""
    for server in config.servers:
        for key in _PLAIN:
            node = server.node.get(key)
            if node is not None:
                yield node.start
        listed = server.node.get("args") if args else None
        yield from (item.start for item in (listed.items() if listed else ()))


def _lines(text: str) -> list[str]:
    """As an editor counts them; `str.splitlines` also breaks at characters that may stand inside a string."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)
