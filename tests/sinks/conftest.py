"""For every test of a sink: receivers on this machine have all the time that a busy machine may take."""

from __future__ import annotations

import pytest

from remit.sinks import wire

from .receivers import GUARD_S


@pytest.fixture(autouse=True)
def _unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test of what is cut off in time sets a time of its own."""
    monkeypatch.setattr(wire, "TIMEOUT_S", GUARD_S)
