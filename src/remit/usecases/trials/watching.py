"""The calls of one trial, watched as the world runs them: outputs, states, and repeats on a copy.

    call ──► the world runs it ──► output ──► state (where asked) ──► copy ──► the same call on the copy (where asked)

All of that is between the tool and the agent, so that nothing else happens to the world meanwhile; the time that it
takes is kept apart, and is no part of the agent's.
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

from remit.core.errors import BadInput
from remit.core.results import plain_result
from remit.core.trial.judge import Judge
from remit.core.trial.values import copied
from remit.core.trial.view import RepeatedCall, WorldCall
from remit.core.types import Json
from remit.ports import World


@dataclass(slots=True)
class CallWatch:
    """What is kept of one trial's calls, and no state of each: one for each attempt of a trial."""

    world: World
    judge: Judge
    monotonic: Callable[[], float]
    """Seconds that never go back."""
    ran: dict[int, WorldCall] = field(default_factory=dict)
    """By the place of the call among all that the agent asked for."""
    initial: Json = None
    """The world's state before the first call; None where nothing asks for it."""
    spent_s: float = 0.0
    """Time that watching took (states, copies, repeats): no part of the agent's latency."""
    _watches: bool = False
    _flying: int = 0
    """Awaited calls that have begun and not ended."""
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        self._watches = self.judge.states or any(one.repeats is not None for one in self.judge.invariants)
        if self.judge.states:
            self.initial, _ = self.state()

    def bound(self, tool: str, at: int, effect: str = "") -> Callable[..., Any]:
        """The world's tool for one call, to be run in its place: a coroutine function where the tool is one.

        Where something watches, plain tools run one at a time, so that a state is that of one moment.

        Args:
            tool: its name; it must be in `world.tools`.
            at: the call's place in `TrialView.calls`.
            effect: what the envelope says of it; empty where nobody knows.
        """
        function = self.world.tools[tool]
        repeats = self.judge.repeats(tool, effect)
        if is_coroutine(function):
            return self._awaited(function, tool, at, repeats)

        def run(**args: Any) -> Any:
            with self._lock if self._watches else nullcontext():
                kept = copied(args)
                try:
                    output = apart(function(**apart(args)))
                except Exception as error:
                    self._noted(
                        at, WorldCall(tool, kept, error=told(error)), self._again(tool, kept, repeats)
                    )
                    raise
                self._noted(at, _returned(tool, kept, output), self._again(tool, kept, repeats))
                return output

        return run

    def state(self) -> tuple[Json, str]:
        """The world's state now, and why it cannot be told (empty where it can)."""
        return state_of(self.world)

    def _awaited(self, function: Callable[..., Any], tool: str, at: int, repeats: bool) -> Callable[..., Any]:
        async def run(**args: Any) -> Any:
            kept = copied(args)
            self._flying += 1
            try:
                output = apart(await function(**apart(args)))
            except Exception as error:
                self._noted(at, WorldCall(tool, kept, error=told(error)), None)
                await self._again_awaited(at, tool, kept, repeats)
                raise
            else:
                self._noted(at, _returned(tool, kept, output), None)
                await self._again_awaited(at, tool, kept, repeats)
                return output
            finally:
                self._flying -= 1

        return run

    def _noted(self, at: int, call: WorldCall, repeat: Callable[[], RepeatedCall] | None) -> None:
        began = self.monotonic()
        state, flaw = self.state() if self.judge.states else (None, "")
        call = replace(call, state=state, flaw=call.flaw or flaw, ended=len(self.ran))
        self.ran[at] = self.judge.kept(at, replace(call, repeat=repeat()) if repeat is not None else call)
        self.spent_s += self.monotonic() - began

    def _again(self, tool: str, args: dict[str, Any], repeats: bool) -> Callable[[], RepeatedCall] | None:
        """The repeat of a plain tool; None where nothing asks for one."""
        if not repeats:
            return None

        def again() -> RepeatedCall:
            original, _ = self.state()
            other, before, flaw = self._copied()
            if other is None:
                return RepeatedCall(flaw=flaw)
            found = _run_again(other, tool, copied(args), before)
            return found if self.state()[0] == original else RepeatedCall(flaw=_REACHED)

        return again

    async def _again_awaited(self, at: int, tool: str, args: dict[str, Any], repeats: bool) -> None:
        if not repeats:
            return
        began = self.monotonic()
        original, _ = self.state()
        other, before, flaw = self._copied()
        repeat, alone = RepeatedCall(flaw=flaw), self._flying == 1
        if other is not None:
            repeat = await _await_again(other, tool, copied(args), before)
            if alone and self._flying == 1 and self.state()[0] != original:
                repeat = RepeatedCall(flaw=_REACHED)
        self.ran[at] = self.judge.kept(at, replace(self.ran[at], repeat=repeat))
        self.spent_s += self.monotonic() - began

    def _copied(self) -> tuple[World | None, Json, str]:
        """A copy of the world and its state, or why there is none."""
        try:
            other = self.world.copy()
        except Exception as error:  # noqa: BLE001 - the world is somebody else's
            return None, None, str(error) or type(error).__name__
        before, flaw = state_of(other)
        return (None, None, flaw) if flaw else (other, before, "")


