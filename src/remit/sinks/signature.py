"""The signature under what is posted, so that a receiver knows who sent it and when.

X-Remit-Signature  t=<unix seconds>,v1=<hex of HMAC-SHA-256 with the secret over "<t>.<body>">
"""

from __future__ import annotations

import hashlib
import hmac

TOLERANCE_S = 300.0
"""How old a signature may be for a receiver."""


def signature(secret: str, body: bytes, at: int) -> str:
    """The value of `X-Remit-Signature`.

    >>> signature("key", b"{}", 0)[:16]
    't=0,v1=7314351dd'
    """
    mac = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256)
    return f"t={at},v1={mac.hexdigest()}"


def verify(secret: str, header: str, body: bytes, now: float, tolerance_s: float = TOLERANCE_S) -> bool:
    """Whether *header* signs *body* and is at most *tolerance_s* old; what a receiver asks.

    >>> verify("key", signature("key", b"{}", 1000), b"{}", now=1010.0)
    True
    """
    stamp, _, _ = header.removeprefix("t=").partition(",")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) < 16) or abs(now - int(stamp)) > tolerance_s:
        return False
    return hmac.compare_digest(header.encode(), signature(secret, body, int(stamp)).encode())
