"""Each attempt of a trial as a governed session, in the same record as production, with its own breaker and limits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from typing import Protocol

from remit.core.envelope import Envelope
from remit.core.event import StoredEvent
from remit.core.history import Watch, watches_of
from remit.core.ids import derived_id
from remit.core.recorded import RecordedCall, RecordedSession, RecordedStep
from remit.core.redact import Redactor
from remit.core.refusals import AnswerRefused
from remit.core.trial.apart import trial_tenant
from remit.core.trial.suite import AgentSpec, Task
from remit.core.trial.trial import Slot, TrialCall
from remit.core.types import Json, Result
from remit.ports import Clock, Ids, Records
from remit.usecases.archive import loaded
from remit.usecases.awaiting import shielded
from remit.usecases.guard import FINGERPRINT_KEYS, Guard
from remit.usecases.replay import replay_session
from remit.usecases.session import Session


class TrialStore(Records, Protocol):
    """The store as trials use it; `store.trial_records.TrialRecords`."""

    def begin(self, tenant: str, agent: str, watches: Sequence[Watch]) -> Future[None]:
        """Keep what these ask about of a tenant that begins now."""


class _NewGuard(Guard):
    """The guard of one attempt, whose session nobody has opened before."""

    def _earlier(self, session_id: str) -> list[StoredEvent]:  # noqa: ARG002
        return []


class GovernedTrials:
    """Opens and closes the sessions of one run's trials.

    Args:
        envelope: that they run under.
        records: the store.
        clock: this process's time.
        ids: makes ids.
        redactor: replaces secrets.
        draw: a random number in [0, 1).
    """

    def __init__(
        self,
        envelope: Envelope,
        records: TrialStore,
        *,
        clock: Clock,
        ids: Ids,
        redactor: Redactor,
        draw: Callable[[], float] | None = None,
    ) -> None:
        self.envelope = envelope
        self.redactor = redactor
        self._records, self._clock, self._ids, self._draw = records, clock, ids, draw
        self._watches = watches_of(envelope.tools)

    async def begin(self, tenant: str) -> None:
        """Keep the envelope's text for the run, once."""
        if self.envelope.text:
            await shielded(self._records.append([loaded(self.envelope, tenant)]))

    async def open(self, name: str, slot: Slot, task: Task, agent: AgentSpec) -> Session:
        """The session of one attempt.

        Raises:
            AgentHalted: somebody stopped every agent of the store.
            Unavailable: the store cannot be written.
        """
        tenant = trial_tenant(name)
        if self._watches:
            await shielded(self._records.begin(tenant, self.envelope.name, self._watches))
        guard = _NewGuard(
            self.envelope,
            self._records,
            clock=self._clock,
            ids=self._ids,
            redactor=self.redactor,
            tenant=tenant,
            approval_wait_s=0.0,
            async_approval_wait_s=0.0,
            allow_volatile=True,
            draw=self._draw,
        )
        user = task.user_input or (task.input if isinstance(task.input, str) else "")
        told = {key: value for key, value in agent.fingerprint.items() if key in FINGERPRINT_KEYS}
        return guard.session(
            id=name,
            user_input=user or None,
            principal=task.principal,
            principal_kind=task.principal_kind.value if task.principal_kind else None,
            facts=task.facts,
            fingerprint=told,
            arm=slot.arm,
            seed=slot.seed,
        )


async def finished(session: Session, answer: str) -> tuple[tuple[str, str], ...]:
    """Check the final answer and close the session; the clauses that it does not meet, with what was told."""
    with suppress(AnswerRefused):
        await session.aconclude(answer)
    return tuple((violation.clause, violation.message) for violation in session.unmet)


def judged(
    reported: Sequence[TrialCall], made: Sequence[TrialCall], task: Task, envelope: Envelope, name: str
) -> tuple[TrialCall, ...]:
    """Calls that an agent made by itself and reports, with the clauses that they did not meet.

    Nothing stood in front of them, so they are judged afterwards, as recorded sessions are: on what the session had seen
    before each of them.

    Args:
        reported: in the order in which they were made.
        made: those that it made through its trial, taken to have come before.
        task: what was asked.
        envelope: to judge by.
        name: of the attempt.
    """
    if not reported:
        return ()
    steps: list[RecordedStep] = []
    user = task.user_input or (task.input if isinstance(task.input, str) else "")
    if user:
        steps.append(RecordedStep(0, "user", user))
    for place, call in enumerate((*made, *reported)):
        asked = RecordedCall(len(steps), derived_id(name, place), call.tool, call.args)
        steps.append(RecordedStep(len(steps), "assistant", "", (asked,)))
        failed = call.outcome == "failed"
        steps.append(RecordedStep(len(steps), "tool", call.result, (), asked, call.tool, failed))
    session = RecordedSession(name, "", tuple(steps), dict(task.facts), task.principal_kind)
    decisions = [one.decision for one in replay_session(session, envelope).judged][len(made) :]
    found = []
    for call, decision in zip(reported, decisions, strict=True):
        unmet = decision.clauses if decision.result is not Result.ALLOW else ()
        effect = decision.effect.value if decision.effect is not None else call.effect
        clauses = tuple(dict.fromkeys((*call.clauses, *unmet, *decision.flags)))
        found.append(replace(call, effect=effect, clauses=clauses))
    return tuple(found)


def kept(call: TrialCall, redactor: Redactor) -> TrialCall:
    """The call as it is written: without its secrets."""
    args: Json = redactor.value(call.args)
    return replace(call, args=args, result=redactor.text(call.result))
