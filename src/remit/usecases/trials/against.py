"""Captured sessions as the tasks of a suite: each with what its user asked, answered from its record, judged by it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace

from remit.core.canonical import encode
from remit.core.envelope import Envelope
from remit.core.recorded import RecordedCall, RecordedSession
from remit.core.trial.against import (
    CHECKS,
    NEW_EFFECT,
    DivergenceKind,
    EffectOf,
    RecordAgreement,
    Recorded,
    effects_as_recorded,
    followed,
    kinds,
    labelled,
    with_new_effects,
)
from remit.core.trial.gates.settings import OPTIONS
from remit.core.trial.judge import Judge
from remit.core.trial.report import Report
from remit.core.trial.run import Run
from remit.core.trial.suite import BASELINE, CANDIDATE, AgentSpec, Design, Rule, Suite, Task
from remit.core.trial.trial import MOST_RESULT, TrialCall
from remit.core.types import Json, PrincipalKind
from remit.usecases.captured import REFUSED
from remit.usecases.tool_effect import effect_of
from remit.usecases.tool_hint import ToolHint, canonical_args
from remit.usecases.trials.loaded import LoadedSuite
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


def effects_by(envelope: Envelope | None) -> EffectOf:
    """What a tool does: as the envelope says, else a cautious guess from its name."""
    known = {} if envelope is None else {name: tool.effect.value for name, tool in envelope.tools.items()}

    def effect(tool: str) -> str:
        return known.get(tool) or effect_of(ToolHint(tool))[0].value

    return effect


def drawn(sessions: Iterable[RecordedSession], effect: EffectOf, *, turns: bool = False) -> Drawn:
    """The sessions that can be run again.

    Args:
        sessions: captured ones.
        effect: of a tool.
        turns: also those with several turns of the user: the agent is handed all of them at once, as
            `{"turns": […]}`, since nobody is there to answer it.
    """
    kept: dict[str, RecordedSession] = {}
    recorded: dict[str, Sequence[TrialCall]] = {}
    dropped: Counter[str] = Counter()
    for session in sessions:
        if reason := unfit(session, turns=turns):
            dropped[reason] += 1
        elif session.session_id in kept:
            dropped["another session has the same id"] += 1
        else:
            kept[session.session_id] = session
            recorded[session.session_id] = calls_of(session, effect)
    return Drawn(kept, recorded, dict(dropped))


def unfit(session: RecordedSession, *, turns: bool) -> str:
    """Why a session cannot be run again; empty where it can."""
    said = users_turns(session)
    if not said:
        return "no text of the user is recorded"
    if len(said) > 1 and not turns:
        return "the user spoke more than once (--turns hands over all turns at once)"
    answered = {id(step.answers) for step in session.steps if step.answers is not None}
    calls = [call for step in session.steps for call in step.calls]
    if any(id(call) not in answered for call in calls):
        return "a call has no recorded result"
    if any(canonical_args(call.args) is None for call in calls):
        return "arguments of a call cannot be read"
    return ""


def users_turns(session: RecordedSession) -> list[str]:
    """What the user said, in order."""
    return [step.text for step in session.steps if step.role == "user" and step.text]


def calls_of(session: RecordedSession, effect: EffectOf) -> tuple[TrialCall, ...]:
    """The calls of a recorded session, as those of a trial are kept."""
    told = {id(step.answers): step for step in session.steps if step.answers is not None}
    return tuple(_call(call, told, effect) for step in session.steps for call in step.calls)


def _call(call: RecordedCall, told: Mapping[int, object], effect: EffectOf) -> TrialCall:
    step = told.get(id(call))
    failed, text = bool(getattr(step, "failed", False)), str(getattr(step, "text", ""))
    args = canonical_args(call.args)
    outcome = "unknown" if step is None else "failed" if failed else "done"
    outcome = "refused" if failed and text.startswith(REFUSED) else outcome
    return TrialCall(
        call.tool, args if args is not None else {}, effect(call.tool), outcome, text[:MOST_RESULT]
    )


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
        deadline_s: of a trial.
        concurrency: trials at a time.
        weights: of the tasks, where they were sampled; 1 each by default.
    """
    told = weights or {}
    tasks = {key: _task(session, deadline_s, told.get(key, 1.0)) for key, session in found.sessions.items()}
    digest = hashlib.sha256()
    for key in sorted(tasks):
        calls: Json = [[call.tool, call.args, call.result] for call in found.recorded[key]]
        digest.update(encode([key, tasks[key].input, calls]))
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
    checks = {key: effects_as_recorded(calls, effect) for key, calls in found.recorded.items()}
    tools = tuple(envelope.tools) if envelope is not None else ()
    every = tuple(
        dict.fromkeys((*(call.tool for calls in found.recorded.values() for call in calls), *tools))
    )

    def world_of(task: Task, _seed: int) -> RecordedWorld:
        return RecordedWorld(found.sessions[task.id], every)

    return LoadedSuite(suite, Judge(checks), envelope, world_of, dict(agents or {}))


