"""Where did an argument value come from? Every leaf is looked up in what the session has seen.

Theory. A model reads text and writes arguments; nobody can see which text made it write them. What can be
checked is whether a *value* stands, whole and at token borders, in a text of known label (`core.text` says
what that means). A flow clause is met when at least one permitted text contains the value: an attacker who
makes the agent use a value that the user also wrote has gained nothing. A value that stands nowhere was
made up by the model and counts as untrusted. Three things are never an origin:

- the assistant's own words;
- a tool result that repeats what the agent asked. Once a call carried a value, no result that comes in
  later vouches for it, whether that call returned, failed or is still running: otherwise "no result for
  evil@x.example", a sent-mail folder or a note that the agent wrote itself would turn an untrusted value
  into a trusted one. Texts seen before the call still vouch;
- anything for a value that proves nothing, such as the empty string or a single letter.

A paraphrase has no origin, so provenance is evidence about values, not proof about intentions.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from heapq import merge
from operator import attrgetter
from typing import TYPE_CHECKING
from urllib.parse import unquote

from remit.core.codec import MOST_RESULT_CHARACTERS
from remit.core.searched import Joined, Searched, Texts
from remit.core.structure import fields_of
from remit.core.text import (
    needles,
    pieces,
    plain_number,
    runs,
    shown,
    shown_exactly,
)
from remit.core.types import Confidentiality, Json, Label, LeafOrigin, Origin, Role, Segment, ValuePath

if TYPE_CHECKING:
    from remit.core.envelope import Flow

ORIGINS_PER_SOURCE = 4
"""Origins kept for one value from one source with one label; the earliest ones."""

_BETWEEN_LEAVES = " | "
"""Ends a token, so that no value spans two leaves."""
_INDEX = re.compile(r"\[[0-9]+\]")
_KEY = " (key)"
"""Behind the path of a leaf that is a key."""
_LONG_ENOUGH_TO_BE_TOLD_APART = 6


class SessionText:
    """All text that a session has seen, indexed for lookups. It grows, and is never written to elsewhere."""

    def __init__(self) -> None:
        self._segments: list[Segment] = []
        self._loose = Texts()
        """Compatibility forms made one: where ASCII values are looked up."""
        self._exact = Texts()
        """Canonical forms only: where other values are looked up, so that no twin of a character passes."""
        self._asked = Texts()
        """What calls carried, under the place of the segment that answered."""
        self._asked_joined = Joined()
        self._last_spoken = -1
        """The place of the last segment that is no tool's, and so vouches whatever was asked."""
        self._pieces: dict[int, frozenset[str]] = {}

    def append(self, segment: Segment, echo: Sequence[Json] = ()) -> None:
        """Add what the agent saw next.

        Args:
            segment: the text, in the order in which the agent saw it.
            echo: for a tool's result, the arguments of the call that it answers; neither this result nor a
                later one vouches for a value that stands in them.
        """
        for arguments in echo:
            self.ask(arguments)
        place = len(self._segments)
        self._segments.append(segment)
        if segment.role is Role.ASSISTANT:
            return
        if segment.role is not Role.TOOL:
            self._last_spoken = place
        self._loose.add(Searched(place, shown(segment.text)))
        if not segment.text.isascii():
            self._exact.add(Searched(place, shown_exactly(segment.text)))

    def relabel(self, label: Callable[[Segment], Label], since: int = 0) -> None:
        """Give every segment from a place on the label that is asked for it; places and texts stay."""
        for place in range(since, len(self._segments)):
            segment = self._segments[place]
            self._segments[place] = replace(segment, label=label(segment))

    def ask(self, arguments: Json) -> None:
        """Remember what a call carries: nothing that comes in from now on vouches for a value that stands in it."""
        text = Searched(len(self._segments), _as_asked(arguments))
        self._asked.add(text)
        self._asked_joined.add(text.place, text.small)

    @property
    def segments(self) -> Sequence[Segment]:
        """Everything that was appended, assistant segments included, in order."""
        return self._segments

    def origins(self, value: Json) -> tuple[Origin, ...]:
        """Where *value* stands whole, at token borders; earliest first.

        Args:
            value: a string or a number; anything else has no origin.

        Returns:
            At most `ORIGINS_PER_SOURCE` for each source and label, so that whatever the number of places,
            no source and no label is lost.
        """
        if not self._segments:
            return ()
        number = not isinstance(value, str)
        texts = self._loose if number or value.isascii() else self._exact
        spellings = needles(value)
        maybe = _in_order([texts.having(_telling(needle, number)) for needle in spellings])
        asked: int | None = None
        seen: dict[tuple[str, Label], int] = {}
        result: list[Origin] = []
        for text in maybe:
            place = text.place
            segment = self._segments[place]
            # Before it is searched: some values stand in nearly every text.
            if asked is not None and place >= asked and segment.role is Role.TOOL:
                if place > self._last_spoken:
                    break
                continue
            kind = (segment.source, segment.label)
            if seen.get(kind, 0) >= ORIGINS_PER_SOURCE:
                continue
            if (quote := _quoted(text, spellings, number)) is None:
                continue
            asked = self._asked_at(spellings, number) if asked is None else asked
            if segment.role is Role.TOOL and place >= asked:
                continue
            seen[kind] = seen.get(kind, 0) + 1
            result.append(Origin(segment.index, segment.source, segment.label, quote))
        return tuple(result)

    def _asked_at(self, spellings: Sequence[str], number: bool) -> int:
        """The place of the first answer to a call that carried the value; past the end if none did.

        Tools cut, trim, wrap, decode and join what they were asked. So a long value counts as asked in any
        position, and one of several runs also where its runs stand apart: `x` and `evil.example` ask for
        `x@evil.example`.
        """
        return min((self._first_ask(needle, number) for needle in spellings), default=len(self._segments))

    def _first_ask(self, needle: str, number: bool) -> int:
        parts = _telling(needle, number)
        apart = len(parts) > 1 and not number
        whole = (t.place for t in self._asked.having(parts) if apart or t.find(needle, number) >= 0)
        found = next(whole, len(self._segments))
        if len(needle) >= _LONG_ENOUGH_TO_BE_TOLD_APART:
            anywhere = self._asked_joined.first(needle)
            return found if anywhere is None else min(found, anywhere)
        return found

    def drawn_from(self, text: str, above: Confidentiality) -> tuple[Segment, str] | None:
        """The first segment labelled worse than *above* that *text* shares a telling piece with.

        A piece tells when it stands in no segment that *above* allows. Of a segment that is not there as the
        agent saw it, every such piece may have come.
        """
        mine = set(pieces(text))
        secret = [
            place
            for place, segment in enumerate(self._segments)
            if segment.label.confidentiality.rank > above.rank and segment.role is not Role.ASSISTANT
        ]
        shared = {
            place: found
            for place in secret
            if (found := mine if _in_part(self._segments[place].text) else mine & self._pieces_of(place))
        }
        if not shared:
            return None
        for place, segment in enumerate(self._segments):
            if place not in shared and segment.label.confidentiality.rank <= above.rank:
                open_pieces = self._pieces_of(place) if segment.role is not Role.ASSISTANT else frozenset()
                shared = {at: left for at, found in shared.items() if (left := found - open_pieces)}
        if not shared:
            return None
        place = min(shared)
        return self._segments[place], min(shared[place])

    def _pieces_of(self, place: int) -> frozenset[str]:
        if place not in self._pieces:
            self._pieces[place] = frozenset(pieces(self._segments[place].text))
        return self._pieces[place]


