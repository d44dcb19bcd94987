"""What the tests of adapters share."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from claude_help import Desk, desk_in


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A project for Claude Code, and what its daemon needs."""
    made = desk_in(tmp_path)
    yield made
    made.stop()
