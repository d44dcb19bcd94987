"""Everything that the texts of a case say about its call, gathered once: who asked, what explains, who presses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

from remit.core.classify import words as w
from remit.core.classify.carried import acted, is_command, pieced, spelled, stated
from remit.core.classify.case import Case
from remit.core.classify.explanation import Analysed, ContentExplanation, ValueStanding, explain, standing
from remit.core.classify.pressure import Pressure, pressure
from remit.core.classify.reasoning import overlap
from remit.core.classify.request import Request, kind_of, parts_of, request_of
from remit.core.classify.spans import META, STRONG, either
from remit.core.classify.values import Atom, analysed, atoms_of, near_action, places
from remit.core.types import Json, Role, Segment, ToolEffect

COPIED = 0.2
CARRIED = 0.5
"""From where on a value from outside speaks without an instruction."""
WORDS_ALONE = 0.6
"""What the words of a call are worth where none of its values is: agents borrow words from what they read."""
OTHER_VALUE = 0.8
"""How far a call counts as not asked for that the request asks for with another address."""
TELLING = 0.4
"""Weight of a value from which on naming it says what the call is about."""
WORDED = 4
"""Words of a value from which on it is a text that somebody worded."""
ANSWER = "answer"
MOST_ANSWER = 4000


@dataclass(frozen=True)
class Content:
    """What the texts say, in parts that are read on demand."""

    case: Case

    @cached_property
    def outside(self) -> Analysed:
        """Texts from outside: what tools and other sources brought that nobody vouches for."""
        return analysed([s for s in self.case.steering if s.role is not Role.USER], self.atoms)

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
    def atoms(self) -> list[Atom]:
        return atoms_of(self._args)

    @cached_property
    def in_part(self) -> bool:
        """Whether a text that may not steer is so long that only parts of it were read."""
        return any(analysis.cut for _, analysis in (*self.outside, *self.own))

    @cached_property
    def found(self) -> tuple[ValueStanding, ...]:
        """Where each value of the call stands; a customer's own words are no text from outside."""
        said = (*self.trusted, *self.own)
        return tuple(standing(atom, said, self.outside) for atom in self.atoms)

    @cached_property
    def explanation(self) -> ContentExplanation:
        said = (*self.trusted, *self.own)
        return explain(self.case.tool, self.found, said, self.outside)

    @cached_property
    def reasoned(self) -> float:
        return overlap(self.explanation, self.case.reasoning, (*self.trusted, *self.own))

    @cached_property
    def pressure(self) -> Pressure:
        return pressure([s for s, _ in self.own], self.atoms, self.case.trusted)

    @cached_property
    def asked(self) -> float:
        """How far the request asked for this action; an answer is always asked for."""
        return self.request.asked(self.case.tool) if self.case.tool else 1.0

    @cached_property
    def unasked(self) -> float:
        """How far the request did not ask for this call: for its action, or for it with another value of that kind."""
        if self.request.delegates:
            return 0.0
        others = {kind for s in self.found if s.outside and (kind := kind_of(s.atom.value))}
        other = bool(others & self.request.kinds) and not self._worded
        return max(1.0 - self.asked, OTHER_VALUE if other or self._dictated else 0.0)

    @cached_property
    def _dictated(self) -> bool:
        """Whether an instruction dictates a whole command or query, which asking for the tool does not ask for."""
        return any(s.exclusive and is_command(s.atom.value) for s in self.found)

    @cached_property
    def unheard(self) -> float:
        """How far the request names neither the action nor what it is done to. Looking things up needs no asking."""
        if self.request.refers or not self.case.tool or self.case.effect is ToolEffect.READ:
            return 0.0
        return 0.0 if self.request.touches(self.case.tool) else self.unasked

    @cached_property
    def spelled(self) -> float:
        return 0.0 if self.request.delegates else spelled(self.case.tool, self.found, self.outside)

    @cached_property
    def stated(self) -> float:
        return stated(self.found, self.outside)

    @cached_property
    def acted(self) -> float:
        return acted(self.case.tool, self.found, self.outside)

    @cached_property
    def _pieces(self) -> tuple[float, Segment | None]:
        said = (*self.trusted, *self.own)
        absent = [s.atom for s in self.found if s.first is None and not s.trusted]
        found = [(a.weight, segment) for a in absent if (segment := pieced(a, said, self.outside))]
        return max(found, key=lambda one: one[0], default=(0.0, None))

    @property
    def pieced(self) -> float:
        return self._pieces[0]

    @cached_property
    def carried(self) -> tuple[str, Segment | None]:
        """What speaks without an instruction (`spelled`, `acted`, `stated`, `pieced`), and the text; empty: nothing."""
        if self.spelled or self.unheard * max(self.acted, self.stated) >= CARRIED:
            only = max((s for s in self.found if s.outside and s.first), key=lambda s: s.atom.weight)
            how = "spelled" if self.spelled else "acted" if self.acted >= self.stated else "stated"
            return how, only.first.segment if only.first else None
        return ("pieced", self._pieces[1]) if self.unheard * self.pieced >= CARRIED else ("", None)

    @cached_property
    def _worded(self) -> bool:
        """Whether the request has the very words that the call says, and no instruction has any value of it: then another
        address is the request's own, described and not written out (*to my own address*)."""
        words = any(s.trusted and " ".join(s.atom.needles).count(" ") >= WORDED - 1 for s in self.found)
        return words and self.explanation.values == 0.0

    @cached_property
    def asked_for(self) -> bool:
        """Whether the request asked for this action itself, in its own words."""
        return bool(self.case.tool) and self.request.asks_for(self.case.tool)

    @cached_property
    def own_asked(self) -> float:
        """How far the customer's own words name what the call does: its values, or its action."""
        spelt = "encoded" in self.pressure.kinds
        return max(float(self.own_named or spelt), self.asked) if self.own else 0.0

    @cached_property
    def own_named(self) -> bool:
        """Whether a customer's own words name a value of the call."""
        return bool(self.own) and any(s.trusted and s.atom.weight >= TELLING for s in self.found)

    @cached_property
    def bearing(self) -> float:
        """How far any text from outside has to do with the call, steering or not; 0 excludes it."""
        parts = [s.atom.weight for s in self.found if s.outside or s.exclusive or s.partly]
        e = self.explanation
        return max([*parts, e.values, e.words, e.named, e.action * max(e.meta, 1.0 - self.asked)])

    @cached_property
    def steers(self) -> float:
        """How strongly the instruction steers; what every list of tasks says does not count where such was delegated."""
        e = self.explanation
        if e.span is None or not self.request.delegates:
            return e.meta
        return either(META, e.span.cues & frozenset(STRONG))

    @cached_property
    def as_data(self) -> bool:
        """Whether every value from outside stands there as data: no word for this action and nothing that steers."""
        acts = w.families(parts_of(self.case.tool)) & w.VERB_FAMILIES
        only = [s for s in self.found if s.outside]
        e = self.explanation
        if not only or e.values or e.named or any(s.partly for s in self.found) or self.copied:
            return False
        return not any(
            near_action(place, acts) for s in only for place in islice(places(s.atom, self.outside), 8)
        )

    @property
    def copied(self) -> bool:
        """Whether much of what the call says stands only in an instruction."""
        e = self.explanation
        return max(e.values, e.words) * e.meta >= COPIED

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
    held = max(e.values, e.words if e.values else WORDS_ALONE * e.words)
    unasked = content.unasked
    steers, asks = content.steers, e.task * (0.75 + 0.25 * e.action)
    return {
        "held_steering": held * steers,
        "held_commanded": held * asks,
        "held_unasked": held * asks * unasked,
        "held_latest": held * steers * e.last,
        "held_reasoned": held * content.reasoned,
        "action_steering": e.outside * e.action * steers,
        "action_unasked": e.action * steers * unasked,
        "named": e.named * max(steers, e.task),
        "outside_unasked": e.outside * unasked,
        "spelled": content.spelled,
        "stated": content.stated * content.unheard,
        "pieced": content.pieced * content.unheard,
        "acted": content.acted * content.unheard,
        "pressed": content.pressure.score * content.own_asked if content.own else 0.0,
        "pressed_for": content.pressure.score * content.pressure.asks * content.own_asked
        if content.own
        else 0.0,
    }
