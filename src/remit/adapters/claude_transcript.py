"""The transcript that Claude Code writes: what the model said, and which calls ended without running.

It is a file that grows, one JSON object a line, and lags behind the hooks. The agent may be able to write to it, so
nothing in it makes anything trusted: the model's own words never do, and of a call it says only that it did not run.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MOST_AT_ONCE = 16 * 1024 * 1024
"""Bytes that are read for one event; the rest with the next one."""
MOST_LINE = 4 * 1024 * 1024


@dataclass
class Transcript:
    """One transcript, read on from where it was read to."""

    path: str
    offset: int = 0
    file: tuple[int, int] = (0, 0)
    """Which file was read, beyond its name."""
    said: set[str] = field(default_factory=set)
    """Ids of entries that were read."""
    ended: dict[str, bool] = field(default_factory=dict)
    """Ids of calls that have a result; whether Claude Code says that they did not run."""

    def read(self) -> list[str]:
        """What the model said since the last time: texts and thoughts, in order, each once."""
        found: list[str] = []
        for entry in self._entries():
            found.extend(self._taken(entry))
        return found

    def _taken(self, entry: dict[str, Any]) -> Iterator[str]:
        message = entry.get("message")
        blocks = message.get("content") if isinstance(message, dict) else None
        if not isinstance(blocks, list):
            return
        if entry.get("type") == "user":
            for block in blocks:
                if isinstance(block, dict) and block.get("type") == "tool_result":
                    self.ended[str(block.get("tool_use_id"))] = isinstance(entry.get("toolDenialKind"), str)
        elif entry.get("type") == "assistant" and str(entry.get("uuid")) not in self.said:
            self.said.add(str(entry.get("uuid")))
            yield from _words(blocks)

    def _entries(self) -> Iterator[dict[str, Any]]:
        for line in self._lines():
            try:
                entry = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(entry, dict):
                yield entry

    def _lines(self) -> Iterator[bytes]:
        data = self._unread()
        whole = data.rfind(b"\n") + 1
        if not whole and len(data) >= MOST_AT_ONCE:  # one line without end
            whole = len(data)
        self.offset += whole
        for line in data[:whole].splitlines():
            if line and len(line) <= MOST_LINE:
                yield line

    def _unread(self) -> bytes:
        """Only from a regular file of this user: a pipe would wait, and somebody else's file says nothing."""
        try:
            file = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return b""
        try:
            found = os.fstat(file)
            if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
                return b""
            name = (found.st_dev, found.st_ino)
            if (
                found.st_size < self.offset or name != self.file
            ):  # written anew: ids tell what was read before
                self.offset, self.file = 0, name
            return os.pread(file, MOST_AT_ONCE, self.offset)
        except OSError:
            return b""
        finally:
            os.close(file)


def _words(blocks: list[Any]) -> Iterator[str]:
    for block in blocks:
        kind = block.get("type") if isinstance(block, dict) else None
        text = block.get(kind) if kind in ("text", "thinking") else None
        if isinstance(text, str) and text.strip():
            yield text


def subagent_path(transcript: str, session: str, agent: str) -> str:
    """Where Claude Code writes a subagent's transcript; empty for an id that is none.

    >>> subagent_path("/p/s-1.jsonl", "s-1", "a1"), subagent_path("/p/s-1.jsonl", "s-1", "../x")
    ('/p/s-1/subagents/agent-a1.jsonl', '')
    """
    if not agent or not all(c.isalnum() or c in "-_" for c in f"{agent}{session}"):
        return ""
    return str(Path(transcript).parent / session / "subagents" / f"agent-{agent}.jsonl")
