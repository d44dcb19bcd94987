"""What was changed, as people tell it: an event of the journal, or lines of a file beside recorded sessions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path
from typing import Any

from remit.core.canonical import loads_strict
from remit.core.change import Change, ChangeKind
from remit.core.conduct import Conduct
from remit.core.errors import BadInput
from remit.core.event import Event, StoredEvent
from remit.core.ids import derived_id
from remit.core.types import Json
from remit.usecases.cases import fingerprint_from
from remit.usecases.sessions_files import lines

RECORDED = "change.recorded"
"""Kind of the event that says what was changed; its body is `Change.told()`."""
MOST_TOLD = 2000
"""Characters of each field."""
_EARLIEST = 946684800.0
"""Of an instant that is told by hand: 2000-01-01; what lies before is milliseconds cut short, or a slip."""
_KINDS = ", ".join(ChangeKind)


def change_event(change: Change) -> Event:
    """The event that records a change."""
    return Event(change.id, "", RECORDED, change.agent, "", change.told(), tenant=change.tenant)


def change_from(stored: StoredEvent) -> Change:
    """The change that an event recorded; without its words where it was erased."""
    body, event = stored.event.body, stored.event
    kind = body.get("kind")
    return Change(
        event.id,
        ChangeKind(kind) if kind in tuple(ChangeKind) else ChangeKind.DEPLOY,
        float(body.get("at", stored.at)),
        agent=event.agent,
        tenant=event.tenant,
        before=str(body.get("before", "")),
        after=str(body.get("after", "")),
        note=str(body.get("note", "")),
        by=str(body.get("by", "")),
    )


def opened_conduct(opened: Sequence[StoredEvent]) -> list[Conduct]:
    """What ran in each session, by its `session.opened`: enough to see changes of fingerprints, and no more."""
    return [
        Conduct(
            one.event.session,
            one.event.agent,
            one.at,
            fingerprint_from(one.event.body.get("fingerprint") or {}),
            tenant=one.event.tenant,
        )
        for one in opened
        if not one.erased
    ]


_MOST_INSTANT = 100_000_000_000.0
"""Some thousand years from 1970, in seconds: what is beyond is in another unit, and no date can be written of it."""


def instant_from(told: object, where: str) -> float:
    """An instant as UTC epoch seconds or in ISO 8601; UTC where no zone is named.

    Raises:
        BadInput: neither.

    >>> instant_from("2026-01-31T12:00:00+01:00", "at"), instant_from("1769857200", "at")
    (1769857200.0, 1769857200.0)
    """
    remedy = "write 2026-01-31T12:00:00Z or epoch seconds"
    if isinstance(told, bool) or not isinstance(told, int | float | str):
        raise BadInput(where, f"found {str(told)[:40]!r}", remedy)
    try:
        found = float(told)
    except (ValueError, OverflowError):
        try:
            moment = datetime.fromisoformat(str(told).strip())
            found = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            raise BadInput(where, f"found {str(told)[:40]!r}", remedy) from None
    if not (isfinite(found) and -_MOST_INSTANT <= found <= _MOST_INSTANT):
        raise BadInput(where, f"found {found}", f"{remedy}, no milliseconds")
    return found


def past_instant(told: object, where: str, now: float) -> float:
    """As `instant_from`, of something that has happened, by the clock, not by the place in a stream.

    Raises:
        BadInput: it lies ahead, or too far back to be meant.
    """
    found = instant_from(told, where)
    if found > now + 60:
        ahead = "these are milliseconds: divide by 1,000" if found > 1e11 else "record it once it took effect"
        raise BadInput(where, f"{str(told)[:40]} lies in the future", ahead)
    if found < _EARLIEST:
        raise BadInput(where, f"{str(told)[:40]} lies before 2000", "write seconds since 1970, not before")
    return found


@dataclass(frozen=True, slots=True)
class ToldChange:
    """One line of a file of changes, before it is known when its session ran."""

    where: str
    """`file:line`."""
    change: Change
    session: str = ""
    """Id of the first session that has it; empty where an instant or a place is told."""
    index: int | None = None
    """Place of that session in the stream, from 0."""


def read_changes(path: Path) -> list[ToldChange]:
    """The changes in a file of JSON Lines.

    Each line is `{"kind", "at" | "session" | "index"}` and, where it is known, `agent`, `before` (or `from`), `after` (or
    `to`), `note`, `by` and `id`; other keys are left alone. `at` is an instant, or in a stream without times a place;
    `session` is the id of the first session that has the change, `index` its place, from 0.

    Raises:
        BadInput: with file and line.
    """
    found: dict[str, ToldChange] = {}
    for line in lines(path):
        try:
            raw = loads_strict(line.data.decode())
        except (BadInput, UnicodeDecodeError) as error:
            raise BadInput(line.where, f"not JSON: {error}", "write one JSON object a line") from None
        if not isinstance(raw, dict):
            raise BadInput(line.where, f"found {type(raw).__name__}", "write one JSON object a line")
        told = _told(raw, line.where)
        if told.change.id in found:
            before = found[told.change.id].where
            raise BadInput(
                f"{line.where}: id", f"the same as at {before}", "give each change an id of its own"
            )
        found[told.change.id] = told
    return list(found.values())


def placed(told: Sequence[ToldChange], conduct: Sequence[Conduct]) -> list[Change]:
    """The changes with the instants of their sessions.

    Args:
        told: as read.
        conduct: the sessions of the stream, in its order.

    Raises:
        BadInput: a session that the stream does not have.
    """
    by_id: dict[str, Conduct] = {}
    for one in conduct:
        by_id.setdefault(one.session, one)
    return [replace(one.change, at=_instant(one, by_id, conduct)) for one in told]


def recordable(told: ToldChange, now: float, by: str) -> Change:
    """A line of a file as a change of a store: told with an instant, by whoever hands it in; the same line is one change.

    Raises:
        BadInput: it names a session or a place, or its instant lies ahead.
    """
    one = told.change
    if told.session or told.index is not None:
        raise BadInput(told.where, "a session or a place, and no instant", "give 'at': a store has times")
    at = past_instant(one.at, f"{told.where}: at", now)
    seed = derived_id("change", one.kind.value, one.agent, at, one.before, one.after, one.note)
    return replace(one, id=seed, at=at, by=one.by or by)


def _instant(told: ToldChange, by_id: Mapping[str, Conduct], conduct: Sequence[Conduct]) -> float:
    if told.session:
        if told.session not in by_id:
            raise BadInput(
                f"{told.where}: session",
                f"{told.session[:80]!r} is not among {len(conduct)} sessions",
                "name the first session that has the change, or give 'index' or 'at'",
            )
        return by_id[told.session].at
    if told.index is not None:
        if told.index >= len(conduct):
            raise BadInput(f"{told.where}: index", f"{told.index} of {len(conduct)} sessions", "count from 0")
        return conduct[told.index].at
    return told.change.at


def _told(raw: Mapping[str, Any], where: str) -> ToldChange:
    kind = raw.get("kind")
    if kind not in tuple(ChangeKind):
        raise BadInput(f"{where}: kind", f"found {str(kind)[:40]!r}", f"use one of {_KINDS}")
    places = [key for key in ("at", "session", "index") if raw.get(key) is not None]
    if len(places) != 1:
        shown = " and ".join(places) or "none"
        raise BadInput(where, f"found {shown} of 'at', 'session' and 'index'", "give one of them")
    session, index = raw.get("session"), raw.get("index")
    if session is not None and not (isinstance(session, str) and session):
        raise BadInput(f"{where}: session", f"found {str(session)[:40]!r}", "write a session's id")
    if index is not None and (isinstance(index, bool) or not isinstance(index, int) or index < 0):
        raise BadInput(f"{where}: index", f"found {str(index)[:40]!r}", "write a place, from 0")
    change = Change(
        _text(raw, ("id",), where) or derived_id("change", where, kind, *(str(raw[key]) for key in places)),
        ChangeKind(kind),
        instant_from(raw["at"], f"{where}: at") if "at" in places else 0.0,
        agent=_text(raw, ("agent",), where),
        before=_text(raw, ("before", "from"), where),
        after=_text(raw, ("after", "to"), where),
        note=_text(raw, ("note",), where),
        by=_text(raw, ("by",), where),
    )
    return ToldChange(where, change, session or "", index)


def _text(raw: Mapping[str, Json], names: Sequence[str], where: str) -> str:
    for name in names:
        value = raw.get(name)
        if value is not None:
            if not isinstance(value, str) or len(value) > MOST_TOLD:
                told = f"write a text of at most {MOST_TOLD} characters"
                raise BadInput(f"{where}: {name}", f"found {str(value)[:40]!r}", told)
            return value
    return ""
