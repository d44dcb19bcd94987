"""The structure of a result that a tool printed: JSON, a Python literal, or YAML.

Only results of tools whose fields an envelope labels are read so. A tool that pastes foreign text unquoted can be made
to print any field: label fields of tools that serialise, not of tools that format.

YAML as serialisers write it is read by a scanner that takes the wanted fields and skips the rest; whatever it is not
sure about goes to the whole parser, which is pure Python: parsers in C were seen to crash on hostile nesting. Of what
that finds only the nodes are used, each scalar as it is written: nothing is built that a tag or a merge could choose.

The text is hostile, and it is read after the tool ran: whatever it spells, reading it ends soon and raises nothing.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from remit.core.canonical import MAX_DEPTH, MAX_INT, loads_strict
from remit.core.errors import BadInput
from remit.core.types import Json

MOST_CHARACTERS = 65_536
"""A longer text that is not JSON has no structure: the other parsers are slow."""
MOST_VALUES = 10_000
"""Values that a text may spell; aliases count each time they are used."""

_KEY = re.compile(r"([A-Za-z_][A-Za-z0-9_]*):(?: (.*))?\Z")
# One way to match each text: its time is linear in the text, whoever wrote it.
_PLAIN = re.compile(r"[A-Za-z0-9/(](?:[^#:'\"\\&*!|>%`{}\[\],]|:(?=\S))*\Z")
_SCALARS = frozenset({"str", "int", "float", "bool", "null", "timestamp"})
_WORDS = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})


def fields_of(text: str, wanted: frozenset[str]) -> tuple[tuple[str, Json], ...]:
    """The *wanted* top-level fields of the object, or of each object of the list, that *text* spells, in order.

    >>> fields_of("- sender: bob@corp.example\\n  body: 'hello'", frozenset({"sender"}))
    (('sender', 'bob@corp.example'),)
    >>> fields_of("sender says: hello: there", frozenset({"sender"}))
    ()
    """
    # Long texts are read again rather than kept.
    return (_read_before if len(text) <= MOST_CHARACTERS else _fields_of)(text, wanted)


def _fields_of(text: str, wanted: frozenset[str]) -> tuple[tuple[str, Json], ...]:
    if text.lstrip()[:1] not in ("{", "["):
        scanned = _scan(text, wanted) if len(text) <= MOST_CHARACTERS else []
        if scanned is not None:
            return tuple(scanned)
    value = structure_of(text)
    rows = value if isinstance(value, list) else [value]
    return tuple((k, v) for row in rows if isinstance(row, Mapping) for k, v in row.items() if k in wanted)


_read_before = lru_cache(maxsize=512)(_fields_of)


def structure_of(text: str) -> Json:
    """The object or list that *text* spells; None for plain text."""
    if text.lstrip()[:1] in ("{", "["):
        try:
            return loads_strict(text)
        except BadInput:
            pass
    return _printed(text) if len(text) <= MOST_CHARACTERS else None


@lru_cache(maxsize=256)
def _printed(text: str) -> Json:
    value = _literal(text) if text.lstrip()[:1] in ("{", "[") else _yaml(text)
    return value if isinstance(value, dict | list) else None


def _literal(text: str) -> Json:
    try:
        tree = ast.parse(text.strip(), mode="eval")
        for node in ast.walk(tree):
            if isinstance(node, ast.Dict):
                keys = [key.value for key in node.keys if isinstance(key, ast.Constant)]
                if len(set(keys)) != len(node.keys):
                    return None  # the same key twice: two readers would see two values
        return _plain(ast.literal_eval(tree))
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return None


def _plain(value: Any) -> Json:
    """A Python value as JSON; what has no form there (bytes, sets) is left out."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items() if isinstance(key, str)}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, int) and abs(value) > MAX_INT:
        return None  # digits without end take time without end
    return value if isinstance(value, str | int | float) else None


