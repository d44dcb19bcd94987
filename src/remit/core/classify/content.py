"""Everything that the texts of a case say about its call, gathered once: who asked, what explains, who presses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from remit.core.classify.case import Case
from remit.core.classify.explanation import Analysed, Explanation, Standing, explain, standing
from remit.core.classify.pressure import Pressure, pressure
from remit.core.classify.reasoning import overlap
from remit.core.classify.request import Request, request_of
from remit.core.classify.values import analysed, atoms_of
from remit.core.types import Json, Role

ANSWER = "answer"
MOST_ANSWER = 4000


@dataclass(frozen=True)
class Content:
    """What the texts say, in parts that are read on demand."""

    case: Case

    @cached_property
    def outside(self) -> Analysed:
        """Texts from outside: what tools and other sources brought that nobody vouches for."""
        return analysed([s for s in self.case.steering if s.role is not Role.USER])

    @cached_property
    def own(self) -> Analysed:
        """A customer's own words: they name the customer's wishes, and may press."""
        return analysed([s for s in self.case.steering if s.role is Role.USER])

    @cached_property
    def trusted(self) -> Analysed:
        return analysed(self.case.trusted)

    @cached_property
    def request(self) -> Request:
        return request_of([s for s, _ in (*self.trusted, *self.own)])

    @cached_property
    def found(self) -> tuple[Standing, ...]:
        """Where each value of the call stands; a customer's own words are no text from outside."""
        said = (*self.trusted, *self.own)
        return tuple(standing(atom, said, self.outside) for atom in atoms_of(self._args))

    @cached_property
    def explanation(self) -> Explanation:
        said = (*self.trusted, *self.own)
        return explain(self.case.tool, self.found, said, self.outside)

    @cached_property
    def reasoned(self) -> float:
        return overlap(self.explanation, self.case.reasoning, (*self.trusted, *self.own))

    @cached_property
    def pressure(self) -> Pressure:
        return pressure([s for s, _ in self.own])

    @cached_property
    def asked(self) -> float:
        """How far the request asked for this action; an answer is always asked for."""
        return self.request.asked(self.case.tool) if self.case.tool else 1.0

    @cached_property
    def own_asked(self) -> float:
        """How far the customer's own words name what the call does: its values, or its action."""
        named = max((s.atom.weight for s in self.found if s.trusted), default=0.0) if self.own else 0.0
        return max(named, self.asked) if self.own else 0.0

    @cached_property
    def bearing(self) -> float:
        """How far any text from outside has to do with the call, steering or not; 0 excludes it."""
        parts = [s.atom.weight for s in self.found if s.outside or s.exclusive or s.partly]
        e = self.explanation
        return max([*parts, e.values, e.words, e.named, e.action * max(e.meta, 1.0 - self.asked)])

    @property
    def _args(self) -> Mapping[str, Json]:
        if self.case.kind != ANSWER or self.case.args or not self.case.reasoning:
            return self.case.args
        return {ANSWER: self.case.reasoning[-1].text[:MOST_ANSWER]}


def features(content: Content) -> dict[str, float]:
    """Numbers from 0 to 1, each of which may only raise the score for security.

    Products, since neither an instruction that does not explain the call nor a value without an instruction says much.
    """
    e = content.explanation
    held = max(e.values, e.words)
    unasked = 1.0 - content.asked
    return {
        "held_steering": held * e.meta,
        "held_commanded": held * e.task,
        "held_unasked": held * e.task * unasked,
        "held_latest": held * e.meta * e.last,
        "held_reasoned": held * content.reasoned,
        "action_steering": e.outside * e.action * e.meta,
        "action_unasked": e.action * e.meta * unasked,
        "named": e.named * max(e.meta, e.task),
        "outside_unasked": e.outside * unasked,
        "pressed": content.pressure.score * content.own_asked if content.own else 0.0,
    }
