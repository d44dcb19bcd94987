"""The past of one session in memory: for replay, for `remit check` and for an envelope's own tests.

The guard asks the store instead; both answer the same questions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from remit.core.cel import ConditionError
from remit.core.history import (
    DONE,
    FAILED,
    IN_FLIGHT,
    REQUEST,
    RESPONSE,
    UNKNOWN,
    WITHHELD,
    Ask,
    Caller,
    HistoryAnswer,
    Look,
    PastEvent,
    Watch,
    answer,
    event_key,
    kept_of,
)
from remit.core.marks import MarkClaim
from remit.core.past import Recalled
from remit.core.prepare import Prepared
from remit.core.repeats import WEIGHTIEST, First, RepeatAsk
from remit.core.types import Json


@dataclass(frozen=True, slots=True)
class Exchange:
    """One earlier call, as it is remembered."""

    tool: str
    args: Mapping[str, Json]
    output: Json = None
    state: str = DONE
    """One of `core.history`'s states."""
    ago_s: float = 0.0
    """Seconds before the call that is judged."""


@dataclass
class Recollection:
    """Earlier calls of one session, the oldest first."""

    caller: Caller = field(default_factory=Caller)
    exchanges: list[Exchange] = field(default_factory=list)
    _told: int = 0
    _ended: dict[int, int] = field(default_factory=dict)
    """By place: how much had been told when a call came to its end."""
    _begun: dict[int, int] = field(default_factory=dict)

    def add(self, exchange: Exchange) -> int:
        """Remember one more call, made after all others; returns its place."""
        self.exchanges.append(exchange)
        place = len(self.exchanges) - 1
        self._told += 1
        self._begun[place] = self._told
        return place

    def end(self, place: int, output: Json, state: str) -> None:
        """The call at *place* came to its end."""
        self.exchanges[place] = replace(self.exchanges[place], output=output, state=state)
        self._told += 1
        self._ended[place] = self._told

    def recall(self, prepared: Prepared) -> Recalled:
        """What it says about one call."""
        if not prepared.looks_back:
            return Recalled()
        first = self.first(prepared.repeat) if prepared.repeat is not None else None
        return Recalled(self.answers(prepared.asks), first, self.marks(prepared.marks))

    def answers(self, asks: Sequence[Ask]) -> tuple[HistoryAnswer, ...]:
        """What happened before, for each ask."""
        return tuple(answer(ask, self) for ask in asks)

    def matching(self, look: Look) -> Iterator[PastEvent]:
        """As `PastEvents.matching`."""
        keys = (look.key, look.lost) if look.absence else (look.key,)
        found = [
            event
            for place, one in enumerate(self.exchanges)
            if one.tool == look.watch.tool and one.ago_s < look.watch.within_s
            for key, event in self._events(look, place, one)
            if key in keys
        ]
        yield from sorted(found, key=lambda e: (e.state == IN_FLIGHT, e.order), reverse=True)

    def _events(self, look: Look, place: int, one: Exchange) -> Iterator[tuple[str, PastEvent]]:
        begun = self._begun.get(place, 0)
        ended = self._ended.get(place, begun)
        acted = ended if look.absence and one.state in (FAILED, UNKNOWN) else begun
        phases = [(REQUEST, acted, {"args": one.args})]
        if one.state in (DONE, WITHHELD):
            phases.append((RESPONSE, ended, {"args": one.args, "output": one.output}))
        for phase, at, event in phases:
            if phase == REQUEST and look.watch.of_output and one.state not in (IN_FLIGHT, UNKNOWN):
                continue
            key = event_key(look.watch, self.caller, event)
            if key is not None:
                order = (float(at), 2 * place + (phase == RESPONSE))
                kept = kept_of(look.watch, event)
                yield key[0], PastEvent(order, phase, one.state, kept, lost=key[1])

    def blind_s(self, watch: Watch) -> float:
        """A record that is given is taken as whole."""
        del watch
        return 0.0

    def first(self, ask: RepeatAsk) -> First | None:
        """The earlier call with the same key that says most about whether it was done."""
        found = [
            First(f"recorded-{place}", one.state)
            for place, one in enumerate(self.exchanges)
            if one.tool == ask.tool and one.ago_s < ask.rule.within_s and _key(ask, one) == ask.key
        ]
        return max(reversed(found), key=lambda first: -WEIGHTIEST.index(first.state), default=None)

    def marks(self, claims: Sequence[MarkClaim]) -> tuple[int | None, ...]:
        """The highest rank that was ever there, for each claim."""
        return tuple(self._mark(claim) for claim in claims)

    def _mark(self, claim: MarkClaim) -> int | None:
        found = [_rank(claim, one) for one in self.exchanges if one.tool == claim.tool]
        return max((rank for rank in found if rank is not None), default=None)


def _key(ask: RepeatAsk, one: Exchange) -> str:
    try:
        return ask.key_of(one.args)
    except ConditionError:
        return ""


def _rank(claim: MarkClaim, one: Exchange) -> int | None:
    try:
        key, rank = claim.claim_of(one.args, one.output)
    except ConditionError:
        return None
    return rank if key == claim.key else None
