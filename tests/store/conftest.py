"""What the tests of the store share: a home, open journals, and the long forms that run only when asked for."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from remit.store.sqlite import SqliteStore

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent.parent / "core"))  # builders of incidents


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if os.environ.get("REMIT_SOAK") != "1":
        for item in items:
            if "soak" in item.keywords:
                item.add_marker(
                    pytest.mark.skip(reason="the long form: set REMIT_SOAK=1, or run `make soak`")
                )


@pytest.fixture
def open_journal(tmp_path: Path) -> Iterator[Callable[..., SqliteStore]]:
    """Opens the journal `remit.db` of this test; all are closed at its end."""
    opened: list[SqliteStore] = []

    def open_it(path: Path | None = tmp_path / "remit.db", **options: Any) -> SqliteStore:
        store = SqliteStore.open(path, home=tmp_path / "home", **{"reserve_bytes": 1 << 16, **options})
        opened.append(store)
        return store

    yield open_it
    for store in opened:
        store.close()


@pytest.fixture
def journal(open_journal: Callable[..., SqliteStore]) -> SqliteStore:
    return open_journal()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 4 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "none", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no mount here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)
