"""URLs and host names. Two parsers with different rules must agree on the host, or there is no answer.

`ada-url` follows WHATWG, as browsers do; `urllib` follows RFC 3986, as most tools do. Where they differ (a
numeric host, a backslash, user information) an attacker finds room, so such a URL is refused.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from remit.core.cel.errors import ConditionError
from remit.core.cel.functions.suffix import public_suffix

_MAX: Final = 4096
_PORTS: Final = {"http": 80, "https": 443}
_ALLOWED: Final = re.compile(r"[!-\[\]-~]+")  # visible ASCII without the backslash
_SHAPE: Final = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(?P<port>[1-9][0-9]{0,4}))?"
    r"(?P<path>/[^?#]*)?(?:[?#].*)?",
    re.IGNORECASE,
)
_BAD_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_LABEL: Final = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_NUMERIC: Final = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")
_MAX_NAME: Final = 253
_DECODINGS: Final = 3


class _Parts(NamedTuple):
    scheme: str
    host: str
    port: int
    path: str
    query: str
    raw_path: str
    href: str


def url(text: str) -> dict[str, str | int]:
    """The parts of an http or https URL: scheme, host, port, path, query (without ``?``), href.

    The host is in lower case without a trailing dot, an IPv6 host without brackets; the port is filled in.
    Refused are user information, white space, control characters, backslashes, anything but ASCII, numeric
    hosts in another form than ``1.2.3.4``, dot segments in any encoding, a percent sign in the path that encodes
    nothing, and more than 4,096 characters.

    >>> url("https://API.corp.com/v1?q=1")["host"]
    'api.corp.com'
    """
    parts = _parse(_limited(text))
    _check_path(parts.raw_path)
    return {
        "scheme": parts.scheme,
        "host": parts.host,
        "port": parts.port,
        "path": parts.path,
        "query": parts.query,
        "href": parts.href,
    }


def is_url(text: str) -> bool:
    """Whether `url` reads the text.

    >>> is_url("https://api.corp.com/v1"), is_url("https://api.corp.com@evil.io/"), is_url("ftp://corp.com/")
    (True, False, False)
    """
    try:
        url(text)
    except ConditionError:
        return False
    return True


def host(text: str) -> str:
    """The host of an http or https URL, refusing what `url` refuses except dot segments in the path.

    >>> host("https://api.corp.com:8443/x")
    'api.corp.com'
    """
    return _parse(_limited(text)).host


def domain_in(name: str, domains: Sequence[str]) -> bool:
    """Whether a host is one of the domains or below one, at a dot.

    >>> domain_in("api.corp.com", ["corp.com"]), domain_in("evilcorp.com", ["corp.com"])
    (True, False)
    """
    found = host_name(name)
    answer = False
    for entry in domains:
        domain = _domain(entry)
        if found == domain or (found.endswith("." + domain) and not found[-1].isdigit()):
            answer = True
    return answer


def check_domains(args: Sequence[object]) -> None:
    """Refuse literal domains that would allow a whole registry."""
    domains = args[1]
    if isinstance(domains, list):
        if not domains:
            raise ConditionError("domain_in: the list is empty")
        for entry in domains:
            if isinstance(entry, str):
                _domain(entry)


def host_name(text: str) -> str:
    """Return a host name or IP address in the form used for comparison; refuse anything else."""
    if len(text) > _MAX_NAME + 1:
        raise ConditionError("not a host name")
    return _host_name(text)


@lru_cache(maxsize=4096)
def _host_name(text: str) -> str:
    import ipaddress

    name = text.lower().removesuffix(".")
    if ":" in name or _NUMERIC.fullmatch(name):
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            address = None
        if address is None or "%" in name:
            raise ConditionError("a numeric host that is no plain IP address")
        return str(address)
    if not text.isascii() or len(name) > _MAX_NAME or not _NAME.fullmatch(name):
        raise ConditionError("not a host name of ASCII letters, digits, dots and hyphens")
    return name


@lru_cache(maxsize=4096)
def _known_domain(entry: str) -> str:
    name = host_name(entry)
    if name != entry.lower():
        raise ConditionError(f"domain_in: write {name!r} for {entry!r}")
    if public_suffix(name):
        raise ConditionError(f"domain_in: {entry!r} is a public suffix; name the domain below it")
    return name


def _domain(entry: object) -> str:
    if not isinstance(entry, str) or not 0 < len(entry) <= _MAX_NAME:
        raise ConditionError("domain_in: an entry is not a domain")
    if entry.startswith((".", "*")):
        raise ConditionError(f"domain_in: write {entry.lstrip('*.')!r}; domains below it are included")
    return _known_domain(entry)


def _limited(text: str) -> str:
    if len(text) > _MAX:
        raise ConditionError(f"url: longer than {_MAX} characters")
    return text


@lru_cache(maxsize=4096)
def _parse(text: str) -> _Parts:
    if not _ALLOWED.fullmatch(text):
        raise ConditionError("url: only visible ASCII without spaces and backslashes")
    shape = _SHAPE.fullmatch(text)
    if shape is None:
        raise ConditionError("url: not http(s)://host[:port]/path without user information")
    scheme = shape["scheme"].lower()
    name = host_name(shape["host"].strip("[]"))
    if (":" in name) != (shape["host"][0] == "["):
        raise ConditionError("url: brackets are for IPv6 only")
    port = int(shape["port"] or _PORTS[scheme])
    path, query, href = _second_opinions(text, scheme, name, port)
    return _Parts(scheme, name, port, path, query, shape["path"] or "/", href)


def _second_opinions(text: str, scheme: str, name: str, port: int) -> tuple[str, str, str]:
    """Ask both parsers; return path, query and normalised text as WHATWG has them."""
    from urllib.parse import urlsplit

    from ada_url import URL

    try:
        strict, plain = URL(text), urlsplit(text)
        ours = (scheme, name, port)
        whatwg = (
            strict.protocol[:-1],
            host_name(strict.hostname.strip("[]")),
            int(strict.port or _PORTS.get(scheme, 0)),
        )
        rfc = (plain.scheme, host_name(plain.hostname or ""), plain.port or _PORTS[scheme])
    except (ValueError, KeyError):
        raise ConditionError("url: not a valid URL") from None
    if not ours == whatwg == rfc or strict.username or strict.password or plain.username is not None:
        raise ConditionError("url: two parsers disagree on the host")
    return strict.pathname, strict.search[1:], strict.href


@lru_cache(maxsize=4096)
def _check_path(path: str) -> None:
    from urllib.parse import unquote

    if _BAD_PERCENT.search(path):
        raise ConditionError("url: a percent sign in the path that encodes nothing; write %25")
    for _ in range(_DECODINGS):
        if any(part.partition(";")[0] in {".", ".."} for part in path.split("/")):
            raise ConditionError("url: a dot segment in the path")
        decoded = unquote(path, errors="surrogateescape")
        if "\\" in decoded or not decoded.replace("%", "").isprintable():
            raise ConditionError("url: an encoded backslash, control or invalid character in the path")
        if decoded == path:
            return
        path = decoded
    raise ConditionError("url: the path is encoded several times")
