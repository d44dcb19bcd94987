"""Content evidence in words, with the quotation behind it."""

from __future__ import annotations

from remit.core.classify.classification import Class, Evidence
from remit.core.classify.content import Content
from remit.core.classify.explanation import ValueStanding
from remit.core.notice import visible
from remit.core.types import Json, Segment

MOST_EXCERPT = 300
WEAK = 0.5
"""What a witness is worth that says little without the instruction."""


def quoted(content: Content, score: float) -> list[Evidence]:
    """The pieces of content evidence of a case, each with a quotation."""
    found = [
        _explanation(content, score),
        _carried(content, score),
        _values(content),
        _reasoning(content),
        _pressure(content),
    ]
    return [one for one in found if one is not None]


def _explanation(content: Content, score: float) -> Evidence | None:
    e = content.explanation
    if e.segment is None or e.span is None:
        return None
    cues = sorted(e.span.cues)
    held = sorted({s.atom.path for s in content.found if (e.segment, e.span) in s.spans})
    facts = _place(e.segment, e.span.start, e.span.end) | {
        "arguments": [visible(path, 80) for path in held],
        "cues": cues,
        "values": round(e.values, 2),
        "words": round(e.words, 2),
        "action": e.action,
        "steers": round(e.meta, 2),
        "asks": round(e.task, 2),
        "asked": round(content.asked, 2),
    }
    source = visible(e.segment.source, 80)
    what = f"holds {', '.join(facts['arguments'])}, which nothing else says" if held else "asks for it"
    told = f"an instruction in {source} {what}: “{facts['excerpt']}”"
    towards = Class.SECURITY if e.values or e.words or e.action else None
    return Evidence("content.explanation", towards, score, told, facts)


CARRIED = {
    "spelled": "the call is written out there: the tool's name beside its arguments",
    "acted": "what the tool does is said there beside a value that stands nowhere else, and nobody asked for it",
    "stated": "a sentence there says where to or what, and nobody asked for such a call",
    "pieced": "its pieces stand there and nowhere else, and nobody asked for such a call",
}


def _carried(content: Content, score: float) -> Evidence | None:
    how, segment = content.carried
    if segment is None:
        return None
    facts = _place(segment, 0, len(segment.text)) | {"how": how}
    told = f"{visible(segment.source, 80)}: {CARRIED[how]}"
    return Evidence("content.carried", Class.SECURITY, score, told, facts)


def _values(content: Content) -> Evidence | None:
    only = [s for s in content.found if s.outside and s.first is not None]
    if not only:
        return None
    strongest = max(only, key=lambda s: s.atom.weight)
    first = strongest.first
    assert first is not None  # noqa: S101 - chosen so above
    start, end = _around(strongest)
    facts = _place(first.segment, start, end) | {
        "arguments": sorted({visible(s.atom.path, 80) for s in only}),
        "value": visible(str(strongest.atom.value), 120),
    }
    source = visible(first.segment.source, 80)
    told = f"{', '.join(facts['arguments'])} stands only in what came from outside, first in {source}"
    return Evidence("content.values", Class.SECURITY, WEAK * strongest.atom.weight, told, facts)


def _around(one: ValueStanding) -> tuple[int, int]:
    first = one.first
    assert first is not None  # noqa: S101 - the caller looked
    units = [u for u in first.analysis.units if u.at <= first.at]
    return (units[-1].start, units[-1].end) if units else (0, 0)


def _reasoning(content: Content) -> Evidence | None:
    if content.reasoned <= 0.0:
        return None
    told = "the model repeated that instruction in its own words before it called"
    facts: dict[str, Json] = {"overlap": round(content.reasoned, 2)}
    return Evidence("content.reasoning", Class.SECURITY, WEAK * content.reasoned, told, facts)


def _pressure(content: Content) -> Evidence | None:
    p = content.pressure
    if p.segment is None or p.score <= 0.0:
        return None
    facts = _place(p.segment, p.start, p.end) | {"kinds": sorted(p.kinds)}
    told = f"the customer presses ({', '.join(sorted(p.kinds))}): “{facts['excerpt']}”"
    towards = Class.SECURITY if p.score >= 0.5 else None
    return Evidence("content.pressure", towards, p.score, told, facts)


def _place(segment: Segment, start: int, end: int) -> dict[str, Json]:
    return {
        "segment": segment.index,
        "source": visible(segment.source, 80),
        "integrity": segment.label.integrity.value,
        "start": start,
        "end": end,
        "excerpt": visible(
            " ".join(segment.text[start : min(end, start + 2 * MOST_EXCERPT)].split()), MOST_EXCERPT
        ),
    }
