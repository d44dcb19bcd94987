"""remit's side of one connection: guard, pins and session, each opened when it is needed.

The guard may have to wait for the server's tools, where an envelope is made from them; the session waits for the first
thing that is judged, so that an agent that is halted gets an answer to each call and not a server that does not start.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from remit.core.errors import Unavailable
from remit.core.refusals import AgentHalted
from remit.core.types import Enforcement, Mode, Violation

if TYPE_CHECKING:
    from remit.usecases.guard import Guard
    from remit.usecases.session import Session

OpenGuard = Callable[[Sequence[Mapping[str, Any]]], "Guard"]
"""Opens the guard, given the server's tools; it may block, and is called once."""


class ShownTools(Protocol):
    """What came of a list of tools."""

    @property
    def visible(self) -> list[dict[str, Any]]:
        """Those that the agent may see."""


class Pinning(Protocol):
    """The pins of one server's tools."""

    async def alisted(self, tools: Sequence[Any], *, first: bool = True, last: bool = True) -> ShownTools:
        """Look at what the server listed: pin what is new, report what drifted, say what may be shown."""

    async def abarred(self, name: str) -> Violation | None:
        """Why the tool of this name must not be called now; None where it may be."""


MakePins = Callable[["Guard"], Pinning]


class Opening:
    """What is open of remit for one connection.

    Args:
        open_guard: opens the guard.
        make_pins: makes the pins from it.
        whose: the arguments of `Guard.session`: principal, facts and so on.
        namespace: put before every tool's name, with a slash; empty where names stand as they are.
    """

    def __init__(
        self,
        open_guard: OpenGuard,
        make_pins: MakePins,
        *,
        whose: Mapping[str, Any] | None = None,
        namespace: str = "",
    ) -> None:
        self._open_guard = open_guard
        self._make_pins = make_pins
        self._whose = dict(whose or {})
        self._namespace = namespace
        self._lock = asyncio.Lock()
        self._guard: Guard | None = None
        self._pins: Pinning | None = None
        self._session: Session | None = None
        self.runtime: dict[str, str] = {}
        """What is known of both sides when the session opens, for its fingerprint."""

    def full_name(self, name: str) -> str:
        """How the envelope names what the server calls *name*."""
        return f"{self._namespace}/{name}" if self._namespace else name

    async def pins(self, tools: Sequence[Mapping[str, Any]]) -> Pinning:
        """The pins; the guard is opened first, by *tools* where it needs them."""
        if self._pins is None:
            async with self._lock:
                if self._pins is None:
                    self._guard = await asyncio.to_thread(self._open_guard, tools)
                    self._pins = await asyncio.to_thread(self._make_pins, self._guard)
        return self._pins

    async def session(self) -> Session:
        """The session of this connection.

        Raises:
            AgentHalted: the breaker lets none open; asked again, it may.
        """
        if self._session is None:
            async with self._lock:
                if self._session is None:
                    self._session = await asyncio.to_thread(self._open_session)
        return self._session

    def _open_session(self) -> Session:
        fingerprint = {**self._whose.get("fingerprint", {}), "runtime": self.runtime}
        return self.guard.session(**{**self._whose, "fingerprint": fingerprint})

    @property
    def guard(self) -> Guard:
        """The guard, once the tools were listed."""
        if self._guard is None:
            raise Unavailable("the server's tools were not listed yet")
        return self._guard

    @property
    def ready(self) -> bool:
        """Whether the guard is open."""
        return self._guard is not None

    def hides(self, name: str) -> bool:
        """Whether a tool is kept from the agent's sight, because the envelope would refuse every call of it."""
        envelope = self.guard.envelope
        return envelope.enforcement is Enforcement.ENFORCE and self.full_name(name) not in envelope.tools

    async def not_halted(self) -> None:
        """Raise where a person, or the breaker, has halted the agent.

        Raises:
            AgentHalted: it is.
        """
        guard = self.guard
        who = (guard.tenant, guard.envelope.name, guard.agent_version)
        mode, _, reason = await asyncio.to_thread(guard.records.mode, *who, None)
        if mode is Mode.HALTED:
            raise AgentHalted(guard.envelope.name, mode, reason)

    async def close(self) -> None:
        """End the session; what it told is durable then."""
        if self._session is not None:
            await asyncio.to_thread(self._session.close)
