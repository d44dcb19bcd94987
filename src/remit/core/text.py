"""When is a value *the same* as a piece of text? Spelling, and the borders of tokens.

Provenance asks whether a text contains an argument value whole. Two readings would be unsafe, and this file
exists to avoid both:

- a value inside a longer token: `corp.com` in `corp.com.evil.io`, `O-1` in `O-12`, `200` in `1,200`;
- a value that only *looks* like the text: a full-width or accented twin of an address that the user wrote.

So characters come in three classes. **Delimiters** (space, brackets, double quotes, commas) end a token.
**Soft** characters (`. : / @ - '` and the like) belong to a token between two of its characters, and are
mere punctuation at its edge: `corp.com.` at the end of a sentence is `corp.com`, `corp.com.evil.io` is
not. Everything else, unknown and invisible characters included, is part of the token. Where this errs, it
errs towards "not found".
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from decimal import Decimal

from remit.core.types import Json

_DELIMITERS = frozenset(' \n"`()[]{}<>|;,“”„«»—、')
_SOFT = frozenset(".:!?/\\-'‘’*=&#%+~^@。")  # noqa: RUF001
_APOSTROPHES = frozenset("'‘’")  # noqa: RUF001
_CURRENCY = frozenset("$€£¥₹")
_MINUS = frozenset("-−–")  # noqa: RUF001
_LONGEST_SOFT_RUN = 64
_HOST = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z]{2,}")
_FILE_ENDINGS = frozenset(
    ("ai", "app", "cab", "cc", "md", "mov", "pl", "ps", "pub", "py", "rs", "sh", "so", "zip")
)
"""Top-level domains that people also write behind file names: who says `notes.md` has named no web site."""
_BLANKS = bytes(code if code >= 128 or chr(code).isalnum() else 32 for code in range(256))
_WIDE_BLANKS = tuple(char for char in sorted(_DELIMITERS | _SOFT | _CURRENCY | _MINUS) if not char.isascii())


def shown(text: str) -> str:
    """Compatibility forms and runs of white space made one, capitals kept.

    >>> shown("Pay\\n  \\uff11\\uff12\\uff10\\uff10  to Bob")
    'Pay 1200 to Bob'
    """
    plain = text if text.isascii() else unicodedata.normalize("NFKC", text)
    return " ".join(plain.split())


def shown_exactly(text: str) -> str:
    """As `shown`, but only canonical equivalents are made one: full-width and ASCII forms stay apart."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def lowered(text: str) -> str:
    """Capitals made small.

    Not `casefold`, which makes two different domains, `straße.example` and `strasse.example`, the same.
    """
    return text.lower()


def needles(value: Json) -> tuple[str, ...]:
    """How a leaf is usually spelled in text; empty where a spelling would prove nothing.

    Nothing can be said about null, booleans, a string without a letter or digit, and a single letter.

    >>> needles("  Bob@Corp.example ")
    ('bob@corp.example',)
    >>> needles(1200.0), needles(0.5), needles("a"), needles("")
    (('1200', '1,200'), ('0.5',), (), ())

    People leave the scheme out of an address, and models add it:

    >>> needles("https://www.corp.example/")
    ('https://www.corp.example/', 'www.corp.example')
    """
    if isinstance(value, str):
        spelled = lowered(shown(value) if value.isascii() else shown_exactly(value))
        return (spelled, *_without_scheme(spelled)) if _tells(spelled) else ()
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ()
    return tuple(dict.fromkeys((plain_number(value), f"{Decimal(plain_number(value)):,f}")))


def _without_scheme(spelled: str) -> tuple[str, ...]:
    """A web address as people write it; nothing where the rest would name a file or a mail address."""
    scheme, mark, rest = spelled.partition("://")
    host = rest.partition("/")[0]
    if not mark or scheme not in ("http", "https") or not _HOST.fullmatch(host):
        return ()
    if host.rpartition(".")[2] in _FILE_ENDINGS and not host.startswith("www."):
        return ()
    return (host if rest == host + "/" else rest,)


def _tells(spelled: str) -> bool:
    letters = [char for char in spelled if char.isalnum()]
    return len(letters) > 1 or (len(letters) == 1 and letters[0].isdigit())