_WRITTEN_OVER = re.compile(r"\[digest:[0-9a-f]{64}:[0-9]+\]|\[secret:[a-z]+:[0-9a-f]{10}\]")
"""What the journal keeps in place of a text or of a secret in it, and a resumed session has instead."""


def _in_part(text: str) -> bool:
    """Whether the agent may have seen more than this: the rest was cut off, or written over in the journal."""
    return len(text) >= MOST_RESULT_CHARACTERS or _WRITTEN_OVER.search(text) is not None


def _in_order(found: Sequence[Iterator[Searched]]) -> Iterator[Searched]:
    """Each text once, by its place, as far as somebody looks; one may have several spellings of a value."""
    if len(found) == 1:
        yield from found[0]
        return
    before = -1
    for text in merge(*found, key=attrgetter("place")):
        if text.place != before:
            yield text
        before = text.place


def _quoted(text: Searched, spellings: Sequence[str], number: bool) -> str | None:
    """The text around the value, spelled in the first way that stands there whole; None where none does."""
    for needle in spellings:
        at = text.find(needle, number)
        if at >= 0:
            return text.quote(at)
    return None


def _telling(needle: str, number: bool) -> list[bytes]:
    """The runs that a text must have for the needle to stand in it."""
    return runs(needle.partition(".")[0] if number else needle)  # 0.5 may stand as 0.50


