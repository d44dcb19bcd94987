"""What a client carries for us while a call waits for a person (`requestState`): sealed, and worth nothing by itself.

It says which approval is waited for and which call that is. The call goes through the whole guard again when the client
comes back, and the guard alone decides; a state that was edited, or that comes with another call, is refused.

A server behind us may use `requestState` for its own tools. Ours begin with a prefix of our own; others are the server's
and pass unchanged. Where a call that goes on with the server's state is itself held, ours carries the server's inside.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

PREFIX: Final = "remit-held."
MOST_STATE: Final = 256_000
"""Characters of a state; a longer one of the server's is not carried."""


class NotOurs(Exception):
    """The state is not one that we made for this call, or its time is over."""


@dataclass(frozen=True, slots=True)
class HeldState:
    """What a state says."""

    approval: str
    call: str
    """`call_of` the held call."""
    session: str
    expires_at: float
    """UTC epoch seconds: when nobody can approve it any more."""
    server: Mapping[str, Any]
    """How the call goes on with the server, where it does: its own `requestState`, and the `inputResponses` to it."""


def call_of(name: str, arguments: Mapping[str, Any]) -> str:
    """Digest of a call as the client makes it.

    >>> call_of("pay", {"a": 1, "b": 2}) == call_of("pay", {"b": 2, "a": 1}), call_of("pay", {}) == call_of("say", {})
    (True, False)
    """
    told = json.dumps({"name": name, "arguments": dict(arguments)}, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(told.encode()).hexdigest()


def is_ours(state: object) -> bool:
    """Whether a `requestState` claims to be ours."""
    return isinstance(state, str) and state.startswith(PREFIX)


class Sealer:
    """Seals states and opens them again: AES-256-GCM of the SDK, under a key that only this store has.

    Args:
        key: 32 bytes; the same in every process of the store, so that a client may come back to another one.
    """

    def __init__(self, key: bytes) -> None:
        from mcp.server.request_state import AESGCMRequestStateCodec  # loads much, and is seldom needed

        self._codec = AESGCMRequestStateCodec([key])

    def seal(self, state: HeldState) -> str:
        """The state as the client carries it."""
        told = {
            "approval": state.approval,
            "call": state.call,
            "session": state.session,
            "expires_at": state.expires_at,
            "server": dict(state.server),
        }
        return PREFIX + self._codec.seal(json.dumps(told, separators=(",", ":")).encode())

    def open(self, token: str, *, call: str, session: str, now: float) -> HeldState:
        """What a state says that came back with a call.

        Raises:
            NotOurs: edited, made elsewhere, for another call or session, or too late.
        """
        from mcp.server.request_state import InvalidRequestState

        try:
            told = json.loads(self._codec.unseal(token.removeprefix(PREFIX)))
            state = HeldState(**told)
        except (InvalidRequestState, ValueError, TypeError) as error:
            raise NotOurs(f"not sealed here: {type(error).__name__}") from None
        if state.call != call:
            raise NotOurs("it is another call's")
        if state.session != session:
            raise NotOurs("it is another session's")
        if not now < state.expires_at:
            raise NotOurs("its time is over")
        return state
