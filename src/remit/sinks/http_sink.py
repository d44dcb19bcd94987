"""One route over HTTP: a POST for each message."""

from __future__ import annotations

import time

from remit.core.alert import Alert
from remit.core.routes import RouteSettings
from remit.sinks import shape
from remit.sinks.form import Format, Secret, encoded
from remit.sinks.post import EpochClock, checked_header, post
from remit.sinks.signature import signature
from remit.sinks.wire import Wire


class HttpSink:
    """Sends with `Idempotency-Key` and `X-Remit-Delivery`, the same for every attempt at a message."""

    def __init__(self, form: Format, route: RouteSettings, wire: Wire, clock: EpochClock = time.time) -> None:
        self._form, self._route, self._wire, self._clock = form, route, wire, clock
        if route.authorization:
            checked_header("Authorization", self._authorization())

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return self._wire.place.origin

    @property
    def repeat_s(self) -> float:
        """As of the format."""
        return self._form.repeat_s

    def send(self, alert: Alert) -> None:
        """See `form.Sink`."""
        body = encoded(self._form, alert, self._route)
        post(self._wire, body, self._headers(alert, body), secret=self._route.secret, clock=self._clock)

    def probe(self) -> str:
        """See `form.Sink`."""
        return self._wire.probe()

    def _headers(self, alert: Alert, body: bytes) -> dict[str, str]:
        delivery = shape.token(alert.id)
        headers = {
            "Content-Type": self._form.media,
            "Idempotency-Key": delivery,
            "X-Remit-Delivery": delivery,
        }
        if self._route.authorization:
            headers["Authorization"] = self._authorization()
        elif self._route.secret and self._form.secret is Secret.SIGNS:
            headers["X-Remit-Signature"] = signature(self._route.secret, body, int(self._clock()))
        return headers

    def _authorization(self) -> str:
        return f"{self._route.authorization} {self._route.secret}"
