"""The formats in which alerts leave, the transports that carry them, and a sink for a route.

To add a format: write its file, add its line to `FORMATS`. The contract test runs for every line.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from urllib.parse import urlsplit

from remit.core.errors import BadInput
from remit.core.routes import RouteSettings
from remit.sinks import alertmanager, cloudevents, message, ocsf, pagerduty, shape, slack, syslog
from remit.sinks.file_sink import FileSink
from remit.sinks.form import Format, Secret, Sink
from remit.sinks.http_sink import HttpSink
from remit.sinks.post import EpochClock
from remit.sinks.syslog_sink import SyslogSink
from remit.sinks.target import http_place, syslog_place
from remit.sinks.wire import Resolve, SinkReach, Wire

_HTTP = frozenset({"https", "http"})
_SYSLOG = frozenset({"syslog+tls", "syslog+tcp"})
_LOGS = _HTTP | _SYSLOG | {"file"}

FORMATS: Mapping[str, Format] = {
    "json": Format(lambda alert, _: message.message(alert), _LOGS, secret=Secret.SIGNS),
    "ocsf": Format(
        lambda alert, route: ocsf.ocsf(alert, route.version or ocsf.VERSIONS[0]),
        _LOGS,
        secret=Secret.SIGNS,
        versions=ocsf.VERSIONS,
    ),
    "cloudevents": Format(
        lambda alert, _: cloudevents.cloudevents(alert), _LOGS, cloudevents.MEDIA, Secret.SIGNS
    ),
    "pagerduty": Format(
        lambda alert, route: pagerduty.pagerduty(alert, route.secret),
        _HTTP,
        secret=Secret.BODY,
        target=pagerduty.TARGET,
        path="/v2/enqueue",
    ),
    "alertmanager": Format(
        lambda alert, _: alertmanager.alertmanager(alert),
        _HTTP,
        path=alertmanager.PATH,
        repeat_s=alertmanager.REPEAT_S,
    ),
    "slack": Format(lambda alert, _: slack.slack(alert), _HTTP),
    "syslog": Format(
        lambda alert, _: syslog.syslog(alert, syslog.told(alert)), _SYSLOG | {"syslog+udp"}, syslog.MEDIA
    ),
}

Make = Callable[[Format, RouteSettings, SinkReach, EpochClock], Sink]


def _http(form: Format, route: RouteSettings, reach: SinkReach, clock: EpochClock) -> Sink:
    place = http_place(
        f"routes.{route.name}.target",
        route.target,
        plain_permit="private = true",
        plain_to_any=route.private,
        loopback=route.private,
    )
    if place.path == "/":
        place = replace(place, path=form.path)
    return HttpSink(form, route, Wire(place, reach), clock)


def _file(form: Format, route: RouteSettings, _: SinkReach, __: EpochClock) -> Sink:
    return FileSink(form, route)


def _syslog(form: Format, route: RouteSettings, reach: SinkReach, _: EpochClock) -> Sink:
    place = syslog_place(f"routes.{route.name}.target", route.target)
    return SyslogSink(form, route, Wire(place, reach), socket.gethostname())


TRANSPORTS: Mapping[str, Make] = {
    "https": _http,
    "http": _http,
    "file": _file,
    "syslog+tls": _syslog,
    "syslog+tcp": _syslog,
    "syslog+udp": _syslog,
}
"""By the scheme of a target."""


def build(route: RouteSettings, *, resolve: Resolve | None = None, clock: EpochClock = time.time) -> Sink:
    """A sink for *route*; nothing is connected to yet.

    Args:
        route: its settings, with its secret resolved.
        resolve: looks up hosts; a test passes its own.
        clock: UTC epoch seconds, for signatures.

    Raises:
        BadInput: a setting is wrong, or does not go with another.
    """
    where = f"routes.{route.name}"
    form = FORMATS.get(route.format)
    if form is None:
        raise BadInput(f"{where}.format", f"found {route.format[:40]!r}", f"use one of {', '.join(FORMATS)}")
    route = replace(route, target=route.target or form.target)
    scheme = _scheme(where, route.target)
    if scheme not in form.over or scheme not in TRANSPORTS:
        like = ", ".join(sorted(form.over & TRANSPORTS.keys()))
        raise BadInput(
            f"{where}.target", f"{route.format} does not go over {scheme[:20]!r}", f"use one of {like}"
        )
    _check_secret(where, form, route, scheme)
    if route.version and route.version not in form.versions:
        known = ", ".join(form.versions) or "none: leave it out"
        raise BadInput(f"{where}.version", f"found {route.version[:20]!r}", f"known: {known}")
    if route.url_base and not shape.is_link(route.url_base):
        raise BadInput(f"{where}.url_base", "is no plain address of the web", "write https://host/path")
    reach = SinkReach(
        private=route.private,
        plain_private=route.private,
        permit="private = true",
        context=_context(where, route.ca_file),
        resolve=resolve,
    )
    return TRANSPORTS[scheme](form, route, reach, clock)


def _scheme(where: str, target: str) -> str:
    if not target:
        raise BadInput(f"{where}.target", "is missing", "say where its messages go: https://host/path")
    try:
        return urlsplit(target).scheme
    except ValueError:
        raise BadInput(f"{where}.target", "is no URL", "write https://host/path") from None


def _check_secret(where: str, form: Format, route: RouteSettings, scheme: str) -> None:
    field, secret = f"{where}.secret", route.secret
    if route.authorization and (scheme not in _HTTP or form.secret is Secret.BODY):
        raise BadInput(f"{where}.authorization", "has no use here", "leave it out")
    if (route.authorization or form.secret is Secret.BODY) and not secret:
        raise BadInput(field, "is missing", "set it, or the variable of the environment that holds it")
    if secret and not (secret.isascii() and secret.isprintable() and secret.strip() == secret):
        raise BadInput(
            field, "has other characters than printable ASCII", "take it anew from where it is from"
        )
    used = route.authorization or (scheme in _HTTP and form.secret is not Secret.NONE)
    if secret and not used:
        raise BadInput(field, f"nothing uses it with {route.format} over {scheme}", "leave it out")


def _context(where: str, ca_file: str) -> ssl.SSLContext | None:
    if not ca_file:
        return None
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise BadInput(
            f"{where}.ca_file", f"cannot be read: {error}", "name a file of PEM certificates"
        ) from None
