"""What a project uses of what remit can stand in front of, and where that was seen."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from remit.usecases.adopt.source import Source

_PACKAGES = {"langchain": "langchain", "langgraph": "langchain", "claude-agent-sdk": "claude-agent-sdk"}
_MODULES = {"langchain": "langchain", "langgraph": "langchain", "claude_agent_sdk": "claude-agent-sdk"}
_CLAUDE = ".claude"
_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")


@dataclass(frozen=True, slots=True)
class Use:
    """One thing that a project uses."""

    what: str
    """langchain (LangGraph too), claude-agent-sdk or claude-code."""
    where: str
    """A file, with a line where it is Python."""


def uses(folder: Path, files: Sequence[Source]) -> list[Use]:
    """What the project uses, each named once: an import tells more than a list of packages."""
    found: dict[str, Use] = {}
    for use in (*_imports(files), *_listed(folder), *_claude_code(folder)):
        found.setdefault(use.what, use)
    return list(found.values())


def _imports(files: Sequence[Source]) -> Iterator[Use]:
    for file in files:
        for meant in file.names.values():
            what = _MODULES.get(meant.split(".")[0])
            if what:
                yield Use(what, str(file.path))


def _listed(folder: Path) -> Iterator[Use]:
    """From lists of dependencies, then from lock files."""
    for name, read in (("pyproject.toml", _of_pyproject), ("uv.lock", _of_lock), ("poetry.lock", _of_lock)):
        table = _toml(folder / name)
        yield from (Use(_PACKAGES[one], name) for one in read(table) if one in _PACKAGES)
    for path in sorted(folder.glob("*requirements*.txt")):
        for line in _text(path).splitlines():
            match = _REQUIREMENT.match(line)
            if match and _plain(match[1]) in _PACKAGES:
                yield Use(_PACKAGES[_plain(match[1])], path.name)


def _of_pyproject(table: Mapping[str, Any]) -> Iterator[str]:
    project, poetry = _table(table, "project"), _table(_table(table, "tool"), "poetry")
    lists = [project.get("dependencies"), *_table(project, "optional-dependencies").values()]
    lists += _table(table, "dependency-groups").values()
    for listed in lists:
        for line in listed if isinstance(listed, list) else []:
            match = _REQUIREMENT.match(line) if isinstance(line, str) else None
            if match:
                yield _plain(match[1])
    groups = [
        _table(one, "dependencies") for one in _table(poetry, "group").values() if isinstance(one, dict)
    ]
    for group in (_table(poetry, "dependencies"), *groups):
        yield from (_plain(name) for name in group)


def _of_lock(table: Mapping[str, Any]) -> Iterator[str]:
    packages = table.get("package")
    for one in packages if isinstance(packages, list) else []:
        if isinstance(one, dict) and isinstance(one.get("name"), str):
            yield _plain(one["name"])


def _claude_code(folder: Path) -> Iterator[Use]:
    if (folder / _CLAUDE).is_dir():
        yield Use("claude-code", _CLAUDE)


def _table(table: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = table.get(key)
    return found if isinstance(found, dict) else {}


def _toml(path: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(_text(path))
    except tomllib.TOMLDecodeError:
        return {}


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
