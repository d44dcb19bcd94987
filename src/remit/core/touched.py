"""The objects that a call names, and which of its values would be recognised elsewhere.

Both are told to people who look for the reach of an incident, so both err towards fewer: an object is named only where
the argument's name or the value's own form says what it is, and says which of the two it was. A value *tells* only if
meeting it again is no coincidence; what that takes stands in `why_silent`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import fsum, log2
from typing import Final

from remit.core.provenance import leaves
from remit.core.text import needles, plain_number
from remit.core.types import Json

LEAST_SIGNS: Final = 5
"""Letters and digits that a code has at least, so that meeting it again tells something."""
LEAST_BITS: Final = 10.0
"""Shannon entropy of its characters times their number, at least: `aaaaaaaa` has none."""
LEAST_DIGITS: Final = 5
"""Of a number, without zeros at its end."""
LEAST_WORDS: Final = 4
"""Of a text without a digit or a sign that joins; shorter ones are what anybody says."""
MOST_IN_TEXT: Final = 20
"""Objects that are named in one text."""
MOST_LEAVES: Final = 200
"""Leaves of one result that are looked at."""


class ObjectKind(StrEnum):
    """What an object is."""

    ACCOUNT = "account"
    ADDRESS = "address"
    AMOUNT = "amount"
    ID = "id"
    PATH = "path"
    SECRET = "secret"  # noqa: S105 - a kind of object, no password
    URL = "url"


@dataclass(frozen=True, slots=True)
class Touched:
    """One object that a call names."""

    kind: ObjectKind
    value: str
    place: str
    """`args.to` or `result.id`; `args.text, inside` where it is a part of a longer text."""
    why: str
    """`by its name`, or `by its form`."""


SECRET_TOKEN = re.compile(r"\[secret:[a-z]+:([0-9a-f]{10})\]")
"""What the journal has in place of a secret: equal secrets have equal endings, whatever family found them."""
_DIGEST = re.compile(r"\[digest:[0-9a-f]{64}:[0-9]+\]")
_MAIL = r"[A-Za-z0-9._%+'-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+"
_URL = r"https?://[^\s\"'<>]+"
_IBAN = r"[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?"
_UUID = r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
_CODE = r"(?=[A-Za-z0-9_-]*[0-9])(?=[A-Za-z0-9_-]*[A-Za-z])[A-Za-z0-9]+(?:[_-][A-Za-z0-9]+)*"
_FILE = r"(?:~?/|\.\.?/|[A-Za-z]:\\)[^\s]*[^\s/.,;]"
_FORMS: Final[tuple[tuple[ObjectKind, re.Pattern[str]], ...]] = (
    (ObjectKind.SECRET, SECRET_TOKEN),
    (ObjectKind.URL, re.compile(_URL)),
    (ObjectKind.ADDRESS, re.compile(_MAIL)),
    (ObjectKind.ACCOUNT, re.compile(_IBAN)),
    (ObjectKind.ID, re.compile(_UUID)),
    (ObjectKind.PATH, re.compile(_FILE)),
)
_BORDER = r"(?<![A-Za-z0-9_@./-]){}(?![A-Za-z0-9_@])"
_WITHIN: Final = tuple(
    (kind, form if kind is ObjectKind.SECRET else re.compile(_BORDER.format(f"(?:{form.pattern})")))
    for kind, form in (*_FORMS, (ObjectKind.ID, re.compile(_CODE)))
)
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+")
_NAMES: Final[Mapping[str, ObjectKind]] = {
    **dict.fromkeys(("account", "accounts", "acct", "iban", "card", "wallet", "payee"), ObjectKind.ACCOUNT),
    **dict.fromkeys(("email", "mail", "recipient", "recipients", "to", "cc", "bcc"), ObjectKind.ADDRESS),
    **dict.fromkeys(("address", "phone", "channel", "participants"), ObjectKind.ADDRESS),
    **dict.fromkeys(("path", "file", "filename", "folder", "directory"), ObjectKind.PATH),
    **dict.fromkeys(("amount", "price", "total", "sum", "cost", "fee", "balance"), ObjectKind.AMOUNT),
    **dict.fromkeys(("id", "ids", "uuid", "key", "number", "no", "ref", "reference", "code"), ObjectKind.ID),
    **dict.fromkeys(("url", "link", "uri", "href", "webhook"), ObjectKind.URL),
}
"""The last word of an argument's name that says it: `order_id`, `toAddress`."""


def touched(value: Json, root: str) -> Iterator[Touched]:
    """The objects that *value* names.

    Args:
        value: arguments or a result.
        root: `args` or `result`.

    >>> found = touched({"order_id": "O-1", "note": "ask ann@corp.example"}, "args")
    >>> [(one.kind.value, one.value, one.place) for one in found]
    [('id', 'O-1', 'args.order_id'), ('address', 'ann@corp.example', 'args.note, inside')]
    """
    for path, leaf in _some(leaves(value)):
        place = f"{root}.{path}" if path and not path.startswith("[") else f"{root}{path}"
        if isinstance(leaf, bool) or leaf is None or leaf == "":
            continue
        text = leaf if isinstance(leaf, str) else plain_number(leaf)
        kind = _form(text) if isinstance(leaf, str) else None
        if kind is not None:
            yield Touched(kind, text, place, "by its form")
        elif (named := _name(path)) is not None and _may_be(named, leaf):
            yield Touched(named, text, place, "by its name")
        elif isinstance(leaf, str):
            yield from (Touched(k, part, f"{place}, inside", "by its form") for k, part in inside(leaf))


