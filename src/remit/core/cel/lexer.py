"""Text to tokens. What CEL has and this subset leaves out is refused here by name."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from remit.core.canonical import first_invisible
from remit.core.cel.errors import Flaw

MAX_TEXT: Final = 2_000
"""Characters in one condition."""


class Token(NamedTuple):
    """A word of the text: `kind` is int, double, string, name, op or end."""

    kind: str
    text: str
    value: str
    pos: int

    @property
    def end(self) -> int:
        return self.pos + len(self.text)


_TOKEN: Final = re.compile(
    r"""
    (?P<space>[ \t\r\n]+)
  | (?P<double>[0-9]+\.[0-9]+(?:[eE][+-]?[0-9]+)?)
  | (?P<int>[0-9]+)
  | (?P<raw>r(?:'[^'\r\n]*'|"[^"\r\n]*"))
  | (?P<string>'(?:[^'\\\r\n]|\\.)*'|"(?:[^"\\\r\n]|\\.)*")
  | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<op><=|>=|==|!=|&&|\|\||[-+*/%<>!?:.,()\[\]])
    """,
    re.VERBOSE,
)
_ESCAPE: Final = re.compile(r"\\(.)")
_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", '"': '"'}
_REMEDY: Final = {
    "=": "compare with ==",
    "&": "write &&",
    "|": "write ||",
    "{": "map literals are not part of the language",
    "'": "close the string with the quote that opened it",
    '"': "close the string with the quote that opened it",
}


def tokens(text: str) -> list[Token]:
    """Return the words of *text*, the last of kind end; raises Flaw."""
    if len(text) > MAX_TEXT:
        raise Flaw(f"{len(text)} characters", MAX_TEXT, f"a condition has at most {MAX_TEXT}")
    hidden = first_invisible(re.sub(r"[\t\r\n]", " ", text))
    if hidden is not None:
        raise Flaw(f"invisible character U+{ord(text[hidden]):04X}", hidden, "remove it")
    found: list[Token] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise Flaw(f"unexpected {text[at]!r}", at, _REMEDY.get(text[at], ""))
        if match.lastgroup != "space":
            found.append(_token(str(match.lastgroup), match.group(), text[match.end() :][:1], at))
        at = match.end()
    found.append(Token("end", "", "", at))
    return found


def _token(kind: str, word: str, following: str, at: int) -> Token:
    if kind == "raw":
        if (len(word[:-1]) - len(word[:-1].rstrip("\\"))) % 2:
            raise Flaw("a raw string that ends in a single backslash", at, "write '..\\\\'")
        return Token("string", word, word[2:-1], at)
    if kind == "string":
        if word in {"''", '""'} and following == word[0]:
            raise Flaw("triple-quoted string", at, "use one pair of quotes")
        return Token(kind, word, _ESCAPE.sub(lambda found: _unescape(found, at), word[1:-1]), at)
    if kind in {"int", "double"} and (following.isalnum() or following == "_"):
        raise Flaw(f"unexpected {following!r} after {word}", at, "write numbers as 12 or 12.5 or 1.5e3")
    if kind == "int" and len(word) > 1 and word[0] == "0":
        raise Flaw(f"leading zero in {word}", at, "write decimal numbers without it")
    if kind == "name" and following in {"'", '"'}:
        raise Flaw(f"unknown string prefix {word!r}", at, "use '..', \"..\" or r'..'")
    return Token(kind, word, word, at)


def _unescape(found: re.Match[str], at: int) -> str:
    char = found.group(1)
    if char not in _ESCAPES:
        raise Flaw(
            f"unknown escape \\{char}",
            at + 1 + found.start(),
            "known: \\n \\t \\r \\\\ \\' \\\"; or use r'..'",
        )
    return _ESCAPES[char]
