"""The one way out: a connection to an address that was checked, and to no other, cut off in time.

A host is looked up once; every address that it has must be permitted, since a mixed answer is a trick; and the checked
address is the one connected to, so that a name that changes its mind in between changes nothing.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from remit.core.cel.functions.address import public_address
from remit.core.errors import Declined, Unavailable
from remit.core.notice import visible

TIMEOUT_S = 5.0
"""For one whole attempt, from the connection to the end of the answer."""
ALLOW_LOCAL = "REMIT_WEBHOOK_ALLOW_LOCAL"

_PRIVATE = tuple(
    ipaddress.ip_network(text)
    for text in ("127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
)
_METADATA = (ipaddress.ip_address("fd00:ec2::254"),)
"""Cloud metadata inside a private range; the others are link-local."""

Resolve = Callable[[str, int], Sequence[str]]
"""The addresses of a host."""


@dataclass(frozen=True, slots=True)
class SinkAddress:
    """Where a sink sends to, as `sinks.target` read it from a URL."""

    scheme: str
    """`https`, `http`, `syslog+tls`, `syslog+tcp` or `syslog+udp`."""
    host: str
    port: int
    path: str = ""
    """Of a URL; may be a secret, and is never shown."""

    @property
    def secure(self) -> bool:
        """Whether TLS protects it."""
        return self.scheme in ("https", "syslog+tls")

    @property
    def origin(self) -> str:
        """Scheme, host and port: what is shown of it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class SinkReach:
    """How far a sink may reach, and whom it trusts there."""

    private: bool = False
    """Loopback and private networks too. Link-local addresses, where clouds keep their metadata, stay refused."""
    plain_private: bool = False
    """Without TLS, private networks too, instead of loopback alone."""
    permit: str = f"{ALLOW_LOCAL}=1"
    """What would let it reach private networks, for the message."""
    context: ssl.SSLContext | None = None
    """TLS settings, for example with a CA of one's own; None: the system's."""
    resolve: Resolve | None = None
    """Looks up a host; a test passes its own."""


class Wire:
    """Connections to one place."""

    def __init__(self, place: SinkAddress, reach: SinkReach) -> None:
        self.place = place
        self._reach = reach

    @contextmanager
    def connected(self) -> Iterator[socket.socket]:
        """A connection, with TLS where the place says so; whatever is done with it ends within `TIMEOUT_S`.

        Raises:
            Declined: an address of the host is not permitted.
            Unavailable: it cannot be reached, or the work on it failed or took too long.
        """
        place, held = self.place, _Held()
        timer = threading.Timer(TIMEOUT_S, held.cut)
        timer.daemon = True
        try:
            addresses = self.addresses()
            timer.start()
            held.take(_connect(addresses, place.port))
            if place.secure:
                context = self._reach.context or ssl.create_default_context()
                held.take(
                    context.wrap_socket(held.wire, server_hostname=place.host, do_handshake_on_connect=False)
                )
                held.wire.do_handshake()  # type: ignore[attr-defined]
            yield held.wire
        except (OSError, ValueError) as error:
            late = held.was_cut or isinstance(error, TimeoutError)
            told = f"no whole answer in {TIMEOUT_S:g} s" if late else f"{type(error).__name__}: {error}"
            raise Unavailable(f"{place.origin}: {visible(told)}") from None
        finally:
            timer.cancel()
            held.close()

    def addresses(self) -> list[str]:
        """The addresses of the host, every one of them permitted.

        Raises:
            Declined: one is not.
            Unavailable: it has none, or nobody knows.
        """
        place, resolve = self.place, self._reach.resolve or _addresses
        try:
            found = list(dict.fromkeys(resolve(place.host, place.port)))
        except (OSError, UnicodeError) as error:
            raise Unavailable(f"{place.origin}: the name does not resolve ({visible(str(error))})") from None
        for address in found:
            problem = self._refused(address)
            if problem:
                raise Declined(f"{place.origin}: resolves to {visible(address)}: {problem}")
        if not found:
            raise Unavailable(f"{place.origin}: the name has no address")
        return found

    def probe(self) -> str:
        """Connect, with TLS, and send nothing; the address that was reached.

        Raises:
            Unavailable: it cannot be reached.
        """
        with self.connected() as wire:
            return str(wire.getpeername()[0])

    def _refused(self, address: str) -> str:
        reach = self._reach
        problem = refused_address(address, allow_private=reach.private, permit=reach.permit)
        if problem or self.place.secure or ipaddress.ip_address(address).is_loopback:
            return problem
        if reach.plain_private and not public_address(address):
            return ""
        allowed = "loopback and private networks" if reach.plain_private else "loopback"
        return f"{self.place.scheme} reaches {allowed} only; use {_SECURE[self.place.scheme]}"


_SECURE = {"http": "https", "syslog+tcp": "syslog+tls", "syslog+udp": "syslog+tls"}


def refused_address(text: str, *, allow_private: bool, permit: str = f"{ALLOW_LOCAL}=1") -> str:
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
        return f"a private address; {permit} permits loopback and private networks"
    return "" if public_address(text) else "not a public address"


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
