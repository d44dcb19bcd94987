"""A run that is killed at a random moment, again and again, ends with every trial once: nothing lost, nothing twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from remit.core.trial.run import Run, run_from

AGENT = """
import asyncio, os
async def answer(trial):
    tell("begun", trial)
    await asyncio.sleep(0.01)
    while trial.slot.draw >= int(os.environ["HELD_FROM"]) and os.path.exists(os.environ["HELD"]):
        await asyncio.sleep(0.01)
    tell("ended", trial)
    return "done"

def tell(what, trial):
    with open(os.environ["PAID"], "a") as file:
        file.write(f"{what} {trial.slot.draw}\\n")
"""
SUITE = """apiVersion: remit/v1
kind: TrialSuite
metadata: {name: killed, version: "1"}
spec:
  agent: {python: "agent.py:answer"}
  tasks:
    - {id: a, input: "go"}
    - {id: b, input: "go"}
  design: {fixed: {epochs: %d}, seed: 3}
  run: {concurrency: 8}
"""


HANGS_S = 600
"""Only against hanging."""


class Place:
    """A folder with a suite, its store, and what was paid for."""

    def __init__(self, folder: Path, trials: int) -> None:
        self.folder = folder
        (folder / "agent.py").write_text(AGENT)
        (folder / "suite.yaml").write_text(SUITE % (trials // 2))
        self.paid = folder / "paid"
        self.paid.touch()
        self.held = folder / "held"

    def start(self, *more: str, held_from: int = 10**9) -> subprocess.Popen[bytes]:
        """Begin, or go on.

        Args:
            held_from: trials of this draw and later ones do not end while the file `held` is there: however slow this
                test is, the process is not done before it.
        """
        self.held.touch()
        known = {"PAID": str(self.paid), "HELD": str(self.held), "HELD_FROM": str(held_from)}
        known |= {"REMIT_HOME": str(self.folder / "home")}
        store = f"sqlite:///{self.folder}/r.db"
        return subprocess.Popen(
            [
                sys.executable,
                "-m",
                "remit.cli.main",
                "trial",
                "run",
                "suite.yaml",
                "--store",
                store,
                "--embedder",
                "none",
                *more,
            ],
            cwd=self.folder,
            env={**os.environ, **known},
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
        )

    def told(self, what: str) -> int:
        """How often agents told that they had begun, or ended."""
        return sum(line.startswith(what) for line in self.paid.read_text().splitlines())

    def ended(self) -> int:
        """Trials that were paid for."""
        return self.told("ended")

    def wait_for(self, ended: int, child: subprocess.Popen[bytes]) -> None:
        """Return once so many trials were paid for."""
        until = time.monotonic() + HANGS_S
        while self.ended() < ended:
            assert child.poll() is None, child.communicate()[1].decode()
            assert time.monotonic() < until
            time.sleep(0.002)

    def finish(self) -> Run:
        """Go on to the end, and read what came of it."""
        out = self.folder / "run.jsonl"
        child = self.start("--out", str(out))
        _, told = child.communicate(timeout=HANGS_S)
        assert child.returncode in (0, 4), told.decode()
        return run_from((f"run:{n}", line) for n, line in enumerate(out.read_bytes().splitlines(), 1))


@pytest.mark.parametrize(("trials", "kills"), [(100, 2), pytest.param(500, 20, marks=pytest.mark.soak)])
def test_a_run_that_is_killed_at_random_moments_has_every_trial_once(
    folder: Path, trials: int, kills: int
) -> None:
    place, draw = Place(folder, trials), random.Random(20)
    killed = 0
    for kill in range(1, kills + 1):
        # By progress and not by the clock, so that no machine is so fast that nothing is left to kill.
        paid = place.ended() + draw.randint(1, int(0.8 * trials / kills))
        child = place.start(held_from=round(0.9 * trials * kill / kills))
        place.wait_for(paid, child)
        time.sleep(draw.random() * 0.012)
        child.kill()
        child.communicate()
        killed += child.returncode == -signal.SIGKILL
    run = place.finish()

    assert killed == kills
    assert len(run.trials) == len({trial.key for trial in run.trials}) == trials
    assert [trial.draw for trial in run.trials] == list(range(trials))
    # Whoever began and was lost is counted; the start of a few was written, and they never came to begin.
    assert 0 <= place.ended() - trials <= place.told("begun") - trials <= run.repeated <= 8 * kills


def test_a_run_that_is_told_to_end_says_how_to_go_on_and_goes_on(folder: Path) -> None:
    place = Place(folder, 200)
    for number, held_from in ((signal.SIGTERM, 60), (signal.SIGINT, 120)):
        child = place.start(held_from=held_from)
        place.wait_for(place.ended() + 1, child)
        child.send_signal(number)
        if number == signal.SIGINT:  # it lets those end that run
            assert child.stderr is not None
            assert any(b"no more trials start" in line for line in child.stderr)
            place.held.unlink()
        _, told = child.communicate(timeout=HANGS_S)
        assert child.returncode == 130, told.decode()
        assert "--resume killed-" in told.decode()

    run = place.finish()
    assert [trial.draw for trial in run.trials] == list(range(200))
