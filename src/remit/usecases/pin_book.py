"""What is pinned for a server as the journal says it, and writing there: first contacts, drifts and acceptances."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from remit.core.anomaly import of_drift
from remit.core.canonical import digest
from remit.core.definitions import Definition, Malformed, difference
from remit.core.errors import BadInput, Unavailable
from remit.core.event import Event
from remit.core.ids import derived_id
from remit.core.pins import (
    DRIFTED,
    PINNED,
    Pin,
    Whose,
    clause_of,
    definitions_in,
    drift_body,
    fold,
    pin_message,
    pinned_body,
)
from remit.core.suspect import DefinitionFinding
from remit.core.types import Severity
from remit.ports import Records


@dataclass(frozen=True, slots=True)
class PinDrift:
    """What a server said last of a tool, where that is not what is pinned and nobody has accepted it."""

    pin: Pin
    found: Definition
    at: float
    event: str
    """Id of the anomaly."""

    @property
    def diff(self) -> str:
        """From the pinned definition to the other, made from the two and from nobody's words."""
        return difference(self.pin.definition, self.found)


class PinBook:
    """The pins of one server. Not thread-safe.

    The n-th `tools.pinned` event of a server has an id of its own, derived from n: of two processes that write it at
    once, the store takes one, and the other looks again.

    Args:
        records: the store.
        whose: the server.
    """

    def __init__(self, records: Records, whose: Whose) -> None:
        self._records = records
        self.whose = whose
        self.pins: dict[str, Pin] = {}
        self._count = 0
        self._after = 0

    def refresh(self) -> None:
        """Read what was pinned since the last look, here and in other processes.

        Raises:
            Unavailable: the store cannot be read.
        """
        whose, single = self.whose, self._records.single_operator
        for stored in self._records.events_of(whose.tenant, whose.agent, PINNED, after=self._after):
            self._after = stored.seq
            if whose.of(stored):
                self._count += 1
                fold(self.pins, stored, whose, self._records.signed_by, single_operator=single)

    # ------------------------------------------------------------------------------------------ writing
    def pin(self, new: Mapping[str, Definition], findings: Sequence[DefinitionFinding] = ()) -> bool:
        """Pin tools at first contact; False where another process wrote first. What is pinned is read again.

        Raises:
            Unavailable: it could not be written.
        """
        return self._append(pinned_body(self.whose, new, findings=findings), new)

    def accept(self, drift: PinDrift, by: str, signature: bytes | None) -> bool:
        """Put a drifted definition in the place of its pin; False where the pins changed meanwhile.

        Args:
            drift: as it was shown.
            by: who accepts it.
            signature: over `message_of(drift)`; None only in a single-operator store.

        Raises:
            BadInput: the signature is not that person's, or there is none and there has to be one.
            Unavailable: it could not be written.
        """
        name = drift.found.name
        if signature is None and not self._records.single_operator:
            remedy = "make a key with `remit operator add`, and give --as"
            raise BadInput("accept", "it is not signed", remedy)
        message = self.message_of(drift)
        if signature is not None and not self._records.signed_by(by, message, signature, math.inf):
            raise BadInput("accept", f"the signature is not {by}'s over this change", "look at it again")
        self.refresh()
        if self.pins.get(name) != drift.pin:
            return False
        body = pinned_body(self.whose, {name: drift.found}, by=by, over=drift.pin.seq, signature=signature)
        written = self._append(body, {name: drift.found})
        return written and self.pins[name].definition == drift.found

    def message_of(self, drift: PinDrift) -> bytes:
        """What a person signs to accept a drift."""
        return pin_message(self.whose, drift.found, drift.pin.seq)

    def _append(self, body: dict[str, Any], tools: Mapping[str, Definition]) -> bool:
        whose, count = self.whose, self._count
        event = Event(
            id=derived_id(PINNED, whose.tenant, whose.agent, whose.server, count),
            session="",
            kind=PINNED,
            agent=whose.agent,
            envelope="",
            body=body,
            tenant=whose.tenant,
            blobs={name: one.text for name, one in tools.items()},
        )
        try:
            self._records.append([event]).result()
        except BadInput:
            self.refresh()
            if self._count == count:  # nobody was faster: it is something else
                raise
            return False
        self.refresh()
        return True

    def contended(self) -> Unavailable:
        """What to raise where others always write first."""
        return Unavailable(f"the pins of server {self.whose.server!r} change all the time", retry_after_s=1.0)

    def drift(self, pin: Pin, found: Definition, *, shown: bool) -> Event:
        """The event about a definition that is not the pinned one: the same one wherever and whenever it is met."""
        body = drift_body(self.whose, pin, found, shown=shown)
        return self._drifted(
            body, found.name, Severity.HIGH, (pin.seq, found.digest), {found.name: found.text}, shown=shown
        )

    def unreadable(self, wrong: Sequence[Malformed]) -> Event:
        """The event about what in a list is no definition."""
        told = [{"name": one.name, "why": one.why} for one in wrong]
        body = {"server": self.whose.server, "problem": "malformed", "malformed": told, "shown": False}
        return self._drifted(body, wrong[0].name, Severity.MEDIUM, ("malformed", digest(told)), {})

    def _drifted(
        self,
        body: dict[str, Any],
        tool: str,
        severity: Severity,
        parts: tuple[object, ...],
        blobs: dict[str, str],
        *,
        shown: bool = False,
    ) -> Event:
        whose, clause = self.whose, clause_of(tool)
        return Event(
            id=derived_id(DRIFTED, whose.tenant, whose.agent, whose.server, tool, *parts, shown),
            session="",
            kind=DRIFTED,
            agent=whose.agent,
            envelope="",
            body=body,
            tenant=whose.tenant,
            blobs=blobs,
            anomaly=of_drift(clause, clause.removesuffix(".pin"), severity, shown=shown),
        )

    def write(self, events: Sequence[Event]) -> None:
        """Write drifts, durably; one that is known already is fine, whatever version of remit told it.

        Raises:
            Unavailable: it could not be written.
        """
        for written in [self._records.append([event]) for event in events]:
            try:
                written.result()
            except BadInput:
                continue

    # ------------------------------------------------------------------------------------------ reading
    def drifts(self) -> dict[str, PinDrift]:
        """The last drift from each pin that stands, by tool."""
        return {name: seen[-1] for name, seen in self.changes().items()}

    def changes(self) -> dict[str, list[PinDrift]]:
        """All that was seen in place of each pin that stands, by tool, in the order in which it was first seen."""
        found: dict[str, list[PinDrift]] = {}
        for stored in self._records.events_of(self.whose.tenant, self.whose.agent, DRIFTED):
            if not self.whose.of(stored):
                continue
            for name, definition in definitions_in(stored).items():
                pin = self.pins.get(name)
                if pin is not None and pin.seq == stored.event.body.get("over"):
                    drift = PinDrift(pin, definition, stored.at, stored.event.id)
                    found.setdefault(name, []).append(drift)
        return found


def pinned_elsewhere(records: Records, whose: Whose) -> dict[str, dict[str, Definition]]:
    """What other servers of the tenant call their tools, by server: the last that was pinned, whoever said so."""
    found: dict[str, dict[str, Definition]] = {}
    for stored in records.events_of(whose.tenant, None, PINNED):
        server = stored.event.body.get("server")
        if isinstance(server, str) and server != whose.server:
            found.setdefault(server, {}).update(definitions_in(stored))
    return found


def servers(records: Records, tenant: str) -> list[Whose]:
    """Every server that anything is pinned of, by agent and name."""
    found = {
        (stored.event.agent, str(stored.event.body.get("server")))
        for stored in records.events_of(tenant, None, PINNED)
    }
    return [Whose(tenant, agent, server) for agent, server in sorted(found)]
