"""The store's clock and its ids: the host's wall clock, and UUIDs that sort by time."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TypeAlias

WallClock: TypeAlias = Callable[[], float]
"""Gives UTC epoch seconds; a test passes its own."""

wall_clock: WallClock = time.time


def never_back(clock: WallClock, highest: float) -> float:
    """The time now, or *highest* where the clock was set back: no event is older than the one before it.

    >>> never_back(lambda: 90.0, highest=100.0)
    100.0
    """
    return max(clock(), highest)


def uuid7(at: float) -> str:
    """A UUIDv7 for the instant *at*, for events that the store writes by itself.

    >>> uuid7(0.0)[:15]
    '00000000-0000-7'

    Source: RFC 9562, section 5.7.
    """
    number = (int(at * 1000) & (1 << 48) - 1) << 80 | int.from_bytes(os.urandom(10), "big")
    number = number & ~(0xF << 76) | 0x7 << 76
    number = number & ~(0x3 << 62) | 0x2 << 62
    text = f"{number:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
