"""Where the calls of a run do otherwise than those of another, by their place in the aligned sequences.

Never by tool name alone: two `delete` calls with other paths are two different calls, and so is the same call elsewhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest

from remit.core.canonical import encode
from remit.core.trial.trial import NOT_RUN, TrialCall
from remit.core.types import Json

READ = "read"
MOST_PATHS = 5
"""Paths of arguments that are told."""
MOST_WHOLE = 2.0**53
"""The largest float behind which every whole number has one of its own."""
_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Divergence:
    """One place where the made calls do otherwise than the recorded ones."""

    kind: str
    """`tool` (another tool), `arguments`, `missing`, `extra`, or `order` (the same reads, in another order)."""
    told: str
    recorded: int | None
    """Place in the recorded calls; None for an extra one."""
    made: int | None
    """Place in the made calls; None for a missing one."""
    effect: bool
    """Whether either call is no plain read; a call whose effect nobody knows is none."""


@dataclass(frozen=True, slots=True)
class CallAlignment:
    """Two sequences of calls, aligned."""

    divergences: tuple[Divergence, ...]
    """In order; empty where all calls are the same."""
    meets_again: bool
    """Whether calls are the same again after the first divergence."""
    same: int
    """Calls that stand in both."""

    @property
    def first(self) -> Divergence | None:
        """The first of any kind."""
        return self.divergences[0] if self.divergences else None

    @property
    def first_effect(self) -> Divergence | None:
        """The first in which a call that is no plain read takes part."""
        return next((found for found in self.divergences if found.effect), None)


def compared(recorded: Sequence[TrialCall], made: Sequence[TrialCall]) -> CallAlignment:
    """Align two sequences of calls, and say where they differ.

    >>> found = compared([TrialCall("delete", {"path": "/a"}, "write")], [TrialCall("delete", {"path": "/b"}, "write")])
    >>> found.first.kind, found.first.told
    ('arguments', "delete: path is '/b', was '/a'")
    """
    left, right = [signature(call) for call in recorded], [signature(call) for call in made]
    codes = SequenceMatcher(None, left, right, autojunk=False).get_opcodes()
    same = sum(i2 - i1 for tag, i1, i2, _, _ in codes if tag == "equal")
    found = [
        one
        for tag, i1, i2, j1, j2 in codes
        if tag != "equal"
        for one in _between(recorded, range(i1, i2), made, range(j1, j2))
    ]
    differs = [tag != "equal" for tag, *_ in codes]
    again = any(differs) and not all(differs[differs.index(True) :])
    return CallAlignment(_as_order(found, recorded, made), again, same)


def effects_of(calls: Sequence[TrialCall]) -> Counter[bytes]:
    """The calls that are no plain reads, however often each was made; those that did not run are left out."""
    return Counter(signature(call) for call in calls if call.effect != READ and call.outcome not in NOT_RUN)


def signature(call: TrialCall) -> bytes:
    """What makes two calls the same: tool and arguments, whatever the order of keys and the way numbers are written."""
    try:
        return encode([call.tool, _as_numbers(call.args)])
    except RecursionError:
        return encode([call.tool, call.args])


def _as_numbers(value: Json) -> Json:
    """The value, each number as JSON knows it: 5.0 is 5, and which of them a client writes is its language's habit."""
    if isinstance(value, float) and value.is_integer() and abs(value) <= MOST_WHOLE:
        return int(value)
    if isinstance(value, dict):
        return {key: _as_numbers(one) for key, one in value.items()}
    return [_as_numbers(one) for one in value] if isinstance(value, list) else value


def _between(
    recorded: Sequence[TrialCall], left: range, made: Sequence[TrialCall], right: range
) -> Iterator[Divergence]:
    for i, j in zip_longest(left, right):
        if i is None:
            yield Divergence("extra", f"{_shown(made[j])} was added", None, j, _effect(made[j]))
        elif j is None:
            yield Divergence("missing", f"{_shown(recorded[i])} was not made", i, None, _effect(recorded[i]))
        else:
            yield _instead(recorded[i], made[j], i, j)


def _instead(recorded: TrialCall, made: TrialCall, i: int, j: int) -> Divergence:
    effect = _effect(recorded) or _effect(made)
    if recorded.tool != made.tool:
        return Divergence("tool", f"{_shown(made)} instead of {_shown(recorded)}", i, j, effect)
    paths = list(differing(recorded.args, made.args))
    told = "; ".join(
        f"{path or 'arguments'} is {_cut(new)}, was {_cut(old)}" for path, old, new in paths[:MOST_PATHS]
    )
    more = f"; {len(paths) - MOST_PATHS} more" if len(paths) > MOST_PATHS else ""
    return Divergence("arguments", f"{made.tool}: {told}{more}", i, j, effect)


def _as_order(
    found: Sequence[Divergence], recorded: Sequence[TrialCall], made: Sequence[TrialCall]
) -> tuple[Divergence, ...]:
    """Reads commute: where nothing but their order differs, it is said once."""
    lost = Counter(signature(recorded[one.recorded]) for one in found if one.recorded is not None)
    won = Counter(signature(made[one.made]) for one in found if one.made is not None)
    if not found or lost != won or any(one.effect for one in found):
        return tuple(found)
    told = f"{len(found)} reads were made in another order"
    return (Divergence("order", told, found[0].recorded, found[0].made, effect=False),)


def differing(old: Json, new: Json, path: str = "") -> Iterator[tuple[str, Json, Json]]:
    """Paths at which two values differ, with both values; a missing one is None.

    >>> list(differing({"a": [1, 2]}, {"a": [1, 3], "b": True}))
    [('a[1]', 2, 3), ('b', None, True)]
    """
    if isinstance(old, dict) and isinstance(new, dict):
        for key in (*old, *(key for key in new if key not in old)):
            yield from differing(old.get(key), new.get(key), f"{path}.{key}" if path else str(key))
    elif isinstance(old, list) and isinstance(new, list):
        for place, (one, other) in enumerate(zip_longest(old, new)):
            yield from differing(one, other, f"{path}[{place}]")
    elif encode(old) != encode(new):
        yield path, old, new


def _effect(call: TrialCall) -> bool:
    return call.effect != READ


def _shown(call: TrialCall) -> str:
    return f"{call.tool}({_cut(call.args)})"


def _cut(value: Json) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
