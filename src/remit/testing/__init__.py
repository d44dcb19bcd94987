"""What tests of remit, and of agents under it, are built from: envelopes in a line, clocks, records in memory."""

from remit.testing.builders import (
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

__all__ = [
    "SMALL_REFUNDS",
    "FakeClock",
    "FakeIds",
    "FakeRecords",
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
