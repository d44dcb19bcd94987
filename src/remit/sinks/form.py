"""What a format is to the sinks that carry it, and what a sink is to whoever delivers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import msgspec

from remit.core.alert import Alert
from remit.core.routes import RouteSettings
from remit.core.types import Json
from remit.sinks import shape


class Secret(StrEnum):
    """What a format does with the secret of a route that names no `authorization`."""

    SIGNS = "signs"
    """It may have one, which signs the body (`signature`)."""
    BODY = "body"
    """It needs one, which stands in the body."""
    NONE = "none"
    """It has no use for one."""


@dataclass(frozen=True, slots=True)
class Format:
    """A line of the table."""

    body: Callable[[Alert, RouteSettings], Json]
    """The message; a text as it is, anything else as JSON. Given what `shape.prepared` left of the alert."""
    over: frozenset[str]
    """Schemes of targets that can carry it."""
    media: str = "application/json"
    secret: Secret = Secret.NONE
    target: str = ""
    """Where a route goes that names no target."""
    path: str = "/"
    """On a host that is named without one."""
    versions: tuple[str, ...] = ()
    """Of the format, the default first; empty where there is one only."""
    repeat_s: float = 0.0
    """Receivers forget what is still true after a while: tell it again so often. 0: they remember."""


class Sink(Protocol):
    """Where one route's messages go."""

    @property
    def origin(self) -> str:
        """What is shown of the place: no path of a URL, no secret."""

    @property
    def repeat_s(self) -> float:
        """As of the format."""

    def send(self, alert: Alert) -> None:
        """Deliver, and return only once the receiver has it, as far as its protocol tells.

        Raises:
            Declined: refused for good, until somebody mends something.
            Unavailable: not now; `retry_after_s` where the receiver said when.
        """

    def probe(self) -> str:
        """Reach the place and send nothing; what was reached.

        Raises:
            Unavailable: it cannot be.
        """


def encoded(form: Format, alert: Alert, route: RouteSettings) -> bytes:
    """The bytes of *alert* as *route* sends them; the same alert gives the same bytes."""
    told = form.body(shape.prepared(alert, route), route)
    return told.encode() if isinstance(told, str) else msgspec.json.encode(told)
