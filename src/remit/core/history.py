"""What happened before: which earlier calls a clause asks about, and what their answer means.

An event is a call of one tool in one phase. `request`: it was admitted; it counts while it runs, and whatever became of
it, unless it never ran. `response`: its result came back. A refused attempt is no event, and no call is its own. A call
that raised, or of which nobody knows how it ended, may have acted until its end: something must not have happened is
asked with that time, something must have with the time of its admission.

Where something must have happened (`formerly`, `since`) only results that reached the agent count. Where something must
not have (`never`, `broken_by`) a withheld result and an outcome that nobody knows count as well.

Equalities between the event and this call are *pins*: an index finds the events that fit them, so that looking costs
the same however long the history is. What else `where` says is asked of those events, the newest `MOST_LOOKED` of them;
a clause that would have to look at more refuses. An event in which a pinned value is missing, or is of another type than
the schema says, cannot be told from any other: where something must not have happened, it is an error, never "no match".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from remit.core.canonical import digest
from remit.core.cel import ConditionError
from remit.core.envelope import Clause, EventPattern, History, Tool
from remit.core.limits import spoken
from remit.core.types import Json, OnViolation, Severity, Violation

MOST_LOOKED = 256
"""Events of one pattern that `where` is asked about."""
MOST_SEEN = 4096
"""Events of one key that are read at all, those of another phase included."""
MOST_SHOWN = 300
"""Characters of a `where` in a message."""

REQUEST, RESPONSE = "request", "response"
IN_FLIGHT, DONE, FAILED, WITHHELD, UNKNOWN = "in_flight", "done", "failed", "withheld", "unknown"
STATES = (DONE, IN_FLIGHT, FAILED, WITHHELD, UNKNOWN)
"""How a call stands: `failed` raised, `withheld` ran and its result was kept from the agent."""

FieldPath = tuple[str, ...]
"""Where a field stands in what a call asked or gave: keys only."""


@dataclass(frozen=True, slots=True)
class Watch:
    """What a store keeps of the calls of one tool, so that a clause can find them again."""

    tool: str
    across: str
    """`session`, `principal` or `agent`."""
    pins: tuple[FieldPath, ...]
    """Paths whose values, together with the scope, are the key of an event."""
    types: tuple[str, ...]
    """Types of the pinned values: `string`, `int`, `double` or `bool`."""
    keeps: tuple[FieldPath, ...]
    """Paths whose values are kept, for `where`."""
    within_s: float

    @property
    def id(self) -> str:
        """The same for equal watches, in any process and any version of an envelope."""
        return digest([self.tool, self.across, self.pins, self.types, self.keeps, self.within_s])

    @property
    def of_output(self) -> bool:
        """Whether its key is known only once the result is."""
        return any(path[0] == "output" for path in self.pins)


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose call it is."""

    session: str = ""
    principal: str | None = None

    def scope(self, across: str) -> str:
        """What calls of the same scope share.

        Raises:
            ConditionError: the scope is the principal's, and the session names none.
        """
        if across == "principal" and self.principal is None:
            raise ConditionError("looks across the principal's sessions, and this session names no principal")
        return {"session": self.session, "principal": self.principal or "", "agent": ""}[across]


@dataclass(frozen=True, slots=True)
class PastEvent:
    """One earlier call in one phase, as far as it was kept."""

    order: tuple[float, int]
    """When it was (of a call in flight: when it was admitted), and its number among those of one time."""
    phase: str
    state: str
    kept: Mapping[str, Json] | None
    """`args` and `output`, reduced to what the watch keeps; None where it cannot be read any more."""
    lost: bool = False
    """True where a pinned value is missing or of another type, so that it may be about anything."""


@dataclass(frozen=True, slots=True)
class Look:
    """One question about the past: the events of a pattern that agree with this call."""

    watch: Watch
    phases: tuple[str, ...]
    absence: bool
    """True where the clause wants that nothing fits."""
    key: str
    """Digest of scope and pinned values."""
    lost: str
    """The key of events whose pinned values cannot be told."""
    fits: Callable[[Mapping[str, Json]], bool] | None
    """Whether `where` holds of what was kept of an event; None where the pins say it all."""
    pattern: EventPattern | None = None
    """What was written, for messages."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One history clause, with the values of this call in place."""

    clause: Clause
    operator: str
    look: Look
    broken_by: Look | None = None


@dataclass(frozen=True, slots=True)
class HistoryAnswer:
    """What the past says to one `Ask`."""

    holds: bool
    problem: str = ""
    """Why it does not hold."""
    error: bool = False
    """True where the past cannot tell."""


class PastEvents(Protocol):
    """Where earlier calls are looked up."""

    def matching(self, look: Look) -> Iterator[PastEvent]:
        """Events of the look's watch and key within its window, the newest first; for absence the lost ones, too."""

    def blind_s(self, watch: Watch) -> float:
        """Seconds at the far end of the watch's window about which nothing is known; 0 where all is."""


