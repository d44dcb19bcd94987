"""The pins of one MCP server's tools, for a proxy: looked at when tools are listed, when the list changes, at each call.

A first contact pins, durably, before a model sees anything. What differs from its pin afterwards is an anomaly with the
diff, once; it is hidden, and calls of it are refused, until a person accepts it (`usecases.pin_book`).
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from remit.core.codec import visible_name
from remit.core.definitions import MOST_TOOLS, Definition, Malformed, read_list
from remit.core.pins import Whose, violation_of
from remit.core.suspect import DefinitionFinding, findings_in, shadows
from remit.core.types import Violation
from remit.usecases.pin_book import PinBook, pinned_elsewhere

if TYPE_CHECKING:
    from remit.usecases.guard import Guard

OnDrift = Literal["hide", "report"]
_MOST_DRIFTS = 1_000
"""Anomalies of one process, so that a server cannot fill the disk by changing all the time; all stay hidden."""
_MOST_TRIES = 8


@dataclass(frozen=True, slots=True)
class Listed:
    """What came of one list of tools, or of one page of it."""

    visible: list[dict[str, Any]]
    """Those that the agent may see, as the server sent them, in its order."""
    drifted: tuple[str, ...] = ()
    """Names whose definition is not the pinned one."""
    malformed: tuple[Malformed, ...] = ()
    """What is no definition, and is never shown."""
    pinned: tuple[str, ...] = ()
    """Names that were met for the first time."""
    findings: tuple[DefinitionFinding, ...] = ()
    """What a person should read twice in those."""


@dataclass(slots=True)
class _Seen:
    """What a server said in one run through its list."""

    tools: dict[str, Definition]
    wrong: dict[str, Malformed]


class Pins:
    """What is pinned for one server of the guard's agent. Thread-safe; what it says is durable before it says it.

    Args:
        guard: whose agent and store.
        server: the server's name, as people know it: pins are kept for each.
        on_drift: `hide` a drifted tool and refuse its calls, or `report` it only. What is no definition is hidden always.
        tell: tells people of what is new, a line each.
    """

    def __init__(
        self,
        guard: Guard,
        server: str,
        *,
        on_drift: OnDrift = "hide",
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._tell = tell
        self.whose = Whose(guard.tenant, guard.envelope.name, server)
        self._book = PinBook(guard.records, self.whose)
        self._records = guard.records
        self._shown = on_drift == "report"
        self._lock = threading.Lock()
        self._running: _Seen | None = None
        """The list that is being read, where it has several pages."""
        self._last = _Seen({}, {})
        self._verdicts: Mapping[str, Violation | None] = MappingProxyType({})
        """By name what a call of the tool is refused with; replaced as a whole, so that looking takes no lock."""
        self._told: set[str] = set()
        self.known = False
        """Whether a list was read to its end."""

    # ------------------------------------------------------------------------------------------ listing
    def listed(self, tools: Sequence[Any], *, first: bool = True, last: bool = True) -> Listed:
        """Look at what the server listed: pin what is new, report what drifted, and say what may be shown.

        Args:
            tools: the elements of `tools/list`, as they came.
            first: no cursor was sent: the list begins here.
            last: no cursor came back: the list ends here.

        Raises:
            Unavailable: the store cannot be read or written. Nothing may be shown.
        """
        with self._lock:
            if first or self._running is None:
                self._running = _Seen({}, {})
            seen = self._running
            found, wrong = self._read(tools, seen)
            self._book.refresh()
            pinned, findings = self._pin_new(found)
            drifted = self._drifted(found)
            self._report(found, drifted, wrong)
            self._end_page(seen, last=last)
            visible = [tool for tool in tools if self._may_see(tool)]
        return Listed(visible, tuple(drifted), tuple(wrong), pinned, findings)

    async def alisted(self, tools: Sequence[Any], *, first: bool = True, last: bool = True) -> Listed:
        """As `listed`; the event loop waits for no disk."""
        return await asyncio.to_thread(self.listed, tools, first=first, last=last)

    def _read(self, tools: Sequence[Any], seen: _Seen) -> tuple[dict[str, Definition], list[Malformed]]:
        """One page, and what it says twice of what earlier pages said."""
        found, wrong = read_list(tools)
        known = {**seen.tools, **seen.wrong}
        again = [name for name in found if name in known]
        wrong += [Malformed(name, "the name stands more than once in the list") for name in again]
        if len(known) + len(found) > MOST_TOOLS:
            wrong += [Malformed(name, f"more than {MOST_TOOLS} tools") for name in found]
            again = list(found)
        for name in again:
            found.pop(name, None)
        for one in wrong:
            seen.tools.pop(one.name, None)
            seen.wrong[one.name] = one
        seen.tools.update(found)
        return found, wrong

    def _pin_new(
        self, found: Mapping[str, Definition]
    ) -> tuple[tuple[str, ...], tuple[DefinitionFinding, ...]]:
        """Pin what has no pin. Where another process did so first, its pins are the pins."""
        new: dict[str, Definition] = {}
        for _ in range(_MOST_TRIES):
            new = {name: one for name, one in found.items() if name not in self._book.pins}
            if len(self._book.pins) + len(new) > MOST_TOOLS:
                new = {}
            if not new:
                return (), ()
            findings = self._findings(new.values())
            if self._book.pin(new, findings):
                self._tell_pinned(new, findings)
                return tuple(new), findings
        raise self._book.contended()

    def _findings(self, new: Iterable[Definition]) -> tuple[DefinitionFinding, ...]:
        elsewhere = pinned_elsewhere(self._records, self.whose)
        found: list[DefinitionFinding] = []
        for one in new:
            found += [*findings_in(one), *shadows(one, elsewhere)]
        return tuple(found)

    def _drifted(self, found: Mapping[str, Definition]) -> list[str]:
        known = self._book.pins
        return [n for n, one in found.items() if n not in known or known[n].definition.digest != one.digest]

    def _report(
        self, found: Mapping[str, Definition], drifted: Sequence[str], wrong: Sequence[Malformed]
    ) -> None:
        """Write what was not written yet, all at once."""
        events = [
            self._book.drift(self._book.pins[name], found[name], shown=self._shown)
            for name in drifted
            if name in self._book.pins
        ]
        if wrong:
            events.append(self._book.unreadable(wrong))
        if len(self._told) + sum(event.id not in self._told for event in events) > _MOST_DRIFTS:
            told = f"it changed more than {_MOST_DRIFTS} times; what follows is hidden, and not written down"
            events = [self._book.unreadable([Malformed("", told)])]
        events = [event for event in events if event.id not in self._told]
        self._book.write(events)
        self._told.update(event.id for event in events)
        for event in events:
            self._tell_drifted(event.body)

    # ------------------------------------------------------------------------------------------ telling people
    def _tell_pinned(self, new: Mapping[str, Definition], findings: Sequence[DefinitionFinding]) -> None:
        server, tools = self.whose.server, f"{len(new)} {'tool' if len(new) == 1 else 'tools'}"
        self._tell(f"{tools} of server {server!r} met for the first time and pinned; see remit mcp pins ls")
        for one in findings:
            self._tell(f"read {server}/{visible_name(one.tool)} twice: {one.kind}: {one.told}")

    def _tell_drifted(self, body: Mapping[str, Any]) -> None:
        server, then = self.whose.server, "shown all the same" if body["shown"] else "hidden, and not called"
        for one in body.get("malformed", ()):
            self._tell(f"server {server!r}: {one['name'] or 'a tool without a name'}: {one['why']}")
        for name in body.get("tools", ()):
            where = f"remit mcp pins show {server} {visible_name(name)}"
            self._tell(f"{server}/{visible_name(name)} is not what was pinned: it is {then}; see {where}")

    def _end_page(self, seen: _Seen, *, last: bool) -> None:
        if last:
            self._last, self._running, self.known = seen, None, True
        self._judge()

    def _judge(self) -> None:
        """What a call of each tool is refused with now."""
        verdicts: dict[str, Violation | None] = {}
        for seen in (self._last, self._running):
            if seen is None:
                continue
            verdicts |= {name: self._against(one) for name, one in seen.tools.items()}
            for name, wrong in seen.wrong.items():
                verdicts[name] = violation_of(name, f"its definition cannot be read: {wrong.why}")
        self._verdicts = MappingProxyType(verdicts)

    def _against(self, found: Definition) -> Violation | None:
        pin = self._book.pins.get(found.name)
        if pin is None:
            return violation_of(found.name, f"the server has more than {MOST_TOOLS} tools")
        if self._shown or pin.definition.digest == found.digest:
            return None
        told = f"server {self.whose.server!r} describes it otherwise than was pinned; until a person accepts that"
        return violation_of(found.name, f"{told} with `remit mcp pins accept`, it is not called")

    def _may_see(self, tool: Any) -> bool:
        name = tool.get("name") if isinstance(tool, dict) else None
        return isinstance(name, str) and self._verdicts.get(name, _UNKNOWN) is None

    # ------------------------------------------------------------------------------------------ calling
    def barred(self, name: str) -> Violation | None:
        """Why the tool of this name must not be called now; None where it may be.

        What people accepted in the meantime counts; for that the store is read, only where the answer was no before.

        Raises:
            Unavailable: the store cannot be read.
        """
        if (told := self._verdict(name)) is None or name not in self._verdicts:
            return told
        with self._lock:
            self._book.refresh()
            self._judge()
        return self._verdict(name)

    async def abarred(self, name: str) -> Violation | None:
        """As `barred`; the event loop waits for no disk."""
        if (told := self._verdict(name)) is None or name not in self._verdicts:
            return told
        return await asyncio.to_thread(self.barred, name)

    def _verdict(self, name: str) -> Violation | None:
        found = self._verdicts.get(name, _UNKNOWN)
        if not callable(found):
            return found
        return found(name, self.whose.server)


def _unknown(name: str, server: str) -> Violation:
    return violation_of(name, f"server {server!r} did not list it, so nobody knows what it is")


_UNKNOWN: Callable[[str, str], Violation] = _unknown
