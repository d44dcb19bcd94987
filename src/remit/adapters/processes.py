"""Processes that are started for one thing and leave nothing behind: no shell, no settings of remit, a group each."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Mapping

MOST_TOLD = 300


def clean_environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of this process without remit's own settings, and with *more*."""
    own = {key: value for key, value in os.environ.items() if not key.startswith("REMIT_")}
    return {**own, **(more or {})}


def kill_group(leader: int) -> None:
    """Kill a process that was started with `start_new_session`, and all that it started in its group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def how_it_ended(code: int, told: bytes) -> str:
    """An exit code and the last line of what was written to standard error, in one line.

    >>> how_it_ended(2, b"starting\\nno such model\\n"), how_it_ended(-9, b"")
    ('exit code 2: no such model', 'exit code -9')
    """
    how = f"exit code {code}"
    last = told.decode("utf-8", "replace").strip().splitlines()[-1:]
    return f"{how}: {last[0][:MOST_TOLD]}" if last else how
