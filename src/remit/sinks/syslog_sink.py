"""One route to a syslog receiver, over UDP, TCP or TLS, one connection for each message.

Syslog has no answer that says "I have it". Over TCP and TLS a message counts as delivered once the receiver has taken all
of it and has not reset the connection; over UDP once it has left, so a dead receiver loses messages there.
"""

from __future__ import annotations

import errno
import json
import socket
import ssl
from collections.abc import Callable
from dataclasses import replace

from remit.core.alert import Alert
from remit.core.errors import Unavailable
from remit.core.notice import visible
from remit.core.routes import RouteSettings
from remit.core.types import Json
from remit.sinks import shape, syslog
from remit.sinks.form import Format
from remit.sinks.wire import Wire

REFUSAL_WAIT_S = 0.1
"""How long to listen for the word that nobody is there, after a datagram, or that we are not wanted, after a greeting."""
CLOSING_WAIT_S = 1.0
"""How long to wait for the receiver to close its side, or to complain."""
_EVIDENCE_LEFT = (shape.MOST_EVIDENCE, 3, 1, 0)


class SyslogSink:
    """Sends lines of RFC 5424; of a format that is JSON, the line's MSG is the JSON, in ASCII."""

    def __init__(self, form: Format, route: RouteSettings, wire: Wire, host: str) -> None:
        self._form, self._route, self._wire = form, route, wire
        self._host = host if host.isascii() and host.isprintable() and host and " " not in host else "-"
        self._udp = wire.place.scheme == "syslog+udp"

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
        told = shape.prepared(alert, self._route)
        if self._udp:
            self._datagram(syslog.syslog(told, syslog.told(told), self._host, syslog.MOST_UDP).encode())
            return
        line = self._line(told).encode()
        with self._wire.connected() as wire:
            _hear_a_no(wire)
            # Octet counting: the only framing that a line with any content cannot break.
            wire.sendall(f"{len(line)} ".encode() + line)
            _wait_for_the_end(wire)

    def probe(self) -> str:
        """See `form.Sink`; of UDP, where it would go."""
        return self._wire.addresses()[0] if self._udp else self._wire.probe()

    def _line(self, told: Alert) -> str:
        if self._form.media == syslog.MEDIA:
            return syslog.syslog(told, syslog.told(told), self._host)
        return _fitting(told, lambda one: self._form.body(one, self._route), self._host)

    def _datagram(self, line: bytes) -> None:
        address = self._wire.addresses()[0]
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as wire:
                wire.settimeout(REFUSAL_WAIT_S)
                wire.connect((address, self._wire.place.port))
                wire.send(line)
                try:
                    wire.recv(1)
                except TimeoutError:
                    return
        except OSError as error:
            raise Unavailable(f"{self.origin}: {visible(error.strerror or str(error))}") from None


def _fitting(told: Alert, body: Callable[[Alert], Json], host: str) -> str:
    """The line with as much of the evidence as a receiver should take; JSON is never cut in two."""
    line = ""
    for left in _EVIDENCE_LEFT:
        whole = left == shape.MOST_EVIDENCE
        kept = told if whole else replace(told, evidence=told.evidence[:left], attempted={}, steps=())
        said = json.dumps(body(kept), separators=(",", ":"), allow_nan=False)
        line = syslog.syslog(kept, said, host, most=2 * shape.MOST_BYTES)
        if len(line.encode()) <= syslog.MOST_STREAM:
            return line
    return line


def _hear_a_no(wire: socket.socket) -> None:
    """Listen for a receiver that does not want us, before anything is sent to it.

    With TLS 1.3 a client is done with greeting before the server has looked at it, and what is sent into its no can
    throw the no away: then only a closed connection is seen, as of a receiver that took everything.

    Raises:
        OSError: it said no, or closed.
    """
    if not isinstance(wire, ssl.SSLSocket):
        return
    before = wire.gettimeout()
    wire.settimeout(REFUSAL_WAIT_S)
    try:
        if not wire.recv(1):
            raise ConnectionAbortedError(errno.ECONNABORTED, "it closed before anything was sent")
    except TimeoutError:
        pass  # nothing is heard of one that waits for what we say
    wire.settimeout(before)


def _wait_for_the_end(wire: socket.socket) -> None:
    """Say that nothing more comes, and hear whether the receiver objects.

    Raises:
        OSError: it reset the connection, or (a TLS alert) refused us.
    """
    wire.settimeout(CLOSING_WAIT_S)
    try:
        if isinstance(wire, ssl.SSLSocket):
            wire.unwrap()
            return
        wire.shutdown(socket.SHUT_WR)
        while wire.recv(4096):
            pass
    except (TimeoutError, ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError):
        return  # it took everything, and closes in its own way or later
    except OSError as error:
        if error.errno:  # TLS has one without a number for a receiver that just closes
            raise
