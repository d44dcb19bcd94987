"""SQL text as the database's own lexer reads it: where strings, names and comments begin and end.

It is the second reader beside `sqlglot`. What one of the two takes for a string and the other for code is where a
statement hides, so text on which they differ is refused, and so is text that depends on a server's settings.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from remit.core.cel.errors import ConditionError

MAX_DEPTH: Final = 40
"""Brackets inside brackets; the compiled parser has no limit of its own before the stack ends."""
_MAX_OPEN_JOINS: Final = 6  # the parser's time doubles with each JOIN that has no ON
_MAX_RUN: Final = 32  # of one word or sign, such as NOT NOT NOT, or - - -: another way to nest

_PLAIN: Final = r"'(?:[^']|'')*+'"
_ESCAPED: Final = r"'(?:[^'\\]|\\.|'')*+'"
_BACKSLASH_ONLY: Final = r"'(?:[^'\\]|\\.)*+'"
_DOUBLE_PLAIN: Final = r'"(?:[^"]|"")*+"'
_DOUBLE_ESCAPED: Final = r'"(?:[^"\\]|\\.|"")*+"'
_DOUBLE_BACKSLASH_ONLY: Final = r'"(?:[^"\\]|\\.)*+"'
_BACKTICKS: Final = r"`(?:[^`]|``)*+`"
_BACKTICKS_ESCAPED: Final = r"`(?:[^`\\]|\\.|``)*+`"
_DOLLAR: Final = r"\$(?P<tag>(?:[^\W\d]\w*)?)\$(?s:.*?)\$(?P=tag)\$"
_ORACLE_Q: Final = (
    r"[nN]?[qQ]'(?:\[(?s:.*?)\]'|\{(?s:.*?)\}'|<(?s:.*?)>'|\((?s:.*?)\)'|(?P<q>[^\s\[{<(])(?s:.*?)(?P=q)')"
)
_TRIPLE: Final = (
    r"(?:[rR][bB]?|[bB][rR]?)?(?:'''(?:[^'\\]|\\.|'(?!''))*+'''|\"\"\"(?:[^\"\\]|\\.|\"(?!\"\"))*+\"\"\")"
)


class Word(NamedTuple):
    """A word, number, quoted name or sign outside of strings and comments."""

    start: int
    end: int
    text: str
    """In lower case; a quoted name without its quotes, as written."""
    quoted: bool


@dataclass(frozen=True, slots=True)
class Rules:
    """How one database's lexer reads."""

    strings: tuple[str, ...]
    names: tuple[str, ...] = (_DOUBLE_PLAIN,)
    line: str = r"--[^\n\r]*"
    nested: bool = False
    """Whether block comments nest."""
    version_comments: bool = False
    """Whether ``/*!`` opens a comment that is run."""


@lru_cache(maxsize=64)
def _pattern(rules: Rules) -> re.Pattern[str]:
    """Return the pattern of one piece of text; made when first needed, since most envelopes need none."""
    parts = (
        ("space", r"[ \t\r\n]+"),
        ("line", rules.line),
        ("block", r"/\*"),
        ("unicode", r"[uU]&['\"]"),
        ("string", "|".join(rules.strings)),
        ("name", "|".join(rules.names)),
        ("word", r"[^\W\d][\w$]*|\$\d+|[$@:#](?=[A-Za-z_])"),
        ("number", r"\d\w*"),
        ("sign", r"[!#%&()*+,\-./:;<=>?@\[\]^{|}~]"),
    )
    return re.compile("|".join(f"(?P<{name}>{part})" for name, part in parts), re.DOTALL)


_POSTGRES: Final = Rules((r"[eE]" + _ESCAPED, r"[nNbBxX]?" + _PLAIN, _DOLLAR), nested=True)
_MYSQL: Final = Rules(
    (r"[nNbBxX]?" + _ESCAPED, _DOUBLE_ESCAPED),
    (_BACKTICKS,),
    r"#[^\n]*|--(?=[ \t\r\n]|\Z)[^\n]*",
    version_comments=True,
)
_SPARK: Final = Rules(
    (rf"[rR]{_PLAIN}", r'[rR]"[^"]*"', r"[xX]?" + _BACKSLASH_ONLY, _DOUBLE_BACKSLASH_ONLY),
    (_BACKTICKS,),
    nested=True,
)
_PRESTO: Final = Rules((r"[xX]?" + _PLAIN,))

