"""Reads where a sink sends to: a plain URL of a scheme that it knows, and nothing that could hide another."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

from remit.core.errors import BadInput
from remit.sinks.wire import SinkAddress

_PORTS = {"https": 443, "http": 80}


def http_place(where: str, url: str, *, plain_permit: str, plain_to_any: bool, loopback: bool) -> SinkAddress:
    """The place that an `https://` URL names, or an `http://` one where that is permitted.

    Args:
        where: the setting, for the message.
        url: as it is set.
        plain_permit: what permits `http`, for the message.
        plain_to_any: `http` to any host by name; which addresses it may have is checked on connecting.
        loopback: `http` to a loopback host.

    Raises:
        BadInput: anything else.
    """
    place = _place(where, url, _PORTS, "https://host/path")
    permitted = plain_to_any or (loopback and _loopback(place.host))
    if place.scheme == "http" and not permitted:
        raise BadInput(where, "is not https", f"use https; http is for a loopback host with {plain_permit}")
    return place


def syslog_place(where: str, url: str) -> SinkAddress:
    """The place that `syslog+tls://host:port`, `syslog+tcp://…` or `syslog+udp://…` names.

    Source: the ports are those of RFC 5425, 6587 (none; the usual 601 of RFC 3195) and 5426.

    Raises:
        BadInput: anything else.
    """
    ports = {"syslog+tls": 6514, "syslog+tcp": 601, "syslog+udp": 514}
    place = _place(where, url, ports, "syslog+tls://host:6514")
    if place.path not in ("", "/"):
        raise BadInput(where, "has a path", "write syslog+tls://host:6514")
    return place


def _place(where: str, url: str, ports: Mapping[str, int], like: str) -> SinkAddress:
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise BadInput(where, "has characters that no URL has", "write it in ASCII, percent-encoded")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise BadInput(where, f"is no URL: {error}", f"write {like}") from None
    if parts.scheme not in ports or not host:
        raise BadInput(where, f"found scheme {parts.scheme[:20]!r}", f"write {like}")
    if parts.username is not None or parts.password is not None:
        raise BadInput(where, "carries a name or password", "take it out; a secret has a setting of its own")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return SinkAddress(parts.scheme, host, port if port is not None else ports[parts.scheme], path)


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
