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
        high, variant = f"{ticks >> 12:012x}", "89ab"[int(noise[0], 16) & 3]
        return f"{high[:8]}-{high[8:]}-7{ticks & 0xFFF:03x}-{variant}{noise[1:4]}-{noise[4:]}"


class _Maker:
    """What all ids of this process are made from; a forked child begins anew, with random bytes of its own."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._lock = threading.Lock()
        self._last = 0
        self._noise: list[str] = []

    def next(self) -> tuple[int, str]:
        """Ticks of 1/4096 ms, greater than all before, and 16 random hexadecimal digits that nobody else gets."""
        with self._lock:
            now, after = int(time.time() * 4_096_000) & _MOST_TICKS, self._last + 1
            self._last = now if now > after else after
            if not self._noise:
                drawn = os.urandom(8 * 64).hex()
                self._noise = [drawn[start : start + 16] for start in range(0, len(drawn), 16)]
            return self._last, self._noise.pop()


_MOST_TICKS = (1 << 60) - 1
_maker = _Maker()
os.register_at_fork(after_in_child=_maker.reset)
