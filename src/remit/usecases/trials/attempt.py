"""One attempt of one trial, as the agent under test sees it: its task, its tools, and nothing of the run around it."""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from remit.core.codec import plain_args, result_text
from remit.core.errors import BadInput, Refused
from remit.core.refusals import ApprovalRequired, CallDenied, ResultWithheld
from remit.core.trial.suite import AgentSpec, Task
from remit.core.trial.trial import MOST_RESULT, Slot, TrialCall
from remit.core.trial.values import copied
from remit.core.trial.words import as_text
from remit.core.types import Decision, Json
from remit.usecases.session import Session
from remit.usecases.trials.tools import described
from remit.usecases.trials.watching import CallWatch

MOST_CALLS, MOST_OBSERVED = 10_000, 5_000
"""Of one trial: an agent that runs in circles fails, and fills no memory and no record."""
MOST_CHARACTERS = 64_000_000
"""Characters of all arguments and results of one trial."""


class TrialOver(Refused):
    """The trial has ended, by its deadline or because the run was stopped: nothing it still asks for is done."""

    def __init__(self) -> None:
        super().__init__("the trial is over: its deadline has passed, or the run was stopped")


class Attempt:
    """What an agent may do in one attempt (`ports.AgentTrial`), and what it did.

    Args:
        slot: which trial.
        task: what is asked.
        agent: as the suite describes it.
        name: of the attempt; its session's id.
        session: that governs its calls; None where no envelope does.
        watch: the world's tools; None where the agent brings its own.
    """

    def __init__(
        self,
        slot: Slot,
        task: Task,
        agent: AgentSpec,
        name: str,
        session: Session | None,
        watch: CallWatch | None,
    ) -> None:
        self._slot, self._name = slot, name
        self._task = replace(
            task, checks=(), world=None, input=copied(task.input), facts=copied(dict(task.facts))
        )
        self._agent = replace(agent, settings=copied(dict(agent.settings)))
        self._session, self._watch = session, watch
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._made: list[TrialCall] = []
        self._over = False
        self._observed, self._characters = 0, 0
        self._turn, self._told = 0, 0
        self._conversation: list[Mapping[str, Json]] = []

    @property
    def slot(self) -> Slot:
        """Arm, epoch, seed."""
        return self._slot

    @property
    def task(self) -> Task:
        """What it is asked. Neither its checks nor what its world is made from: an agent that can read what is expected
        has only to say it."""
        return self._task

    @property
    def turn(self) -> int:
        """Which turn of the user this is, from 0."""
        return self._turn

    @property
    def conversation(self) -> Sequence[Mapping[str, Json]]:
        """What was said and called before this turn."""
        return tuple(copied(dict(step)) for step in self._conversation)

    def hear(self, answered: str, said: str, recorded: Sequence[Mapping[str, Json]] | None = None) -> None:
        """The agent has answered, and the user speaks again: told to the record and to the agent's next turn.

        Args:
            answered: its words.
            said: the user's next ones.
            recorded: what the agent did upon the last ones in the record, where that is what it goes on from.
        """
        made = self.calls
        own = [step for at in range(self._told, len(made)) for step in _steps(at, made[at])]
        own.append({"role": "assistant", "content": answered})
        self._conversation.append({"role": "user", "content": self._task.user_input or str(self._task.input)})
        self._conversation += own if recorded is None else recorded
        self._turn, self._told = self._turn + 1, len(made)
        self._task = replace(self._task, input=said, user_input=said)
        if self._session is not None:
            for role, text, source in (*_seen(recorded or own[-1:]), ("user", said, None)):
                with suppress(BadInput):  # a name that no source may have: nothing else could be said of it
                    self._session.observe(role, text, source=source)

    @property
    def agent(self) -> AgentSpec:
        """As the suite describes it."""
        return self._agent

    @property
    def session_id(self) -> str:
        """In the record."""
        return self._name

    @property
    def tools(self) -> Sequence[Mapping[str, Json]]:
        """What it may call."""
        envelope = self._session.guard.envelope if self._session is not None else None
        found = described(self._watch.world.tools if self._watch is not None else {}, envelope)
        return tuple(copied(dict(one)) for one in found)

    @property
    def calls(self) -> tuple[TrialCall, ...]:
        """What it called so far; a call that is still running has an unknown outcome."""
        with self._lock:
            return tuple(self._made)

    def end(self) -> None:
        """From now on nothing that the agent asks for is done."""
        self._over = True

    # ------------------------------------------------------------------------------------------ calling
    def call(self, tool: str, args: Mapping[str, Any]) -> Any:
        """Call a tool of the world, under the envelope; for agents that run in a thread."""
        at = self._begin(tool, args)
        try:
            run = self._tool(tool, at)
        except Exception as error:
            self._end(at, self._raised(error, None), None)
            raise
        if inspect.iscoroutinefunction(run):
            if threading.get_ident() == getattr(self._loop, "_thread_id", None):
                raise BadInput(tool, "its tool is a coroutine function", "await trial.acall(…) for it")
            return asyncio.run_coroutine_threadsafe(self._awaited(tool, args, at, run), self._loop).result()
        known, began = _Known(), time.perf_counter()
        try:
            if self._session is None:
                value = run(**args)
            else:
                value = self._session.call(tool, args, run=run, decided=known)
        except BaseException as error:
            self._end(at, self._raised(error, known.decision), began)
            raise
        self._end(at, _returned(value, known.decision), began)
        return value

    async def acall(self, tool: str, args: Mapping[str, Any]) -> Any:
        """The same, for coroutines."""
        at = self._begin(tool, args)
        try:
            run = self._tool(tool, at)
        except Exception as error:
            self._end(at, self._raised(error, None), None)
            raise
        return await self._awaited(tool, args, at, run)

    async def _awaited(self, tool: str, args: Mapping[str, Any], at: int, run: Callable[..., Any]) -> Any:
        known, began = _Known(), time.perf_counter()
        try:
            if self._session is not None:
                value = await self._session.acall(tool, args, run=run, decided=known)
            else:
                value = run(**args)
                value = await value if inspect.isawaitable(value) else value
        except BaseException as error:
            self._end(at, self._raised(error, known.decision), began)
            raise
        self._end(at, _returned(value, known.decision), began)
        return value

    def observe(self, role: str, text: str, *, source: str | None = None) -> None:
        """Tell what the agent said or saw beside its calls."""
        if self._over:
            raise TrialOver
        self._observed += 1
        if self._observed > MOST_OBSERVED:
            raise BadInput("observe", f"more than {MOST_OBSERVED} texts in one trial", "tell less")
        if self._session is not None:
            self._session.observe(role, text, source=source)

    # ------------------------------------------------------------------------------------------ inside
    def _begin(self, tool: object, args: object) -> int:
        if not isinstance(tool, str) or not isinstance(args, Mapping):
            raise BadInput(
                "call", f"found {type(tool).__name__}, {type(args).__name__}", "pass a name and a mapping"
            )
        with self._lock:
            if self._over:
                raise TrialOver
            if len(self._made) >= MOST_CALLS:
                raise BadInput("call", f"more than {MOST_CALLS} calls in one trial", "end it before")
            if self._characters > MOST_CHARACTERS:
                told = f"more than {MOST_CHARACTERS:,} characters of arguments and results in one trial"
                raise BadInput("call", told, "end it before, or answer with less")
            made = plain_args(dict(args))
            self._characters += len(as_text(made))
            self._made.append(TrialCall(tool, made, self._effect(tool), "unknown"))
            return len(self._made) - 1

    def _effect(self, tool: str) -> str:
        known = self._session.guard.envelope.tools.get(tool) if self._session is not None else None
        return known.effect.value if known is not None else ""

    def _tool(self, tool: str, at: int) -> Callable[..., Any]:
        if self._watch is not None and tool in self._watch.world.tools:
            return self._watch.bound(tool, at, self._effect(tool))
        if self._session is None:
            raise LookupError(
                f"there is no tool {tool!r}" if self._watch is not None else "the suite has no world"
            )
        return _missing(tool)

    def _end(self, at: int, found: tuple[str, str, tuple[str, ...]], began: float | None) -> None:
        outcome, result, clauses = found
        latency_s = None if began is None else time.perf_counter() - began
        with self._lock:
            self._characters += len(result)
            if not self._over:
                made = self._made[at]
                self._made[at] = replace(
                    made, outcome=outcome, result=result[:MOST_RESULT], clauses=clauses, latency_s=latency_s
                )

    def _raised(self, error: BaseException, decision: Decision | None) -> tuple[str, str, tuple[str, ...]]:
        text = _message(error)
        if isinstance(error, ResultWithheld):
            return "done", text, (*_flags(decision), *(v.clause for v in error.violations))
        if isinstance(error, ApprovalRequired):
            return "held", text, error.decision.clauses
        if isinstance(error, CallDenied):
            return "refused", text, error.decision.clauses
        if isinstance(error, Exception):
            return "failed", f"{type(error).__name__}: {text}", _flags(decision)
        return "unknown", "", _flags(decision)