def inside(text: str) -> list[tuple[ObjectKind, str]]:
    """Objects that a longer text names, at most `MOST_IN_TEXT`, each once.

    >>> [part for _, part in inside("wire it to DE89 3704 0044 0532 0130 00, ref INV-2041, see /srv/a.txt or O-1")]
    ['DE89 3704 0044 0532 0130 00', '/srv/a.txt', 'INV-2041']
    """
    found: dict[str, ObjectKind] = {}
    for kind, form in _WITHIN:
        for match in form.finditer(text[:100_000]):
            part = match.group(0)
            if not any(part in known for known in found) and not why_silent(part):
                found[part] = kind
            if len(found) >= MOST_IN_TEXT:
                break
    return [(kind, part) for part, kind in found.items()]


def telling(value: Json, exempt: Iterable[str] = ()) -> Iterator[tuple[str, Json]]:
    """Path and value of all in *value* that would be recognised elsewhere: leaves, and objects inside texts.

    Args:
        value: arguments or a result.
        exempt: paths of leaves that only choose among the envelope's own values.
    """
    skipped = frozenset(exempt)
    for path, leaf in _some(leaves(value)):
        if path in skipped or isinstance(leaf, bool) or leaf is None:
            continue
        if not why_silent(leaf):
            yield path, leaf
        if isinstance(leaf, str) and any(sign in leaf for sign in _JOINS):
            yield from ((path, part) for _, part in inside(leaf))


def why_silent(value: Json) -> str:  # noqa: PLR0911 - one for each reason
    """Why meeting *value* again would tell nothing; empty where it would.

    >>> why_silent("ok"), why_silent("GB29NWBK60161331926819"), why_silent(1), why_silent("confirmed")
    ('too short', '', 'a number that anybody may use', 'a word')
    >>> why_silent("2026-01-31"), why_silent("O-1001"), why_silent("aaaaaaa1"), why_silent("ann@x.example")
    ('a date or a time', '', 'too regular', '')
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return "no value of its own"
    if not isinstance(value, str):
        return _silent_number(plain_number(value))
    if SECRET_TOKEN.search(value):
        return ""
    text = " ".join(value.split())
    if _DIGEST.fullmatch(text):
        return "kept as a digest"
    if not needles(value) or sum(char.isalnum() for char in text) < LEAST_SIGNS:
        return "too short"
    if _DATE.fullmatch(text):
        return "a date or a time"
    if _NUMBER.fullmatch(text):
        return _silent_number(text.lstrip("-"))
    if not any(char.isdigit() or char in "@/:_\\" for char in text) and len(text.split()) < LEAST_WORDS:
        return "a word" if " " not in text else "a few words"
    return "too regular" if _bits(text) < LEAST_BITS else ""


_JOINS: Final = ' \n\t"{[(<,;|='
"""Signs of a text that may hold more than one value."""
_DATE = re.compile(
    r"[0-9]{2,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}(?:[T ][0-9:.]+(?:Z|[+-][0-9:]+)?)?|[0-9]{1,2}:[0-9:.]+"
)
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")


def _silent_number(text: str) -> str:
    signs = text.replace(".", "").lstrip("-").strip("0")
    return "" if len(signs) >= LEAST_DIGITS else "a number that anybody may use"


def _bits(text: str) -> float:
    counts = Counter(text.lower())
    return -fsum(n * log2(n / len(text)) for n in counts.values())


def _form(text: str) -> ObjectKind | None:
    stripped = text.strip()
    found = next((kind for kind, form in _FORMS if form.fullmatch(stripped)), None)
    if found is None and re.fullmatch(_CODE, stripped) and not why_silent(stripped):
        return ObjectKind.ID
    return found


def _name(path: str) -> ObjectKind | None:
    last = path.rpartition(".")[2].partition("[")[0]
    words = [word.lower() for word in _WORDS.findall(last)]
    return _NAMES.get(words[-1]) if words else None


def _may_be(kind: ObjectKind, leaf: Json) -> bool:
    if not isinstance(leaf, str):
        return kind in (ObjectKind.AMOUNT, ObjectKind.ID, ObjectKind.ACCOUNT)
    short = len(leaf) <= 200 and "\n" not in leaf
    return short and (kind is not ObjectKind.AMOUNT or any(char.isdigit() for char in leaf))


def _some(found: Iterator[tuple[str, Json]]) -> Iterator[tuple[str, Json]]:
    for at, one in enumerate(found):
        if at >= MOST_LEAVES:
            return
        yield one
