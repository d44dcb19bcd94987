"""Texts as they are searched, and a list of them that finds a value without going through all.

A value stands whole in a text only if all its runs do. So short texts are kept by their runs, and a value is looked for
in those that have its rarest one; long texts, whose runs would take more memory than they save time, are gone through one
by one. Either way what is found is the same.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import lru_cache
from heapq import merge
from operator import attrgetter

from remit.core.text import lowered, runs, stands

FEW = 64
"""Texts that are gone through one by one; most sessions see no more."""
MOST_RUNS = 512
"""Runs of a text that is kept by them."""
_QUOTE_BEFORE = 60
_QUOTE = 160
_WORTH_KEEPING = 8_192
_CHUNK = 65_536


def _searched(text: str) -> tuple[str, str, frozenset[bytes]]:
    small = lowered(text)
    # A few characters change length with their case: then people see the quote in small letters.
    return small, text if len(small) == len(text) else small, frozenset(runs(small))


_seen_before = lru_cache(maxsize=512)(_searched)
"""Sessions of one agent see the same system prompts, users and results again and again."""


class Searched:
    """One text as it is searched.

    Args:
        place: where it stands among the segments.
        text: normalised.
    """

    __slots__ = ("place", "runs", "shown", "small")

    def __init__(self, place: int, text: str) -> None:
        self.place = place
        self.small, self.shown, self.runs = (_seen_before if len(text) <= _WORTH_KEEPING else _searched)(text)

    def find(self, needle: str, number: bool) -> int:
        """Offset of the first place where the needle stands whole; -1 when there is none."""
        at = self.small.find(needle)
        while at >= 0 and not stands(self.small, at, len(needle), number):
            at = self.small.find(needle, at + 1)
        return at

    def quote(self, start: int) -> str:
        """The text around an offset, for people."""
        begin = max(0, start - _QUOTE_BEFORE)
        return self.shown[begin : begin + _QUOTE]


_place = attrgetter("place")


class Texts:
    """Texts in the order in which they came, their places ascending."""

    def __init__(self) -> None:
        self._by_run: dict[bytes, list[Searched]] = {}
        self._long: list[Searched] = []
        self._all: list[Searched] = []
        self._kept = 0
        """How many of them are kept by their runs: none while there are few, which are gone through as fast."""

    def add(self, text: Searched) -> None:
        """Add the next one."""
        self._all.append(text)

    def _keep(self, text: Searched) -> None:
        if len(text.runs) > MOST_RUNS:
            self._long.append(text)
            return
        for run in text.runs:
            self._by_run.setdefault(run, []).append(text)

    def having(self, telling: Sequence[bytes]) -> Iterator[Searched]:
        """Every text that has all these runs, in order."""
        if not telling:
            yield from self._all
            return
        wanted = frozenset(telling)
        if len(self._all) < FEW:
            yield from (text for text in self._all if text.runs.issuperset(wanted))
            return
        for text in self._all[self._kept :]:
            self._keep(text)
        self._kept = len(self._all)
        rarest = min((self._by_run.get(run, ()) for run in telling), key=len)
        for text in merge(rarest, self._long, key=_place) if self._long else rarest:
            if text.runs.issuperset(wanted):
                yield text


class Joined:
    """Texts one behind the other, for the first that has a piece of text anywhere in it.

    >>> joined = Joined()
    >>> for place, text in enumerate(["pay bob", "mail eve@evil.example"]):
    ...     joined.add(place, text)
    >>> joined.first("vil.exam"), joined.first("bob mail")
    (1, None)
    """

    def __init__(self) -> None:
        self._chunks: list[tuple[list[int], list[int], list[str]]] = []
        """Of each chunk: where its texts begin, their places, and the texts, joined when they are searched."""
        self._size = _CHUNK

    def add(self, place: int, text: str) -> None:
        """Add the next one; it has no line break, since normalised text has none."""
        if self._size >= _CHUNK:
            self._chunks.append(([], [], []))
            self._size = 0
        begins, places, texts = self._chunks[-1]
        begins.append(self._size)
        places.append(place)
        texts.append(text)
        self._size += len(text) + 1

    def first(self, piece: str) -> int | None:
        """The place of the first text that has *piece* in it."""
        for begins, places, texts in self._chunks:
            if len(texts) > 1:
                joined = "\n".join(texts)
                texts[:] = [joined]
            at = texts[0].find(piece)
            if at >= 0:
                return places[bisect_right(begins, at) - 1]
        return None
