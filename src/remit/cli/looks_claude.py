"""What Claude Code's settings say about remit's hooks: whether they are there, and what lets calls go past them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from remit.cli.canaries import Check

_MANAGED = (
    Path("/etc/claude-code/managed-settings.json"),
    Path("/Library/Application Support/ClaudeCode/managed-settings.json"),
)
_SHADOWING = ("disableAllHooks", "allowManagedHooksOnly", "enabledPlugins")


def settings_files(folder: Path) -> list[Path]:
    """The settings that Claude Code reads here: the project's, its local ones, the user's, the organisation's."""
    own = os.environ.get("CLAUDE_CONFIG_DIR")
    user = Path(own) if own else Path("~/.claude").expanduser()
    named = [folder / ".claude/settings.json", folder / ".claude/settings.local.json", user / "settings.json"]
    return [path for path in (*named, *_MANAGED) if path.is_file()]


def looks(folder: Path) -> Iterator[Check]:
    """What is found in the settings, and what no hook is asked about."""
    from remit.adapters.claude_settings import NOT_SEEN

    found = {path: _read(path) for path in settings_files(folder)}
    for path, settings in found.items():
        if isinstance(settings, str):
            yield Check("claude-code: settings", False, "fail", f"{path}: {settings}", "mend the file")
    yield from _of_hooks({path: one for path, one in found.items() if not isinstance(one, str)}, folder)
    yield Check("claude-code: not governed", True, "info", "; ".join(NOT_SEEN), "know it; no hook is asked")
    yield from _of_program()


def _read(path: Path) -> dict[str, Any] | str:
    """The settings, or what is wrong with them."""
    try:
        found = json.loads(path.read_text(encoding="utf-8") or "{}")
    except (OSError, ValueError, RecursionError) as error:
        return f"cannot be read ({type(error).__name__}: {error})"
    return found if isinstance(found, dict) and isinstance(found.get("hooks") or {}, dict) else "no settings"


def _of_hooks(found: Mapping[Path, dict[str, Any]], folder: Path) -> Iterator[Check]:
    """Hooks in one file are enough; what undoes them may stand in any."""
    from remit.adapters.claude_settings import EVENTS, findings, is_ours

    def ours(settings: Mapping[str, Any]) -> bool:
        groups = [group for event in EVENTS for group in (settings.get("hooks") or {}).get(event) or []]
        return any(is_ours(h) for g in groups if isinstance(g, dict) for h in g.get("hooks") or [])

    installed = [path for path, settings in found.items() if ours(settings)]
    if not installed:
        told = f"remit's hooks are in none of the settings that Claude Code reads in {folder}"
        yield Check("claude-code: hooks", False, "warn", told, "remit hooks install")
        return
    yield Check("claude-code: hooks", True, "warn", f"installed in {', '.join(map(str, installed))}")
    if len(installed) > 1:
        told = "remit's hooks are in more than one file: each call is asked about twice"
        yield Check("claude-code: hooks", False, "warn", told, "remit hooks uninstall in all but one")
    for path, settings in found.items():
        for one in findings(settings, managed=path in _MANAGED):
            if path in installed or _is_of_others(one.told):
                level = "fail" if one.certain else "warn"
                yield Check("claude-code: settings", False, level, f"{path}: {one.told}", one.remedy)


def _is_of_others(told: str) -> bool:
    """Whether a finding says something of a file that need not have the hooks itself."""
    return told.startswith((*_SHADOWING, "another hook", "plugins"))


def _of_program() -> Iterator[Check]:
    program = shutil.which("claude")
    if program is None:
        yield Check("claude-code: program", True, "info", "no claude on the PATH: its version is not known")
        return
    version = "its version could not be asked"
    with suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=60, check=False)
        version = done.stdout.strip() or version
    yield Check("claude-code: program", True, "info", f"{program}: {version}")
