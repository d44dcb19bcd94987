"""A signed webhook: one POST of JSON per notice, to an address that was checked, and to no other.

    X-Remit-Delivery   the notice's id, the same for every attempt
    X-Remit-Signature  t=<unix seconds>,v1=<hex of HMAC-SHA-256 with the secret over "<t>.<body>">

A receiver computes the same over the bytes it got, compares in constant time, refuses an old `t`, and drops
ids that it has seen (`verify` does the first three). Whatever the receiver answers is data: it is cut,
escaped, and never followed.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import ipaddress
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import msgspec

from remit._version import __version__
from remit.core.cel.functions.address import public_address
from remit.core.errors import BadInput, Unavailable
from remit.core.notice import Notice, visible

TIMEOUT_S = 5.0
"""For one whole attempt, from the connection to the end of the answer."""
MOST_ANSWER_BYTES = 4096
"""Bytes of an answer that are read."""
MOST_RETRY_AFTER_S = 3600.0
TOLERANCE_S = 300.0
"""How old a signature may be for a receiver."""
ALLOW_LOCAL = "REMIT_WEBHOOK_ALLOW_LOCAL"

_PRIVATE = tuple(
    ipaddress.ip_network(text)
    for text in ("127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
)
_METADATA = (ipaddress.ip_address("fd00:ec2::254"),)
"""Cloud metadata inside a private range; the others are link-local."""

Resolve = Callable[[str, int], Sequence[str]]
"""The addresses of a host."""


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
        self._allow_private = allow_private or os.environ.get(ALLOW_LOCAL) == "1"
        self._place = _place(url, allow_private=self._allow_private)
        if not secret:
            raise BadInput("webhook_secret", "it is empty", "set REMIT_WEBHOOK_SECRET; it signs what is sent")
        self._secret = secret
        self._context = context
        self._resolve = resolve or _addresses
        self._clock = clock

    @property
    def origin(self) -> str:
        """Scheme, host and port; the path may be a secret and is never shown."""
        return self._place.origin

    def send(self, notice: Notice) -> None:
        """POST one notice.

        Raises:
            Unavailable: not delivered, with what the receiver said; `retry_after_s` where it said when.
        """
        body = msgspec.json.encode(notice.payload)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"remit/{__version__}",
            "X-Remit-Delivery": notice.id,
            "X-Remit-Signature": signature(self._secret, body, int(self._clock())),
            "Connection": "close",
        }
        with self._connected() as connection:
            connection.request("POST", self._place.path, body, headers)
            answer = connection.getresponse()
            _refuse_bad(self.origin, answer)

    def probe(self) -> str:
        """Connect, with TLS, and send nothing; the address that was reached.

        Raises:
            Unavailable: it cannot be reached.
        """
        with self._connected() as connection:
            return str(connection.sock.getpeername()[0])

    @contextmanager
    def _connected(self) -> Iterator[http.client.HTTPConnection]:
        place, held = self._place, _Held()
        timer = threading.Timer(TIMEOUT_S, held.cut)
        timer.daemon = True
        try:
            addresses = self._checked()
            timer.start()
            held.take(_connect(addresses, place.port))
            if place.secure:
                context = self._context or ssl.create_default_context()
                held.take(
                    context.wrap_socket(held.wire, server_hostname=place.host, do_handshake_on_connect=False)
                )
                held.wire.do_handshake()  # type: ignore[attr-defined]
            kind = http.client.HTTPSConnection if place.secure else http.client.HTTPConnection
            connection = kind(place.host, place.port, timeout=TIMEOUT_S)
            connection.sock = held.wire
            yield connection
        except (OSError, http.client.HTTPException, ValueError) as error:
            late = held.was_cut or isinstance(error, TimeoutError)
            told = f"no whole answer in {TIMEOUT_S:g} s" if late else f"{type(error).__name__}: {error}"
            raise Unavailable(f"{place.origin}: {visible(told)}") from None
        finally:
            timer.cancel()
            held.close()

    def _checked(self) -> list[str]:
        """The addresses of the host, every one of them permitted: a mixed answer is a trick."""
        try:
            found = list(dict.fromkeys(self._resolve(self._place.host, self._place.port)))
        except (OSError, UnicodeError) as error:
            raise Unavailable(f"{self.origin}: the name does not resolve ({visible(str(error))})") from None
        for address in found:
            problem = refused_address(address, allow_private=self._allow_private)
            if not problem and not self._place.secure and not ipaddress.ip_address(address).is_loopback:
                problem = "http reaches loopback only; use https"
            if problem:
                raise Unavailable(f"{self.origin}: resolves to {visible(address)}: {problem}")
        if not found:
            raise Unavailable(f"{self.origin}: the name has no address")
        return found


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


def refused_address(text: str, *, allow_private: bool) -> str:
    """Why this address must not be connected to; empty where it may.

    >>> refused_address("169.254.169.254", allow_private=True)
    'not a public address'
    >>> refused_address("::ffff:8.8.8.8", allow_private=False)
    'IPv4 written as IPv6'
    """
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return "not an address"
    if isinstance(address, ipaddress.IPv6Address) and (address.ipv4_mapped or address.scope_id):
        return "IPv4 written as IPv6" if address.ipv4_mapped else "it has a zone"
    private = any(address in network for network in _PRIVATE if network.version == address.version)
    if allow_private and private and address not in _METADATA:
        return ""
    if private:
        return f"a private address; {ALLOW_LOCAL}=1 permits loopback and private networks"
    return "" if public_address(text) else "not a public address"


@dataclass(frozen=True, slots=True)
class _Place:
    """A URL that was checked."""

    secure: bool
    host: str
    port: int
    path: str

    @property
    def origin(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.secure else 'http'}://{host}:{self.port}"


def _place(url: str, *, allow_private: bool) -> _Place:
    where = "webhook_url"
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise BadInput(where, "has characters that no URL has", "write it in ASCII, percent-encoded")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise BadInput(where, f"is no URL: {error}", "write https://host/path") from None
    if parts.scheme not in ("https", "http") or not host:
        raise BadInput(where, f"found scheme {parts.scheme[:20]!r}", "write https://host/path")
    if parts.username is not None or parts.password is not None:
        raise BadInput(
            where, "carries a name or password", "take it out; REMIT_WEBHOOK_SECRET signs what is sent"
        )
    if parts.scheme == "http" and not (allow_private and _loopback(host)):
        raise BadInput(where, "is not https", f"use https; http is for a loopback host with {ALLOW_LOCAL}=1")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    secure = parts.scheme == "https"
    return _Place(secure, host, port if port is not None else 443 if secure else 80, path)


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _addresses(host: str, port: int) -> list[str]:
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def _connect(addresses: Sequence[str], port: int) -> socket.socket:
    """A connection to the first address that answers; the name is not asked again."""
    for address in addresses[:-1]:
        try:
            return socket.create_connection((address, port), TIMEOUT_S / len(addresses))
        except OSError:
            continue
    found = socket.create_connection((addresses[-1], port), TIMEOUT_S / len(addresses))
    found.settimeout(TIMEOUT_S)
    return found


class _Held:
    """The socket in use, so that a timer can cut it whatever its owner waits for.

    A timeout of the socket alone does not do: it starts anew with every byte that a slow sender sends.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wire: socket.socket | None = None
        self.was_cut = False

    @property
    def wire(self) -> socket.socket:
        assert self._wire is not None  # noqa: S101 - asked for after `take` only
        return self._wire

    def take(self, found: socket.socket) -> None:
        with self._lock:
            self._wire = found
            if self.was_cut:
                raise TimeoutError

    def cut(self) -> None:
        with self._lock:
            self.was_cut = True
            if self._wire is not None:
                try:
                    # Of the plain socket: the TLS one would change its own state under its owner's feet.
                    socket.socket.shutdown(self._wire, socket.SHUT_RDWR)
                except OSError:
                    return  # closed already

    def close(self) -> None:
        if self._wire is not None:
            self._wire.close()


def _refuse_bad(origin: str, answer: http.client.HTTPResponse) -> None:
    body = answer.read(MOST_ANSWER_BYTES)
    if 200 <= answer.status < 300:
        return
    if 300 <= answer.status < 400:
        raise Unavailable(f"{origin}: answered {answer.status}: redirects are not followed")
    excerpt = visible(body.decode("utf-8", "replace").strip(), 200)
    told = f"{origin}: answered {answer.status}" + (f": {excerpt}" if excerpt else "")
    raise Unavailable(told, _retry_after(answer.getheader("Retry-After")))


def _retry_after(header: str | None) -> float | None:
    text = (header or "").strip()
    return (
        min(float(text), MOST_RETRY_AFTER_S) if text.isascii() and text.isdigit() and len(text) < 10 else None
    )
