"""The past of one session in memory: for replay, for `remit check` and for an envelope's own tests.

The guard asks the store instead; both answer the same questions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from remit.core.cel import ConditionError
from remit.core.decide import Prepared, Recalled
from remit.core.history import (
    DONE,
    REQUEST,
    RESPONSE,
    WITHHELD,
    Ask,
    Caller,
    Look,
    PastEvent,
    Watch,
    answer,
    event_key,
    kept_of,
)
from remit.core.history import Answer as HistoryAnswer
from remit.core.marks import MarkClaim
from remit.core.repeats import First, RepeatAsk
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

    def add(self, exchange: Exchange) -> int:
        """Remember one more call, made after all others; returns its place."""
        self.exchanges.append(exchange)
        return len(self.exchanges) - 1

    def end(self, place: int, output: Json, state: str) -> None:
        """The call at *place* came to its end."""
        self.exchanges[place] = replace(self.exchanges[place], output=output, state=state)

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
        count = len(self.exchanges)
        for back, one in enumerate(reversed(self.exchanges)):
            if one.tool != look.watch.tool or one.ago_s >= look.watch.within_s:
                continue
            for phase in (RESPONSE, REQUEST) if one.state in (DONE, WITHHELD) else (REQUEST,):
                output = one.output if phase == RESPONSE else None
                if event_key(look.watch, self.caller, one.args, output) == look.key:
                    kept = kept_of(look.watch, one.args, output)
                    yield PastEvent(2 * (count - back) + (phase == RESPONSE), phase, one.state, kept)

    def blind_s(self, watch: Watch) -> float:
        """A record that is given is taken as whole."""
        del watch
        return 0.0

    def first(self, ask: RepeatAsk) -> First | None:
        """The latest earlier call with the same key."""
        for at, one in reversed(list(enumerate(self.exchanges))):
            if one.tool == ask.tool and one.ago_s < ask.rule.within_s and _key(ask, one) == ask.key:
                return First(f"recorded-{at}", one.state)
        return None

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
