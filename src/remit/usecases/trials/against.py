"""Captured sessions as the tasks of a suite: each with what its user asked, answered from its record, judged by it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from remit.core.canonical import encode
from remit.core.envelope import Envelope
from remit.core.recorded import RecordedSession
from remit.core.trial.against import (
    CHECKS,
    NEW_EFFECT,
    Recorded,
    checks_of,
    effects_as_recorded,
    labelled,
    with_new_effects,
)
from remit.core.trial.conversation import EffectOf, RecordedConversation
from remit.core.trial.gates.settings import OPTIONS
from remit.core.trial.judge import Judge
from remit.core.trial.run import Run
from remit.core.trial.suite import AgentSpec, Design, Rule, Suite, Task
from remit.core.trial.trial import TrialCall
from remit.core.types import Json, PrincipalKind
from remit.usecases.tool_effect import effect_of
from remit.usecases.tool_hint import ToolHint, canonical_args
from remit.usecases.trials.loaded import LoadedSuite
from remit.usecases.trials.recorded_talk import (
    acted_upon_no_words,
    calls_of,
    conversation_of,
    users_turns,
)
from remit.usecases.trials.recorded_world import RecordedWorld


@dataclass(frozen=True, slots=True)
class Drawn:
    """What of the captured sessions can be run again, and why the rest cannot."""

    sessions: Mapping[str, RecordedSession]
    """By task."""
    recorded: Mapping[str, Sequence[TrialCall]]
    """By task: what its session called, and what came back."""
    dropped: Mapping[str, int] = field(default_factory=dict)
    """Sessions by the reason for which they were left out."""
    spoken: Mapping[str, RecordedConversation] = field(default_factory=dict)
    """By task: what the user said, where he is played turn by turn."""


def effects_by(envelope: Envelope | None) -> EffectOf:
    """What a tool does: as the envelope says, else a cautious guess from its name."""
    known = {} if envelope is None else {name: tool.effect.value for name, tool in envelope.tools.items()}

    def effect(tool: str) -> str:
        return known.get(tool) or effect_of(ToolHint(tool))[0].value

    return effect


class Turns(StrEnum):
    """What becomes of sessions in which the user spoke more than once."""

    EACH = "each"
    """Each turn is asked after the recorded ones before it."""
    FREE = "free"
    """The agent goes on from its own turns, as far as the user's words still answer them."""
    AT_ONCE = "at-once"
    """The agent is handed all turns at once, as `{"turns": […]}`."""
    NONE = "none"
    """They are left out."""


def drawn(sessions: Iterable[RecordedSession], effect: EffectOf, turns: Turns = Turns.EACH) -> Drawn:
    """The sessions that can be run again.

    Args:
        sessions: captured ones.
        effect: of a tool.
        turns: what becomes of those in which the user spoke more than once.
    """
    spoken: dict[str, RecordedConversation] = {}
    kept: dict[str, RecordedSession] = {}
    recorded: dict[str, Sequence[TrialCall]] = {}
    dropped: Counter[str] = Counter()
    for session in sessions:
        talk = conversation_of(session, effect, forced=turns is not Turns.FREE)
        if reason := unfit(session, turns=True):
            dropped[reason] += 1
        elif turns is Turns.NONE and len(users_turns(session)) > 1:
            dropped["the user spoke more than once"] += 1
        elif session.session_id in kept:
            dropped["another session has the same id"] += 1
        else:
            kept[session.session_id] = session
            recorded[session.session_id] = calls_of(session, effect)
            if turns in (Turns.EACH, Turns.FREE):
                spoken[session.session_id] = talk
    return Drawn(kept, recorded, dict(dropped), spoken)


def unfit(session: RecordedSession, *, turns: bool) -> str:
    """Why a session cannot be run again; empty where it can."""
    said = users_turns(session)
    if not said:
        return "no text of the user is recorded"
    if len(said) > 1 and not turns:
        return "the user spoke more than once (--turns hands over all turns at once)"
    if acted_upon_no_words(session):
        return "a turn of the user that was acted upon has no text"
    answered = {id(step.answers) for step in session.steps if step.answers is not None}
    calls = [call for step in session.steps for call in step.calls]
    if any(id(call) not in answered for call in calls):
        return "a call has no recorded result"
    if any(canonical_args(call.args) is None for call in calls):
        return "arguments of a call cannot be read"
    return ""