def labelled_fields(tool: str, result: Json, sources: Collection[str]) -> list[tuple[str, str]]:
    """Fields of a structured result that the envelope labels by themselves.

    A mail server fills in `sender`; whoever wrote the mail filled in `body`. So an envelope may list a source
    `read_mail.sender` beside `read_mail`, and the field becomes a segment of its own, after the segment of
    the whole result and with the same echo.

    Args:
        tool: the tool's name.
        result: what came back: an object, or a list of objects, or text that spells such. Only keys at that level
            are fields, so that nothing inside a value can pose as one.
        sources: names that the envelope lists.

    Returns:
        (source, text) for each listed field that is there, in the result's order.

    >>> mails = [{"sender": "bob@corp.example", "body": "pay eve@evil.example"}]
    >>> labelled_fields("read_mail", mails, {"read_mail", "read_mail.sender"})
    [('read_mail.sender', 'bob@corp.example')]
    """
    prefix = f"{tool}."
    if isinstance(result, str):
        wanted = frozenset(n[len(prefix) :] for n in sources if n.startswith(prefix))
        told = fields_of(result, wanted)
    else:
        rows = result if isinstance(result, list) else [result]
        given = [(k, v) for row in rows if isinstance(row, Mapping) for k, v in row.items()]
        told = tuple((k, v) for k, v in given if prefix + k in sources)
    found: dict[str, list[str]] = {}
    for key, value in told:
        found.setdefault(prefix + key, []).extend(_spelled(value))
    return [(source, _BETWEEN_LEAVES.join(texts)) for source, texts in found.items()]


def trace(
    args: Mapping[str, Json],
    text: SessionText,
    exempt: frozenset[tuple[str, ...]],
    keys: Iterable[ValuePath] = (),
) -> tuple[LeafOrigin, ...]:
    """All leaves of the arguments with their origins.

    Args:
        args: canonical arguments.
        text: what the session saw before the call.
        exempt: paths (`[]` for every item) of enum, boolean and constant leaves, which choose among the
            envelope's own values. Booleans and null are exempt by themselves.
        keys: paths of keys that the envelope does not name: such a key is a leaf too, since it says as much.

    >>> text = SessionText()
    >>> text.append(Segment(0, Role.USER, "user", "Refund order O-1, please.", Label()))
    >>> leaves = trace({"ids": ["O-1", "O-12"]}, text, frozenset())
    >>> [(leaf.path, [origin.source for origin in leaf.origins]) for leaf in leaves]
    [('ids[0]', ['user']), ('ids[1]', [])]
    """
    known: dict[Json, tuple[Origin, ...]] = {}

    def origins(value: Json) -> tuple[Origin, ...]:
        if value not in known:  # one search for a value, however often a call repeats it
            known[value] = text.origins(value)
        return known[value]

    found = [
        LeafOrigin(_written(path), value, (), exempt=True)
        if value is None or isinstance(value, bool) or (exempt and _pattern(path) in exempt)
        else LeafOrigin(_written(path), value, origins(value))
        for path, value in _leaves(args, ())
    ]
    found += [LeafOrigin(f"{_written(path)}{_KEY}", path[-1], origins(path[-1])) for path in keys]
    return tuple(found)


def flow_problem(flow: Flow, leaves: Sequence[LeafOrigin], text: SessionText) -> str:
    """What breaks a flow clause: the value and where it was found; empty when the clause is met.

    The clause covers the leaf at its path and all leaves below it. Its `unless` is the caller's to ask.
    """
    for leaf in traced_by(flow, leaves):
        if leaf.exempt:
            continue
        problem = _integrity_problem(flow, leaf) or _confidentiality_problem(flow, leaf, text)
        if problem:
            return problem
    return ""


