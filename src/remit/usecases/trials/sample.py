"""A suite from captured sessions: a stratified sample, each session with the weight of those that it stands for.

Sessions are read twice, so that only a few words of each are kept: once to see what they did, once to take those that
were drawn. What cannot be run again is left out and told, and so is what no task covers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from remit.core.envelope import Envelope
from remit.core.errors import BadInput
from remit.core.recorded import RecordedSession
from remit.core.trial.conversation import EffectOf
from remit.core.trial.sampling import Picked, SamplingUnit, allocated, number, picked
from remit.core.types import Json
from remit.usecases.trials.against import unfit
from remit.usecases.trials.recorded_talk import users_turns
from remit.usecases.trials.sample_task import task_of, too_much
from remit.usecases.trials.strata import (
    DEFAULT,
    RARE,
    TRAITS,
    SessionTraits,
    asked_like,
    bigrams,
    json_bigrams,
    label,
    readable,
    words_of,
)

SessionSource = Callable[[], Iterable[RecordedSession]]
"""The sessions, as often as it is called."""
MOST_SHOWN = 20
"""Of a list in the coverage: the most frequent ones."""


@dataclass(frozen=True, slots=True)
class WantedSample:
    """What is to be drawn, and how."""

    tasks: int
    by: tuple[str, ...] = DEFAULT
    """Traits, or fields of the record, that make the strata."""
    seed: int = 0
    floor: int = 1
    """Tasks of each stratum at least."""
    merge: bool = True
    """Whether sessions of one stratum whose users asked the same are one, with the mass of all."""
    turns: bool = False
    """Whether sessions in which the user spoke more than once are drawn, too."""
    checks: bool = True
    """Whether a task asks for the effects of its session."""


@dataclass(frozen=True, slots=True)
class Sampled:
    """The tasks of a suite, and what they stand for."""

    tasks: tuple[Mapping[str, Json], ...]
    """As a suite has them."""
    tools: tuple[str, ...]
    """Of all sessions: what an agent could call."""
    coverage: Mapping[str, Json]
    unchecked: int = 0
    """Tasks without a check: nobody knows that what their session did was right."""


@dataclass(slots=True)
class _Brief:
    """What is kept of a session while all are read."""

    id: str
    words: tuple[str, ...]
    like: str
    tools: tuple[str, ...]


@dataclass(slots=True)
class _Read:
    """All sessions, in brief."""

    usable: list[_Brief] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    tools: Counter[str] = field(default_factory=Counter)
    """Calls of each tool, also in sessions that were left out."""
    offered: set[str] = field(default_factory=set)
    """Tools of the sessions that can be run again."""


def sampled(
    source: SessionSource, wanted: WantedSample, effect: EffectOf, envelope: Envelope | None = None
) -> Sampled:
    """A sample of sessions as tasks.

    Args:
        source: captured sessions.
        wanted: what is drawn.
        effect: of a tool.
        envelope: that judges calls, where strata are made by violations.

    Raises:
        BadInput: no session can be run again; a name in `by` says nothing of any session.
    """
    read = _all(source, wanted, effect, envelope)
    strata = _strata(read.usable, wanted)
    units = {name: _units(briefs, wanted) for name, briefs in strata.items()}
    numbers = allocated(
        {name: (len(strata[name]), len(found)) for name, found in units.items()}, wanted.tasks, wanted.floor
    )
    drawn = [
        (name, one)
        for name, count in numbers.items()
        if count
        for one in picked(units[name], count, wanted.seed, name)
    ]
    sessions = _fetched(source, {one.unit.id for _, one in drawn})
    acting = tuple(sorted(tool for tool in read.offered if effect(tool) != "read"))
    tasks = tuple(
        task_of(sessions[one.unit.id], one.weight, name, effect, acting if wanted.checks else None)
        for name, one in drawn
    )
    tools = tuple(dict.fromkeys([*(envelope.tools if envelope is not None else ()), *sorted(read.offered)]))
    unchecked = sum("checks" not in task for task in tasks)
    return Sampled(tasks, tools, _coverage(read, strata, units, drawn, wanted), unchecked)


def _all(source: SessionSource, wanted: WantedSample, effect: EffectOf, envelope: Envelope | None) -> _Read:
    read = _Read()
    known: set[str] = set()
    seen: set[str] = set()
    for session in source():
        looked = SessionTraits(session, effect, envelope)
        read.tools.update(looked.tools)
        reason = unfit(session, turns=wanted.turns) or too_much(session)
        if not reason and session.session_id in seen:
            reason = "another session has the same id"
        if reason:
            read.left_out[reason] += 1
            continue
        seen.add(session.session_id)
        words = words_of(looked, wanted.by, known)
        like = asked_like(users_turns(session)) if wanted.merge else session.session_id
        read.offered.update(looked.tools)
        read.usable.append(_Brief(session.session_id, words, like, tuple(looked.tools)))
    if not read.usable:
        told = "; ".join(f"{count}: {why}" for why, count in read.left_out.most_common(3)) or "there is none"
        raise BadInput("--sessions", f"no session can be run again ({told})", "give others, or --turns")
    unknown = [name for name in wanted.by if name not in known]
    if unknown:
        raise BadInput(
            "--by", f"no session has {unknown[0]!r}", f"use a field of the record, or {', '.join(TRAITS)}"
        )
    return read


def _strata(usable: Sequence[_Brief], wanted: WantedSample) -> dict[str, list[_Brief]]:
    """Sessions by stratum, the largest first; where there are more strata than half the tasks, the rarest are one."""
    found: dict[tuple[str, ...], list[_Brief]] = {}
    for brief in usable:
        found.setdefault(brief.words, []).append(brief)
    ordered = sorted(found.items(), key=lambda one: (-len(one[1]), one[0]))
    most = max(1, wanted.tasks // (2 * max(1, wanted.floor)))
    if len(ordered) <= most:
        return {label(wanted.by, words): briefs for words, briefs in ordered}
    kept = {label(wanted.by, words): briefs for words, briefs in ordered[: most - 1]}
    pooled = ordered[most - 1 :]
    return kept | {
        f"{RARE}: {len(pooled)} kinds of session": [brief for _, briefs in pooled for brief in briefs]
    }


def _units(briefs: Sequence[_Brief], wanted: WantedSample) -> list[SamplingUnit]:
    """What can be drawn of a stratum: of sessions that were asked the same, one at random stands for all."""
    alike: dict[tuple[tuple[str, ...], str], list[str]] = {}
    for brief in briefs:
        alike.setdefault((brief.words, brief.like), []).append(brief.id)
    return [
        SamplingUnit(
            min(ids, key=lambda one: number(wanted.seed, "member", one)), len(ids), "\x1f".join(words)
        )
        for (words, _), ids in alike.items()
    ]


def _fetched(source: SessionSource, ids: set[str]) -> dict[str, RecordedSession]:
    found: dict[str, RecordedSession] = {}
    for session in source():
        if session.session_id in ids and session.session_id not in found:
            found[session.session_id] = session
        if len(found) == len(ids):
            break
    if missing := sorted(ids - found.keys()):
        raise BadInput("--sessions", f"session {missing[0]!r} is gone, or they were changed", "sample again")
    return found


# ------------------------------------------------------------------------------------------------------- coverage
def _coverage(
    read: _Read,
    strata: Mapping[str, Sequence[_Brief]],
    units: Mapping[str, Sequence[SamplingUnit]],
    drawn: Sequence[tuple[str, Picked]],
    wanted: WantedSample,
) -> dict[str, Json]:
    usable, lost = len(read.usable), sum(read.left_out.values())
    ids = {one.unit.id for _, one in drawn}
    taken = [brief for brief in read.usable if brief.id in ids]
    named = {name for name, _ in drawn}
    mass = sum(len(briefs) for name, briefs in strata.items() if name in named)
    kinds = {brief.words for brief in taken}
    tools, pairs = (
        _share(read.usable, taken, lambda b: set(b.tools)),
        _share(read.usable, taken, lambda b: bigrams(b.tools)),
    )
    missing: list[Json] = [name for name in strata if name not in named]
    lost_tools = sorted(set(read.tools) - {tool for brief in taken for tool in brief.tools})
    return {
        "sessions": usable + lost,
        "usable": usable,
        "left_out": dict(read.left_out.most_common()),
        "requests": sum(map(len, units.values())),
        "tasks": len(drawn),
        "by": list(wanted.by),
        "seed": wanted.seed,
        "strata": [
            {
                "stratum": name,
                "sessions": len(briefs),
                "tasks": sum(one == name for one, _ in drawn),
                "kinds": len({brief.words for brief in briefs}),
                "kinds_with_a_task": len({brief.words for brief in briefs} & kinds),
            }
            for name, briefs in strata.items()
        ],
        "share_in_sampled_strata": round(mass / (usable + lost), 6),
        "share_of_sampled_kinds": round(sum(one.words in kinds for one in read.usable) / (usable + lost), 6),
        "share_of_tool_uses": tools[0],
        "share_of_bigrams": pairs[0],
        "not_covered": {
            "strata": missing,
            "tools": [readable(tool) for tool in lost_tools[:MOST_SHOWN]],
            "bigrams": json_bigrams(pairs[1][:MOST_SHOWN]),
            "sessions_left_out": lost,
        },
    }


def _share(
    usable: Iterable[_Brief], taken: Iterable[_Brief], kinds: Callable[[_Brief], Iterable[object]]
) -> tuple[float, list[Json]]:
    """Of all occurrences of some kind, those whose kind a task has, and the kinds that none has, most frequent first."""
    every: Counter[object] = Counter(kind for brief in usable for kind in kinds(brief))
    covered = {kind for brief in taken for kind in kinds(brief)}
    whole = sum(every.values())
    share = sum(count for kind, count in every.items() if kind in covered) / whole if whole else 1.0
    return round(share, 6), [kind for kind, _ in every.most_common() if kind not in covered]
