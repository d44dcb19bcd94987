"""JSON as people write it, with comments and trailing commas: read with positions, and edited in place.

An edit replaces a span of the text; what lies outside the spans stays as it is, byte for byte. Only what a client's
parser would take is taken: keys that stand twice, unknown escapes and text behind the document are refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from remit.core.errors import BadInput
from remit.core.types import Json

MAX_CHARACTERS = 50_000_000
MAX_DEPTH = 200

_GAP = re.compile(r"(?:[ \t\r\n]+|//[^\r\n]*|/\*.*?\*/)*", re.DOTALL)
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"')
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_WORDS: dict[str, Json] = {"true": True, "false": False, "null": None}


@dataclass(frozen=True, slots=True)
class JsonNode:
    """One value of the text, and where it stands."""

    start: int
    """Index of its first character."""
    end: int
    """Index after its last character."""
    value: Any
    """str, int, float, bool, None, a tuple of JsonNode, or a dict of str to JsonMember."""

    def get(self, *keys: str) -> JsonNode | None:
        """The value at a path of keys; None where there is none."""
        here = self
        for key in keys:
            member = here.members().get(key)
            if member is None:
                return None
            here = member.node
        return here

    def members(self) -> Mapping[str, JsonMember]:
        """The keys of an object; nothing where it is none."""
        return self.value if isinstance(self.value, dict) else {}

    def items(self) -> Sequence[JsonNode]:
        """The items of a list; nothing where it is none."""
        return self.value if isinstance(self.value, tuple) else ()

    def plain(self) -> Json:
        """The value as `json.loads` gives it."""
        if isinstance(self.value, dict):
            return {key: member.node.plain() for key, member in self.value.items()}
        if isinstance(self.value, tuple):
            return [item.plain() for item in self.value]
        found: Json = self.value
        return found

    def walk(self) -> Iterator[tuple[tuple[str, ...], JsonNode]]:
        """Every value inside, itself too, with its path; items of a list have the list's path."""
        waiting: list[tuple[tuple[str, ...], JsonNode]] = [((), self)]
        while waiting:
            path, node = waiting.pop()
            yield path, node
            waiting.extend(((*path, key), member.node) for key, member in node.members().items())
            waiting.extend((path, item) for item in node.items())


@dataclass(frozen=True, slots=True)
class JsonMember:
    """One key of an object with its value."""

    start: int
    """Index of the key's first quote."""
    node: JsonNode


@dataclass(frozen=True, slots=True)
class Edit:
    """Put *text* in the place of `[start, end)`."""

    start: int
    end: int
    text: str


def edited(text: str, edits: Iterable[Edit]) -> str:
    """*text* with every edit made; all count positions in the text as it was.

    >>> edited("abc", [Edit(1, 2, "X"), Edit(3, 3, "!")])
    'aXc!'
    """
    parts, at = [], 0
    for edit in sorted(edits, key=lambda one: (one.start, one.end)):
        if edit.start < at:
            raise ValueError("two edits overlap")
        parts += [text[at : edit.start], edit.text]
        at = edit.end
    return "".join([*parts, text[at:]])


def read_jsontext(text: str, where: str) -> JsonNode:
    """The document, with positions.

    Args:
        text: JSON; comments, trailing commas and a byte order mark are fine.
        where: the file, for errors.

    Raises:
        BadInput: malformed, with line and column.

    >>> read_jsontext('{"a": [1, 2,], /* why */ "b": "x"}', "f").plain()
    {'a': [1, 2], 'b': 'x'}
    >>> read_jsontext('{"a": 1\\n "b": 2}', "f.json")
    Traceback (most recent call last):
    remit.core.errors.BadInput: f.json:2:2: found '"'; write ',' or '}'
    """
    if len(text) > MAX_CHARACTERS:
        raise BadInput(where, f"{len(text):,} characters", f"at most {MAX_CHARACTERS:,} are read")
    return _Reader(text, where).document()


def json_token(value: str) -> str:
    """A string as it stands in a JSON text.

    >>> json_token('C:\\\\é')
    '"C:\\\\\\\\é"'
    """
    odd = any("\ud800" <= char <= "\udfff" for char in value)  # half a pair, which no file can hold as it is
    return json.dumps(value, ensure_ascii=odd)


