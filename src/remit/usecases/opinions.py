"""Optional witnesses of the classifier: detectors and an embedder that somebody plugged in.

Each is named `module:attribute` in the settings and asked about texts from outside only. A witness that fails is logged
and says nothing; the classifier goes on without it.
"""

from __future__ import annotations

import importlib
import logging
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from hashlib import sha256
from math import fsum, isnan, sqrt
from typing import Any, TypeVar

from remit.core.classify.case import Case
from remit.core.classify.known import Opinion
from remit.core.errors import BadInput
from remit.core.types import Segment
from remit.ports import Detector, Embedder

MOST_SEGMENTS = 6
"""Texts from outside that are shown to a witness, the latest ones."""
WINDOW = 600
"""Characters of one look; windows overlap by half."""
MOST_WINDOWS = 24
MOST_KNOWN = 4096
"""Texts whose scores are kept at hand."""

T = TypeVar("T")
log = logging.getLogger("remit.opinions")


class Opinions:
    """Asks the witnesses about a case.

    Args:
        detectors: score texts.
        embedder: says how close the call is to a text from outside, beyond how close it is to the request.
    """

    def __init__(self, detectors: Sequence[Detector] = (), embedder: Embedder | None = None) -> None:
        self._detectors = detectors
        self._embedder = embedder
        self._known: OrderedDict[tuple[str, bytes], Any] = OrderedDict()

    def __call__(self, case: Case) -> tuple[Opinion, ...]:
        """What they say; nothing of a case into which nothing came from outside."""
        outside = [window for segment in case.steering[-MOST_SEGMENTS:] for window in windows(segment)]
        outside = outside[-MOST_WINDOWS:]
        if not outside:
            return ()
        asked = [self._asked(one, partial(self._detected, one, outside)) for one in self._detectors]
        if self._embedder is not None and case.tool:
            asked.append(self._asked(self._embedder, partial(self._similar, self._embedder, case, outside)))
        return tuple(opinion for opinion in asked if opinion is not None)

    def _asked(self, who: Detector | Embedder, ask: Callable[[], Opinion]) -> Opinion | None:
        try:
            return ask()
        except Exception:
            log.exception("%s could not be asked", type(who).__name__)
            return None

    def _detected(self, one: Detector, texts: Sequence[str]) -> Opinion:
        scores = [
            self._once(f"d:{one.name}:{one.version}", text, lambda t: float(one.score(t))) for text in texts
        ]
        return Opinion(one.name, one.version, _share(max(scores)))

    def _similar(self, embedder: Embedder, case: Case, texts: Sequence[str]) -> Opinion:
        def vector(text: str) -> list[float]:
            return list(embedder.embed([text])[0])

        name = f"e:{embedder.name}:{embedder.version}"
        call = self._once(name, call_text(case), vector)
        requests = [s.text[-WINDOW:] for s in case.trusted if s.source == "user"][-2:]
        to_request = max((_cosine(call, self._once(name, text, vector)) for text in requests), default=0.0)
        to_outside = max(_cosine(call, self._once(name, text, vector)) for text in texts)
        return Opinion(
            embedder.name, embedder.version, _share(to_outside - max(0.0, to_request)), "similarity"
        )

    def _once(self, what: str, text: str, ask: Callable[[str], T]) -> T:
        """The answer about a text, asked once while it is at hand: the same mail comes again and again."""
        key = (what, sha256(text.encode("utf-8", "replace")).digest())
        if key not in self._known:
            self._known[key] = ask(text)
            while len(self._known) > MOST_KNOWN:
                self._known.popitem(last=False)
        self._known.move_to_end(key)
        answer: T = self._known[key]
        return answer


def windows(segment: Segment) -> list[str]:
    """A text in overlapping pieces, the last ones where there are many.

    >>> from remit.core.types import Label, Role
    >>> [len(w) for w in windows(Segment(0, Role.TOOL, "mail", "x" * 1000, Label()))]
    [600, 600, 400]
    """
    text, step = segment.text, WINDOW // 2
    if len(text) <= WINDOW:
        return [text] if text.strip() else []
    starts = range(0, len(text) - step, step)
    return [text[start : start + WINDOW] for start in starts][-MOST_WINDOWS:]


def call_text(case: Case) -> str:
    """A call as words: the tool's name and its texts."""
    told = [case.tool.replace("_", " "), *_texts(case.args)]
    return " ".join(told)[:WINDOW]


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for item in value.values() for text in _texts(item)]
    if isinstance(value, list):
        return [text for item in value for text in _texts(item)]
    return [] if value is None or isinstance(value, bool) else [str(value)]


def _cosine(one: Sequence[float], other: Sequence[float]) -> float:
    length = sqrt(fsum(x * x for x in one)) * sqrt(fsum(x * x for x in other))
    return fsum(a * b for a, b in zip(one, other, strict=True)) / length if length else 0.0


def _share(value: float) -> float:
    """Within 0 and 1; what is no number says nothing."""
    return 0.0 if isnan(value) else min(1.0, max(0.0, value))


def plugged(names: str, where: str) -> list[Any]:
    """The objects that a setting names: `module:attribute`, several separated by commas.

    A class or a function without arguments is called once, and what it gives is taken.

    Raises:
        BadInput: a name has another form, or there is no such thing.
    """
    return [_plugged(name.strip(), where) for name in names.split(",") if name.strip()]


def _plugged(name: str, where: str) -> Any:
    module, _, attribute = name.partition(":")
    if not module or not attribute:
        raise BadInput(where, f"found {name[:80]!r}", "write module:attribute")
    try:
        found = getattr(importlib.import_module(module), attribute)
        made = found() if isinstance(found, type) or not hasattr(found, "name") else found
    except Exception as error:  # noqa: BLE001 - somebody else's module may raise anything
        told = f"{name[:80]!r} cannot be loaded: {type(error).__name__}: {error}"
        raise BadInput(where, told, "install it, or take it out") from None
    missing = [part for part in ("name", "version") if not isinstance(getattr(made, part, None), str)]
    if missing:
        raise BadInput(
            where, f"{name[:80]!r} has no {' and no '.join(missing)}", "see docs/classification.md"
        )
    return made


def opinions_of(detectors: str, embedder: str) -> Opinions | None:
    """The witnesses that the settings name; None where they name none.

    Raises:
        BadInput: one cannot be loaded.
    """
    found = plugged(detectors, "detectors")
    embedders = _embedders(embedder)
    if len(embedders) > 1:
        raise BadInput("embedder", "found several", "name one")
    for one, what in [(one, "score") for one in found] + [(one, "embed") for one in embedders]:
        if not callable(getattr(one, what, None)):
            raise BadInput(what, f"{type(one).__name__} has no {what}()", "see docs/classification.md")
    return Opinions(found, embedders[0] if embedders else None) if found or embedders else None


def _embedders(names: str) -> list[Any]:
    """What `embedder` names: an object, or one of those that come with the product."""
    from remit.usecases.embedding.named import embedder_named  # it loads objects as is done here

    own = [name for name in names.split(",") if name.strip()]
    if len(own) == 1 and (":" not in own[0] or own[0].strip().startswith("remote:")):
        return [embedder_named(own[0])]
    return plugged(names, "embedder")
