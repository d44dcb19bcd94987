"""What a trial costs beside its agent: 1,000 runs at a time of an agent that sleeps for 50 ms, each durable.

    python -m benchmarks.trials [--inspect PYTHON] [--runs N] [--times N]

The wall clock over the sleep itself, for each run: with the record of the run only, and with each run governed by an
envelope (one call of a tool). `--inspect` names a Python that has inspect-ai installed, in an environment of its own; the
same agent then runs there as a solver, with its log, in turn with ours, since a machine is not the same from minute to
minute. The least of several times is shown, with all of them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from remit.adapters.target_python import PythonTarget
from remit.core.envelope import Envelope
from remit.core.trial.judge import Judge
from remit.core.trial.suite import AgentSpec, Design, Suite, Task
from remit.core.types import Json
from remit.ports import AgentTrial
from remit.store.records import EXTENSIONS
from remit.store.sqlite import SqliteStore
from remit.testing import envelope as made_envelope
from remit.usecases.clock import Uuid7
from remit.usecases.trials.loaded import LoadedSuite
from remit.usecases.trials.plan import run_info
from remit.usecases.trials.runner import Runner
from remit.wiring import trial_book_of, trial_running_of

SLEEP_S = 0.05
TASKS = 10

ENVELOPE = """
  tools:
    get_order:
      effect: read
      args: {type: object, additionalProperties: false, required: [order_id], properties: {order_id: {type: string}}}
"""

SOLVER = """
import asyncio, json, os, sys, tempfile, time
os.environ["INSPECT_DISPLAY"] = "none"
from inspect_ai import Task, eval_async, task
from inspect_ai.dataset import Sample
from inspect_ai.solver import Generate, TaskState, solver

runs, tasks, sleep_s = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])

@solver
def sleeps():
    async def solve(state: TaskState, generate: Generate) -> TaskState:
        await asyncio.sleep(sleep_s)
        state.output.completion = "done"
        return state
    return solve

@task
def bench():
    return Task(dataset=[Sample(input=f"task {n}") for n in range(tasks)], solver=sleeps(), epochs=runs // tasks)

async def main():
    with tempfile.TemporaryDirectory() as folder:
        began, cpu = time.perf_counter(), time.process_time()
        await eval_async(bench(), model="mockllm/model", max_samples=runs, log_dir=folder)
        print(json.dumps({"wall_s": time.perf_counter() - began, "cpu_s": time.process_time() - cpu}))

asyncio.run(main())
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one batch of runs."""

    wall_s: float
    cpu_s: float

    def overhead_ms(self, runs: int) -> float:
        """For each run, beside the sleep, in which all run at once."""
        return (self.wall_s - SLEEP_S) / runs * 1000


class _Shop:
    """A world with one order."""

    def __init__(self) -> None:
        self.tools: dict[str, Any] = {"get_order": self.get_order}

    async def get_order(self, order_id: str) -> dict[str, str]:
        return {"order_id": order_id, "status": "sent"}

    def snapshot(self) -> Json:
        return None

    def copy(self) -> _Shop:
        return _Shop()


async def sleeps(_: AgentTrial) -> str:
    """An agent that thinks for a while."""
    await asyncio.sleep(SLEEP_S)
    return "done"


async def calls(trial: AgentTrial) -> str:
    """The same, with a call."""
    await trial.acall("get_order", {"order_id": "A-1"})
    await asyncio.sleep(SLEEP_S)
    return "done"


def suite_of(runs: int, envelope: Envelope | None) -> LoadedSuite:
    """The suite of *runs* runs."""
    agent = calls if envelope is not None else sleeps
    tasks = {f"t{n}": Task(f"t{n}", f"task {n}") for n in range(TASKS)}
    suite = Suite(
        "bench", tasks, {"agent": AgentSpec(function=agent)}, Design(epochs=runs // TASKS), hash="b"
    )
    world = (lambda _task, _seed: _Shop()) if envelope is not None else None
    return LoadedSuite(suite, Judge(), envelope, world, {"agent": agent})


def ours(runs: int, envelope: Envelope | None = None) -> Cost:
    """What *runs* runs at a time cost here."""
    loaded = suite_of(runs, envelope)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        with SqliteStore.open(place / "b.db", home=place / "home", extensions=EXTENSIONS) as store:
            return asyncio.run(_measured(loaded, store, runs))


async def _measured(loaded: LoadedSuite, store: SqliteStore, runs: int) -> Cost:
    log = trial_book_of(store).begin(run_info(loaded, Uuid7().new(), time.time()))
    running = trial_running_of(loaded, store, log.before.info.id, log.launch)
    runner = Runner(log.before.info, log, running.trial, concurrency=runs)
    began, cpu = time.perf_counter(), time.process_time()
    run, _ = await runner.run()
    cost = Cost(time.perf_counter() - began, time.process_time() - cpu)
    log.close()
    assert len(run.trials) == runs
    assert all(trial.success for trial in run.trials), run.trials[0].reason
    assert isinstance(running.targets["agent"], PythonTarget)
    return cost


def theirs(python: str, runs: int) -> Cost:
    """The same in inspect-ai, in its own environment."""
    arguments = [python, "-c", SOLVER, str(runs), str(TASKS), str(SLEEP_S)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"inspect-ai: {done.stderr[-500:]}")
    return Cost(**json.loads(done.stdout.splitlines()[-1]))


def main(arguments: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="benchmarks.trials")
    parser.add_argument("--inspect", default="", help="a Python with inspect-ai")
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--times", type=int, default=5)
    given = parser.parse_args(arguments)
    envelope = made_envelope(ENVELOPE)
    found: dict[str, list[Cost]] = {}
    for _ in range(given.times):
        found.setdefault("remit, durable record", []).append(ours(given.runs))
        found.setdefault("remit, and governed by an envelope", []).append(ours(given.runs, envelope))
        if given.inspect:
            found.setdefault("inspect-ai, solver only", []).append(theirs(given.inspect, given.runs))
    print(
        f"{given.runs} runs at a time, each sleeping {SLEEP_S * 1000:g} ms: milliseconds for each run beside it"
    )
    print(f"{'':36} {'least':>8} {'CPU':>8}   all")
    for name, costs in found.items():
        overheads = [cost.overhead_ms(given.runs) for cost in costs]
        cpu = min(cost.cpu_s for cost in costs) / given.runs * 1000
        everything = " ".join(f"{one:.3f}" for one in overheads)
        print(f"{name:36} {min(overheads):8.3f} {cpu:8.3f}   {everything}")
    if given.inspect:
        least = [min(cost.overhead_ms(given.runs) for cost in costs) for costs in found.values()]
        print(f"inspect-ai takes {least[-1] / least[0]:.0f} times as much as the durable record")


if __name__ == "__main__":
    main(sys.argv[1:])