_REACHED = "the repeat on a copy reached the world itself: what the copy acts upon was not copied with it"


def apart(value: Any) -> Any:
    """A copy of what passes between agent and world: neither can reach into the other by what it keeps of it.

    Objects that are no JSON pass as they are.

    >>> inside = {"paid": [1]}
    >>> apart(inside)["paid"] is inside["paid"]
    False
    """
    kind = type(value)
    if kind is not dict and kind is not list:
        return value
    try:
        return (
            {key: apart(one) for key, one in value.items()} if kind is dict else [apart(one) for one in value]
        )
    except RecursionError:  # it holds itself
        return value


def is_coroutine(function: Callable[..., Any]) -> bool:
    """Whether a tool must be awaited."""
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004 - of an object that is called like a function
    )


def told(error: BaseException) -> str:
    """What was raised, for the record.

    >>> told(ValueError("no"))
    'ValueError: no'
    """
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001 - its own __str__ fails
        return type(error).__name__


def state_of(world: World) -> tuple[Json, str]:
    """A world's state, and why it cannot be told (empty where it can)."""
    try:
        return world.snapshot(), ""
    except BadInput as error:
        why = f"{error.found.removeprefix('found ')} in it"
        return None, f"the world's state cannot be told: {why}; give it a method state() that returns JSON"
    except Exception as error:  # noqa: BLE001 - the world is somebody else's
        return None, f"the world's state cannot be told: {told(error)}"


def _returned(tool: str, args: Json, output: Any) -> WorldCall:
    try:
        return WorldCall(tool, args, plain_result(output))
    except BadInput as error:
        return WorldCall(tool, args, flaw=f"its output has no form in JSON: {error.found}")


def _run_again(other: World, tool: str, args: dict[str, Any], before: Json) -> RepeatedCall:
    try:
        output = other.tools[tool](**args)
    except Exception as error:  # noqa: BLE001 - what a tool raises is what is looked at
        return _after(other, RepeatedCall(before, error=told(error)))
    return _after(other, _outcome(before, output))


async def _await_again(other: World, tool: str, args: dict[str, Any], before: Json) -> RepeatedCall:
    try:
        output = await other.tools[tool](**args)
    except Exception as error:  # noqa: BLE001 - what a tool raises is what is looked at
        return _after(other, RepeatedCall(before, error=told(error)))
    return _after(other, _outcome(before, output))


def _outcome(before: Json, output: Any) -> RepeatedCall:
    try:
        return RepeatedCall(before, output=plain_result(output))
    except BadInput as error:
        return RepeatedCall(before, flaw=f"the output of the repeat has no form in JSON: {error.found}")


def _after(other: World, found: RepeatedCall) -> RepeatedCall:
    state, flaw = state_of(other)
    return replace(found, after=state, flaw=found.flaw or flaw)
