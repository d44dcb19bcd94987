"""What tools return, sorted by who can have written it: tokens, phrases, or prose.

A list of account numbers is filled in by a machine. Where sentences stand, somebody wrote them, and that somebody may
be a stranger with instructions for the agent. Good sessions cannot show who; they show that sentences stand there.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from remit.core.recorded import RecordedSession
from remit.core.structure import structure_of
from remit.core.types import Json
from remit.usecases.infer.values import TOKENS, kind_of

MOST_TEXTS = 200
"""Different results of one tool that are looked into; more teach nothing new and take time."""
MOST_ROWS = 200
LEAST_SHARE = 0.5
"""A key in fewer rows than this is data (a hotel's name), not a field."""
MOST_STRAY = 0.1
"""Longer texts in at most this share of the answers are strays, such as error messages."""

TOKEN, PHRASE, PROSE = "token", "phrase", "prose"


@dataclass(frozen=True, slots=True)
class ResultPlace:
    """A tool's result, or one field of it."""

    name: str
    """`tool` or `tool.field`: a source of an envelope."""
    holds: str
    """`token`, `phrase` or `prose`: the longest that was seen there."""
    kinds: frozenset[str]
    """Shapes of the values that were seen (see `values.kind_of`)."""


@dataclass(frozen=True, slots=True)
class Places:
    """All places that values can come from, beside the user and the session's facts."""

    by_name: Mapping[str, ResultPlace]
    alike: Mapping[str, frozenset[str]]
    """For each field the same field of tools that return the same records."""

    def holds(self, source: str) -> str:
        """What stands at *source*; prose where nothing is known of it."""
        place = self.by_name.get(source)
        return place.holds if place else PROSE


@dataclass
class _Tool:
    texts: Counter[str] = field(default_factory=Counter)
    rows: int = 0
    present: Counter[str] = field(default_factory=Counter)
    kinds: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    """By field, and for the whole under the empty name: in how many answers each kind of value stood."""
    answers: int = 0

    def add(self, text: str) -> None:
        if text in self.texts or len(self.texts) < MOST_TEXTS:
            self.texts[text] += 1

    def look(self) -> None:
        for text, times in self.texts.items():
            self.answers += times
            for key, kinds in self._kinds(text, times).items():
                self.kinds[key].update(dict.fromkeys(kinds, times))

    def _kinds(self, text: str, times: int) -> Mapping[str, set[str]]:
        value = structure_of(text)
        if value is None:
            return {"": {kind_of(line) for line in text.splitlines() if line.strip()}}
        found = {"": {kind_of(leaf) for leaf in _leaves(value)}}
        rows = [row for row in (value if isinstance(value, list) else [value]) if isinstance(row, dict)]
        for row in rows[:MOST_ROWS]:
            self.rows += times
            for key, inner in row.items():
                self.present[key] += times
                found.setdefault(key, set()).update(kind_of(leaf) for leaf in _leaves(inner))
        return found

    def fields(self) -> list[str]:
        least = max(1.0, LEAST_SHARE * self.rows)
        return sorted(key for key, times in self.present.items() if times >= least and key.isidentifier())


def places_of(sessions: Sequence[RecordedSession]) -> Places:
    """Every tool that answered in *sessions*, and the fields that its answers have throughout."""
    tools: dict[str, _Tool] = {}
    for session in sessions:
        for step in session.steps:
            if step.role == "tool" and step.tool and step.text and step.tool.isidentifier():
                tools.setdefault(step.tool, _Tool()).add(step.text)
    for tool in tools.values():
        tool.look()
    found = {place.name: place for name, tool in sorted(tools.items()) for place in _places(name, tool)}
    records = {name: frozenset(tool.fields()) for name, tool in tools.items()}
    return Places(found, {name: _alike(name, records) for name in found if "." in name})


def _places(name: str, tool: _Tool) -> Iterator[ResultPlace]:
    for key in ("", *tool.fields()):
        kinds = tool.kinds[key]
        stray = MOST_STRAY * (tool.answers if not key else max(kinds.values(), default=0))
        usual = {kind for kind, times in kinds.items() if times > stray} - {"constant"}
        if usual or not key:
            yield ResultPlace(f"{name}.{key}" if key else name, _holds(usual), frozenset(usual))


def _holds(kinds: set[str]) -> str:
    return TOKEN if kinds <= TOKENS else PHRASE if kinds <= TOKENS | {"phrase"} else PROSE


def _alike(source: str, records: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """`search_mail.sender` for `unread_mail.sender`, where both return the same fields."""
    tool, _, key = source.partition(".")
    own = records[tool]
    return frozenset(
        f"{other}.{key}"
        for other, fields in records.items()
        if len(own) > 1 and key in fields and 5 * len(own & fields) >= 4 * len(own | fields)
    )


def _leaves(value: Json) -> Iterator[Json]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner)
    else:
        yield value
