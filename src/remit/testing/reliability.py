"""Runs one test many times, and says what its success rate is known to be.

Each run is a whole protocol of pytest: set up, call, tear down, with function-scoped fixtures made anew. Runs go one
after the other, so that the order in which they start is the order in which they are judged. A run that fails because
the world does (`remit.Unavailable`, a refused connection, an error while setting up) is made again and never counted as a
failure; a time-out is one.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

from remit.core.errors import BadInput, Unavailable
from remit.core.trial.gates.gate import Gate
from remit.core.trial.gates.table import gates_of
from remit.core.trial.report import Ruling
from remit.core.trial.run import Run, RunInfo, TaskInfo, run_lines
from remit.core.trial.schedule import slots
from remit.core.trial.suite import ONLY_ARM
from remit.core.trial.trial import Breach, Slot, Status, Trial
from remit.core.trial.verdict import Verdict
from remit.testing.asked import MarkerArguments
from remit.testing.each_run import EachRun
from remit.testing.plugin import MARKER, RAISED, RUNS
from remit.testing.reliability_run import ReliabilityRun, asked_by
from remit.usecases.trials.infrastructure import tries_again

WORLD = (Unavailable, ConnectionError)
"""What says that the world failed, and not the agent."""
MOST_TOLD = 300
FIRST = 10
"""Runs after which a test ends where the world failed in all of them."""


class InvariantBroken(AssertionError):
    """What no run may ever do has happened: the test fails at once, whatever its success rate."""


def check_markers(items: list[pytest.Item]) -> None:
    """Refuse what cannot be meant.

    Raises:
        pytest.UsageError: with the test's name, what was found and what would do.
    """
    for item in items:
        if item.get_closest_marker(MARKER) is not None:
            try:
                _gate(asked_by(item))
            except BadInput as error:
                raise pytest.UsageError(str(error)) from None


def protocol(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Run *item* until its gate has decided, and report it once."""
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    _Repeated(item, asked_by(item)).run(nextitem)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)


