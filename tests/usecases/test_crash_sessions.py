"""kill -9 while many sessions run in one event loop: what a task was told is done is there, and the journal verifies."""

from __future__ import annotations

import asyncio
import os
import random
import select
import signal
import time
from itertools import count
from pathlib import Path

from remit.store.verify import verify
from remit.testing import envelope, open_guard
from remit.usecases.guard import Guard

AT_ONCE = 20
NOTHING = "args: {type: object, additionalProperties: false}"
TOOLS = envelope(f"  tools:\n    look: {{effect: read, {NOTHING}}}\n    act: {{effect: write, {NOTHING}}}\n")
LIFE = {"session.opened", "observed", "decided", "settled", "finished", "session.closed"}


async def look() -> str:
    await asyncio.sleep(0)
    return "seen"


async def sessions_without_end(guard: Guard, name: str, report: int) -> None:
    """One session after the other; each is reported once it was concluded."""
    for number in count():
        session = guard.session(id=f"{name}-{number}", user_input="look", principal=f"user-{number % 3}")
        await session.acall("act" if number % 2 else "look", {}, run=look)
        if number % 5:
            await session.aconclude("done")
        else:
            await session.afinish("done")
            await session.aclose()
        os.write(report, f"{session.id}\n".encode())


def run_until_killed(folder: Path, name: str, report: int) -> None:
    guard = open_guard(folder, TOOLS)

    async def main() -> None:
        await asyncio.gather(
            *(sessions_without_end(guard, f"{name}-{at}", report) for at in range(AT_ONCE)),
        )

    asyncio.run(main())


def killed(folder: Path, name: str, wait_s: float) -> list[str]:
    """Start a process, kill it in the middle of its work, and return which sessions it reported."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.close(reading)
            run_until_killed(folder, name, writing)
        finally:
            os._exit(1)
    os.close(writing)
    select.select([reading], [], [], 600)  # it has concluded something, however slow the machine is
    time.sleep(wait_s)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with os.fdopen(reading) as lines:
        return lines.read().splitlines()


def test_a_session_that_was_concluded_is_whole_after_kills(tmp_path: Path) -> None:
    choose = random.Random(5)
    done = [name for round_ in range(4) for name in killed(tmp_path, str(round_), choose.uniform(0.0, 0.3))]
    report = verify(tmp_path / "remit.db", tmp_path / "home")
    with open_guard(tmp_path, TOOLS) as guard:
        for name in done:
            assert {one.event.kind for one in guard.records.events(name)} >= LIFE, name

    assert report.ok, report.problems
    assert done, "nothing was concluded between the kills"
