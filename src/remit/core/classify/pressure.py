"""Does a customer's own text press the agent: false authority, lifted rules, posing as the system, others' data?

Only where the user's text is no trusted one. An honest customer asks, argues and complains; none of that counts here
(`pressing` says what does). Kinds add up over all that was said, since an approach is often spread over messages.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from remit.core.classify.concepts import told
from remit.core.classify.foreign import belongs_to_another
from remit.core.classify.pressing import WEIGHTS, kinds_of, sentence
from remit.core.classify.spans import MOST_CHARACTERS, Analysis, analyse
from remit.core.classify.values import Atom
from remit.core.text import stands
from remit.core.types import Segment

_MACHINES = (
    "system|assistant|developer|admin|administrator|tool|function|backend|server|internal|supervisor|operator|"
    "gateway|controller|engine|root|automated|policy|systeem|sistema|système|система|管理员|系统|системное"
)
_POSING = re.compile(
    rf"(?m)^[\s>*#\[<({{|=~_-]{{0,8}}(?:{_MACHINES})\b[^\n.?!]{{0,40}}?[:\]>)}}|#=]"
    rf"|[\[<{{(]\s?(?:{_MACHINES})\b[^\n\]>}})]{{0,40}}[\]>}})]"
    r"|<\|[a-z_]{2,20}\|>|\[/?inst\]|</?[a-z][a-z_-]{2,24}>|end of (?:user|prompt|conversation)|---\s?begin"
    r"|\b(?:tool|function|api|system|internal|verification|backend)[ _-]?(?:result|response|output|message|notice|status)"
    r"s?[\"'\])}> ]{0,4}[:=>{\[(]"
    r"|[{<\[(]\s?\"?[a-z_ ]{2,30}\"?\s?[:=]\s?\"?(?:true|ok|approved|verified|success|granted|passed|admin)\b"
    r"|[\"'](?:role|tool|status|result|action|next_action|decision|verified|approved|authorized|permission|name|override"
    r"|system|function|arguments|content)[\"']\s?:"
    r"|\b[a-z]{2,20}_[a-z_]{2,30}\b\s?(?:\(|->|=>|=|returned\b|:\s?\"?(?:true|ok|pass|verif|succe|approv|grant|allow))"
    r"|[\[<{][^\])}>\n]{0,60}\b(?:verified|passed|approved|cleared|granted|authori[sz]ed|confirmed)\b[^\])}>\n]{0,30}[\])}>]"
    r"|\bhttp[/ ]?\d|\b200 ok\b"
    r"|\b[a-z_]{2,20}=[^\s=&]{1,40}[\s,;]{1,3}[a-z_]{2,20}=[^\s=&]{1,40}"
)
"""Marks of a speaker or a machine that a customer is not."""
MOST_READ = 4 * MOST_CHARACTERS
"""Characters of all texts together."""


@dataclass(frozen=True, slots=True)
class Pressure:
    """What presses in one text."""

    score: float
    kinds: frozenset[str]
    segment: Segment | None
    start: int = 0
    end: int = 0
    asks: float = 0.0
    """1 where a text that presses holds a value of the call."""


PressureSpan = tuple[int, int, frozenset[str]]


def pressure(said: Sequence[Segment], atoms: Sequence[Atom] = (), facts: Sequence[Segment] = ()) -> Pressure:
    """The strongest pressure in the texts of one who may not steer freely.

    Args:
        said: the customer's texts, in order.
        atoms: the values of the call: whose they are, and whether they stood in another spelling.
        facts: what the session vouches for: what is the customer's own.
    """
    kinds: set[str] = set()
    best = Pressure(0.0, frozenset(), None)
    asks = 0.0
    texts = _read(said)
    for segment in texts:
        for start, end, found in _of(segment, atoms):
            kinds |= found
            score = joined(found)
            if score >= SOME and not asks:
                asks = float(_names(segment, atoms))
            if score > best.score or best.segment is None:
                best = Pressure(score, found, segment, start, end)
    whose = belongs_to_another(texts, atoms, facts)
    kinds |= whose
    if "agreed" not in kinds:
        kinds.discard("latitude")
    if best.segment is None and whose and texts:
        best = Pressure(0.0, whose, texts[-1], 0, min(len(texts[-1].text), 200))
    return Pressure(joined(kinds), frozenset(kinds), best.segment, best.start, best.end, asks)


def _read(said: Sequence[Segment]) -> list[Segment]:
    """The latest texts, as many as are read: what presses stands near the call."""
    texts: list[Segment] = []
    left = MOST_READ
    for segment in reversed(said):
        if left <= 0:
            break
        texts.append(segment)
        left -= min(len(segment.text), MOST_CHARACTERS)
    return texts[::-1]


def joined(kinds: set[str] | frozenset[str]) -> float:
    """One further kind never lowers it."""
    left = 1.0
    for kind in kinds:
        left *= 1.0 - WEIGHTS[kind]
    return 1.0 - left


def _of(segment: Segment, atoms: Sequence[Atom]) -> Iterator[PressureSpan]:
    analysis = analyse(segment.text)
    everything: set[str] = set()
    for number, unit in enumerate(analysis.units):
        stop = analysis.units[number + 1].at - 1 if number + 1 < len(analysis.units) else len(analysis.flat)
        flat = analysis.flat[unit.at : stop]
        concepts = told(flat)
        if "hidden" not in unit.cues and not any(concepts):
            continue
        one = sentence(concepts, flat.rstrip("\"' )").endswith(("?", "\uff1f", "吗")))
        everything |= one.all
        kinds = kinds_of(one) | (unit.cues & {"hidden"})
        if "hidden" in unit.cues and any(n in flat for a in atoms if a.weight >= TELLING for n in a.needles):
            kinds |= {"encoded"}
        if kinds:
            yield unit.start, unit.end, frozenset(kinds)
    yield from _whole(segment, analysis, everything, atoms)


TELLING = 0.4
SOME = 0.3
"""Pressure from which on it matters whether the same text asks for the call."""
FICTION = frozenset({"story", "engine", "agent", "rank", "insider"})
"""What an agent is told to be, or where."""


def _whole(
    segment: Segment, analysis: Analysis, everything: set[str], atoms: Sequence[Atom]
) -> Iterator[PressureSpan]:
    """What is told by a whole text: marks of another speaker, and an order to decode and do."""
    posed = _POSING.search(segment.text[:MOST_CHARACTERS].lower())
    if posed is not None:
        yield posed.start(), min(len(segment.text), posed.end() + 120), frozenset({"posing"})
    if "pretend" in everything and not everything.isdisjoint(FICTION):
        yield 0, min(len(segment.text), 300), frozenset({"story"})
    if {"decode", "do"} <= everything:
        yield 0, min(len(segment.text), 300), frozenset({"decode"})
    if _turned(analysis.flat, atoms):
        yield 0, min(len(segment.text), 300), frozenset({"encoded"})


def _names(segment: Segment, atoms: Sequence[Atom]) -> bool:
    """Whether a text holds a value of the call, as it stands or decoded."""
    flat = analyse(segment.text).flat
    return any(n in flat for a in atoms if a.weight >= TELLING for n in a.needles)


def _turned(flat: str, atoms: Sequence[Atom]) -> bool:
    """Whether a value of the call stands in the text backwards alone."""
    for atom in atoms:
        for needle in atom.needles if atom.weight >= TELLING and isinstance(atom.value, str) else ():
            at = flat.find(needle[::-1]) if len(needle) > 4 and needle != needle[::-1] else -1
            if at >= 0 and stands(flat, at, len(needle), False) and needle not in flat:
                return True
    return False
