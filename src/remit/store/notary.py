"""Signs a checkpoint every 256 events, or a second after the first event that has none, on a thread of its
own.

Nothing is signed that does not extend what was signed last, by this process or another: either this process
wrote everything since, or the events since then are read and hashed onto the signed frontier.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from remit.core.errors import RemitError
from remit.store.chain import Head
from remit.store.checkpoint import Checkpoint
from remit.store.home import EVERY, Home
from remit.store.merkle import add_leaf, root_of_peaks

AFTER_S = 1.0
"""How long an event waits at most for its checkpoint."""
_SYNC_S = 1.0
"""How often a checkpoint is synced; the journal itself is, with every batch."""

Leaves = Callable[[int, int], list[bytes]]
"""Reads the leaf hashes of the events after the first sequence and up to the second."""


class Notary:
    """Follows the head of the journal and signs it."""

    def __init__(
        self, home: Home, key: Ed25519PrivateKey, leaves: Leaves, altered: Callable[[str], None]
    ) -> None:
        self._home = home
        self._key = key
        self._leaves = leaves
        self._altered = altered
        self._signed: Checkpoint | None = None
        self._synced = 0.0
        self.checkpoints = 0
        self.problem = ""
        """Why the last checkpoint could not be written; empty when it could."""
        self.reset()

    def reset(self) -> None:
        """Start without a thread: at first, and in a forked child."""
        self._lock = threading.Lock()
        self._begun, self._due = threading.Lock(), threading.Lock()
        self._begun.acquire()
        self._due.acquire()
        self._head = Head()
        self._dirty = self._closed = False
        self._size = 0
        self._thread: threading.Thread | None = None

    def follow(self, head: Head) -> None:
        """Take note of a committed *head*. Called by the writer, so it only rings."""
        self._head = head
        if not self._dirty:
            self._dirty = True
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="remit-checkpoints", daemon=True)
                self._thread.start()
            _ring(self._begun)
        if head.size - self._size >= EVERY:
            _ring(self._due)

    def sign(self, *, durably: bool = True) -> Checkpoint | None:
        """Sign the head now; None when there is nothing to sign or it may not be signed."""
        with self._lock:
            self._dirty = False
            head = self._head
            if not head.size:
                return None
            with self._home.signing():
                checkpoint = Checkpoint(self._home.origin, head.size, root_of_peaks(head.peaks))
                if not self._extends(head, checkpoint):
                    return None
                self._home.keep(checkpoint.signed(self._key), head.size, head.peaks, durably=durably)
            self._signed, self._size = checkpoint, head.size
            self.checkpoints += 1
            return checkpoint

    def close(self) -> None:
        """Sign what has no checkpoint yet, and stop."""
        self._closed = True
        _ring(self._begun)
        _ring(self._due)
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join()
        if self._head.size > self._size:
            self._try_to_sign(durably=True)

    @property
    def lock(self) -> threading.Lock:
        """Held while signing; a fork waits for it."""
        return self._lock

    def _work(self) -> None:
        while not self._closed:
            self._begun.acquire()
            if self._head.size - self._size < EVERY:
                self._due.acquire(timeout=AFTER_S)
            if not self._closed:
                now = time.monotonic()
                durably = now - self._synced >= _SYNC_S
                self._synced = now if durably else self._synced
                self._try_to_sign(durably=durably)

    def _try_to_sign(self, *, durably: bool) -> None:
        try:
            self.sign(durably=durably)
            self.problem = ""
        except (OSError, RemitError) as error:
            self.problem = f"{self._home.checkpoints}: {error}"

    def _extends(self, head: Head, checkpoint: Checkpoint) -> bool:
        """Whether *head* may be signed, given what was signed last by any process."""
        last = self._last_signed()
        if last is None or last == self._signed:
            return True
        if last.size >= head.size:
            # Another process signed more; it saw what we wrote, or its own check stopped it.
            if last.size == head.size and last.root != checkpoint.root:
                self._altered(f"the checkpoint over {last.size} events has another root")
            self._size = max(self._size, head.size)
            return False
        peaks, size = self._home.frontier(last), last.size
        if peaks is None:
            peaks, size = [], 0
        for seq, leaf in enumerate(self._leaves(size, head.size), start=size):
            if seq == last.size and root_of_peaks(peaks) != last.root:
                break
            add_leaf(peaks, seq, leaf)
        if tuple(peaks) != head.peaks:
            self._altered(f"it does not extend the checkpoint over {last.size} events")
            return False
        return True

    def _last_signed(self) -> Checkpoint | None:
        if self._signed is not None and self._home.signed_size() == self._signed.size:
            return self._signed
        return self._home.latest()


def _ring(bell: threading.Lock) -> None:
    with suppress(RuntimeError):
        bell.release()