def between(text: str, start: int, end: int) -> bool:
    """Whether only white space and one comma at most lie in `[start, end)`: no comment would be lost."""
    return re.fullmatch(r"[ \t\r\n]*,?[ \t\r\n]*", text[start:end]) is not None


def lead(text: str, at: int) -> str:
    """The line break and the indent in front of *at*; empty where something else stands before it on its line."""
    found = re.search(r"(\r\n|\n|\r)[ \t]*\Z", text[max(0, at - 1_000) : at])
    return found[0] if found else ""


def skip_gap(text: str, at: int) -> int:
    """The index of the first character from *at* on that is neither white space nor in a comment."""
    match = _GAP.match(text, at)
    return match.end() if match else at


class _Reader:
    """A recursive descent over one text."""

    def __init__(self, text: str, where: str) -> None:
        self._text = text
        self._where = where
        self._at = 1 if text.startswith("\ufeff") else 0

    def document(self) -> JsonNode:
        self._gap()
        found = self._value(0)
        self._gap()
        if self._at < len(self._text):
            raise self._error("nothing may follow")
        return found

    def _gap(self) -> None:
        self._at = skip_gap(self._text, self._at)

    def _value(self, depth: int) -> JsonNode:
        if depth > MAX_DEPTH:
            raise self._error(f"write at most {MAX_DEPTH} levels")
        start, first = self._at, self._text[self._at : self._at + 1]
        if first == "{":
            return self._closed(start, self._object(depth))
        if first == "[":
            return self._closed(start, self._list(depth))
        return self._closed(start, self._scalar(first))

    def _closed(self, start: int, value: Any) -> JsonNode:
        return JsonNode(start, self._at, value)

    def _object(self, depth: int) -> dict[str, JsonMember]:
        found: dict[str, JsonMember] = {}
        for _ in self._entries("}"):
            start = self._at
            if self._text[start : start + 1] != '"':
                raise self._error("write a key in double quotes, or '}'")
            key = self._string()
            if key in found:
                self._at = start
                raise self._error(f"the key {key[:80]!r} stands twice: remove one")
            self._gap()
            if self._text[self._at : self._at + 1] != ":":
                raise self._error("write ':' behind the key")
            self._at += 1
            self._gap()
            found[key] = JsonMember(start, self._value(depth + 1))
        return found

    def _list(self, depth: int) -> tuple[JsonNode, ...]:
        return tuple([self._value(depth + 1) for _ in self._entries("]")])

    def _entries(self, close: str) -> Iterator[None]:
        """Stops at the begin of each entry; the caller reads it."""
        self._at += 1
        while True:
            self._gap()
            if self._text[self._at : self._at + 1] == close:
                break
            yield
            self._gap()
            here = self._text[self._at : self._at + 1]
            if here == ",":
                self._at += 1
            elif here != close:
                raise self._error(f"write ',' or '{close}'")
        self._at += 1

    def _scalar(self, first: str) -> Json:
        if first == '"':
            return self._string()
        number = _NUMBER.match(self._text, self._at)
        if number is not None:
            self._at = number.end()
            return self._number(number[0])
        for word, value in _WORDS.items():
            if self._text.startswith(word, self._at):
                self._at += len(word)
                return value
        raise self._error(
            "write a value: an object, a list, a string in double quotes, a number, true, false, null"
        )

    def _number(self, token: str) -> Json:
        if token.lstrip("-").isdigit():
            if len(token) > 1_000:
                raise self._error("write a shorter number")
            return int(token)
        return float(token)

    def _string(self) -> str:
        match = _STRING.match(self._text, self._at)
        if match is None:
            raise self._error("this string does not end on its line, or has an unknown escape")
        self._at = match.end()
        found: str = json.loads(match[0])
        return found

    def _error(self, remedy: str) -> BadInput:
        rest = self._text[self._at :].split("\n", 1)[0].rstrip("\r")
        found = (
            f"found {rest[0]!r}" if rest else "it ends here"
        )  # a file may hold secrets: no more of it is shown
        if self._text.startswith("/*", self._at):
            remedy = "this comment does not end: write '*/'"
        before = self._text[: self._at]
        line = before.count("\n") + 1
        column = self._at - (before.rfind("\n") + 1) + 1
        return BadInput(f"{self._where}:{line}:{column}", found, remedy)
