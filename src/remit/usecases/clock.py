"""Time and identity of this process."""

from __future__ import annotations

import os
import threading
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
    """UUIDv7 (RFC 9562): milliseconds, 12 bits of their fraction, 62 random bits; as 36 characters.

    Ids of one maker grow, also within a millisecond and when the clock is set back (method 3 of section 6.2): the journal
    knows an id that is greater than all before it as new without looking it up.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0
        self._noise = b""
        self._process = 0

    def new(self) -> str:
        """One id.

        >>> make = Uuid7().new
        >>> first, second = make(), make()
        >>> len(first), first[14], first < second
        (36, '7', True)
        """
        with self._lock:
            self._last = ticks = max(int(time.time() * 4_096_000) & _MOST_TICKS, self._last + 1)
            if (
                len(self._noise) < 8 or self._process != os.getpid()
            ):  # a forked child must not repeat its parent
                self._noise, self._process = os.urandom(8 * 64), os.getpid()
            noise, self._noise = self._noise[:8], self._noise[8:]
        low = int.from_bytes(noise) & 0x3FFF_FFFF_FFFF_FFFF
        value = (ticks >> 12 << 80) | (0x7 << 76) | ((ticks & 0xFFF) << 64) | (0b10 << 62) | low
        text = f"{value:032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


_MOST_TICKS = (1 << 60) - 1