def runs(text: str) -> list[bytes]:
    """The runs between delimiters, soft characters and underscores; a value that stands whole has whole runs.

    Used to pass over texts that cannot contain a value, in a fraction of the time of a search.

    >>> runs("pay gb29-nwbk 1,200.00")
    [b'pay', b'gb29', b'nwbk', b'1', b'200', b'00']
    """
    if not text.isascii():
        for char in _WIDE_BLANKS:
            text = text.replace(char, " ")
    return text.encode("utf-8", "surrogatepass").translate(_BLANKS).split()


def plain_number(value: float) -> str:
    """The shortest plain decimal: no exponent, no zeros at the end.

    >>> plain_number(1200.0), plain_number(1e-7), plain_number(-0.0), plain_number(120)
    ('1200', '0.0000001', '0', '120')
    """
    if isinstance(value, int):
        return str(value)
    text = f"{Decimal(repr(value)):f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def stands(text: str, start: int, length: int, number: bool) -> bool:
    """Whether the value found at *start* is a whole token, or run of tokens, of *text*.

    Args:
        text: normalised text.
        start: where the value begins.
        length: of the value.
        number: the value is a number: zeros after the point do not change it, a minus sign before it does.

    >>> stands("see corp.com.", 4, 8, False), stands("see corp.com.evil.io", 4, 8, False)
    (True, False)
    >>> stands("pay 1200.00 now", 4, 4, True), stands("pay -1200 now", 5, 4, True)
    (True, False)
    """
    end = start + length
    if text[start - 1 : start].isalnum() or (not number and text[end : end + 1].isalnum()):
        return False  # what most places fail on, tested first for speed
    if number:
        end = _past_zeros(text, start, end)
        return _number_begins(text, start) and _number_ends(text, end)
    return _free_before(text, start) and _free_after(text, end)


def _past_zeros(text: str, start: int, end: int) -> int:
    """The end of the number with its zeros: `.00` after 1200, `0` after 0.5."""
    place = end
    if "." not in text[start:end]:
        if text[place : place + 2] != ".0":
            return end
        place += 1
    while text[place : place + 1] == "0":
        place += 1
    return place


def _number_begins(text: str, start: int) -> bool:
    before = text[start - 1] if start else " "
    if before in _MINUS and text[start].isdigit():
        return False
    return before in _CURRENCY or _free_before(text, start)


def _number_ends(text: str, end: int) -> bool:
    return text[end : end + 1] in _CURRENCY or _free_after(text, end)


def _free_before(text: str, start: int) -> bool:
    place = start - 1
    if place < 0:
        return True
    if text[place] == ",":
        return not _groups_digits(text, place)
    if text[place] in _APOSTROPHES:
        return place == 0 or text[place - 1] in _DELIMITERS or text[place - 1] in _SOFT
    stop = max(-1, place - _LONGEST_SOFT_RUN)
    while place > stop and text[place] in _SOFT:
        place -= 1
    return place < 0 or text[place] in _DELIMITERS


def _free_after(text: str, end: int) -> bool:
    if text[end : end + 1] in _APOSTROPHES and text[end + 1 : end + 2] == "s":
        end += 2  # the owner's
    size = len(text)
    if end >= size:
        return True
    if text[end] == ",":
        return not _groups_digits(text, end)
    if text[end] in _APOSTROPHES:
        return end + 1 == size or text[end + 1] in _DELIMITERS or text[end + 1] in _SOFT
    place = end
    stop = min(size, end + _LONGEST_SOFT_RUN)
    while place < stop and text[place] in _SOFT:
        place += 1
    return place >= size or text[place] in _DELIMITERS


def _groups_digits(text: str, comma: int) -> bool:
    """Whether the comma stands inside a number such as `1,200`."""
    if comma == 0 or not text[comma - 1].isdigit():
        return False
    group = text[comma + 1 : comma + 5]
    return group[:3].isdigit() and len(group) >= 3 and not group[3:].isdigit()


def pieces(text: str) -> Iterator[str]:
    """Words and codes that tell where a text was drawn from: each code, and each run of three words.

    A code is a piece of at least four characters with a digit in it.

    >>> list(pieces("wire it via GB29-nwbk now"))
    ['wire it via', 'it via gb29', 'via gb29 nwbk', 'gb29', 'gb29 nwbk now']
    """
    words = "".join(char if char.isalnum() else " " for char in lowered(shown(text))).split()
    for place, word in enumerate(words):
        if len(word) >= 4 and not word.isalpha():
            yield word
        if place + 2 < len(words):
            yield " ".join(words[place : place + 3])
