"""One trial from its slot to its end: attempts, deadline, what came of it, and what the suite says of that."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from remit.core.redact import Redactor
from remit.core.trial.apart import trial_name
from remit.core.trial.conversation import ran
from remit.core.trial.suite import Task
from remit.core.trial.trial import Breach, Checked, Slot, Trial, TrialCall
from remit.core.trial.words import as_text
from remit.ports import Answered, Target, World
from remit.usecases.session import Session
from remit.usecases.trials.answered import sound
from remit.usecases.trials.aside import Aside
from remit.usecases.trials.attempt import Attempt
from remit.usecases.trials.came import Came, trial_of, view_of, without_secrets
from remit.usecases.trials.governed import GovernedTrials, finished, judged
from remit.usecases.trials.in_time import TooLate, within
from remit.usecases.trials.infrastructure import FIRST_WAIT_S, told, tries_again, wait_before, world_failed
from remit.usecases.trials.loaded import LoadedSuite
from remit.usecases.trials.recorded_world import RecordedWorld
from remit.usecases.trials.watching import CallWatch


@dataclass(slots=True)
class TrialRunning:
    """Runs the trials of one run.

    Args of the class are its fields; nothing in it is shared between trials but what cannot change.
    """

    loaded: LoadedSuite
    targets: Mapping[str, Target]
    """By arm."""
    run: str
    """Its id."""
    launch: int = 1
    governed: GovernedTrials | None = None
    """None where the suite has no envelope."""
    redactor: Redactor | None = None
    first_wait_s: float = FIRST_WAIT_S
    now: Callable[[], float] = time.time
    _making: Aside = field(default_factory=Aside)
    _judging: Aside = field(default_factory=Aside)

    async def trial(self, slot: Slot) -> Trial:
        """Run one trial, with its retries.

        Raises:
            asyncio.CancelledError: it was stopped; nothing came of it.
        """
        breaches: list[Breach] = []
        before: dict[str, None] = {}
        attempt = 1
        while True:
            came = await self._attempt(slot, trial_name(self.run, slot.arm, slot.draw, self.launch, attempt))
            again = came.worlds and attempt <= self.loaded.suite.retries
            if not again or came.error is None or not tries_again(came.error):
                came.tools_before = tuple(before)
                return self._hidden(await self._ended(slot, came, attempt, breaches))
            before |= dict.fromkeys(call.tool for call in came.calls if ran(call))
            breaches += [
                one for one in await self._breaches(slot, came) if one.call is not None or one.clause
            ]
            attempt += 1
            await asyncio.sleep(wait_before(attempt, came.error, self.first_wait_s))

    # ------------------------------------------------------------------------------------------ one attempt
    async def _attempt(self, slot: Slot, name: str) -> Came:
        task, came = self.loaded.suite.tasks[slot.task], Came(name, at=self.now())
        session: Session | None = None
        try:
            world = await self._world(task, slot.seed)
            came.watch = CallWatch(world, self.loaded.judge, time.monotonic) if world is not None else None
            if self.governed is not None:
                agent = self.loaded.suite.arms[slot.arm]
                session = await self.governed.open(name, slot, task, agent)
        except Exception as error:  # noqa: BLE001 - the agent was not even asked
            came.error = error if world_failed(error) else _WorldBroke(error)
            return came
        try:
            await self._asked(slot, task, came, session)
        finally:
            await self._closed(session, came)
        return came

    async def _world(self, task: Task, seed: int) -> World | None:
        make = self.loaded.world_of
        return None if make is None else await self._making.run(lambda: make(task, seed))

    async def _asked(self, slot: Slot, task: Task, came: Came, session: Session | None) -> None:
        suite = self.loaded.suite
        attempt = Attempt(slot, task, suite.arms[slot.arm], came.name, session, came.watch)
        began = time.perf_counter()
        try:
            talk = self._talk(self.targets[slot.arm], attempt, task, came)
            came.answered = await within(task.deadline_s, talk)
        except TooLate:
            came.timeout = True
        except Exception as error:  # noqa: BLE001 - whatever it is, it is how the agent ended
            came.error = error
        finally:
            attempt.end()
            spent_s = came.watch.spent_s if came.watch is not None else 0.0
            came.latency_s = max(0.0, time.perf_counter() - began - spent_s)
            came.calls = attempt.calls
        if came.answered is not None:
            await self._answered(task, came, session)

    async def _talk(self, target: Target, attempt: Attempt, task: Task, came: Came) -> Answered:
        """The agent's answer; of a recorded conversation, its answers to one turn of the user after the other."""
        spoken = self.loaded.conversations.get(task.id)
        now = answered = sound(await target.run(attempt))
        came.heard, made = attempt.task.user_input, 0
        while spoken is not None:
            came.by_turn.append((*attempt.calls[made:], *now.calls))
            at, text, made = len(came.by_turn) - 1, as_text(now.answer), len(attempt.calls)
            heard = spoken.heard(at, text, [call for calls in came.by_turn for call in calls])
            came.diverged = heard.diverged
            if heard.said is None:
                break
            attempt.hear(text, heard.said, spoken.turns[at].steps if spoken.forced else None)
            if spoken.forced and came.watch is not None and isinstance(came.watch.world, RecordedWorld):
                came.watch.world.after(spoken.upto(at + 1))
            came.heard = f"{came.heard}\n\n{heard.said}"
            now = sound(await target.run(attempt))
            answered = _joined(answered, now)
        return answered

    async def _answered(self, task: Task, came: Came, session: Session | None) -> None:
        answered = came.answered
        assert answered is not None  # noqa: S101 - the caller looked
        reported: Sequence[TrialCall] = answered.calls
        if self.governed is not None:
            asked = replace(task, user_input=came.heard) if len(came.by_turn) > 1 else task
            reported = judged(reported, came.calls, asked, self.governed.envelope, came.name)
        came.calls, came.reported = (*came.calls, *reported), len(reported)
        if session is not None:
            came.unmet = await finished(session, as_text(answered.answer))

    async def _closed(self, session: Session | None, came: Came) -> None:
        if session is None:
            return
        try:
            await session.aclose(came.error)
        except Exception as error:  # noqa: BLE001 - what the record does not hold, has not happened
            came.error, came.answered, came.timeout = error, None, False

    # ------------------------------------------------------------------------------------------ what it comes to
    async def _ended(self, slot: Slot, came: Came, attempts: int, before: Sequence[Breach]) -> Trial:
        breaches = (*before, *await self._breaches(slot, came))
        judges = came.answered is not None and not came.diverged
        checked = await self._checked(slot, came) if judges else ()
        return trial_of(
            slot,
            self.loaded.suite.tasks[slot.task],
            came,
            checked=checked,
            breaches=breaches,
            session=came.name if self.governed is not None else "",
            attempts=attempts,
        )

    async def _checked(self, slot: Slot, came: Came) -> tuple[Checked, ...]:
        judge = self.loaded.judge
        if not judge.checks.get(slot.task):
            return ()
        view = view_of(self.loaded.suite.tasks[slot.task], slot, came)
        return await self._judging.run(lambda: judge.checked(view))

    async def _breaches(self, slot: Slot, came: Came) -> tuple[Breach, ...]:
        judge = self.loaded.judge
        if not judge.invariants:
            return ()
        view = view_of(self.loaded.suite.tasks[slot.task], slot, came)
        return await self._judging.run(lambda: judge.breaches(view))

    def _hidden(self, trial: Trial) -> Trial:
        return trial if self.redactor is None else without_secrets(trial, self.redactor)


class _WorldBroke(Exception):
    """The suite's own world could not be made: nothing that the agent did."""

    status_code = 503

    def __init__(self, error: BaseException) -> None:
        super().__init__(f"the world could not be made: {told(error)}")


def _joined(before: Answered, now: Answered) -> Answered:
    """Answers of two turns as one: the last words, and all that was called and spent."""

    def both(one: float | None, other: float | None) -> float | None:
        return one if other is None else other if one is None else one + other

    tokens = both(before.tokens, now.tokens)
    return replace(
        now,
        calls=(*before.calls, *now.calls),
        tokens=None if tokens is None else int(tokens),
        cost=both(before.cost, now.cost),
    )
