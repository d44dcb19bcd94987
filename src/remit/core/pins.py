"""Pins of tool definitions: what an MCP server said of a tool when it was first met, or what a person accepted since.

They are folded from the journal's `tools.pinned` events, so that they are as hard to forge as everything in it:

    first contact   pins the tools that have no pin yet, and changes no pin that is there
    an acceptance   replaces one pin: it names the event that made it, and its operator's signature is checked
                    whenever it is read. In a single-operator store it needs none, and the record shows that.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from remit.core.canonical import encode
from remit.core.codec import visible_name
from remit.core.definitions import MOST_NAME, Definition, definition_of, difference
from remit.core.errors import BadInput
from remit.core.event import StoredEvent
from remit.core.suspect import DefinitionFinding, findings_in
from remit.core.types import Json, OnViolation, Severity, Violation

PINNED = "tools.pinned"
DRIFTED = "tools.drifted"
FIRST_CONTACT = "first contact"
"""Who pinned what nobody had pinned before."""

Signed: TypeAlias = Callable[[str, bytes, bytes, float], bool]
"""Whether an operator signed a message and might have at that instant (`ports.Records.signed_by`)."""


@dataclass(frozen=True, slots=True)
class Pin:
    """What is pinned for one tool, and since which event of the journal."""

    definition: Definition
    seq: int
    at: float
    by: str
    """`first contact`, or the person who accepted it."""
    authenticated: bool = False
    """Whether that person signed it."""


@dataclass(frozen=True, slots=True)
class Whose:
    """Whose pins: one server of one agent."""

    tenant: str
    agent: str
    server: str

    def of(self, stored: StoredEvent) -> bool:
        """Whether an event is about this server."""
        event = stored.event
        return (event.tenant, event.agent) == (self.tenant, self.agent) and (
            event.body.get("server") == self.server
        )


def pinned_body(
    whose: Whose,
    tools: Mapping[str, Definition],
    *,
    by: str = FIRST_CONTACT,
    over: int = 0,
    signature: bytes | None = None,
    findings: Sequence[DefinitionFinding] = (),
) -> dict[str, Json]:
    """Body of a `tools.pinned` event; the definitions themselves are its blobs, by name.

    Args:
        whose: the server.
        tools: what is pinned; of an acceptance, one.
        by: who says so.
        over: of an acceptance: sequence of the event that made the pin which it replaces.
        signature: over `pin_message`.
        findings: what should be read twice.
    """
    return {
        "server": whose.server,
        "tools": {name: {"digest": tools[name].digest} for name in sorted(tools)},
        "by": by,
        "over": over,
        "signature": None if signature is None else signature.hex(),
        "findings": [{"tool": f.tool, "kind": f.kind, "told": f.told} for f in findings],
    }


def pin_message(whose: Whose, definition: Definition, over: int) -> bytes:
    """The bytes that an operator signs to accept a definition in place of the pin that event *over* made."""
    body: Json = {
        "tenant": whose.tenant,
        "agent": whose.agent,
        "server": whose.server,
        "tool": definition.name,
        "digest": definition.digest,
        "over": over,
    }
    return b"remit-pin-v1\n" + encode(body)


def definitions_in(stored: StoredEvent) -> dict[str, Definition]:
    """The definitions that an event carries; one whose text is not what its digest says is left out."""
    found: dict[str, Definition] = {}
    told = stored.event.body.get("tools")
    for name, one in told.items() if isinstance(told, Mapping) else ():
        try:
            read = definition_of(json.loads(stored.event.blobs.get(name, "")))
        except (ValueError, RecursionError, BadInput):
            continue
        if isinstance(one, Mapping) and (read.name, read.digest) == (name, one.get("digest")):
            found[name] = read
    return found


def fold(
    pins: dict[str, Pin], stored: StoredEvent, whose: Whose, signed: Signed, *, single_operator: bool
) -> None:
    """Add to *pins* what one `tools.pinned` event of the server says, as far as it may say it.

    Args:
        pins: by tool; changed in place.
        stored: the event.
        whose: the server.
        signed: checks signatures.
        single_operator: whether the store takes the word of somebody who did not sign.
    """
    body, found = stored.event.body, definitions_in(stored)
    if body.get("by") == FIRST_CONTACT:
        for name, definition in found.items():
            pins.setdefault(name, Pin(definition, stored.seq, stored.at, FIRST_CONTACT))
        return
    by, over, signature = str(body.get("by", "")), body.get("over"), body.get("signature")
    for name, definition in found.items():
        if len(found) != 1 or name not in pins or pins[name].seq != over:
            continue
        message = pin_message(whose, definition, pins[name].seq)
        sure = isinstance(signature, str) and signed(by, message, _bytes(signature), stored.at)
        if sure or (single_operator and signature is None):
            pins[name] = Pin(definition, stored.seq, stored.at, by, sure)


def _bytes(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""


def drift_body(whose: Whose, pin: Pin, found: Definition, *, shown: bool) -> dict[str, Json]:
    """Body of a `tools.drifted` event about a definition that is not the pinned one, which is its blob.

    Args:
        whose: the server.
        pin: what is pinned.
        found: what the server says now.
        shown: whether the agent sees it all the same.
    """
    told: dict[str, Any] = {
        "server": whose.server,
        "problem": "changed",
        "over": pin.seq,
        "pinned": pin.definition.digest,
        "tools": {found.name: {"digest": found.digest}},
        "diff": difference(pin.definition, found),
        "findings": [{"tool": f.tool, "kind": f.kind, "told": f.told} for f in findings_in(found)],
        "shown": shown,
    }
    return told


def violation_of(tool: str, told: str) -> Violation:
    """Why a call of a tool is refused, as the journal and the model read it.

    >>> violation_of("add", "its definition changed").clause
    'add.pin'
    """
    return Violation(clause_of(tool), "pin", OnViolation.DENY, Severity.MEDIUM, told)


def clause_of(tool: str) -> str:
    """Id of the clause that a drifted tool does not meet; safe to print whatever the server calls its tool."""
    plain = tool.isascii() and tool.isprintable() and 0 < len(tool) <= MOST_NAME
    return f"{tool if plain else visible_name(tool)}.pin"