def _yaml(text: str) -> Json:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        root = YAML(typ="safe", pure=True).compose(text)
        return None if root is None else _composed(root, iter(range(MOST_VALUES)), MAX_DEPTH)
    except (YAMLError, ValueError, TypeError, RecursionError, OverflowError):
        return None


def _composed(node: Any, left: Iterator[int], levels: int) -> Json:
    """The value of a YAML node.

    Raises:
        ValueError: too large, too deep or inside itself, a key that is no plain text or stands twice, or a tag.
    """
    if next(left, None) is None or levels < 0:
        raise ValueError("too large, or too deep")
    tag = str(node.tag or "").removeprefix("tag:yaml.org,2002:")
    if tag == "seq":
        return [_composed(item, left, levels - 1) for item in node.value]
    if tag != "map":
        if tag not in _SCALARS:
            raise ValueError("a tag")
        return None if tag in ("null", "bool") else str(node.value)
    found: dict[str, Json] = {}
    for key, value in node.value:
        if str(key.tag).removeprefix("tag:yaml.org,2002:") not in _SCALARS or key.value in found:
            raise ValueError("a key that readers may understand differently")
        found[str(key.value)] = _composed(value, left, levels - 1)
    return found


def _scan(text: str, wanted: frozenset[str]) -> list[tuple[str, Json]] | None:
    """The wanted fields of a block mapping, or a list of them, as serialisers write it; None when not sure."""
    lines = text.rstrip("\n").split("\n")
    base = 2 if lines[0].startswith("- ") else 0
    found: list[tuple[str, Json]] = []
    seen: set[str] = set()
    at = 0
    while at < len(lines):
        line = lines[at]
        if base and line.startswith("- "):
            seen = set()
        elif line[:base].strip() or not line.strip():
            return None
        match = _KEY.match(line, base)
        if match is None or match[1] in seen:
            return None
        seen.add(match[1])
        key, value = match[1], match[2] or ""
        end = _block_end(lines, at + 1, base)
        if value[:1] in ("'", '"') and not _closes(value, lines[at + 1 : end]):
            return None
        if value[:1] in ("|", ">", "&", "*", "!", "@", "`", "%", "?", "#"):
            return None
        if key in wanted:
            simple = _simple(value, lines[at + 1 : end], base)
            if simple is None:
                return None
            found.append((key, simple))
        at = end
    return found


def _block_end(lines: list[str], at: int, base: int) -> int:
    """The first line after *at* that is a field or an entry of its own."""
    item = " " * base + "- "
    while at < len(lines):
        line = lines[at]
        deeper = not line.strip() or line[: base + 1].isspace() or line.startswith(item)
        if (base and line.startswith("- ")) or not deeper:
            return at
        at += 1
    return at


def _closes(value: str, rest: list[str]) -> bool:
    """Whether a quoted value ends exactly where its lines end: no quote closes before, none stays open."""
    whole = "\n".join([value, *rest]).rstrip()
    quote = whole[0]
    inner = whole[1:-1]
    if len(whole) < 2 or whole[-1] != quote:
        return False
    if quote == "'":
        return "'" not in inner.replace("''", "")
    return re.fullmatch(r'(?:[^"\\]|\\.)*', inner, re.DOTALL) is not None


def _simple(value: str, rest: list[str], base: int) -> Json:
    """A scalar on one line, or a list of such; None for everything else."""
    if not rest:
        return [] if value == "[]" else _scalar(value)
    item = " " * base + "- "
    if value or not all(line.startswith(item) for line in rest):
        return None
    items = [_scalar(line[len(item) :]) for line in rest]
    return None if None in items else items


def _scalar(text: str) -> str | None:
    """A plain or simply quoted string; None for what may be a number, a date, a constant or something clever."""
    if text[:1] == "'" and len(text) > 1 and _closes(text, []):
        return text[1:-1].replace("''", "'")
    if text.lower() in _WORDS or text != text.strip() or _PLAIN.match(text) is None:
        return None
    return None if ": " in text or text.endswith(":") or " #" in text else text