RULES: Final[dict[str, Rules]] = {
    "postgres": _POSTGRES,
    "materialize": _POSTGRES,
    "risingwave": _POSTGRES,
    "redshift": Rules((_ESCAPED,), nested=True),
    "duckdb": Rules((r"[eE]" + _ESCAPED, r"[xX]?" + _PLAIN, _DOLLAR), nested=True),
    "mysql": _MYSQL,
    "singlestore": _MYSQL,
    "doris": _MYSQL,
    "starrocks": _MYSQL,
    "sqlite": Rules((r"[xX]?" + _PLAIN,), (_DOUBLE_PLAIN, _BACKTICKS, r"\[[^\]]*\]"), r"--[^\n]*"),
    "tsql": Rules((r"[nN]?" + _PLAIN,), (_DOUBLE_PLAIN, r"\[(?:[^\]]|\]\])*+\]"), nested=True),
    "fabric": Rules((r"[nN]?" + _PLAIN,), (_DOUBLE_PLAIN, r"\[(?:[^\]]|\]\])*+\]"), nested=True),
    "oracle": Rules((_ORACLE_Q, r"[nN]?" + _PLAIN)),
    "snowflake": Rules((r"[xX]?" + _ESCAPED, r"\$\$(?s:.*?)\$\$"), (_DOUBLE_PLAIN,), r"(?:--|//)[^\n\r]*"),
    "bigquery": Rules(
        (
            _TRIPLE,
            r"(?:[rR][bB]?|[bB][rR]?)?" + _BACKSLASH_ONLY,
            r"(?:[rR][bB]?|[bB][rR]?)?" + _DOUBLE_BACKSLASH_ONLY,
        ),
        (r"`(?:[^`\\]|\\.)*+`",),
        r"(?:--|#)[^\n\r]*",
    ),
    "clickhouse": Rules(
        (_ESCAPED, _DOLLAR),
        (r'"(?:[^"\\]|\\.|"")*+"', _BACKTICKS_ESCAPED),
        r"(?:--|#[! ])[^\n]*",
        nested=True,
    ),
    "spark": _SPARK,
    "databricks": _SPARK,
    "hive": _SPARK,
    "presto": _PRESTO,
    "trino": _PRESTO,
    "athena": _PRESTO,
}
"""By sqlglot's name of the dialect. To add one: its rules here, its functions in `sql_names`."""

_FORBIDDEN_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029]")
_HINT_SETTING: Final = re.compile(r"\b(?:set_var|resource_group|set)\s*\(", re.IGNORECASE)


