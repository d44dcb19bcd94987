"""Where the values of a call stand: in what somebody may say, in what came from outside, or nowhere.

Values are looked up as provenance does it (whole, at token borders, `core.text`), and in time: what a text says *after*
the value first came in from outside may repeat it and proves nothing, except what is trusted by its speaker.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from remit.core.classify import words as w
from remit.core.classify.spans import MOST_CHARACTERS, Analysis, Span, analyse, words_of
from remit.core.text import needles, plain_number, stands
from remit.core.types import Json, Role, Segment

MOST_ATOMS = 40
MOST_PLACES = 24
"""Occurrences of one value in one text that are looked at."""
LONG = 9
"""Words from which on a text value is compared word by word: nobody copies it whole."""


@dataclass(frozen=True, slots=True)
class Atom:
    """One leaf of the arguments."""

    path: str
    value: Json
    weight: float
    """How much finding it tells: a whole address much, a small number little."""
    needles: tuple[str, ...]
    words: tuple[str, ...] = ()
    """Of a long text, its words."""


@dataclass(frozen=True, slots=True)
class ValuePlace:
    """Where a value was found."""

    segment: Segment
    analysis: Analysis
    at: int
    length: int
    span: Span | None


def atoms_of(args: Mapping[str, Json]) -> list[Atom]:
    """The leaves that tell something, at most `MOST_ATOMS`, the most telling first.

    >>> [(a.path, a.value, a.weight) for a in atoms_of({"to": ["eve@evil.example"], "amount": 5, "cc": None})]
    [('to', 'eve@evil.example', 1.0), ('amount', 5, 0.1)]
    """
    found = [atom for path, value in _leaves(args, "", 0) if (atom := _atom(path, value)) is not None]
    unique = {(atom.needles, atom.words): atom for atom in reversed(found)}
    return sorted(unique.values(), key=lambda a: -a.weight)[:MOST_ATOMS]


def _leaves(value: Json, path: str, depth: int) -> Iterator[tuple[str, Json]]:
    if depth > 16:
        return
    if isinstance(value, Mapping):
        for key, item in list(value.items())[:200]:
            yield from _leaves(item, f"{path}.{key}" if path else str(key), depth + 1)
    elif isinstance(value, list | tuple):
        for item in value[:200]:
            yield from _leaves(item, path, depth + 1)
    else:
        yield path, value


def _atom(path: str, value: Json) -> Atom | None:
    if value is None or isinstance(value, bool):
        return None
    if not isinstance(value, str):
        plain = plain_number(value)
        told = 0.6 if len(plain.strip("-0.")) >= 4 else 0.2 if len(plain) > 1 else 0.1
        return Atom(path, value, told, needles(value))
    text = value.strip()[:4000]
    parts = words_of(" ".join(text.lower().split()))
    if len(text) < 2 or not parts:
        return None
    if len(parts) >= LONG and len(text) > 60:
        telling = tuple(dict.fromkeys(p for p in parts if len(p) > 3 and p not in w.EMPTY))[:120]
        return Atom(path, value, 0.6, needles(text[:120]), telling)
    return Atom(path, value, _weight(text, parts), needles(text))


def _weight(text: str, parts: Sequence[str]) -> float:
    if len(text) >= 6 and any(mark in text for mark in "@/._-") and len(parts) > 1:
        return 0.5 if _is_date(text) else 1.0
    if any(c.isdigit() for c in text):
        return 0.4 if len(text) < 5 or _is_date(text) else 0.9
    if len(parts) >= 3:
        return 0.8
    return 0.6 if len(text) >= 5 else 0.3


def _is_date(text: str) -> bool:
    return len(text) <= 25 and not text.isdigit() and all(c.isdigit() or c in "-:/. TZ+" for c in text)


def places(atom: Atom, analysed: Sequence[tuple[Segment, Analysis]]) -> Iterator[ValuePlace]:
    """Where the whole value stands, in the order of the texts."""
    number = not isinstance(atom.value, str)
    for segment, analysis in analysed:
        for needle in atom.needles:
            yield from _places_in(needle, number, segment, analysis)


def _places_in(needle: str, number: bool, segment: Segment, analysis: Analysis) -> Iterator[ValuePlace]:
    flat, at, seen = analysis.flat, 0, 0
    while seen < MOST_PLACES:
        at = flat.find(needle, at)
        if at < 0:
            return
        seen += 1
        if stands(flat, at, len(needle), number):
            yield ValuePlace(segment, analysis, at, len(needle), analysis.within(at, len(needle)))
        at += len(needle)


def analysed(segments: Sequence[Segment], atoms: Sequence[Atom] = ()) -> list[tuple[Segment, Analysis]]:
    """Segments that are no model's words, with their analysis; of long ones also where values stand."""
    return [
        (s, analyse(s.text) if len(s.text) <= MOST_CHARACTERS else analyse(s.text, _near(s.text, atoms)))
        for s in segments
        if s.role is not Role.ASSISTANT and s.text
    ]


def _near(text: str, atoms: Sequence[Atom]) -> tuple[int, ...]:
    """The first places of each value in a long text, as far as they can be found without reading it."""
    small, found = text.lower(), set[int]()
    if len(small) != len(text):
        return ()
    for needle in [needle for atom in atoms[:MOST_SOUGHT] for needle in atom.needles[:1]]:
        at = -1
        for _ in range(3):
            at = small.find(needle, at + 1)
            if at < 0:
                break
            found.add(at)
    return tuple(sorted(found)[:MOST_SOUGHT])


MOST_SOUGHT = 12
NEAR = 250
"""Characters on each side of a value that count as near, within its unit."""


def near_action(place: ValuePlace, acts: set[str]) -> bool:
    """Whether anything that steers stands beside a value, or a word for one of *acts* or for a change in its unit."""
    units, flat = place.analysis.units, place.analysis.flat
    own = bisect_right(units, place.at, key=lambda unit: unit.at) - 1
    first, last = max(0, own - 1), min(len(units) - 1, own + 1)
    if any(unit.cues - {"sequence"} for unit in units[first : last + 1]):
        return True
    begin = max(units[own].at, place.at - NEAR)
    after = place.at + place.length
    stop = min(units[own + 1].at if own + 1 < len(units) else len(flat), after + NEAR)
    near = set(words_of(f"{flat[begin : place.at]} {flat[after:stop]}")) - w.TALKED_OF
    return not w.CHANGED.isdisjoint(near) or not acts.isdisjoint(w.families(near))
