"""How one store is brought to rest for a fork: nothing is committed, read or signed, and no file is open."""

from __future__ import annotations

from remit.store.commit import Committer
from remit.store.fork import keep_for_ever
from remit.store.notary import Notary
from remit.store.pool import Readers
from remit.store.writer import Writer

_WAIT_S = 10.0
"""How long a fork waits for a commit or a read in hand."""


class Quiet:
    """The parts of a store that a fork concerns; see `fork`."""

    def __init__(self, writer: Writer, committer: Committer, readers: Readers, notary: Notary | None) -> None:
        self._writer = writer
        self._committer = committer
        self._readers = readers
        self._notary = notary
        self._held = self._at_rest = False

    def before_fork(self) -> None:
        """Finish the batch in hand and close all connections. A memory database is copied as it stands."""
        self._at_rest = self._held = False
        if self._writer.leads or not self._writer.take_lead(_WAIT_S):
            return
        if self._notary is not None:
            self._notary.lock.acquire()
        self._held = True
        self._at_rest = self._readers.pause(_WAIT_S)
        if self._at_rest and self._notary is not None:
            self._committer.abandon()

    def after_fork_in_parent(self) -> None:
        """Go on."""
        if self._held:
            self._held = False
            if self._notary is not None:
                self._notary.lock.release()
            self._readers.resume()
            self._writer.give_back()

    def after_fork_in_child(self) -> None:
        """Start with an empty queue; connections open when they are next needed."""
        self._writer.reset()
        self._committer.renew()
        self._readers.reset()
        if self._notary is not None:
            self._notary.reset()
        if not self._at_rest:
            self._committer.bar("the process forked in the middle of a transaction; use a new process")
            keep_for_ever(self._committer.inherited())
