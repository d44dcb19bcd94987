"""Time and identity of this process."""

from __future__ import annotations

import os
import time


class SystemClock:
    """The clock of this machine."""

    def now(self) -> float:
        """UTC epoch seconds."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()


class Uuid7:
    """UUIDv7 (RFC 9562): 48 bits of milliseconds, 74 random bits; as 36 characters."""

    def new(self) -> str:
        """One id.

        >>> len(Uuid7().new()), Uuid7().new()[14]
        (36, '7')
        """
        stamp = int(time.time() * 1000) & 0xFFFF_FFFF_FFFF
        rand = int.from_bytes(os.urandom(10))
        high, low = (rand >> 62) & 0xFFF, rand & 0x3FFF_FFFF_FFFF_FFFF
        value = (stamp << 80) | (0x7 << 76) | (high << 64) | (0b10 << 62) | low
        text = f"{value:032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