def traced_by(flow: Flow, leaves: Sequence[LeafOrigin]) -> list[LeafOrigin]:
    """The leaves at and below the argument of a flow clause, exempt ones included."""
    below = _without_indices(_written(flow.arg))
    return [leaf for leaf in leaves if _covers(below, _without_indices(leaf.path))]


def _integrity_problem(flow: Flow, leaf: LeafOrigin) -> str:
    if (flow.integrity is None and not flow.sources) or any(
        _permits(flow, origin) for origin in leaf.origins
    ):
        return ""
    wanted = " or ".join(flow.sources) or "any source"
    least = f" that is at least {flow.integrity.value}" if flow.integrity else ""
    return f"{_named(leaf)} must come from {wanted}{least}; {_found(leaf)}"


def _permits(flow: Flow, origin: Origin) -> bool:
    if flow.sources and origin.source not in flow.sources:
        return False
    return flow.integrity is None or origin.label.integrity.rank <= flow.integrity.rank


def _confidentiality_problem(flow: Flow, leaf: LeafOrigin, text: SessionText) -> str:
    most = flow.confidentiality_at_most
    if most is None or any(origin.label.confidentiality.rank <= most.rank for origin in leaf.origins):
        return ""
    for origin in leaf.origins:
        found = f"{origin.label.confidentiality.value} ({origin.source})"
        return f"{_named(leaf)} is {found}; at most {most.value} may pass"
    drawn = text.drawn_from(_spelling(leaf.value), most)
    if drawn is None:
        return ""
    segment, piece = drawn
    return (
        f"{_named(leaf)} holds {piece!r}, which is {segment.label.confidentiality.value} ({segment.source}); "
        f"at most {most.value} may pass"
    )


def _named(leaf: LeafOrigin) -> str:
    value = _spelling(leaf.value)
    return f"{leaf.path} {value if len(value) <= 80 else value[:77] + '...'!r}"


def _found(leaf: LeafOrigin) -> str:
    if not leaf.origins:
        return "found nowhere in the session"
    sources = dict.fromkeys(f"{origin.source} ({origin.label.integrity.value})" for origin in leaf.origins)
    return f"found only in {', '.join(sources)}"


def _covers(pattern: str, path: str) -> bool:
    path = path.removesuffix(_KEY)
    return path.startswith(pattern) and path[len(pattern) : len(pattern) + 1] in ("", ".", "[")


def _without_indices(path: str) -> str:
    return _INDEX.sub("[]", path)


def leaves(value: Json) -> Iterator[tuple[str, Json]]:
    """Each leaf with its path as provenance writes it.

    >>> list(leaves({"items": [{"sku": "A"}], "n": 1}))
    [('items[0].sku', 'A'), ('n', 1)]
    """
    return ((_written(path), leaf) for path, leaf in _leaves(value, ()))


def _leaves(value: Json, path: ValuePath) -> Iterator[tuple[ValuePath, Json]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, (*path, key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _leaves(item, (*path, index))
    else:
        yield path, value


def _as_asked(arguments: Json) -> str:
    """The leaves and inner keys of a call's arguments, also as a tool would decode them."""
    text = _BETWEEN_LEAVES.join([*_spelled(arguments), *_keys_below(arguments)])
    decoded = html.unescape(unquote(text)) if "%" in text or "&" in text else text
    return text if decoded == text else f"{text}{_BETWEEN_LEAVES}{shown(decoded)}"


def _spelled(value: Json) -> Iterator[str]:
    for _, leaf in _leaves(value, ()):
        if leaf is not None and not isinstance(leaf, bool):
            yield shown(_spelling(leaf))


def _keys_below(value: Json, depth: int = 0) -> Iterator[str]:
    """Keys below the arguments' own names: they carry what was asked as well as values do."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if depth:
                yield shown(key)
            yield from _keys_below(item, depth + 1)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _keys_below(item, depth + 1)


def _spelling(value: Json) -> str:
    return value if isinstance(value, str) else plain_number(value)


def _pattern(path: ValuePath) -> tuple[str, ...]:
    return tuple("[]" if isinstance(step, int) else step for step in path)


def _written(path: Sequence[str | int]) -> str:
    """`items[1].sku`; a key that could be misread is quoted, as in `items["a.b"]`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif step == "[]":
            text += "[]"
        elif step.isidentifier():
            text += f".{step}" if text else step
        else:
            text += f"[{json.dumps(step)}]"
    return text
