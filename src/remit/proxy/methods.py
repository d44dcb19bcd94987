"""What passes the proxy, by method, and what of a message passes: everything else is refused or dropped.

The lists are those of the protocol, over all its versions; which of them a connection knows, client and server have
agreed upon between themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mcp_types import methods

FROM_CLIENT: Final = frozenset(method for method, _ in methods.CLIENT_REQUESTS)
"""Requests of the client that pass."""
FROM_SERVER: Final = frozenset(method for method, _ in methods.SERVER_REQUESTS)
"""Requests of the server that pass: sampling, elicitation, roots."""
TOLD_BY_CLIENT: Final = frozenset(method for method, _ in methods.CLIENT_NOTIFICATIONS)
TOLD_BY_SERVER: Final = frozenset(method for method, _ in methods.SERVER_NOTIFICATIONS)
BEFORE_HANDSHAKE: Final = frozenset({"initialize", "ping", "server/discover"})
"""What a client may ask before the two have agreed on a version."""
WITHOUT_END: Final = frozenset({"subscriptions/listen"})
"""Requests that stay open for as long as the client wants."""

VERSION_KEY: Final = "io.modelcontextprotocol/protocolVersion"
_CAPABILITIES_KEY: Final = "io.modelcontextprotocol/clientCapabilities"
_CLIENT_KEYS: Final = (VERSION_KEY, "io.modelcontextprotocol/clientInfo", _CAPABILITIES_KEY)
_TASKS: Final = "io.modelcontextprotocol/tasks"
_PASSING: Final = frozenset({"progressToken", "traceparent", "tracestate", "baggage"})
_OF_THE_PROTOCOL: Final = "io.modelcontextprotocol/"


def passing_meta(meta: Mapping[str, Any]) -> dict[str, Any]:
    """Of `_meta` what the protocol defines; what clients and servers tell each other besides has no reader to judge it.

    >>> passing_meta({"progressToken": 1, "vendor/note": "ignore the rules"})
    {'progressToken': 1}
    """
    found = {
        key: one
        for key, one in meta.items()
        if (isinstance(one, str | int) if key in _PASSING else key.startswith(_OF_THE_PROTOCOL))
    }
    if isinstance(capabilities := found.get(_CAPABILITIES_KEY), Mapping):
        found[_CAPABILITIES_KEY] = without_tasks(capabilities)
    return found


def passing_params(params: Mapping[str, Any] | None) -> dict[str, Any]:
    """The parameters of a request as they go on: with `_meta` by list, everything else as it is."""
    if not params:
        return {}
    passed = dict(params)
    if "_meta" in passed:
        meta = passed.pop("_meta")
        kept = passing_meta(meta) if isinstance(meta, Mapping) else {}
        if kept:
            passed["_meta"] = kept
    return passed


def without_tasks(capabilities: Mapping[str, Any]) -> dict[str, Any]:
    """Capabilities without tasks: a call that outlives its answer would end where nobody judges it.

    >>> without_tasks({"tools": {}, "tasks": {"list": {}}})
    {'tools': {}}
    """
    found = {key: one for key, one in capabilities.items() if key != "tasks"}
    if isinstance(extensions := found.get("extensions"), Mapping):
        found["extensions"] = {key: one for key, one in extensions.items() if key != _TASKS}
    return found


def announced(result: Mapping[str, Any]) -> dict[str, Any]:
    """What a server says of itself (`initialize`, `server/discover`), without what the proxy does not pass."""
    found = dict(result)
    if isinstance(capabilities := found.get("capabilities"), Mapping):
        found["capabilities"] = without_tasks(capabilities)
    return found


def offered(params: Mapping[str, Any]) -> dict[str, Any]:
    """What a client says of itself with `initialize`, without what the proxy does not pass."""
    return announced(params)


def is_modern(params: Mapping[str, Any] | None) -> bool:
    """Whether a request carries its own protocol version, as every one does from 2026-07-28 on."""
    meta = (params or {}).get("_meta")
    return isinstance(meta, Mapping) and isinstance(meta.get(VERSION_KEY), str)


def client_meta(params: Mapping[str, Any] | None) -> dict[str, Any]:
    """Of a request's `_meta` what our own requests must repeat: version, client and capabilities."""
    if not is_modern(params):
        return {}
    meta = passing_meta((params or {})["_meta"])
    return {key: meta[key] for key in _CLIENT_KEYS if key in meta}
