"""The bytes that an event's body is encrypted from: JSON of body, subject and the names of its blobs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from remit.core.errors import BadInput
from remit.core.event import Event


def _plain(value: object) -> object:
    """Read-only mappings and sets are written as what they are to JSON."""
    if isinstance(value, Mapping):
        return dict(value)
    raise NotImplementedError(f"{type(value).__name__} is not JSON")


_encoder = msgspec.json.Encoder(enc_hook=_plain)
_decoder = msgspec.json.Decoder(tuple[dict[str, Any], str, tuple[str, ...]])


def encode(event: Event) -> bytes:
    """The plaintext of *event*.

    Raises:
        BadInput: the body holds what JSON cannot.
    """
    try:
        return _encoder.encode((event.body, event.subject, tuple(event.blobs)))
    except (NotImplementedError, TypeError, UnicodeEncodeError, RecursionError) as error:
        raise BadInput(f"event {event.id}: body", str(error), "give a canonical JSON object") from None


def decode(plaintext: bytes) -> tuple[dict[str, Any], str, tuple[str, ...]]:
    """Body, subject and names of the blobs."""
    return _decoder.decode(plaintext)
