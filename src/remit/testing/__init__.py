"""What tests of remit, and of agents under it, are built from: envelopes in a line, clocks, records in memory.

Loaded when first used: pytest imports this package for its plugin, in every project that has remit installed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from remit.testing.builders import (
        HEADER,
        SMALL_REFUNDS,
        FakeClock,
        FakeIds,
        act,
        answer,
        call,
        envelope,
        one_tool,
        open_guard,
        pending,
        small_refunds,
    )
    from remit.testing.records import FakeRecords, fake_guard
    from remit.testing.reliability import InvariantBroken

_BUILDERS = (
    "HEADER",
    "SMALL_REFUNDS",
    "FakeClock",
    "FakeIds",
    "act",
    "answer",
    "call",
    "envelope",
    "one_tool",
    "open_guard",
    "pending",
    "small_refunds",
)
_LAZY = {
    **dict.fromkeys(_BUILDERS, "remit.testing.builders"),
    "FakeRecords": "remit.testing.records",
    "fake_guard": "remit.testing.records",
    "InvariantBroken": "remit.testing.reliability",
}

__all__ = [
    "HEADER",
    "SMALL_REFUNDS",
    "FakeClock",
    "FakeIds",
    "FakeRecords",
    "InvariantBroken",
    "act",
    "answer",
    "call",
    "envelope",
    "fake_guard",
    "one_tool",
    "open_guard",
    "pending",
    "small_refunds",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'remit.testing' has no attribute {name!r}")
    import importlib

    value = getattr(importlib.import_module(_LAZY[name]), name)
    globals()[name] = value
    return value
