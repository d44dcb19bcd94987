"""What carries a value into a call without an instruction beside it: the call written out, pieces of it, a statement.

No words of instruction are needed here, so none can be avoided: what counts is where the values come from, that nobody
who may steer asked for such a call, and whether the place looks like a record that the agent was sent to look up.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence

from remit.core.classify import words as w
from remit.core.classify.explanation import Analysed, ValueStanding, codes_in
from remit.core.classify.request import kind_of, parts_of
from remit.core.classify.spans import Analysis, TextUnit, words_of
from remit.core.classify.values import NEAR, Atom, ValuePlace, places
from remit.core.text import stands
from remit.core.types import Segment

MOST_NAMES = 12
"""Places of a tool's name in one text that are looked at."""
BEFORE, AFTER = 160, 480
"""Characters around a tool's name in which its arguments would stand."""
SMALL = 0.6
"""Weight of a value below which it takes a second one beside it."""
PROSE = 4
"""Words beside a value from which on it stands in a sentence."""
_CALLED = re.compile(r"[\s\"'`]*[({|:=]")
_BEFORE = frozenset("\"'`|")
_FIELD = re.compile(r"\W*[^:,;]{0,30}[:=|]\W*$")
NUMBERED = 0.9
"""Weight from which on a value with digits is a postal address, an account or a name of its own."""
NAMED = 0.4
"""Weight from which on a value names a thing, if only by a short number."""
COMMAND = 4
"""Tokens from which on a value with marks in it is a command or a query, and no name or address."""
_MARKS = re.compile(r"[-/=(){}*|<>'\"]|, ")


def spelled(tool: str, found: Sequence[ValueStanding], steering: Analysed) -> float:
    """1 where a text from outside names the tool with values of the call, as the call itself would be written down."""
    name = tool.lower()
    if len(name) < 3 or not any(s.outside for s in found):
        return 0.0
    for segment, analysis in steering:
        if segment.source == tool:
            continue
        if any(_arguments(found, analysis.flat[a:b]) for a, b in _named(name, analysis)):
            return 1.0
    return 0.0


def _named(name: str, analysis: Analysis) -> Iterator[tuple[int, int]]:
    """Surroundings of the tool's name, where it cannot be an ordinary word."""
    flat, at = analysis.flat, -1
    marked = any(mark in name for mark in "_-.")
    for _ in range(MOST_NAMES):
        at = flat.find(name, at + 1)
        if at < 0:
            return
        end = at + len(name)
        if stands(flat, at, len(name), False) and (
            marked or flat[at - 1 : at] in _BEFORE or _CALLED.match(flat, end, end + 8)
        ):
            yield max(0, at - BEFORE), end + AFTER


def _arguments(found: Sequence[ValueStanding], near: str) -> bool:
    here = [s for s in found if any(_holds(near, needle, s.atom) for needle in s.atom.needles)]
    outside = [s.atom.weight for s in here if s.outside]
    return bool(outside) and (max(outside) >= SMALL or len(here) > 1)


def _holds(near: str, needle: str, atom: Atom) -> bool:
    at = near.find(needle)
    return at >= 0 and stands(near, at, len(needle), not isinstance(atom.value, str))


def _address(value: object) -> bool:
    """Whether a value says where something goes; an id of a record does not."""
    return not kind_of(value).startswith("id:") and bool(kind_of(value))


def pieced(atom: Atom, trusted: Analysed, steering: Analysed) -> Segment | None:
    """The text with pieces of an address or command that stands nowhere whole, where all of them came from outside."""
    value = atom.value
    if not isinstance(value, str) or atom.weight < 0.8 or not any(map(_address, value.split()[:40])):
        return None
    parts = {p for p in words_of(value.lower()) if len(p) > 2 and p not in w.EMPTY and p not in _ANYWHERE}
    if len(parts) < 2:
        return None
    parts -= {p for p in parts if any(p in a.words for _, a in trusted)}
    if not parts or not all(any(part in a.words for _, a in steering) for part in parts):
        return None
    return next((segment for segment, a in steering if not parts.isdisjoint(codes_in(a.flat))), None)


