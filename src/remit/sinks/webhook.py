"""A signed webhook: one POST of JSON per notice, to an address that was checked, and to no other.

    X-Remit-Delivery   the notice's id, the same for every attempt
    X-Remit-Signature  t=<unix seconds>,v1=<hex of HMAC-SHA-256 with the secret over "<t>.<body>">

A receiver computes the same over the bytes it got, compares in constant time, refuses an old `t`, and drops
ids that it has seen (`signature.verify` does the first three).
"""

from __future__ import annotations

import os
import ssl
import time
from collections.abc import Callable

import msgspec

from remit.core.errors import BadInput
from remit.core.notice import Notice
from remit.sinks.post import post
from remit.sinks.signature import signature
from remit.sinks.target import http_place
from remit.sinks.wire import ALLOW_LOCAL, Resolve, SinkReach, Wire


class Webhook:
    """Where held calls and trips are told.

    Args:
        url: `https://…`; `http://` for a loopback host only, and where that is allowed.
        secret: key of the signature.
        allow_private: let it reach loopback and private networks, as `REMIT_WEBHOOK_ALLOW_LOCAL=1` does.
            Link-local addresses, where clouds keep their metadata, stay refused.
        context: TLS settings, for example with a CA of your own.
        resolve: looks up a host; a test passes its own.
        clock: UTC epoch seconds, for the signature.

    Raises:
        BadInput: the address or the secret cannot be used.
    """

    def __init__(
        self,
        url: str,
        secret: str,
        allow_private: bool = False,
        *,
        context: ssl.SSLContext | None = None,
        resolve: Resolve | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        private = allow_private or os.environ.get(ALLOW_LOCAL) == "1"
        permit = f"{ALLOW_LOCAL}=1"
        place = http_place("webhook_url", url, plain_permit=permit, plain_to_any=False, loopback=private)
        if not secret:
            raise BadInput("webhook_secret", "it is empty", "set REMIT_WEBHOOK_SECRET; it signs what is sent")
        self._wire = Wire(place, SinkReach(private=private, context=context, resolve=resolve))
        self._secret = secret
        self._clock = clock

    @property
    def origin(self) -> str:
        """Scheme, host and port; the path may be a secret and is never shown."""
        return self._wire.place.origin

    def send(self, notice: Notice) -> None:
        """POST one notice.

        Raises:
            Unavailable: not delivered, with what the receiver said; `retry_after_s` where it said when.
        """
        body = msgspec.json.encode(notice.payload)
        headers = {
            "Content-Type": "application/json",
            "X-Remit-Delivery": notice.id,
            "X-Remit-Signature": signature(self._secret, body, int(self._clock())),
        }
        post(self._wire, body, headers, secret=self._secret, clock=self._clock)

    def probe(self) -> str:
        """Connect, with TLS, and send nothing; the address that was reached.

        Raises:
            Unavailable: it cannot be reached.
        """
        return self._wire.probe()