def watches_of(tools: Mapping[str, Tool]) -> tuple[Watch, ...]:
    """Everything that the history clauses of *tools* ask about, each once."""
    found: dict[str, Watch] = {}
    for tool in tools.values():
        for history in tool.history:
            for pattern in (history.event, history.broken_by):
                if pattern is not None:
                    watch = watch_of(pattern, history.within_s)
                    found[watch.id] = watch
    return tuple(found.values())


def watch_of(pattern: EventPattern, within_s: float) -> Watch:
    """What must be kept so that *pattern* can be looked up."""
    pins = tuple(path for path, _ in pattern.pins)
    types = tuple(str(condition.type) for _, condition in pattern.pins)
    return Watch(pattern.tool, pattern.across, pins, types, pattern.keeps, within_s)


def ask_of(history: History, roots: Mapping[str, object], caller: Caller) -> Ask:
    """The clause with the values of this call in place.

    Args:
        history: the clause.
        roots: `args` and `session` of this call.
        caller: whose call it is.

    Raises:
        ConditionError: a pinned value cannot be computed.
    """
    absence = history.operator == "never"
    look = _look(history.event, history.within_s, roots, caller, absence=absence)
    broken = history.broken_by
    ended = None if broken is None else _look(broken, history.within_s, roots, caller, absence=True)
    return Ask(history.clause, history.operator, look, ended)


def _look(
    pattern: EventPattern, within_s: float, roots: Mapping[str, object], caller: Caller, *, absence: bool
) -> Look:
    values: list[Any] = [condition.evaluate(roots) for _, condition in pattern.pins]
    where = pattern.where

    def fits(kept: Mapping[str, Json]) -> bool:
        assert where is not None  # noqa: S101 - asked only where there is one
        return where.evaluate({**roots, "event": kept}) is True

    scope = caller.scope(pattern.across)
    return Look(
        watch=watch_of(pattern, within_s),
        phases=pattern.phases,
        absence=absence,
        key=spelled_key(scope, values),
        lost=_lost_key(scope),
        fits=None if where is None else fits,
        pattern=pattern,
    )


def event_key(watch: Watch, caller: Caller, event: Mapping[str, Json]) -> tuple[str, bool] | None:
    """The key under which a call is found by *watch*, and whether it is the one of lost events.

    Args:
        watch: what is kept.
        caller: whose call it is.
        event: its canonical `args`, and its `output` once there is one that is plain JSON.

    Returns:
        None where it is nobody's: the watch looks across a principal's sessions, and this one names none.
    """
    try:
        scope = caller.scope(watch.across)
    except ConditionError:
        return None
    values = []
    for path, kind in zip(watch.pins, watch.types, strict=True):
        found, value = _at(event, path)
        if not found or not isinstance(value, _PYTHON[kind]) or (kind != "bool" and isinstance(value, bool)):
            return _lost_key(scope), True
        values.append(value)
    return spelled_key(scope, values), False


_PYTHON: Mapping[str, Any] = {"string": str, "int": int, "double": (int, float), "bool": bool}


def _lost_key(scope: str) -> str:
    return digest([scope, "lost"])


def kept_of(watch: Watch, event: Mapping[str, Json]) -> dict[str, Json]:
    """What *watch* keeps of a call; *event* as for `event_key`."""
    kept: dict[str, Json] = {}
    for path in watch.keeps:
        found, value = _at(event, path)
        if not found:
            continue
        if len(path) == 1:
            kept[path[0]] = value
        else:
            kept.setdefault(path[0], {})[path[1]] = value
    return kept


def _at(value: Json, path: FieldPath) -> tuple[bool, Json]:
    for step in path:
        if not isinstance(value, Mapping) or step not in value:
            return False, None
        value = value[step]
    return True, value


def spelled_key(scope: str, values: Sequence[Json]) -> str:
    """One digest for what is equal: 1 and 1.0 share a key, and 1 and true do not.

    >>> spelled_key("s", [1]) == spelled_key("s", [1.0]), spelled_key("s", [1]) == spelled_key("s", [True])
    (True, False)
    """
    return digest([scope, [spelled(value) for value in values]])


