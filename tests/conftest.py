"""For every test: no settings of this machine, a home of its own, the same drawn examples in every run, and short soaks
unless REMIT_SOAK=1."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis.internal.conjecture import providers

SOAK = os.environ.get("REMIT_SOAK") == "1"
DATA = os.environ.get("REMIT_DATA", "")
"""Folder of recorded sessions, where there is one; read before each test loses the settings of this machine."""

# What a terminal, a service that runs tests or a person asks of output and places; typer reads some when it is imported.
for _name in (
    *(
        "FORCE_COLOR",
        "NO_COLOR",
        "CLICOLOR",
        "CLICOLOR_FORCE",
        "PY_COLORS",
        "COLUMNS",
        "LINES",
        "TTY_COMPATIBLE",
    ),
    *(
        "TTY_INTERACTIVE",
        "TERMINAL_WIDTH",
        "GITHUB_ACTIONS",
        "XDG_CONFIG_HOME",
        "XDG_STATE_HOME",
        "PYTEST_ADDOPTS",
    ),
):
    os.environ.pop(_name, None)

# Hypothesis draws the same examples in every run, and limits the time of none: what is red here was made red by a
# change, not by chance or by a busy machine. The long form draws afresh, to find what nobody has met yet.
settings.register_profile("long", settings.get_profile("ci"), derandomize=False)
settings.load_profile("long" if SOAK else "ci")
if not SOAK:
    # It also draws numbers and texts that stand in the modules imported so far: which these are depends on the tests
    # that ran before.
    providers._get_local_constants = lambda: providers._local_constants


@pytest.fixture(autouse=True)
def _own_home(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, _sockets: str
) -> None:
    for name in [name for name in os.environ if name.startswith("REMIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("REMIT_HOME", str(tmp_path_factory.mktemp("home")))
    monkeypatch.setenv("XDG_RUNTIME_DIR", _sockets)


@pytest.fixture(scope="session")
def _sockets() -> Iterator[str]:
    """Where daemons listen: not where this user's own do, and by a short path, since a socket's address has a hundred
    bytes, however long the paths of pytest's folders are."""
    with tempfile.TemporaryDirectory(prefix="remit-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        yield folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a test keeps its store."""
    return tmp_path


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of recorded sessions; without it, the test is skipped."""
    if not DATA or not Path(DATA).is_dir():
        pytest.skip("no recorded sessions: set REMIT_DATA to their folder")
    return Path(DATA).resolve()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave the long forms out, as `make test` does."""
    if not SOAK:
        skip = pytest.mark.skip(reason="the long form; run by `make soak`")
        for item in items:
            if "soak" in item.keywords:
                item.add_marker(skip)
