"""Changes that nobody told: the fingerprints of an agent's sessions say other things than before.

For each field the values are followed through the stream. A value that begins to show is a change, whether the old one
ends there or goes on beside it (a canary, two versions at once). A value that was away for long and comes back is one
too: somebody rolled back. What was unknown and becomes known is none, and neither is a field that says
something new in every few sessions.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median

from remit.core.change import Change, ChangeKind
from remit.core.classify.change_windows import FIELDS
from remit.core.conduct import Conduct
from remit.core.ids import derived_id
from remit.core.types import Fingerprint

FEWEST = 3
"""Sessions that a value must show in; a model that stood in once is no change."""
AWAY = 20
"""Sessions without a value after which its return is a change, if it used to show more often than that."""
BESIDE = 20
"""Sessions between what people told and what was seen, up to which both are one change."""
_MOST_BESIDE = 3
"""Other values at the same time; with more of them a field tells sessions apart, and no versions."""
_MOST_VALUES = 12
"""A field with more values than this is none where they also make more than a tenth of the sessions."""


def changes_seen(conduct: Sequence[Conduct], known: Sequence[Change] = ()) -> list[Change]:
    """What the fingerprints show, in order of time, without what is known already.

    Args:
        conduct: sessions, in any order; those of one instant stay in the order given.
        known: what people told.
    """
    found = []
    for sessions in _by_agent(conduct):
        seen = [change for field in _fields(sessions) for change in _of_field(field, sessions)]
        place = {one.at: at for at, one in reversed(list(enumerate(sessions)))}
        found += [one for one in seen if _told(one, known, sessions, place[one.at]) is None]
    return sorted(found, key=lambda change: change.at)


def with_seen(known: Sequence[Change], conduct: Sequence[Conduct]) -> list[Change]:
    """What people told and what was seen, each change once: a told one that the fingerprints show says what they say.

    The values of fingerprints tell the sessions of two versions apart that ran at once.
    """
    told = {(one.id, one.agent): one for one in known}
    found = []
    for sessions in _by_agent(conduct):
        place = {one.at: at for at, one in reversed(list(enumerate(sessions)))}
        for field in _fields(sessions):
            for seen in _of_field(field, sessions):
                one = _told(seen, known, sessions, place[seen.at])
                if one is None:
                    found.append(seen)
                else:
                    own = replace(one, kind=seen.kind, agent=seen.agent, before=seen.before, after=seen.after)
                    told[own.id, own.agent] = own
    return sorted([*told.values(), *found], key=lambda change: change.at)


def _by_agent(conduct: Sequence[Conduct]) -> list[list[Conduct]]:
    by_agent = defaultdict[tuple[str, str], list[Conduct]](list)
    for one in sorted(conduct, key=lambda c: c.at):
        by_agent[one.tenant, one.agent].append(one)
    return list(by_agent.values())


@dataclass(frozen=True, slots=True)
class _Field:
    kind: ChangeKind
    values: tuple[tuple[int, str], ...]
    """(place of the session, value) where it is known."""


def _fields(sessions: Sequence[Conduct]) -> Iterator[_Field]:
    for kind, name in FIELDS.items():
        yield _field(kind, [getattr(one.fingerprint, name) for one in sessions])
    for key in sorted({key for one in sessions for key in one.fingerprint.runtime}):
        yield _field(ChangeKind.RUNTIME, [_runtime(one.fingerprint, key) for one in sessions])


def _runtime(fingerprint: Fingerprint, key: str) -> str | None:
    found = fingerprint.runtime.get(key)
    return None if found is None else f"{key}={found}"


def _field(kind: ChangeKind, values: Sequence[str | None]) -> _Field:
    known = tuple((place, value) for place, value in enumerate(values) if value is not None)
    distinct = len({value for _, value in known})
    noisy = distinct > _MOST_VALUES and distinct * 10 > len(known)
    return _Field(kind, () if noisy or distinct < 2 else known)


def _of_field(field: _Field, sessions: Sequence[Conduct]) -> Iterator[Change]:
    numbers = defaultdict[str, list[int]](list)
    for number, (_, value) in enumerate(field.values):
        numbers[value].append(number)
    shown = sorted((*span, value) for value, where in numbers.items() for span in _spans(where))
    for start, _, value in shown:
        before = _before(field, start, value)
        beside = {other for low, high, other in shown if low <= start + AWAY and high >= start} - {value}
        if before is None or len(beside) > _MOST_BESIDE:
            continue
        first = sessions[field.values[start][0]]
        id = derived_id("change", first.tenant, first.agent, field.kind, value, first.session)
        yield Change(
            id,
            field.kind,
            first.at,
            agent=first.agent,
            tenant=first.tenant,
            before=before,
            after=value,
            seen=True,
        )


def _spans(where: Sequence[int]) -> Iterator[tuple[int, int]]:
    """From where to where a value shows, and shows often enough."""
    gaps = [after - before for before, after in pairwise(where)]
    away = max(AWAY, 8 * median(gaps)) if gaps else AWAY
    first = 0
    for at in range(1, len(where) + 1):
        if at == len(where) or where[at] - where[at - 1] > away:
            if at - first >= FEWEST:
                yield where[first], where[at - 1]
            first = at


def _before(field: _Field, start: int, value: str) -> str | None:
    """What prevailed until then; None at the beginning."""
    earlier = [one for _, one in field.values[max(0, start - AWAY) : start] if one != value]
    return Counter(reversed(earlier)).most_common(1)[0][0] if earlier else None


def _told(seen: Change, known: Sequence[Change], sessions: Sequence[Conduct], place: int) -> Change | None:
    """The change that people told and that this one is, if they did: the nearest of its kind, or a deployment that began
    with the very same session."""
    near = []
    for one in known:
        if one.tenant != seen.tenant or one.agent not in ("", seen.agent):
            continue
        between = sum(
            min(one.at, seen.at) <= s.at < max(one.at, seen.at)
            for s in sessions[max(0, place - BESIDE - 1) : place + BESIDE + 1]
        )
        if between <= (BESIDE if one.kind is seen.kind else 0) and one.kind in (seen.kind, ChangeKind.DEPLOY):
            near.append((one.kind is not seen.kind, between, one))
    return min(near, key=lambda found: found[:2])[2] if near else None