def spelled(value: Json) -> Json:
    """One spelling of what is equal, so that 1 and 1.0, 0.0 and -0.0 are the same key."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [spelled(one) for one in value]
    return {key: spelled(one) for key, one in value.items()} if isinstance(value, dict) else value


# ---------------------------------------------------------------------------------------------------- answers
def answer(ask: Ask, past: PastEvents) -> HistoryAnswer:
    """What *past* says to *ask*."""
    try:
        return _OPERATORS[ask.operator](ask, past)
    except ConditionError as error:
        return HistoryAnswer(False, str(error), error=True)


def _formerly(ask: Ask, past: PastEvents) -> HistoryAnswer:
    if _first(ask.look, past) is not None:
        return HistoryAnswer(True)
    return HistoryAnswer(False, f"no {_told(ask.look)}")


def _never(ask: Ask, past: PastEvents) -> HistoryAnswer:
    found = _first(ask.look, past)
    if found is not None:
        return HistoryAnswer(False, f"a {_told(ask.look)}{_how(found)}")
    if blind := past.blind_s(ask.look.watch):
        told = f"the first {spoken(round(blind))} of {spoken(ask.look.watch.within_s)} are not known to this store"
        return HistoryAnswer(False, told, error=True)
    return HistoryAnswer(True)


def _since(ask: Ask, past: PastEvents) -> HistoryAnswer:
    began = _first(ask.look, past)
    if began is None:
        return HistoryAnswer(False, f"no {_told(ask.look)}")
    assert ask.broken_by is not None  # noqa: S101 - the reader saw to it
    ended = _first(ask.broken_by, past, after=began.order)
    if ended is not None:
        return HistoryAnswer(False, f"after that a {_told(ask.broken_by)}{_how(ended)}")
    return HistoryAnswer(True)


_OPERATORS: dict[str, Callable[[Ask, PastEvents], HistoryAnswer]] = {
    "formerly": _formerly,
    "never": _never,
    "since": _since,
}


_EVER = (float("-inf"), 0)


def _first(look: Look, past: PastEvents, *, after: tuple[float, int] = _EVER) -> PastEvent | None:
    """The newest event that fits, and came *after* an instant or still runs.

    Raises:
        ConditionError: `where` fails on an event, or more would have to be looked at.
    """
    looked = 0
    for seen, event in enumerate(past.matching(look)):
        if event.order < after and event.state != IN_FLIGHT:
            return None
        if seen >= MOST_SEEN:
            _too_many(look, MOST_SEEN)
            return None
        if not counts(event, look):
            continue
        if event.lost:
            raise ConditionError(f"an earlier call of {look.watch.tool} does not say what it was about")
        if look.fits is None:
            return event
        looked += 1
        if looked > MOST_LOOKED:
            _too_many(look, MOST_LOOKED)
            return None
        if event.kept is None:
            raise ConditionError(f"an earlier call of {look.watch.tool} cannot be read any more")
        if look.fits(event.kept):
            return event
    return None


def _too_many(look: Look, most: int) -> None:
    if look.absence:
        told = f"more than {most} calls of {look.watch.tool} to look at"
        raise ConditionError(f"{told}; relate 'where' to this call by an equality, or shorten 'within'")


def counts(event: PastEvent, look: Look) -> bool:
    """Whether the event is of a phase that the look asks for."""
    if event.phase in look.phases and event.phase == REQUEST:
        return True
    if RESPONSE not in look.phases:
        return False
    if event.phase == REQUEST:  # nobody knows whether its result came back
        return look.absence and event.state == UNKNOWN
    return event.state == DONE or (look.absence and event.state in (WITHHELD, UNKNOWN))


def related(pattern: EventPattern) -> str:
    """How the event must relate to this call, as it was written; empty where any call of the tool will do."""
    if pattern.where is not None:
        return pattern.where.text
    return " && ".join(f"event.{'.'.join(path)} == {ours.text}" for path, ours in pattern.pins)


def _told(look: Look) -> str:
    whose = {"session": "in this session ", "principal": "for this principal ", "agent": ""}[
        look.watch.across
    ]
    where = related(look.pattern) if look.pattern is not None else ""
    shown = f" where {where if len(where) <= MOST_SHOWN else where[:MOST_SHOWN] + '…'}" if where else ""
    return f"call of {look.watch.tool} {whose}in the last {spoken(look.watch.within_s)}{shown}"


def _how(event: PastEvent) -> str:
    return {IN_FLIGHT: ", still running", UNKNOWN: ", of unknown outcome"}.get(event.state, "")


def violations(asks: Sequence[Ask], answers: Sequence[HistoryAnswer]) -> tuple[Violation, ...]:
    """One violation for each ask whose answer does not hold; asks without an answer are errors.

    Args:
        asks: the clauses of one call.
        answers: in the same order.
    """
    if len(asks) != len(answers):
        missing = HistoryAnswer(False, "the store did not say what happened before", error=True)
        answers = [missing] * len(asks)
    return tuple(
        _violation(a.clause, found) for a, found in zip(asks, answers, strict=True) if not found.holds
    )


def _violation(clause: Clause, found: HistoryAnswer) -> Violation:
    if found.error:
        told = f"cannot be evaluated: {found.problem}"
        return Violation(clause.id, "history", OnViolation.DENY, Severity.LOW, told, error=True)
    told = f"{clause.message} ({found.problem})" if clause.message else found.problem
    return Violation(clause.id, "history", clause.on_violation, clause.severity, told)
