"""`spec.enforced` edited in the text of an envelope: one entry changes, and every other character stays as it was.

The YAML is composed only to find places; nothing is written by a YAML emitter, which would keep comments and lose the
rest of how people laid out their file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

from remit.core.errors import BadInput

_BY_HAND = "edit spec.enforced by hand"


def promoted(text: str, clause: str, share: float, file: str) -> str:
    """*text* with an entry for *clause*, added or changed.

    Args:
        text: of an envelope that loads.
        clause: full id.
        share: of the sessions, above 0 and at most 1.
        file: its name, for errors.

    Raises:
        BadInput: it is laid out so that no place for an entry can be found.
    """
    place = _find(text, file)
    entry = f"{{clause: {clause}}}" if share == 1 else f"{{clause: {clause}, share: {_spelled(share)}}}"
    if place.enforced is None:
        column, end = place.column, _line_after(text, place.after)
        key, item = f"{' ' * column}enforced:", f"{' ' * column}  - {entry}"
        return _inserted(text, end, f"{key}{place.newline}{item}")
    for item in place.enforced.value:
        if _clause_of(item).value == clause:
            return _with_share(text, item, share, place.newline)
    if place.enforced.flow_style:
        at = place.enforced.end_mark.index - 1
        return text[:at] + (f", {entry}" if place.enforced.value else entry) + text[at:]
    last = place.enforced.value[-1]
    start = text.rfind("\n", 0, last.start_mark.index) + 1
    return _inserted(text, _line_after(text, _end(last)), _dash(text, start, last, file) + entry)


def demoted(text: str, clause: str, file: str) -> str:
    """*text* without the entry for *clause*; unchanged where there is none.

    Raises:
        BadInput: it is laid out so that the entry cannot be taken out.
    """
    place = _find(text, file)
    items = list(place.enforced.value) if place.enforced is not None else []
    found = next((item for item in items if _clause_of(item).value == clause), None)
    if found is None or place.enforced is None:
        return text
    if len(items) == 1:
        start = text.rfind("\n", 0, place.key_at) + 1
        end = place.enforced.end_mark.index if place.enforced.flow_style else _end(found)
        return text[:start] + text[_line_after(text, end) :]
    if place.enforced.flow_style:
        kept = (text[i.start_mark.index : i.end_mark.index] for i in items if i is not found)
        start, end = place.enforced.start_mark.index, place.enforced.end_mark.index
        return f"{text[:start]}[{', '.join(kept)}]{text[end:]}"
    start = text.rfind("\n", 0, found.start_mark.index) + 1
    _dash(text, start, found, file)
    return text[:start] + text[_line_after(text, _end(found)) :]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where `spec.enforced` is, or may be put."""

    enforced: Any
    """The sequence; None where there is none."""
    key_at: int
    column: int
    """Of the keys of `spec`."""
    after: int
    """The end of `enforcement: monitor`."""
    newline: str


def _find(text: str, file: str) -> _Place:
    root = YAML(typ="rt", pure=True).compose(text)
    spec = _value(root, "spec")
    if not isinstance(spec, MappingNode) or spec.flow_style:
        raise BadInput(file, "'spec' is written in braces", _BY_HAND)
    keys = {key.value: (key, value) for key, value in spec.value}
    if "enforcement" not in keys:
        raise BadInput(
            file, "no 'enforcement: monitor': everything is enforced already", "promote in monitor"
        )
    enforced_key, enforced = keys.get("enforced", (None, None))
    if enforced is not None and (not isinstance(enforced, SequenceNode) or enforced.anchor):
        raise BadInput(file, "'enforced' is no plain list", _BY_HAND)
    first, mode = keys["enforcement"]
    return _Place(
        enforced,
        enforced_key.start_mark.index if enforced_key is not None else 0,
        first.start_mark.column,
        mode.end_mark.index,
        "\r\n" if "\r\n" in text else "\n",
    )


def _value(node: Any, name: str) -> Any:
    return next((value for key, value in node.value if key.value == name), None)


def _clause_of(item: Any) -> ScalarNode:
    found: ScalarNode = _value(item, "clause")
    return found


def _with_share(text: str, item: Any, share: float, newline: str) -> str:
    written = _value(item, "share")
    if written is not None:
        return text[: written.start_mark.index] + _spelled(share) + text[written.end_mark.index :]
    if share == 1:
        return text
    at = _clause_of(item).end_mark.index
    between = ", " if item.flow_style else newline + " " * item.value[0][0].start_mark.column
    return f"{text[:at]}{between}share: {_spelled(share)}{text[at:]}"


def _end(item: Any) -> int:
    """Where an item's own text ends: a block mapping's node ends only where the next thing begins."""
    last: int = item.end_mark.index if item.flow_style else item.value[-1][1].end_mark.index
    return last


def _dash(text: str, start: int, item: Any, file: str) -> str:
    before = text[start : item.start_mark.index]
    if before.strip() != "-":
        raise BadInput(file, "an entry of 'enforced' does not begin on a line of its own", _BY_HAND)
    return before


def _line_after(text: str, at: int) -> int:
    """The beginning of the line after a place."""
    end = text.find("\n", at)
    return len(text) if end < 0 else end + 1


def _inserted(text: str, at: int, lines: str) -> str:
    newline = "\r\n" if "\r\n" in text else "\n"
    before = text[:at] if text[:at].endswith("\n") else text[:at] + newline
    return before + lines + newline + text[at:]


def _spelled(share: float) -> str:
    """A share without an exponent.

    >>> _spelled(0.1), _spelled(1.0), _spelled(0.00001)
    ('0.1', '1', '0.00001')
    """
    return f"{share:.12f}".rstrip("0").rstrip(".")
