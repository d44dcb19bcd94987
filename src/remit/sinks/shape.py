"""What every format does with text, numbers and times before they leave: nothing hostile, nothing endless."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import quote

import msgspec

from remit.core.alert import Alert
from remit.core.notice import visible
from remit.core.routes import RouteSettings
from remit.core.types import Json
from remit.core.withheld import withheld

MOST_BYTES = 65_536
"""Of one message in any format."""
MOST_EVIDENCE = 8
MOST_STEPS = 8
MOST_NAMED = 10
"""Clauses, and anomalies."""
_FACTS_BYTES = 1_500
_ATTEMPTED_BYTES = 8_000
_DEPTH = 6
_LATEST = 253_402_300_799.0
_KEY = re.compile(r"[A-Za-z0-9._:/@-]{1,128}")
_LINK = re.compile(r"https?://[A-Za-z0-9.\[\]:-]+(?:/[A-Za-z0-9/._~%#?&=+:@-]*)?")


def prepared(alert: Alert, route: RouteSettings) -> Alert:
    """What of *alert* may leave by *route*, with what the route adds."""
    told = alert if route.content else withheld(alert)
    url = told.url
    if not url and route.url_base:
        url = f"{route.url_base.rstrip('/')}/incidents/{quote(told.incident, safe='')}"
    return replace(told, env=told.env or route.env, url=url)


def link(alert: Alert) -> str:
    """Where the incident can be seen, where that is a plain address of the web; else empty."""
    return alert.url if is_link(alert.url) else ""


def is_link(text: str) -> bool:
    """Whether *text* is an address of the web in which nothing can hide: no name, no markup, no other scheme.

    >>> is_link("https://console.example/incidents/1"), is_link("https://you@evil.example"), is_link("javascript:x")
    (True, False, False)
    """
    return len(text) <= 500 and _LINK.fullmatch(text) is not None


def line(text: str, most: int = 300) -> str:
    """*text* as one line of at most *most* printable characters.

    >>> line("pay" + chr(0x202E) + "now" * 10, 12)
    'pay\\\\u202eno…'
    """
    shown = visible(text, most)
    return shown if len(shown) <= most else shown[: most - 1] + "…"


def lines(texts: tuple[str, ...], most: int, each: int = 300) -> list[str]:
    """The first *most* that say something, as lines."""
    return [line(text, each) for text in texts if text][:most]


def token(text: str) -> str:
    """*text* where it is a plain name of at most 128 characters, else its digest: for headers and keys.

    >>> token("0198-ab"), token("two words")[:14]
    ('0198-ab', 'sha256:a03f1d6')
    """
    if _KEY.fullmatch(text):
        return text
    return "sha256:" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def rfc3339(at: float) -> str:
    """UTC, to the millisecond.

    >>> rfc3339(1.5)
    '1970-01-01T00:00:01.500Z'
    """
    found = datetime.fromtimestamp(_sane(at), UTC)
    return found.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def millis(at: float) -> int:
    """UTC epoch milliseconds."""
    return int(_sane(at) * 1000)


def percent(share: float) -> int:
    """A share as 0 to 100; 0 where it is no number.

    >>> percent(0.934), percent(float("nan"))
    (93, 0)
    """
    return round(100 * min(max(share, 0.0), 1.0)) if math.isfinite(share) else 0


def evidence(alert: Alert) -> list[dict[str, Json]]:
    """The strongest pieces of evidence, as plain JSON."""
    return [
        {
            "kind": line(one.kind, 60),
            "towards": one.towards.value if one.towards else None,
            "score": number(one.score),
            "told": line(one.told, 500),
            "facts": bounded(one.facts, _FACTS_BYTES),
        }
        for one in alert.evidence[:MOST_EVIDENCE]
    ]


def attempted(alert: Alert) -> dict[str, Json]:
    """The arguments of the first call, as far as they are not too long."""
    return bounded(alert.attempted, _ATTEMPTED_BYTES)


def bounded(facts: Mapping[str, Json], most: int) -> dict[str, Json]:
    """As many of *facts* as fit into *most* bytes of JSON, each strict; `"…": true` says that some are missing."""
    kept: dict[str, Json] = {}
    left = most
    for key, value in facts.items():
        shown = {line(str(key), 80): _strict(value, _DEPTH)}
        left -= len(msgspec.json.encode(shown))
        if left < 0:
            return {**kept, "…": True}
        kept |= shown
    return kept


def number(value: float) -> float | None:
    """A float that JSON has, else None."""
    return round(value, 6) if math.isfinite(value) else None


def _strict(value: Json, depth: int) -> Json:
    if depth and isinstance(value, Mapping):
        return {line(str(key), 80): _strict(one, depth - 1) for key, one in list(value.items())[:50]}
    if depth and isinstance(value, list | tuple):
        return [_strict(one, depth - 1) for one in value[:50]]
    return _leaf(value)


def _leaf(value: Json) -> Json:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, int):
        # Beyond 2^53 other languages read another number.
        return value if abs(value) < 2**53 else str(value) if abs(value) < 10**40 else "…"
    return line(value, 500) if isinstance(value, str) else "…"


def _sane(at: float) -> float:
    return min(max(at, 0.0), _LATEST) if math.isfinite(at) else 0.0