class _Repeated:
    """One test, as its runs go on."""

    def __init__(self, item: pytest.Item, asked: MarkerArguments) -> None:
        self.item, self.asked = item, asked
        self.gate = _gate(asked)
        self.each = EachRun(item)
        self.trials: list[Trial] = []
        self.reports: list[pytest.TestReport] = []
        self.failed: pytest.TestReport | None = None
        self.started = perf_counter()

    def run(self, nextitem: pytest.Item | None) -> None:
        with self.each.alone():
            self._runs()
        self._report(nextitem)

    def _runs(self) -> None:
        for slot in slots(self.asked.design, {self.item.nodeid: 1.0}, (ONLY_ARM,)):
            trial = self._trial(slot)
            if trial is None:  # it was skipped, or could not be set up: reported as it is
                break
            self.trials.append(trial)
            done = self.gate.step({ONLY_ARM: trial}) is not None and self.asked.runs is None
            told_to = self.item.session.shouldstop or self.item.session.shouldfail
            if done or trial.breaches or self._world_is_down or told_to:
                break

    @property
    def _world_is_down(self) -> bool:
        """Whether none of the first runs could be made: the others will not be, either."""
        return len(self.trials) == FIRST and all(one.success is None for one in self.trials)

    def _trial(self, slot: Slot) -> Trial | None:
        for attempt in range(1, self.asked.retries + 2):
            self.item.stash[RUNS] = run = ReliabilityRun(slot)
            self.item.stash[RAISED] = []
            self.each.begins(run.seed)
            began = perf_counter()
            self.reports = runtestprotocol(self.item, log=False, nextitem=self.item.parent)  # type: ignore[arg-type]
            trial = self._judged(run, attempt, perf_counter() - began)
            if trial is None or trial.status is not Status.INFRASTRUCTURE:
                return trial
        return trial

    def _judged(self, run: ReliabilityRun, attempt: int, took_s: float) -> Trial | None:
        worst = next((one for one in self.reports if not one.passed), None)
        raised = self.item.stash[RAISED]
        broken = [one for one in raised if isinstance(one, InvariantBroken)]  # also of a test that may fail
        run.breaches += [Breach("test", str(one)[:MOST_TOLD]) for one in broken]
        if worst is not None and worst.skipped and not run.breaches:
            return None
        status, reason = Status.PASSED, ""
        if worst is not None:
            self.failed = worst
            first = raised[0] if raised else _nothing
            reason = f"{type(first).__name__}: {first}"[:MOST_TOLD]
            named = isinstance(first, (*WORLD, *self.asked.infrastructure))
            world = worst.when == "setup" or named or tries_again(first)
            status = Status.INFRASTRUCTURE if world else Status.FAILED
        if run.breaches:
            status = Status.FAILED
        return Trial(
            run.slot.draw,
            ONLY_ARM,
            run.slot.task,
            run.slot.epoch,
            status,
            seed=run.seed,
            session=run.session,
            attempts=attempt,
            latency_s=took_s,
            breaches=tuple(run.breaches),
            reason=reason,
            **run.told,
        )

    # ------------------------------------------------------------------------------------------- reporting
    def _report(self, nextitem: pytest.Item | None) -> None:
        teardown = pytest.CallInfo.from_call(
            lambda: self.item.session._setupstate.teardown_exact(nextitem), when="teardown"
        )
        reports = [one for one in self.reports if one.when != "teardown"]
        if len(self.trials) > 0:
            reports = [*(one for one in reports if one.when == "setup" and one.passed), self._call()]
        for report in (*reports, pytest.TestReport.from_item_and_call(self.item, teardown)):
            self.item.ihook.pytest_runtest_logreport(report=report)

    def _call(self) -> pytest.TestReport:
        run = Run(self._info(), tuple(self.trials))
        self._write(run)
        ruling = self._ruling(run)
        outcome, told = _outcome(ruling.verdict, self.asked)
        long: Any = None
        if outcome == "failed":
            long = f"{ruling.verdict.value}: {ruling.sentence}\n{ruling.would_change}"
            if self.failed is not None:
                long += f"\n\nA run that failed:\n{self.failed.longrepr}".rstrip()
        elif outcome == "skipped":
            path, line, _ = self.item.location
            long = (path, line or 0, f"Skipped: {told}: {ruling.sentence}")
        return pytest.TestReport(
            self.item.nodeid,
            self.item.location,
            dict.fromkeys(self.item.keywords, 1),
            outcome,
            long,
            "call",
            duration=perf_counter() - self.started,
            start=0.0,
            stop=0.0,
            user_properties=[*self.item.user_properties, *self._properties(ruling)],
        )

    def _ruling(self, run: Run) -> Ruling:
        """What the gate says, unless an invariant was broken or the world failed: then no number of runs changes it."""
        ruling = self.gate.ruling(run)
        broken = next((trial for trial in self.trials if trial.breaches), None)
        if broken is not None:
            found = broken.breaches[0]
            clause = f" ({found.clause})" if found.clause else ""
            told = f"run {broken.epoch + 1} of {len(self.trials)} broke an invariant: {found.told}{clause}"
            remedy = "No breach in any run: mend it, and run the test again."
            return replace(ruling, verdict=Verdict.BLOCK, sentence=told, would_change=remedy)
        lost = [trial for trial in self.trials if trial.status is Status.INFRASTRUCTURE]
        if len(lost) > self.asked.design.max_infrastructure * len(self.trials):
            told = f"the world failed in {len(lost)} of {len(self.trials)} runs; the last: {lost[-1].reason}"
            remedy = "Mend what failed, and run the test again."
            return replace(ruling, verdict=Verdict.ERROR, sentence=told, would_change=remedy)
        return ruling

    def _properties(self, ruling: Ruling) -> list[tuple[str, object]]:
        return [
            ("remit_test", self.item.nodeid),
            ("remit_verdict", ruling.verdict.value),
            ("remit_sentence", ruling.sentence),
            ("remit_would_change", ruling.would_change),
            ("remit_runs", len(self.trials)),
            ("remit_passed", sum(trial.success is True for trial in self.trials)),
        ]

    def _info(self) -> RunInfo:
        name = self.item.nodeid
        return RunInfo(
            name,
            name,
            "",
            self.asked.design,
            (ONLY_ARM,),
            {name: TaskInfo()},
            ("safety", "test"),
            source="pytest",
        )

    def _write(self, run: Run) -> None:
        folder = self.item.config.getoption("--reliability-out")
        if not folder:
            return
        path = Path(folder) / (
            re.sub(r"[^A-Za-z0-9_.-]+", "-", self.item.nodeid).strip("-")[-150:] + ".jsonl"
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"".join(run_lines(run)))


_nothing = AssertionError("it was not set up, or not torn down")


def _outcome(verdict: Verdict, asked: MarkerArguments) -> tuple[Any, str]:
    if verdict is Verdict.PASS:
        return "passed", ""
    if verdict is Verdict.INCONCLUSIVE and asked.inconclusive == "skip":
        return "skipped", "INCONCLUSIVE"
    return "failed", verdict.value


def _gate(asked: MarkerArguments) -> Gate:
    return gates_of(asked.design, (ONLY_ARM,))[0]
