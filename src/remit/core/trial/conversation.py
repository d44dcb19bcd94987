"""A recorded conversation, played again, in one of two ways.

What a user wrote answers what the agent had just done and asked. Behind an agent that does otherwise it answers nothing:
"yes, please" to another question would be consent that nobody gave.

*Forced*: each turn is asked after the recorded ones before it, with what was said, called and answered in them, and is
held against what the record did in that turn. Every turn of the user is then an answer to what he had seen. How errors
of one turn go on in the next is not seen.

*Free*: the agent goes on from its own turns. Before each next one it is looked whether it stands where it stood in the
record, by its effects and by what its words claim; from where it does not, nobody knows what the user would have said,
and the trial ends there, neither as a success nor as a failure. Only an effect that the whole record does not hold needs
no further turn: no answer of the user's takes it back. Of two runs of an unchanged agent whose user varied, too (gpt-4o
on tau-bench), four in five end so: hence this is the exception.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from remit.core.canonical import loads_strict
from remit.core.trial.divergence import effects_of
from remit.core.trial.signature import conflicts, signature
from remit.core.trial.trial import NOT_RUN, TrialCall
from remit.core.types import Json

EffectOf = Callable[[str], str]
"""Of a tool: `read`, `write`, `irreversible` or `egress`."""
LEFT = "LeftTheRecord"
"""How a result begins where the record holds no answer."""
REFUSAL = "RecordedFailure: refused: "
"""How a result begins where the call was refused in the record."""
_SHOWN = 200


@dataclass(frozen=True, slots=True)
class UserTurn:
    """One turn of a recorded conversation."""

    said: str
    """By the user."""
    calls: tuple[TrialCall, ...] = ()
    """Of the agent, until the user spoke again."""
    answer: str = ""
    """The agent's last words before that; empty where none are recorded."""
    steps: tuple[Mapping[str, Json], ...] = ()
    """All that the agent did and said upon it, as the steps of a recorded session."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What comes of a turn of the agent."""

    said: str | None = None
    """What the user says next; None where the conversation ends here."""
    diverged: str = ""
    """Why nobody knows what he would have said; empty where that is known."""


@dataclass(frozen=True, slots=True)
class RecordedConversation:
    """What the user of a recorded session said, turn by turn, and upon what."""

    turns: tuple[UserTurn, ...]
    """One or more."""
    effect: EffectOf
    forced: bool = True
    """Whether each turn is asked after the recorded ones before it, whatever the agent did with those."""

    def upto(self, played: int) -> tuple[TrialCall, ...]:
        """The calls of the record in so many of its turns, from the first on."""
        return tuple(call for one in self.turns[:played] for call in one.calls)

    def heard(self, turn: int, answer: str, calls: Sequence[TrialCall]) -> Heard:
        """What the user says next, and whether that is known.

        Args:
            turn: which one has ended, from 0.
            answer: the agent's words.
            calls: all that it made so far.
        """
        if turn + 1 >= len(self.turns):
            return Heard()
        if self.forced:
            return Heard(self.turns[turn + 1].said)
        made, then, every = (
            effects_of(with_effects(some, self.effect))
            for some in (calls, self.upto(turn + 1), self.upto(len(self.turns)))
        )
        if made - every:
            return Heard()  # what the record never did is done, whatever the user would say
        told = _left(calls) or _apart(made, then) or _said_otherwise(self.turns[turn].answer, answer)
        if told:
            return Heard(diverged=f"{told}, so nobody knows what the user would have said in turn {turn + 2}")
        return Heard(self.turns[turn + 1].said)


def with_effects(calls: Sequence[TrialCall], effect: EffectOf) -> tuple[TrialCall, ...]:
    """The calls, each with the effect of its tool: without an envelope, nobody told when it was made. One that the record
    answers with a refusal did not run."""
    return tuple(
        replace(call, effect=effect(call.tool), outcome="refused" if _refused(call) else call.outcome)
        for call in calls
    )


def _refused(call: TrialCall) -> bool:
    return call.outcome == "failed" and call.result.startswith(REFUSAL)


def ran(call: TrialCall) -> bool:
    """Whether it may have had its effect: one that was refused had none, neither here nor in the record."""
    return call.outcome not in NOT_RUN and not _refused(call)


def left_at(calls: Sequence[TrialCall]) -> int | None:
    """Place of the first call that the record does not hold; None where there is none."""
    return next((place for place, call in enumerate(calls) if call.result.startswith(LEFT)), None)


def _left(calls: Sequence[TrialCall]) -> str:
    place = left_at(calls)
    return "" if place is None else f"call {place + 1} ({calls[place].tool}) has no answer in the record"


def _apart(made: Counter[bytes], then: Counter[bytes]) -> str:
    """How the effects so far are not those of the record so far."""
    if late := then - made:
        return f"{_named(late)} had been done by then in the record"
    if early := made - then:
        return f"{_named(early)} had not been done by then in the record"
    return ""


def _named(effects: Counter[bytes]) -> str:
    first: Json = loads_strict(min(effects).decode())
    assert isinstance(first, list)  # noqa: S101 - `divergence.signature` makes it
    text = f"{first[0]}({first[1]!r})"
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _said_otherwise(then: str, now: str) -> str:
    """How the agent's words would not have got that reply; only what can be read off by rules."""
    if not then.strip():
        return ""  # its words were not recorded
    if not now.strip():
        return "it said nothing, and in the record it had"
    before, after = signature(then), signature(now)
    if told := conflicts(after, before):
        return f"its words claim otherwise than those of the record ({told[0]})"
    asked, asks = ({c[1:] for c in one.claims if c.startswith("?")} for one in (before, after))
    if asked and asks and not asked & asks:
        return f"it asked about {', '.join(sorted(asks))}, and in the record about {', '.join(sorted(asked))}"
    return ""
