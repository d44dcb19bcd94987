"""Values at a path such as `customer.card` or `rows[].iban`, found and replaced; what leads astray is said.

A path that ends early because something is left out (or null) leads nowhere, which is for the caller to judge. A path
that leads *through* something that is no object, or no list where it says `[]`, is an error: the value is not shaped as
the author of the envelope thought, so nothing can be said about it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from remit.core.types import Json

_NAMES = {
    dict: "an object",
    list: "a list",
    str: "a text",
    bool: "a boolean",
    int: "a number",
    float: "a number",
}


class Astray(Exception):
    """A path leads through something that is not what it says; no value is quoted."""


class Missing:
    """Stands where a path ends because something was left out."""


MISSING = Missing()


def spelled_path(path: tuple[str, ...]) -> str:
    """As it is written in an envelope.

    >>> spelled_path(("rows", "[]", "iban"))
    'rows[].iban'
    """
    return ".".join(path).replace(".[]", "[]") or "the result"


def values_at(value: Json, path: tuple[str, ...]) -> Iterator[Json]:
    """Every value at *path*; `MISSING` for each place where it, or something on the way, is absent or null.

    Raises:
        Astray: the path leads through a value of another kind.

    >>> list(values_at({"rows": [{"id": 1}, {"id": 2}]}, ("rows", "[]", "id")))
    [1, 2]
    """
    if not path:
        yield MISSING if value is None else value
    elif value is None:
        yield MISSING
    elif path[0] == "[]":
        for one in _list(value, path):
            yield from values_at(one, path[1:])
    else:
        inside = _object(value, path)
        if path[0] in inside:
            yield from values_at(inside[path[0]], path[1:])
        else:
            yield MISSING


def changed(value: Json, path: tuple[str, ...], put: Callable[[Json], Json]) -> Json:
    """*value* with each value at *path* replaced by what *put* makes of it; what is absent stays absent.

    Args:
        value: a value of exact JSON types; it is not changed.
        path: of keys, `[]` for every item.
        put: makes the new value; it is also asked about a null at the path's end.

    Raises:
        Astray: the path leads through a value of another kind.
    """
    if not path:
        return put(value)
    if value is None:
        return None
    if path[0] == "[]":
        return [changed(one, path[1:], put) for one in _list(value, path)]
    inside = _object(value, path)
    if path[0] not in inside:
        return value
    return {**inside, path[0]: changed(inside[path[0]], path[1:], put)}


def named(value: Json) -> str:
    """What a value is, in a word.

    >>> named([]), named(None)
    ('a list', 'null')
    """
    return _NAMES.get(type(value), "null")


def _list(value: Json, path: tuple[str, ...]) -> list[Json]:
    if type(value) is not list:
        rest = spelled_path(path[1:]) if len(path) > 1 else "its items"
        raise Astray(f"found {named(value)} where a list with {rest} is looked for")
    return value


def _object(value: Json, path: tuple[str, ...]) -> dict[str, Json]:
    if type(value) is not dict:
        raise Astray(f"found {named(value)} where an object with {spelled_path(path)} is looked for")
    return value
