"""What changed between two envelopes, clause by clause, and in which direction.

Each change is looked at from both sides with the rules of `core.narrow`: where only the new side may be wider it
allows more, where only the old side may, it allows less; where neither is, decisions are the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from remit.core.narrow import Document, WiderPlace, not_narrowing
from remit.core.narrow.place import equal, written

MOST_SHOWN = 160
"""Characters of one value in a change."""


class Effect(StrEnum):
    """What a change does to decisions."""

    MORE = "allows more"
    LESS = "allows less"
    EITHER = "either"
    NONE = "no effect on decisions"


@dataclass(frozen=True, slots=True)
class EnvelopeDifference:
    """One thing that differs."""

    path: str
    """Such as `tools.pay.require[ceiling]`."""
    change: str
    """`added`, `removed` or `changed`."""
    effect: Effect
    what: tuple[str, ...]
    """The difference as written: `max: 500 → 100`."""
    why: tuple[str, ...] = ()
    """In what it may allow more; empty where it does not."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Everything that differs, and whether the new envelope only narrows."""

    changes: tuple[EnvelopeDifference, ...]
    not_shown: tuple[WiderPlace, ...]
    """Where it could not be shown that the new one only narrows; empty where it does."""


_MISSING = object()
_CLAUSES = ("require", "flow", "limits", "approve", "history", "monotonic", "ensure", "obligations")


def diff(old: Document, new: Document, *, child: bool = False) -> Difference:
    """What differs between *old* and *new*.

    Args:
        old: what was.
        new: what would be.
        child: whether *new* is for another agent, so that its name may differ.
    """
    wider = not_narrowing(old, new, child=child)
    tighter = not_narrowing(new, old, child=child)
    named = [("metadata.name", old.envelope.name, new.envelope.name)]
    found = [
        _change(path, before, after, wider, tighter)
        for path, before, after in (*named, *_entries(old.spec, new.spec))
        if (before is _MISSING) is not (after is _MISSING) or not equal(before, after)
    ]
    return Difference(tuple(found), tuple(wider))


def _entries(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Everything that can differ by itself, old beside new."""
    for key in _names(old, new):
        before, after = old.get(key, _MISSING), new.get(key, _MISSING)
        if key == "tools":
            yield from _tools(old.get(key, {}), new.get(key, {}))
        elif key == "sources":
            yield from _pairs("sources.", "", before, after)
        elif _is_list(before) or _is_list(after):
            yield from _by_id(key, before, after)
        else:
            yield key, before, after


def _tools(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    for name in _names(old, new):
        before, after = old.get(name, _MISSING), new.get(name, _MISSING)
        if before is _MISSING or after is _MISSING:
            yield f"tools.{name}", before, after
            continue
        for key in _names(before, after):
            mine, theirs = before.get(key, _MISSING), after.get(key, _MISSING)
            if _is_list(mine) or _is_list(theirs):
                yield from _by_id(f"tools.{name}.{key}", mine, theirs)
            else:
                yield f"tools.{name}.{key}", mine, theirs


def _by_id(at: str, old: Any, new: Any) -> Iterator[tuple[str, Any, Any]]:
    """Clauses by their id; a list without ids, such as the tests, as a whole."""
    lists = [value if _is_list(value) else [] for value in (old, new)]
    if all(isinstance(line, Mapping) and "id" in line for lines in lists for line in lines):
        yield from _pairs(f"{at}[", "]", *({line["id"]: line for line in lines} for lines in lists))
    else:
        yield at, old, new


def _pairs(before: str, after: str, old: Any, new: Any) -> Iterator[tuple[str, Any, Any]]:
    ours, theirs = (value if isinstance(value, Mapping) else {} for value in (old, new))
    for name in _names(ours, theirs):
        yield f"{before}{name}{after}", ours.get(name, _MISSING), theirs.get(name, _MISSING)


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _names(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    return list(dict.fromkeys((*old, *new)))


def _change(
    path: str, before: Any, after: Any, wider: list[WiderPlace], tighter: list[WiderPlace]
) -> EnvelopeDifference:
    more, less = (tuple(p.why for p in places if _at(path, p.path)) for places in (wider, tighter))
    effect = (Effect.EITHER if less else Effect.MORE) if more else Effect.LESS if less else Effect.NONE
    if before is _MISSING or after is _MISSING:
        added = before is _MISSING
        what = _brief(path, after if added else before)
        return EnvelopeDifference(path, "added" if added else "removed", effect, (what,), more)
    return EnvelopeDifference(path, "changed", effect, tuple(_differences(before, after, "")), more)


def _at(path: str, place: str) -> bool:
    return place.startswith(path) and place[len(path) : len(path) + 1] in ("", ".", "[")


def _brief(path: str, value: Any) -> str:
    """What was added or removed, on one line."""
    if path.startswith("tools.") and isinstance(value, Mapping) and "effect" in value and "args" in value:
        clauses = [
            line["id"] for key in _CLAUSES for line in value.get(key) or () if isinstance(line, Mapping)
        ]
        return f"{value['effect']} tool, " + (f"clauses {', '.join(clauses)}" if clauses else "no clause")
    if isinstance(value, Mapping):
        return _cut(", ".join(f"{key}: {_shown(inner)}" for key, inner in value.items() if key != "id"))
    return f"{len(value)} of them" if isinstance(value, list) else _cut(_shown(value))


def _differences(old: Any, new: Any, at: str) -> Iterator[str]:
    """Each leaf that differs, as `place: before → after`."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in _names(old, new):
            inner = f"{at}.{key}" if at else key
            if key not in new:
                yield f"{inner}: {_cut(_shown(old[key]))} → nothing"
            elif key not in old:
                yield f"{inner}: nothing → {_cut(_shown(new[key]))}"
            elif not equal(old[key], new[key]):
                yield from _differences(old[key], new[key], inner)
        return
    named = f"{at}: " if at else ""
    if (
        isinstance(old, list)
        and isinstance(new, list)
        and any(isinstance(one, Mapping) for one in (*old, *new))
    ):
        mine, theirs = [written(one) for one in old], [written(one) for one in new]
        gone, come = sum(one not in theirs for one in mine), sum(one not in mine for one in theirs)
        yield f"{named}{gone} removed, {come} added" if gone or come else f"{named}another order"
        return
    yield f"{named}{_cut(_shown(old))} → {_cut(_shown(new))}"


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else written(value)


def _cut(text: str) -> str:
    return text if len(text) <= MOST_SHOWN else text[: MOST_SHOWN - 1] + "…"
