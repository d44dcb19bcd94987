"""A run as it goes: what people see of it on stderr, and how they stop it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from remit.cli.output import note
from remit.core.trial.trial import Status

if TYPE_CHECKING:
    from remit.core.trial.run import Run
    from remit.store.trial_book import OpenRun
    from remit.trials import GoingOn
    from remit.usecases.trials.runner import End, Progress, Runner
    from remit.usecases.trials.shards import Shard

_EVERY_S = 0.2
_QUIET_EVERY_S = 30.0
"""How often a line is written where stderr is no terminal."""
_SHARED_EVERY_S = 0.5
_TIMED_EVERY_S = 0.1
HELD_UP_S = 2.0
"""So long a stop of everything is told."""


async def attended(going: GoingOn, shard: Shard | None, log: OpenRun) -> tuple[Run, End]:
    """Run it, show how far it is, and stop it when somebody asks for that."""
    runner = going.runner
    await going.opened()
    if shard is not None:
        runner.also([*shard.begin(log.before), *shard.others()])
    worst = [0.0]
    beside = [asyncio.create_task(_shown(runner)), asyncio.create_task(_timed(worst))]
    if shard is not None:
        beside.append(asyncio.create_task(_shared(runner, shard)))
    with _stoppable(runner):
        try:
            found, end = await runner.run()
        finally:
            for task in beside:
                task.cancel()
            await asyncio.wait(beside)
            await going.aclose()
    if worst[0] > HELD_UP_S:
        note(
            f"remit: all trials were held up, for {worst[0]:.1f} s at the longest, and deadlines and latencies count it: "
            "a coroutine waited without `await` (a plain function does not hold up others), or the machine was too busy"
        )
    if shard is not None:
        shard.ended(found, end)
    return found, end


async def _timed(worst: list[float]) -> None:
    """How much later than asked for it was woken, at worst: so long nothing else ran either."""
    while True:
        before = time.monotonic()
        await asyncio.sleep(_TIMED_EVERY_S)
        worst[0] = max(worst[0], time.monotonic() - before - _TIMED_EVERY_S)


@contextlib.contextmanager
def _stoppable(runner: Runner) -> Iterator[None]:
    """Ctrl-C lets running trials end, a second one cancels them; SIGTERM cancels them."""
    loop, asked = asyncio.get_running_loop(), [0]

    def interrupted() -> None:
        asked[0] += 1
        if asked[0] == 1:
            note("remit: no more trials start; those that run may end. Press Ctrl-C again to cancel them")
        runner.stop("somebody stopped it", drain=asked[0] == 1)

    wanted = {signal.SIGINT: interrupted, signal.SIGTERM: lambda: runner.stop("it was told to end (SIGTERM)")}
    added = []
    for number, handler in wanted.items():
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):  # not in the main thread
            loop.add_signal_handler(number, handler)
            added.append(number)
    try:
        yield
    finally:
        for number in added:
            loop.remove_signal_handler(number)


async def _shared(runner: Runner, shard: Shard) -> None:
    """What other parts wrote, and whether one of them said stop."""
    while True:
        runner.also(shard.others())
        if why := shard.stopped():
            runner.also(shard.others())  # what they knew when they said so
            runner.stop(why)
        await asyncio.sleep(_SHARED_EVERY_S)


async def _shown(runner: Runner) -> None:
    """One line that is written over where stderr is a terminal; else one now and then."""
    terminal = sys.stderr.isatty()
    began = time.monotonic()
    try:
        while True:
            await asyncio.sleep(_EVERY_S if terminal else _QUIET_EVERY_S)
            line = told(runner.progress, time.monotonic() - began)
            sys.stderr.write(f"\r\x1b[2K{line}" if terminal else f"remit: {line}\n")
            sys.stderr.flush()
    finally:
        if terminal:
            sys.stderr.write("\r\x1b[2K")
            sys.stderr.flush()


def told(progress: Progress, elapsed_s: float) -> str:
    """How far a run is, in one line."""
    counts = progress.statuses
    passed = counts[Status.PASSED.value]
    failed = counts[Status.FAILED.value] + counts[Status.TIMEOUT.value]
    parts = [f"{progress.ended} of at most {progress.planned} trials", f"{progress.running} running"]
    parts.append(f"{passed} passed, {failed} failed")
    if lost := counts[Status.INFRASTRUCTURE.value]:
        parts.append(f"{lost} lost to the world")
    if apart := counts[Status.DIVERGED.value]:
        parts.append(f"{apart} left the recorded conversation")
    if progress.retried:
        parts.append(f"{progress.retried} retries")
    return f"{'; '.join(parts)}; {elapsed_s:.0f} s"
