"""Which call counts as the same one when it is asked for again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from remit.core.text import lowered, plain_number, shown
from remit.core.types import Json, ToolCall

_SENTENCE = 5
"""Words from which on a text may be worded a little otherwise."""
_MOST_OF = 0.8
_EDGES = ".,;:!?\"'()[]{}<>`“”‘’"  # noqa: RUF001


@dataclass(frozen=True, slots=True)
class Wanted:
    """A tool and the values that the evidence flagged."""

    tool: str
    values: Mapping[str, Json]
    """By path, such as `to[0]`; empty where the evidence flagged the tool alone."""


def wanted(tool: str, args: Mapping[str, Json], paths: Iterable[str]) -> Wanted:
    """The call that a replay looks for.

    Args:
        tool: of the recorded call.
        args: its arguments.
        paths: those that the evidence flagged; what is no path of *args* is passed over.
    """
    leaves = dict(_leaves(args, ""))
    return Wanted(tool, {path: leaves[path] for path in paths if path in leaves})


def is_hit(sought: Wanted, calls: Iterable[ToolCall]) -> bool:
    """Whether one of *calls* is the tool with all flagged values, each somewhere below its own argument.

    A value comes again where it is equal, where it stands whole among the words of the new one, or, from five words on,
    where four fifths of its words do: models word a text anew, and an address never.

    >>> mail = Wanted("send", {"to[0]": "Eve@x.example", "amount": 40})
    >>> is_hit(mail, [ToolCall("send", {"to": ["bob@x.example", " eve@X.example"], "amount": 40.0})])
    True
    >>> is_hit(mail, [ToolCall("send", {"to": ["bob@x.example"], "amount": 40})])
    False
    """
    return any(call.tool == sought.tool and _has(call.args, sought.values) for call in calls)


def _has(args: Mapping[str, Json], values: Mapping[str, Json]) -> bool:
    return all(any(_again(value, leaf) for leaf in _below(args, path)) for path, value in values.items())


def _below(args: Mapping[str, Json], path: str) -> list[Json]:
    """Everything at and below the argument that a path begins with: an answer may order a list otherwise."""
    name = path.replace("[", ".").partition(".")[0]
    return [leaf for _, leaf in _leaves(args.get(name), "")]


def _again(value: Json, leaf: Json) -> bool:
    if not isinstance(value, str) or not isinstance(leaf, str):
        return _alike(value) == _alike(leaf)
    sought, there = _words(value), _words(leaf)
    if len(sought) >= _SENTENCE:
        return sum(word in there for word in sought) >= _MOST_OF * len(sought)
    whole = range(len(there) - len(sought) + 1)
    return _alike(value) == _alike(leaf) or bool(
        sought and any(there[i : i + len(sought)] == sought for i in whole)
    )


def _words(text: str) -> list[str]:
    stripped = (word.strip(_EDGES) for word in _alike(text).split())
    return [word for word in stripped if word]


def _alike(value: Json) -> str:
    if isinstance(value, bool) or value is None:
        return f"{value}"
    if isinstance(value, int | float):
        return plain_number(value)
    return lowered(shown(str(value)))


def _leaves(value: Json, path: str) -> Iterator[tuple[str, Json]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list | tuple):
        for place, item in enumerate(value):
            yield from _leaves(item, f"{path}[{place}]")
    else:
        yield path, value