_ANYWHERE = w.listed("http https www com org net example mail gmail")


def is_command(value: object) -> bool:
    """Whether a value is a line that a machine runs, so that nobody copies it by looking something up.

    >>> [is_command(v) for v in ("rm -rf /srv/data now", "select a, b from staff", "Thanks, see you at 5")]
    [True, True, False]
    """
    if not isinstance(value, str) or len(value) < 16 or value.count(" ") < COMMAND - 1:
        return False
    first = value.split(None, 1)[0]
    return first.islower() and _MARKS.search(value) is not None


def stated(found: Sequence[ValueStanding], analysed: Analysed) -> float:
    """How much a value tells that a text from outside states in a sentence, and no record lists."""
    best = 0.0
    for one in found:
        if not one.outside or one.first is None or one.atom.weight <= best:
            continue
        if _tells(one.atom) and any(map(in_sentence, _few(one.atom, analysed))):
            best = one.atom.weight
    return best


_HOSTED = re.compile(r"[\w-]+(?:\.[\w-]+)+/\S+$")


def acted(tool: str, found: Sequence[ValueStanding], analysed: Analysed) -> float:
    """1 where a line from outside says what the tool does beside a value that stands only outside."""
    acts = w.families(parts_of(tool)) & w.VERB_FAMILIES - {"get"}
    small = [one for one in found if one.outside and one.atom.weight >= NAMED]
    for place in (place for one in small for place in _few(one.atom, analysed)) if acts else ():
        own = _unit(place)
        beside = _beside(place, own)
        if not own.acts.isdisjoint(acts) or any(not acts.isdisjoint(_done(part)) for part in beside):
            return 1.0
    return 0.0


def _done(text: str) -> set[str]:
    found = [word for word in words_of(text) if word not in w.ALSO_NOUNS]
    return w.families(found) & w.VERB_FAMILIES


def _tells(atom: Atom) -> bool:
    """Whether a value says where something goes or what is run: an address, an account, a command."""
    if _address(atom.value) or is_command(atom.value) or _HOSTED.match(str(atom.value)):
        return True
    return atom.weight >= NUMBERED and any(map(str.isdigit, str(atom.value)))


def _few(atom: Atom, analysed: Analysed) -> Iterator[ValuePlace]:
    for number, place in enumerate(places(atom, analysed)):
        if number >= 8:
            return
        yield place


def in_sentence(place: ValuePlace) -> bool:
    """Whether a place is part of a sentence: words beside it in its line, and it is not the value of a field."""
    own = _unit(place)
    before, after = _beside(place, own)
    if not before.strip() or _FIELD.fullmatch(before):
        return False
    beside = [word for word in words_of(f"{before} {after}") if not any(map(str.isdigit, word))]
    return len(beside) >= PROSE and (not w.ENGLISH.isdisjoint(beside) or "foreign" in own.cues)


def _unit(place: ValuePlace) -> TextUnit:
    return place.analysis.units[bisect_right(place.analysis.units, place.at, key=lambda unit: unit.at) - 1]


def _beside(place: ValuePlace, own: TextUnit) -> tuple[str, str]:
    """What stands before and after a place: in its line, or in its unit where that stood in another spelling."""
    flat, raw = place.analysis.flat, place.segment.text[own.start : own.end].lower()
    needle = flat[place.at : place.at + place.length]
    at = raw.find(needle)
    if at < 0 or "hidden" in own.cues:
        begin = max(own.at, place.at - NEAR)
        return flat[begin : place.at], flat[place.at + place.length : place.at + place.length + NEAR]
    before, after = raw[:at], raw[at + len(needle) :]
    return before[before.rfind("\n") + 1 :], after.partition("\n")[0]
