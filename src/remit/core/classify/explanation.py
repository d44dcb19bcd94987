"""Does an instruction in a text from outside explain this call, and does nothing else?

Theory. That a text holds an instruction says nothing about a call (measured: it separates nothing). What tells is
that the call's *values* or its *action* stand in the instruction and nowhere where the agent was entitled to take
them from: not in the request, not in the rest of what it read. See `docs/classification.md`.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, islice

from remit.core.classify import words as w
from remit.core.classify.request import parts_of
from remit.core.classify.spans import META, Analysis, Span, either, words_of
from remit.core.classify.values import Atom, ValuePlace, places
from remit.core.types import Role, Segment

Analysed = Sequence[tuple[Segment, Analysis]]
MOST_FOUND = 240
"""Places of one value in all texts from outside that are looked at: it is the first ones that tell."""


@dataclass(frozen=True, slots=True)
class ValueStanding:
    """Where one value stands."""

    atom: Atom
    trusted: bool
    """In something that may say so, whenever it was said."""
    first: ValuePlace | None
    """The first place in a text from outside."""
    spans: tuple[tuple[Segment, Span], ...]
    """Instructions that hold it, where it first came in with an instruction."""
    partly: bool
    """Not whole, but a telling piece of it stands only in texts from outside."""

    @property
    def exclusive(self) -> bool:
        return bool(self.spans)

    @property
    def outside(self) -> bool:
        """Only texts from outside hold it."""
        return not self.trusted and self.first is not None


def standing(atom: Atom, trusted: Analysed, steering: Analysed) -> ValueStanding:
    """Where *atom* stands.

    Args:
        atom: a value of the call.
        trusted: texts that may steer.
        steering: texts from outside, in order.
    """
    told = next(places(atom, trusted), None)
    found = list(islice(places(atom, steering), MOST_FOUND))
    first = found[0] if found else None
    free = first is not None and (told is None or _repeats(told, first))
    spans: tuple[tuple[Segment, Span], ...] = ()
    if free and first is not None and first.span is not None:
        spans = tuple(dict.fromkeys((p.segment, p.span) for p in found if p.span is not None))
    return ValueStanding(
        atom,
        told is not None and not free,
        first,
        spans,
        first is None and told is None and _partly(atom, trusted, steering),
    )


def _repeats(told: ValuePlace, first: ValuePlace) -> bool:
    """Whether a trusted tool only repeats what had come in from outside before."""
    return told.segment.role is Role.TOOL and told.segment.index > first.segment.index


def _partly(atom: Atom, trusted: Analysed, steering: Analysed) -> bool:
    """Whether a code or a part of an address stands in a text from outside: it may have been put together."""
    if atom.weight < 0.8 or not atom.needles or " " in atom.needles[0]:
        return False
    parts = {p for p in words_of(atom.needles[0]) if len(p) >= 4 and p not in w.EMPTY and p not in _COMMON}
    parts -= {p for p in parts if any(p in a.words for _, a in trusted)}
    return bool(parts) and any(not parts.isdisjoint(codes_in(a.flat)) for _, a in steering)


@lru_cache(maxsize=256)
def codes_in(flat: str) -> frozenset[str]:
    """The words that stand in a token with a mark or a digit: parts of addresses, numbers, names of files."""
    return frozenset(chain.from_iterable(words_of(token) for token in _CODE.findall(flat)))


_CODE = re.compile(r"[^\s@._/\d-]{0,60}[@._/\d-]\S{0,120}")
_COMMON = w.listed("http https www com org net example mail gmail true false none null")


@dataclass(frozen=True, slots=True)
class ContentExplanation:
    """What explains the call best, in numbers from 0 to 1 that only rise with evidence."""

    segment: Segment | None
    span: Span | None
    values: float
    """How much of what the call says stands only in the instruction."""
    outside: float
    """How much stands only in texts from outside, instruction or not."""
    words: float
    """Share of the call's words that stand only in the instruction."""
    action: float
    """Whether the instruction asks for this action."""
    named: float
    """1 where the instruction names the tool itself."""
    meta: float
    """How strongly the instruction steers whoever reads it."""
    task: float
    """How strongly it asks for an action."""
    last: float
    """1 where the instruction came in directly before the call, less the longer ago."""

    @property
    def score(self) -> float:
        """For choosing between instructions."""
        return (max(self.values, self.words) + 0.5 * self.action + 0.5 * self.named) * (
            0.2 + self.meta + 0.5 * self.task
        )


NOTHING = ContentExplanation(None, None, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


def explain(
    tool: str, found: Sequence[ValueStanding], trusted: Analysed, steering: Analysed
) -> ContentExplanation:
    """The instruction in *steering* that explains the call best."""
    outside = max((s.atom.weight for s in found if s.outside), default=0.0)
    calls = _call_words(tool, found)
    said = frozenset().union(*(a.words for _, a in trusted)) if trusted else frozenset()
    parts = parts_of(tool)
    acts = w.families(parts)
    best = NOTHING
    apart: set[str] = set(said)
    weights = _weights(found)
    order = sorted(s.index for s, _ in steering)
    for segment, analysis in steering:
        apart |= analysis.outside
        for span in analysis.spans:
            inside = span.words
            values = weights.get((id(segment), id(span)), 0.0)
            share = len((calls & inside) - apart) / len(calls) if calls else 0.0
            action = _action(span, acts, parts)
            named = (
                1.0 if segment.source != tool and _names(tool, analysis.flat[span.begin : span.stop]) else 0.0
            )
            if not (values or share or action or named):
                continue
            age = len(order) - bisect_right(order, segment.index)
            one = ContentExplanation(
                segment,
                span,
                values,
                outside,
                min(1.0, share / 0.34),
                action,
                named,
                either(META, span.cues),
                span.task,
                1.0 / (1.0 + age) if order[-1] else 0.0,
            )
            if one.score > best.score:
                best = one
    if best is NOTHING:
        return ContentExplanation(None, None, 0.0, outside, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    return best


def _weights(found: Sequence[ValueStanding]) -> dict[tuple[int, int], float]:
    """The weightiest value that each instruction holds. By identity: comparing texts would take as long as they are."""
    weights: dict[tuple[int, int], float] = {}
    for one in found:
        for segment, span in one.spans:
            key = (id(segment), id(span))
            weights[key] = max(weights.get(key, 0.0), one.atom.weight)
    return weights


def _call_words(tool: str, found: Sequence[ValueStanding]) -> frozenset[str]:
    words: set[str] = set(parts_of(tool))
    for one in found:
        own = one.atom.words[:40] or words_of(" ".join(one.atom.needles))
        words |= {word for word in own if len(word) > 2 and word not in w.EMPTY}
    return frozenset(words)


def _action(span: Span, acts: set[str], parts: Sequence[str]) -> float:
    """1 where the instruction commands such an action, .7 where it at least says the tool's own verb."""
    if not span.acts.isdisjoint(acts):
        return 1.0
    verbs = [part for part in parts if part not in w.OBJECTS]
    said = any(part in span.words or w.stem(part) in span.words for part in verbs)
    return 0.7 if said else 0.0


def _names(tool: str, flat: str) -> bool:
    small = tool.lower()
    return len(small) > 4 and ("_" in small or "-" in small or "." in small) and small in flat
