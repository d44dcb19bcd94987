"""Who met the values of a deed later, what they did with them, and whether a deed was undone.

Events are taken in the order of the journal, once: a session can only have read what was written before, so one pass
also finds what was done with what was read (its values are looked for from then on, one step deeper). What is kept
does not grow with the journal: each table has a bound, and `cut` says which was reached.

A text that holds a value shows that the session *had* it, not that it acted because of it. An effect of that session
with the value in an argument is a *use*; its recorded origins stand beside it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from remit.core.canonical import digest
from remit.core.event import StoredEvent
from remit.core.impact import GONE, Deed, Deeds, DeedState, Undo, Way, undone_by
from remit.core.impact_values import Values
from remit.core.provenance import leaves
from remit.core.text import plain_number
from remit.core.touched import telling, why_silent
from remit.core.types import Json, Role, ToolEffect

TEXT_KINDS = ("observed", "settled")
LATER_KINDS = ("observed", "decided", "settled", "released", "breaker.lease_expired")
"""Kinds of the events that say who read what, and what was done."""
MOST_VALUES: Final = 2_000
"""Values that are looked for at once."""
MOST_READINGS: Final = 20
"""Readers that are named for one value; more are counted."""
MOST_SESSIONS: Final = 20_000
"""Sessions of which it is kept what they have read."""
MOST_USES: Final = 500
MOST_OPEN: Final = 10_000
"""Calls whose end is waited for."""


@dataclass(frozen=True, slots=True)
class Value:
    """One value that a deed wrote, and that tells."""

    number: int
    value: Json
    place: str
    """`args.iban` or `result.id`."""
    deed: Deed
    depth: int
    """0 for a deed of the incident itself, 1 for what a reader of such a value wrote, and so on."""


@dataclass(frozen=True, slots=True)
class ValueReading:
    """A session that had a text with the value in it."""

    value: Value
    session: str
    agent: str
    seq: int
    at: float
    source: str
    """`user`, or the tool whose result it was."""
    quote: str
    asked: bool
    """Whether the session asked for the value itself, so that the answer repeats it."""


@dataclass(slots=True)
class ValueUse:
    """A later effect with a value in an argument."""

    deed: Deed
    args: dict[str, Value]
    """By the path of the argument."""
    had: bool
    """Whether a text with one of them was recorded in its session; a proxy, for one, sees nothing of what users say."""


@dataclass(slots=True)
class Undoing:
    """A call that is, or would be, the compensation of a deed."""

    of: Deed
    undo: Undo
    call: Deed | None = None
    """The compensating call that was found."""


@dataclass(slots=True)
class ValueSpread:
    """How far one value went."""

    value: Value
    sessions: int = 0
    readings: list[ValueReading] = field(default_factory=list)
    """The first ones."""


class Later:
    """What came after some deeds.

    Args:
        deeds: of the incident's sessions, as they ended.
        undos: what undoes each, by the deed's id.
        depth: how many steps from session to session are followed; 1 names readers only of what the deeds wrote.
    """

    def __init__(self, deeds: Iterable[Deed], undos: dict[str, Undo], depth: int) -> None:
        acted = [deed for deed in deeds if deed.acted]
        self.depth = depth
        self.undoings = [Undoing(d, undos[d.id]) for d in acted if undos[d.id].way is Way.CALL]
        self._undone_by: dict[str, list[Undoing]] = {}
        for one in self.undoings:
            name, value = next(iter((one.undo.args or {}).items()), ("", None))
            self._undone_by.setdefault(_undo_key(one.undo.tool, name, value), []).append(one)
        self.values: dict[int, ValueSpread] = {}
        self.uses: list[ValueUse] = []
        self.silent: dict[str, int] = {}
        """How many values were not looked for, by the reason."""
        self.cut: set[str] = set()
        """Bounds that were reached."""
        self.erased = self.digests = 0
        """Events and texts of which nobody knows what they held."""
        self._texts = Values()
        self._known: set[str] = set()
        """Spellings that are looked for: whoever writes one again adds nothing to who wrote it first."""
        self._had: OrderedDict[str, set[int]] = OrderedDict()
        self._asked: OrderedDict[str, frozenset[int]] = OrderedDict()
        self._open: OrderedDict[str, ValueUse | Undoing] = OrderedDict()
        self._calls = Deeds()
        self._waiting = sorted(
            [(d.admitted_seq, d, "args") for d in acted] + [(d.ended_seq, d, "result") for d in acted],
            key=lambda one: one[0],
            reverse=True,
        )

    # ------------------------------------------------------------------------------------------ taking events
    def see(self, stored: StoredEvent) -> None:
        """Take the next event of the tenant's journal, in order."""
        while self._waiting and self._waiting[-1][0] <= stored.seq:
            _, deed, root = self._waiting.pop()
            self._look_for(deed, root, 0)
        kind = stored.event.kind
        if stored.erased:
            self.erased += 1
            return
        if kind in TEXT_KINDS:
            self._text(stored)
        if kind == "decided":
            self._decided(stored)
        elif kind != "observed":
            self._ended(stored)

    def _text(self, stored: StoredEvent) -> None:
        """A user's text or a tool's result that an agent saw."""
        event, body = stored.event, stored.event.body
        seen = body if event.kind == "observed" else body.get("segment")
        if not seen or seen.get("role") == Role.ASSISTANT:
            return
        text = event.blobs.get("text", "")
        if text.startswith("[digest:"):
            self.digests += 1
            return
        found = self._texts.found_in(text)
        asked = self._asked.get(str(body.get("token", "")), frozenset())
        for number, quote in sorted(found.items()):
            value = self.values[number].value
            if value.deed.session != event.session:
                source = str(seen.get("source", ""))
                self._read(value, stored, source, quote, asked=number in asked)

    def _read(self, value: Value, stored: StoredEvent, source: str, quote: str, *, asked: bool) -> None:
        event = stored.event
        had = self._had.get(event.session)
        if had is None:
            had = self._had[event.session] = set()
            self._bound(self._had, MOST_SESSIONS, "sessions that read something")
        if value.number in had:
            return
        had.add(value.number)
        counted = self.values[value.number]
        counted.sessions += 1
        if len(counted.readings) < MOST_READINGS:
            counted.readings.append(
                ValueReading(value, event.session, event.agent, stored.seq, stored.at, source, quote, asked)
            )
        else:
            self.cut.add(f"readers of one value: {MOST_READINGS} are named")

    # ------------------------------------------------------------------------------------------ calls
    def _decided(self, stored: StoredEvent) -> None:
        deed = self._calls.see(stored)
        assert deed is not None  # noqa: S101 - a decision is a deed
        held = self._in_arguments(deed.args)
        numbers = frozenset(number for found in held.values() for number in found)
        kept = self._undoes(deed) or self._uses(deed, held)
        if numbers:
            self._asked[deed.token] = numbers
            self._bound(self._asked, MOST_OPEN, "calls in flight")
        if not kept:
            self._calls.forget(deed.token)

    def _in_arguments(self, args: Json) -> dict[str, dict[int, str]]:
        """By the path of each argument, the values that stand in it."""
        if not self.values:
            return {}
        spelled = ((path, leaf if isinstance(leaf, str) else _figure(leaf)) for path, leaf in leaves(args))
        return {path: found for path, text in spelled if text and (found := self._texts.found_in(text))}

    def _uses(self, deed: Deed, held: dict[str, dict[int, str]]) -> bool:
        if deed.effect is ToolEffect.READ:
            return False
        had = self._had.get(deed.session, set())
        args = {path: value for path, found in held.items() if (value := self._used(deed, found, had))}
        if not args:
            return False
        if len(self.uses) >= MOST_USES:
            self.cut.add(f"uses: {MOST_USES} are named")
            return False
        use = next((one for one in self.uses if one.deed.token == deed.token), None)
        if use is None:
            use = ValueUse(deed, args, any(value.number in had for value in args.values()))
            self.uses.append(use)
        use.deed = deed
        self._wait(deed, use)
        if deed.acted:
            self._look_for(deed, "args", 1 + max(value.depth for value in args.values()))
        return True

    def _used(self, deed: Deed, found: Iterable[int], had: set[int]) -> Value | None:
        """The value that an argument holds, one that the session had read first; none that it wrote itself."""
        others = [n for n in sorted(found) if n in had or self.values[n].value.deed.session != deed.session]
        return self.values[min(others, key=lambda n: n not in had)].value if others else None

    def _undoes(self, deed: Deed) -> bool:
        if not deed.state.may_have_acted or not isinstance(deed.args, dict):
            return False
        keys = [_undo_key(deed.tool, name, value) for name, value in deed.args.items()]
        fitting = [
            one
            for key in (_undo_key(deed.tool, "", None), *keys)
            for one in self._undone_by.get(key, ())
            if one.of.seq < deed.seq and one.of.token != deed.token and _free(one, deed)
            if undone_by(one.undo, deed.tool, deed.args)
        ]
        if not fitting:
            return False
        undoing = max(fitting, key=lambda one: one.of.seq)
        undoing.call = deed
        self._wait(deed, undoing)
        return True

    def _wait(self, deed: Deed, what: ValueUse | Undoing) -> None:
        self._open[deed.token] = what
        if (lost := self._bound(self._open, MOST_OPEN, "calls in flight")) is not None:
            self._calls.forget(lost)

    def _ended(self, stored: StoredEvent) -> None:
        token = str(stored.event.body.get("token", ""))
        self._asked.pop(token, None)
        what = self._open.get(token)
        deed = self._calls.see(stored)
        if what is None or deed is None:
            return
        if isinstance(what, Undoing):
            if what.call is not None and what.call.token == token:
                what.call = deed if deed.state.may_have_acted else None
        else:
            what.deed = deed
            if deed.acted:
                self._look_for(deed, "result", 1 + max(value.depth for value in what.args.values()))
        if deed.state is not DeedState.UNKNOWN:  # a lease that ran out may still be followed by the outcome
            self._open.pop(token)
            self._calls.forget(token)

    # ------------------------------------------------------------------------------------------ values
    def _look_for(self, deed: Deed, root: str, depth: int) -> None:
        """From now on, look for what the deed wrote."""
        if depth >= self.depth:
            return
        whole = deed.args if root == "args" else deed.fields
        if whole is GONE or (root == "args" and isinstance(whole, dict) and "unreadable" in whole):
            return
        self._count_silent(whole)
        for path, value in telling(whole, deed.exempt if root == "args" else ()):
            key = value if isinstance(value, str) else plain_number(value)
            if key in self._known:
                continue
            if len(self.values) >= MOST_VALUES:
                self.cut.add(f"values: {MOST_VALUES} are looked for")
                return
            self._known.add(key)
            place = f"{root}.{path}" if path and not path.startswith("[") else f"{root}{path}"
            number = len(self.values)
            self.values[number] = ValueSpread(Value(number, value, place, deed, depth))
            self._texts.add(number, value)

    def _count_silent(self, whole: Json) -> None:
        for _, leaf in leaves(whole):
            why = why_silent(leaf)
            if why and leaf is not None and not isinstance(leaf, bool):
                self.silent[why] = self.silent.get(why, 0) + 1

    def _bound(self, table: OrderedDict[str, Any], most: int, what: str) -> str | None:
        """Keep *table* within its bound; gives what fell out of it."""
        if len(table) <= most:
            return None
        self.cut.add(f"{what}: {most} are followed at once")
        return table.popitem(last=False)[0]


def _undo_key(tool: str, name: str, value: Json) -> str:
    """By its tool and the first of its declared arguments a compensating call is found among many."""
    return digest([tool, name, value])


def _free(undoing: Undoing, deed: Deed) -> bool:
    """One compensating call undoes one deed; of two tries for one, the later counts unless the earlier came back."""
    return undoing.call is None or undoing.call.token == deed.token or not undoing.call.state.sure


def _figure(leaf: Json) -> str:
    return plain_number(leaf) if isinstance(leaf, int | float) and not isinstance(leaf, bool) else ""
