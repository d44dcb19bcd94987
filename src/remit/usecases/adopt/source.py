"""A project's Python files, read and never run."""

from __future__ import annotations

import ast
import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MAX_FILES = 20_000
MAX_BYTES = 1_000_000
_WORTH_READING = (b"langchain", b"langgraph", b"claude_agent_sdk")
_SKIPPED = frozenset({"node_modules", "__pycache__", "site-packages", "build", "dist", "tests", "test"})


@dataclass(frozen=True, slots=True)
class Source:
    """One file that names a framework."""

    path: Path
    """Relative to the project."""
    raw: bytes
    tree: ast.Module
    names: dict[str, str]
    """Each imported name with what it stands for: `{"tool": "langchain_core.tools.tool"}`."""

    def meant(self, node: ast.expr) -> str:
        """The full name of what an expression such as `tools.tool` stands for; empty where it is none."""
        if isinstance(node, ast.Name):
            return self.names.get(node.id, "")
        if isinstance(node, ast.Attribute):
            inner = self.meant(node.value)
            return f"{inner}.{node.attr}" if inner else ""
        return ""


def sources(folder: Path) -> Iterator[Source]:
    """The project's own files that name a framework; not its tests, environments and build folders."""
    for path in _python_files(folder):
        try:
            if path.stat().st_size > MAX_BYTES:
                continue
            raw = path.read_bytes()
            if not any(word in raw for word in _WORTH_READING):
                continue
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about odd escapes in the project's own text
                tree = ast.parse(raw, str(path))
        except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        yield Source(path.relative_to(folder), raw, tree, _imported(tree))


def _python_files(folder: Path) -> Iterator[Path]:
    seen = 0
    for here, folders, files in os.walk(folder):
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".")
            and name not in _SKIPPED
            and not (Path(here) / name / "pyvenv.cfg").exists()
        )
        for name in sorted(files):
            if name.endswith(".py") and not name.startswith("test_") and name != "conftest.py":
                seen += 1
                if seen > MAX_FILES:
                    return
                yield Path(here) / name


def _imported(tree: ast.Module) -> dict[str, str]:
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for one in node.names:
                top = one.name.split(".")[0]
                found[one.asname or top] = one.name if one.asname else top
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for one in node.names:
                found[one.asname or one.name] = f"{node.module}.{one.name}"
    return found