def _message(error: BaseException) -> str:
    try:
        return str(error)[:MOST_RESULT]
    except Exception:  # noqa: BLE001 - its own __str__ fails
        return ""


def _seen(steps: Sequence[Mapping[str, Json]]) -> Iterator[tuple[str, str, str | None]]:
    """The texts that stand in steps: role, text, and where a tool's came from."""
    for step in steps:
        role, text = str(step.get("role")), str(step.get("content") or "")
        if text:
            yield role, text, str(step.get("tool_name") or "tool") if role == "tool" else None


def _steps(at: int, call: TrialCall) -> tuple[Mapping[str, Json], ...]:
    """A call as recorded sessions have it."""
    asked: Mapping[str, Json] = {"id": f"c{at}", "name": call.tool, "args": call.args}
    told: dict[str, Json] = {
        "role": "tool",
        "tool_call_id": f"c{at}",
        "tool_name": call.tool,
        "content": call.result,
    }
    if call.outcome != "done":
        told["error"] = call.result or call.outcome
    return {"role": "assistant", "content": "", "tool_calls": [asked]}, told


class _Known:
    """By which decision a call ran."""

    __slots__ = ("decision",)

    def __init__(self) -> None:
        self.decision: Decision | None = None

    def __call__(self, decision: Decision) -> None:
        self.decision = decision


def _flags(decision: Decision | None) -> tuple[str, ...]:
    """The clauses that a call did not meet, and that let it run all the same: flags, and in monitor every one."""
    return () if decision is None else tuple(dict.fromkeys((*decision.clauses, *decision.flags)))


def _returned(value: object, decision: Decision | None) -> tuple[str, str, tuple[str, ...]]:
    return "done", result_text(value), _flags(decision)


def _missing(tool: str) -> Callable[..., Any]:
    def run(**_: Any) -> Any:
        raise LookupError(f"the suite's world has no tool {tool!r}")

    return run
