"""Lists compared as sets: order and repetition do not count."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from remit.core.cel.errors import ConditionError
from remit.core.cel.operators import kind

Keys = frozenset[Hashable]


def contains(one: Sequence[object], other: Sequence[object]) -> bool:
    """Whether every element of the second list is in the first.

    >>> contains(["a", "b"], ["b", "b"]), contains(["a"], ["a", "b"]), contains([], [])
    (True, False, True)
    """
    left, right = _sets(one, other)
    return right <= left


def equivalent(one: Sequence[object], other: Sequence[object]) -> bool:
    """Whether both lists have the same elements.

    >>> equivalent(["a", "b"], ["b", "a", "a"]), equivalent([1], [1, 2])
    (True, False)
    """
    left, right = _sets(one, other)
    return left == right


def intersects(one: Sequence[object], other: Sequence[object]) -> bool:
    """Whether the lists have an element in common.

    >>> intersects(["a", "b"], ["b", "c"]), intersects(["a"], [])
    (True, False)
    """
    left, right = _sets(one, other)
    return not left.isdisjoint(right)


def _sets(one: Sequence[object], other: Sequence[object]) -> tuple[Keys, Keys]:
    # An element of another type would quietly be in no set, which is what `!sets.intersects(..)` must not miss.
    kinds = {_kind(item) for items in (one, other) for item in items}
    if len(kinds) > 1:
        raise ConditionError(f"sets: elements of {' and '.join(sorted(kinds))}")
    return frozenset(map(_key, one)), frozenset(map(_key, other))


def _kind(item: object) -> str:
    return "number" if type(item) in (int, float) else kind(item)


def _key(item: object) -> Hashable:
    """Return what is equal exactly where `==` holds: 1 and 1.0 are, 1 and true are not."""
    if isinstance(item, list):
        return ("list", *map(_key, item))
    if isinstance(item, dict):
        return ("record", frozenset((name, _key(value)) for name, value in item.items()))
    if type(item) in (int, float):
        return ("number", item)  # Python hashes and compares int and float exactly
    return (type(item), item)