def suite_against(
    found: Drawn,
    arms: Mapping[str, AgentSpec],
    design: Design,
    *,
    name: str,
    envelope: Envelope | None = None,
    envelope_path: str = "",
    agents: Mapping[str, Callable[..., object]] | None = None,
    deadline_s: float = 120.0,
    concurrency: int = 8,
    weights: Mapping[str, float] | None = None,
) -> LoadedSuite:
    """A suite whose tasks are the sessions, ready to run. Its tools answer from the record: no effect is possible.

    Args:
        found: the sessions.
        arms: the baseline, which is run again, and the candidate.
        design: how trials are drawn.
        name: of the suite.
        envelope: that all trials run under.
        envelope_path: its file.
        agents: by arm: the function of each agent that is one.
        deadline_s: of a trial, for each turn of its user.
        concurrency: trials at a time.
        weights: of the tasks, where they were sampled; 1 each by default.
    """
    told = weights or {}
    tasks = {
        key: _task(session, deadline_s, told.get(key, 1.0), found.spoken.get(key))
        for key, session in found.sessions.items()
    }
    digest = hashlib.sha256()
    for key in sorted(tasks):
        calls: Json = [[call.tool, call.args, call.result] for call in found.recorded[key]]
        said: Json = (
            [one.said for one in found.spoken[key].turns] if key in found.spoken else tasks[key].input
        )
        forced = key in found.spoken and found.spoken[key].forced
        digest.update(encode([key, said, calls, forced]))
    suite = Suite(
        name=name,
        tasks=tasks,
        arms=dict(arms),
        design=design,
        envelope=envelope_path,
        hash=digest.hexdigest(),
        concurrency=concurrency,
        holds="grant",  # nothing can happen, and in the record somebody had said yes
    )
    effect = effects_by(envelope)
    checks = {
        key: effects_as_recorded(calls, effect, found.spoken.get(key))
        for key, calls in found.recorded.items()
    }
    tools = tuple(envelope.tools) if envelope is not None else ()
    every = tuple(
        dict.fromkeys((*(call.tool for calls in found.recorded.values() for call in calls), *tools))
    )

    def world_of(task: Task, _seed: int) -> RecordedWorld:
        return RecordedWorld(found.sessions[task.id], every)

    return LoadedSuite(suite, Judge(checks), envelope, world_of, dict(agents or {}), found.spoken)


def _task(
    session: RecordedSession, deadline_s: float, weight: float, spoken: RecordedConversation | None
) -> Task:
    said = users_turns(session) if spoken is None else [spoken.turns[0].said]
    deadline_s *= 1 if spoken is None else len(spoken.turns)
    asked: Json = said[0] if len(said) == 1 else {"turns": said}
    kind = session.principal_kind or PrincipalKind.CUSTOMER
    return replace(
        Task(session.session_id, asked, "\n\n".join(said)),
        facts=session.facts,
        principal_kind=kind,
        weight=weight,
        stratum=session.suite,
        deadline_s=deadline_s,
    )


def gates_against(margin: float, alpha: float, found: Drawn, effect: EffectOf) -> tuple[Rule, ...]:
    """The gates of a comparison: neither fewer runs with just these effects, nor more that lack one or have one more.

    Args:
        margin: how much less is still not worse.
        alpha: how often a worse one may pass.
        found: the sessions; whether an effect is missing is asked where some session had one.
        effect: of a tool.
    """
    asked = {check for calls in found.recorded.values() for check in checks_of(calls, effect)}
    settings = {"margin": margin, "alpha": alpha}
    return tuple(
        Rule(check, "not_worse", {**settings, "check": check}, OPTIONS) for check in CHECKS if check in asked
    )


def some_of(found: Drawn, most: int, seed: int) -> Drawn:
    """At most so many of the sessions, each as likely as any other; which ones is the seed's."""
    if len(found.sessions) <= most:
        return found
    order = sorted(found.sessions, key=lambda key: hashlib.sha256(f"{seed}\x1f{key}".encode()).digest())
    kept = set(order[:most])
    left = {**found.dropped, "not drawn": len(found.sessions) - most}
    return Drawn(
        {key: session for key, session in found.sessions.items() if key in kept},
        {key: calls for key, calls in found.recorded.items() if key in kept},
        left,
        {key: talk for key, talk in found.spoken.items() if key in kept},
    )


def against_record(run: Run, recorded: Recorded, effect: EffectOf) -> Run:
    """A finished run with its calls' effects, and with what only the candidate did as breaches of it."""
    told = with_new_effects(labelled(run, effect), recorded, effect)
    return replace(told, info=replace(told.info, invariants=(*told.info.invariants, NEW_EFFECT)))
