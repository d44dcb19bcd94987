"""Runs against recorded sessions: what each did of what the record did, in both arms, and what only the candidate did.

The recorded session is one draw of a noisy agent: two runs of the *unchanged* agent share all writes in a fifth of the
cases. So no run is judged by the record alone; the baseline's re-run says how far the record is left without any change.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from remit.core.trial.conversation import LEFT, EffectOf, RecordedConversation, left_at, ran, with_effects
from remit.core.trial.divergence import compared, effects_of
from remit.core.trial.judge import TrialCheck
from remit.core.trial.run import Run
from remit.core.trial.suite import BASELINE, CANDIDATE
from remit.core.trial.trial import TOOLS_BEFORE, Breach, Checked, Status, Trial, TrialCall
from remit.core.trial.view import TrialView
from remit.core.types import ToolEffect

SAME, MISSING, ADDED = "effects-as-recorded", "no-effect-missing", "no-effect-added"
"""The checks of a run against its record: that its effects are the same, and each of the two ways to fail that. One rate
alone would not do: an agent that does nothing at all is as good as a noisy one wherever little was done."""
CHECKS = (SAME, MISSING, ADDED)
NEW_EFFECT = "known-effects"
"""The invariant that a candidate has no kind of effect that nobody had before."""
CONSEQUENTIAL = tuple(effect.value for effect in ToolEffect if effect.consequential)
_MOST_EXAMPLE = 300
_NO_ANSWER = "it ended without an answer"
_TURN = re.compile(r"turn ([0-9]{1,9}): ")
"""How what is told of a check begins, where it is about a later turn than the first."""

Recorded = Mapping[str, Sequence[TrialCall]]
"""By task: the calls of its session."""


@dataclass(frozen=True, slots=True)
class DivergenceKind:
    """One kind of divergence: in how many trials of each arm the first divergence was of it."""

    kind: str
    """As `Divergence.kind`; `none` where a trial did all that was recorded, and nothing else."""
    effect: bool
    """Whether a call took part that is no plain read."""
    baseline: int
    candidate: int
    example: str
    """The shortest one, of the candidate where it has one."""
    task: str
    """Of the example."""


@dataclass(frozen=True, slots=True)
class RecordAgreement:
    """How far the trials of one arm went along with the record."""

    arm: str
    trials: int
    calls: int
    """That they made."""
    served: int
    """Of those, how many the record answered."""
    whole: int
    """Trials that never left the record."""


def effects_as_recorded(
    recorded: Sequence[TrialCall], effect: EffectOf, spoken: RecordedConversation | None = None
) -> tuple[TrialCheck, ...]:
    """The checks that a trial did what its session did: the same calls that are no plain reads, as often, in any order.

    Args:
        recorded: the session's calls.
        effect: of a tool.
        spoken: the session's conversation, where it is played turn by turn. Forced, each turn is held against its own;
            free, no effect is missing of a trial that ended early which the record has in a later turn.
    """
    return tuple(_check(name, recorded, effect, spoken) for name in checks_of(recorded, effect))


def checks_of(recorded: Sequence[TrialCall], effect: EffectOf) -> tuple[str, ...]:
    """The checks of one session: where it had no effect, none can be missing, and counting that as kept says nothing."""
    return CHECKS if effects_of(with_effects(recorded, effect)) else (SAME, ADDED)


def _check(
    name: str, recorded: Sequence[TrialCall], effect: EffectOf, spoken: RecordedConversation | None
) -> TrialCheck:
    def check(view: TrialView) -> Checked:
        if not view.answered:
            return Checked(name, passed=False, told=_NO_ANSWER)
        missing, added, told = Counter[bytes](), Counter[bytes](), ""
        for number, (then, allowed, calls) in enumerate(_parts(view, recorded, spoken), 1):
            made = with_effects(calls, effect)
            lacks, more = effects_of(then) - effects_of(made), effects_of(made) - effects_of(allowed)
            missing, added = missing + lacks, added + more
            if (lacks or more) and not told:
                told = (f"turn {number}: " if number > 1 else "") + _told(then, made)
        if not {SAME: missing + added, MISSING: missing, ADDED: added}[name]:
            return Checked(name, passed=True)
        return Checked(name, passed=False, told=told)

    return check


def first_other_turn(trial: Trial) -> int | None:
    """The turn, from 1, in which a trial's effects were first others than the record's; None where none was."""
    failed = next((one for one in trial.checks if one.check == SAME and not one.passed), None)
    if failed is None or failed.told == _NO_ANSWER:
        return None
    found = _TURN.match(failed.told)
    return int(found[1]) if found else 1


def _parts(
    view: TrialView, recorded: Sequence[TrialCall], spoken: RecordedConversation | None
) -> list[tuple[Sequence[TrialCall], Sequence[TrialCall], Sequence[TrialCall]]]:
    """What is held against what: calls that must be among those made, those that may be, and those that were."""
    if spoken is None:
        return [(recorded, recorded, view.calls)]
    if not spoken.forced:
        return [(spoken.upto(len(view.by_turn)), recorded, view.calls)]
    turns = zip(spoken.turns, view.by_turn, strict=False)
    return [(turn.calls, turn.calls, calls) for turn, calls in turns]


def _told(recorded: Sequence[TrialCall], made: Sequence[TrialCall]) -> str:
    found, left = compared(recorded, made), left_at(made)
    first = found.first_effect or found.first
    told = first.told if first is not None else "other effects"
    return told if left is None else f"{told}; it left the record at call {left + 1}"


def followed(run: Run) -> tuple[RecordAgreement, ...]:
    """How far each arm went along."""
    return tuple(_followed(arm, run.of(arm)) for arm in run.info.arms)


def _followed(arm: str, trials: Sequence[Trial]) -> RecordAgreement:
    ended = [trial for trial in trials if trial.status is not Status.INFRASTRUCTURE]
    places = [left_at(trial.calls) for trial in ended]
    served = sum(not call.result.startswith(LEFT) for trial in ended for call in trial.calls)
    calls = sum(len(trial.calls) for trial in ended)
    return RecordAgreement(arm, len(ended), calls, served, sum(left is None for left in places))


def kinds(run: Run, recorded: Recorded) -> tuple[DivergenceKind, ...]:
    """First divergences by kind, the most frequent of the candidate first.

    Args:
        run: its calls with their effects.
        recorded: the sessions.
    """
    counts: dict[str, Counter[tuple[str, bool]]] = {arm: Counter() for arm in (BASELINE, CANDIDATE)}
    examples: dict[tuple[str, bool], tuple[bool, int, str, str]] = {}
    for trial in run.trials:
        if trial.arm not in counts or trial.success is None or trial.task not in recorded:
            continue
        first = compared(recorded[trial.task], trial.calls).first
        key = ("none", False) if first is None else (first.kind, first.effect)
        counts[trial.arm][key] += 1
        told = "" if first is None else first.told[:_MOST_EXAMPLE]
        found = (trial.arm != CANDIDATE, len(told), told, trial.task)
        examples[key] = min(examples.get(key, found), found)
    every = sorted({*counts[BASELINE], *counts[CANDIDATE]}, key=lambda key: (-counts[CANDIDATE][key], key))
    return tuple(
        DivergenceKind(
            *key, counts[BASELINE][key], counts[CANDIDATE][key], examples[key][2], examples[key][3]
        )
        for key in every
    )


def labelled(run: Run, effect: EffectOf) -> Run:
    """The run, each call with the effect of its tool."""
    trials = (replace(trial, calls=with_effects(trial.calls, effect)) for trial in run.trials)
    return replace(run, trials=tuple(trials))


def with_new_effects(run: Run, recorded: Recorded, effect: EffectOf) -> Run:
    """The run, with a breach in each trial of the candidate that used a tool with consequences which no session did.

    Neither the record of any session nor any re-run of the baseline has used it: that is no noise of the agent's, and no
    share of the sessions makes up for it. Other arguments of a known tool are for the statistics, since there the
    baseline's own re-run differs from its record, too.

    Args:
        run: its calls with their effects.
        recorded: the sessions.
        effect: of a tool, for those of attempts whose world failed and which were made again.
    """
    known = {call.tool for calls in recorded.values() for call in calls if ran(call)}
    known |= {call.tool for trial in run.of(BASELINE) for call in trial.calls if ran(call)}
    known |= {tool for trial in run.of(BASELINE) for tool in _before(trial)}
    trials = (_checked(trial, known, effect) if trial.arm == CANDIDATE else trial for trial in run.trials)
    return replace(run, trials=tuple(trials))


def _checked(trial: Trial, known: Iterable[str], effect: EffectOf) -> Trial:
    found = tuple(
        Breach(
            NEW_EFFECT, f"{call.tool} was called, which neither the record nor the baseline ever did", place
        )
        for place, call in enumerate(trial.calls)
        if call.tool not in known and call.effect in CONSEQUENTIAL and ran(call)
    )
    found += tuple(
        Breach(
            NEW_EFFECT,
            f"{tool} was called before the world failed, which neither the record nor the baseline ever did",
        )
        for tool in _before(trial)
        if tool not in known and effect(tool) in CONSEQUENTIAL
    )
    return replace(trial, breaches=(*trial.breaches, *found)) if found else trial


def _before(trial: Trial) -> tuple[str, ...]:
    """Tools that ran in attempts of the trial whose world failed."""
    told = trial.extra.get(TOOLS_BEFORE)
    return tuple(tool for tool in told if isinstance(tool, str)) if isinstance(told, list | tuple) else ()