def _task(session: RecordedSession, deadline_s: float, weight: float) -> Task:
    said = users_turns(session)
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


def gates_against(margin: float, alpha: float) -> tuple[Rule, ...]:
    """The gates of a comparison: neither fewer runs with just these effects, nor more that lack one or have one more."""
    settings = {"margin": margin, "alpha": alpha}
    return tuple(Rule(check, "not_worse", {**settings, "check": check}, OPTIONS) for check in CHECKS)


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
    )


def against_record(run: Run, recorded: Recorded, effect: EffectOf) -> Run:
    """A finished run with its calls' effects, and with what only the candidate did as breaches of it."""
    told = with_new_effects(labelled(run, effect), recorded)
    return replace(told, info=replace(told.info, invariants=(*told.info.invariants, NEW_EFFECT)))


def with_record(report: Report, run: Run, found: Drawn) -> Report:
    """The report, with how far each arm went along with the record and where it first did otherwise."""
    along, split = followed(run), kinds(run, found.recorded)
    left = sum(found.dropped.values())
    notes = [
        f"{len(found.sessions)} of {len(found.sessions) + left} captured sessions were run again{_why(found)}."
    ]
    notes += [_along(one) for one in along if one.trials]
    notes += [_split(one) for one in split if one.kind != "none"]
    if clauses := _only_candidates(run):
        told = ", ".join(f"{clause} ({calls})" for clause, calls in clauses.most_common(5))
        notes.append(f"Clauses of the envelope that only the candidate did not meet, with its calls: {told}.")
    notes.append(
        "Tools answered from the record: no effect was possible through them. What an agent does by itself,"
        " beside its trial, nobody sees here."
    )
    coverage: dict[str, Json] = {
        "sessions": len(found.sessions),
        "left_out": dict(found.dropped),
        "followed": [asdict(one) for one in along],
        "divergences": [asdict(one) for one in split],
    }
    return replace(report, notes=(*notes, *report.notes), coverage=coverage)


def _only_candidates(run: Run) -> Counter[str]:
    """Clauses that calls of the candidate did not meet, and none of the baseline's; how many calls each."""
    unmet = {
        arm: Counter(clause for trial in run.of(arm) for call in trial.calls for clause in call.clauses)
        for arm in (BASELINE, CANDIDATE)
    }
    return Counter({clause: n for clause, n in unmet[CANDIDATE].items() if clause not in unmet[BASELINE]})


def _why(found: Drawn) -> str:
    told = "; ".join(f"{n}: {reason}" for reason, n in found.dropped.items())
    return f" (left out: {told})" if told else ""


def _along(one: RecordAgreement) -> str:
    share = f"; {100 * one.served / one.calls:.0f} % of its calls were answered" if one.calls else ""
    return f"{one.arm}: {one.whole} of {one.trials} runs never left the record{share}."


def _split(one: DivergenceKind) -> str:
    about = "an effect" if one.effect else "a read"
    return (
        f"The first divergence is {_KINDS[one.kind]} ({about}): baseline {one.baseline}, candidate {one.candidate}"
        f" runs; in {one.task}: {one.example}."
    )


_KINDS = {
    "tool": "another tool",
    "arguments": "other arguments",
    "missing": "a call that was not made",
    "extra": "a call more",
    "order": "reads in another order",
}
