"""What came of one attempt at a trial: seen by the judge, and put down as a trial, without secrets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from remit.core.redact import Redactor
from remit.core.trial.judge import score_of
from remit.core.trial.suite import Task
from remit.core.trial.trial import TOOLS_BEFORE, Breach, Checked, Slot, Status, Trial, TrialCall
from remit.core.trial.view import TrialView
from remit.core.trial.words import as_text
from remit.core.types import Json
from remit.ports import Answered
from remit.usecases.trials.governed import kept
from remit.usecases.trials.infrastructure import told, world_failed
from remit.usecases.trials.watching import CallWatch


@dataclass(slots=True)
class Came:
    """What came of one attempt."""

    name: str
    answered: Answered | None = None
    error: BaseException | None = None
    timeout: bool = False
    latency_s: float = 0.0
    at: float = 0.0
    calls: tuple[TrialCall, ...] = ()
    reported: int = 0
    unmet: tuple[tuple[str, str], ...] = ()
    watch: CallWatch | None = None
    by_turn: list[tuple[TrialCall, ...]] = field(default_factory=list)
    """The calls of each turn of the user that was played."""
    heard: str = ""
    """What the user said in them."""
    diverged: str = ""
    """How the agent left the recorded conversation."""
    tools_before: tuple[str, ...] = ()
    """What ran in earlier attempts, whose world failed: what was done then was done."""

    @property
    def worlds(self) -> bool:
        """Whether the world failed, and not the agent."""
        return self.error is not None and not self.timeout and world_failed(self.error)


def trial_of(
    slot: Slot,
    task: Task,
    came: Came,
    *,
    checked: tuple[Checked, ...],
    breaches: tuple[Breach, ...],
    session: str,
    attempts: int,
) -> Trial:
    """The trial as it ended.

    Args:
        slot: of the trial.
        task: of the slot.
        came: of its last attempt.
        checked: what the suite's checks say.
        breaches: of all attempts.
        session: in the record; empty where there is none.
        attempts: how many.
    """
    status, reason = _status(task, came, checked)
    answered = came.answered
    return Trial(
        slot.draw,
        slot.arm,
        slot.task,
        slot.epoch,
        status,
        seed=slot.seed,
        session=session,
        attempts=attempts,
        at=came.at,
        latency_s=came.latency_s,
        answer=None if answered is None or answered.answer is None else as_text(answered.answer),
        calls=came.calls,
        checks=checked,
        breaches=breaches,
        score=score_of(checked) if checked else None,
        tokens=answered.tokens if answered else None,
        cost=answered.cost if answered else None,
        reason=reason,
        extra=_extra(answered, came.tools_before),
    )


def _status(task: Task, came: Came, checked: Sequence[Checked]) -> tuple[Status, str]:
    if came.timeout:
        return Status.TIMEOUT, f"not done within {task.deadline_s:g} s"
    if came.error is not None:
        status = Status.INFRASTRUCTURE if came.worlds else Status.FAILED
        how = "" if came.worlds else "the agent broke down: "
        return status, f"{how}{told(came.error)}"
    if came.diverged:
        return Status.DIVERGED, came.diverged
    missed = [one for one in checked if not one.passed]
    if missed:
        first = missed[0]
        return Status.FAILED, f"{first.check}: {first.told}" if first.told else first.check
    return Status.PASSED, ""


def view_of(task: Task, slot: Slot, came: Came) -> TrialView:
    """What the judge looks at."""
    answered, watch = came.answered, came.watch
    state, flaw = watch.state() if watch is not None else (None, "")
    return TrialView(
        task,
        answer=answered.answer if answered else None,
        answered=answered is not None,
        calls=came.calls,
        ran=watch.ran if watch is not None else {},
        initial=watch.initial if watch is not None else None,
        state=state,
        state_flaw=flaw,
        unmet=came.unmet,
        latency_s=came.latency_s,
        arm=slot.arm,
        epoch=slot.epoch,
        seed=slot.seed,
        tokens=answered.tokens if answered else None,
        cost=answered.cost if answered else None,
        extra=answered.extra if answered else {},
        has_world=watch is not None,
        tools=tuple(watch.world.tools) if watch is not None else (),
        timed_out=came.timeout,
        by_turn=tuple(came.by_turn),
        reported=came.reported,
    )


def without_secrets(trial: Trial, hide: Redactor) -> Trial:
    """The trial as it is written and reported."""
    return replace(
        trial,
        answer=None if trial.answer is None else hide.text(trial.answer),
        calls=tuple(kept(call, hide) for call in trial.calls),
        checks=tuple(replace(one, told=hide.text(one.told)) for one in trial.checks),
        breaches=tuple(replace(one, told=hide.text(one.told)) for one in trial.breaches),
        reason=hide.text(trial.reason),
        extra=hide.value(dict(trial.extra)) if trial.extra else trial.extra,
    )


def _extra(answered: Answered | None, before: Sequence[str]) -> Mapping[str, Json]:
    again: dict[str, Json] = {TOOLS_BEFORE: list(before)} if before else {}
    if answered is None:
        return again
    told_of = {"fingerprint": dict(answered.fingerprint)} if answered.fingerprint else {}
    return {**answered.extra, **told_of, **again}
