"""Values that are looked for in many texts at once, each whole and at token borders, as provenance finds them.

A value stands in a text only if each of its runs does (`core.text.runs`). So values are kept by one run each, that which
the fewest others are kept by, and a text is asked for the runs that it shares with them: the cost of a text hardly
grows with the number of values.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from remit.core.searched import Searched
from remit.core.text import needles, runs, shown, shown_exactly
from remit.core.touched import SECRET_TOKEN
from remit.core.types import Json

_ESCAPED = re.compile(r"\\([nrt\"\\/])")
_MEANT: Final = {"n": "\n", "r": "\n", "t": "\t"}
"""What JSON writes for characters that a value has as they are."""


class Values:
    """Values by number, and the texts that hold them."""

    def __init__(self) -> None:
        self._loose: dict[bytes, list[tuple[int, str, bool]]] = {}
        self._exact: dict[bytes, list[tuple[int, str, bool]]] = {}

    def add(self, number: int, value: Json) -> None:
        """Look for *value* from now on, under *number*."""
        if isinstance(value, str) and (secret := SECRET_TOKEN.search(value)) is not None:
            self._keep(self._loose, number, f":{secret[1]}]", figure=False)
            return
        texts = self._loose if not isinstance(value, str) or value.isascii() else self._exact
        for needle in needles(value):
            self._keep(texts, number, needle, figure=not isinstance(value, str))

    def _keep(
        self, texts: dict[bytes, list[tuple[int, str, bool]]], number: int, needle: str, *, figure: bool
    ) -> None:
        telling = runs(needle.partition(".")[0] if figure else needle)
        if telling:  # the run that tells it from the others: of a thousand orders not `order`
            rarest = min(telling, key=lambda run: (len(texts.get(run, ())), -len(run)))
            texts.setdefault(rarest, []).append((number, needle, figure))

    def found_in(self, text: str) -> dict[int, str]:
        """Which values stand in *text*, each with the words around it.

        >>> values = Values()
        >>> values.add(1, "GB29-NWBK-6016")
        >>> values.found_in('{"iban": "gb29-nwbk-6016", "n": 1}')
        {1: '{"iban": "gb29-nwbk-6016", "n": 1}'}
        >>> values.found_in("GB29-NWBK-60161")
        {}
        """
        found = dict(self._found(text))
        if "\\" in text:  # JSON within the text: a value with a line break or a quotation mark in it
            plain = _ESCAPED.sub(lambda mark: _MEANT.get(mark[1], mark[1]), text)
            found = dict(self._found(plain)) | found
        return found

    def _found(self, text: str) -> Iterator[tuple[int, str]]:
        if self._loose:
            yield from _looked_for(self._loose, Searched(0, shown(text)))
        if self._exact and not text.isascii():
            yield from _looked_for(self._exact, Searched(0, shown_exactly(text)))


def _looked_for(
    texts: dict[bytes, list[tuple[int, str, bool]]], searched: Searched
) -> Iterator[tuple[int, str]]:
    for run in texts.keys() & searched.runs:
        for number, needle, figure in texts[run]:
            secret = needle.startswith(":") and needle.endswith("]")
            at = searched.small.find(needle) if secret else searched.find(needle, figure)
            if at >= 0:
                yield number, searched.quote(at)
