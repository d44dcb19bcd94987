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

    The ids of a process grow, also within a millisecond and when the clock is set back (method 3 of section 6.2):
    the journal knows an id that is greater than all before it as new without looking it up.
    """

    def new(self) -> str:
        """One id.

        >>> make = Uuid7().new
        >>> first, second = make(), make()
        >>> len(first), first[14], first < second
        (36, '7', True)
        """
        ticks, noise = _maker.next()
        low = int.from_bytes(noise) & 0x3FFF_FFFF_FFFF_FFFF
        value = (ticks >> 12 << 80) | (0x7 << 76) | ((ticks & 0xFFF) << 64) | (0b10 << 62) | low
        text = f"{value:032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


class _Maker:
    """What all ids of this process are made from; a forked child begins anew, with random bytes of its own."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._lock = threading.Lock()
        self._last = 0
        self._noise = b""

    def next(self) -> tuple[int, bytes]:
        """Ticks of 1/4096 ms, greater than all before, and 8 random bytes that nobody else gets."""
        with self._lock:
            self._last = max(int(time.time() * 4_096_000) & _MOST_TICKS, self._last + 1)
            if not self._noise:
                self._noise = os.urandom(8 * 64)
            noise, self._noise = self._noise[:8], self._noise[8:]
            return self._last, noise


_MOST_TICKS = (1 << 60) - 1
_maker = _Maker()
os.register_at_fork(after_in_child=_maker.reset)