class Text:
    """A statement's text, read by the rules of one dialect."""

    def __init__(self, text: str, rules: Rules) -> None:
        if _FORBIDDEN_CONTROL.search(text):
            raise refusal("a control character")
        self.text = text
        self.rules = rules
        self.words: list[Word] = []
        self.marks = bytearray(len(text))
        """For each character: 0 space or comment, 1 code, 2 inside a string or quoted name."""
        self.hints: list[tuple[int, int]] = []
        self._scan()
        _check_nesting(self.words)

    def _scan(self) -> None:
        at, text, match = 0, self.text, _pattern(self.rules).match
        while at < len(text):
            found = match(text, at)
            if found is None:
                raise refusal(
                    f"cannot be read at character {at}: an open string, or a sign that has no place in code"
                )
            at = self._take(str(found.lastgroup), found)

    def _take(self, kind: str, found: re.Match[str]) -> int:
        start, end = found.span()
        part = found.group()
        if kind == "unicode":
            raise refusal("a U& string: write the characters themselves")
        if kind == "block":
            return self._comment(start)
        if kind == "line":
            _check_visible(part)
        elif kind == "string":
            self._string(start, end)
        elif kind == "name":
            _check_visible(part)
            self._mark(start, end, 2)
            self.words.append(Word(start, end, part[1:-1], True))
        elif kind != "space":
            self._code(kind, start, end, part)
        return end

    def _string(self, start: int, end: int) -> None:
        self._mark(start, end, 2)
        if self.text[start] in "eE" and self.text[end:].lstrip()[:1] == "'":
            raise refusal("a string that goes on after an E'' string: its escapes are read differently")

    def _code(self, kind: str, start: int, end: int, part: str) -> None:
        following = self.text[end : end + 1]
        if kind == "number" and following and following in "'\"$`":
            raise refusal("a number that runs into a string")
        if not part.isascii() and (not part.isprintable() or unicodedata.normalize("NFKC", part) != part):
            raise refusal("a name with characters that look like others")
        if part.startswith("$") and len(part) > 1 and following == "$":
            raise refusal("a parameter that runs into a string")
        self._mark(start, end, 1)
        self.words.append(Word(start, end, part.lower(), False))

    def _mark(self, start: int, end: int, mark: int) -> None:
        self.marks[start:end] = bytes([mark]) * (end - start)

    def _comment(self, start: int) -> int:
        text = self.text
        if self.rules.version_comments and text[start + 2 : start + 4].upper().startswith(("!", "M!")):
            raise refusal("a comment that MySQL or MariaDB would run")
        depth, at = 1, start + 2
        while depth:
            close = text.find("*/", at)
            if close < 0:
                raise refusal("a comment without an end")
            opened = text.find("/*", at, close) if self.rules.nested else -1
            if opened >= 0:
                depth, at = depth + 1, opened + 2
            else:
                depth, at = depth - 1, close + 2
            if depth > MAX_DEPTH:
                raise refusal("comments nested too deep")
        part = text[start:at]
        _check_visible(part)
        if part.startswith("/*+"):
            if _HINT_SETTING.search(part):
                raise refusal("a hint that changes a setting")
            self.hints.append((start, at))
        return at

    def agrees(self, tokens: Iterable[tuple[int, int, bool]]) -> bool:
        """Whether the other reader's tokens, each (start, end, quoted), cover the same code and strings."""
        marks, text = bytearray(len(self.text)), self.text
        for start, end, quoted in tokens:
            if any(
                start < stop and first < end and not first <= start <= end <= stop
                for first, stop in self.hints
            ):
                return False
            if quoted:
                marks[start:end] = b"\x02" * (end - start)
            else:
                for part in _VISIBLE.finditer(text, start, end):
                    marks[part.start() : part.end()] = b"\x01" * (part.end() - part.start())
        for first, stop in self.hints:
            marks[first:stop] = bytes(stop - first)
        return marks == self.marks


_VISIBLE: Final = re.compile(r"[^ \t\r\n]+")


def _check_visible(part: str) -> None:
    if not part.isascii() and any(not char.isprintable() and char not in "\t\r\n" for char in part):
        raise refusal("an invisible character")


_OPENING: Final = frozenset({"(", "[", "{", "case"})
_CLOSING: Final = frozenset({")", "]", "}", "end"})


def _check_nesting(words: list[Word]) -> None:
    depth = joins = run = 0
    before = ""
    for index, word in enumerate(words):
        text = word.text
        if not word.quoted:
            depth = max(depth + (text in _OPENING) - (text in _CLOSING), 0)
        run = run + 1 if text == before and text not in _CLOSING else 0
        if text in {"join", "straight_join"} and not _crosses(words, index):
            joins += 1
        elif text in {"on", "using"}:
            joins = max(joins - 1, 0)
        if depth > MAX_DEPTH or joins > _MAX_OPEN_JOINS or run > _MAX_RUN:
            raise refusal("nested too deep")
        before = text


def _crosses(words: list[Word], index: int) -> bool:
    return any(word.text in {"cross", "natural"} for word in words[max(index - 3, 0) : index])


def refusal(found: str) -> ConditionError:
    """Return the refusal for *found*."""
    return ConditionError(f"sql: {found}")
