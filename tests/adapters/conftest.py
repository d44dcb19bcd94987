"""What the tests of adapters share."""

from __future__ import annotations

import contextlib
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from claude_help import Desk, desk_in


@pytest.fixture
def short_folder() -> Iterator[Callable[[], Path]]:
    """Makes folders of sockets, whose addresses must be short."""
    with contextlib.ExitStack() as made:
        yield lambda: Path(
            made.enter_context(
                tempfile.TemporaryDirectory(prefix="remit-", dir="/tmp", ignore_cleanup_errors=True)
            )
        )


@pytest.fixture
def desk(tmp_path: Path, short_folder: Callable[[], Path]) -> Iterator[Desk]:
    """A project for Claude Code, and what its daemon needs."""
    made = desk_in(tmp_path, short_folder())
    yield made
    made.stop()
