"""Trials from Python."""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random

import pytest

import remit
from remit import trials
from remit.core.errors import BadInput
from remit.ports import AgentTrial

HELLO = trials.Task("hello", "Say hello.", checks=(trials.Rule("polite", "answer", {"contains": "Hello"}),))


def suite(rate: float, seen: list[int] | None = None) -> trials.Suite:
    def answer(trial: AgentTrial) -> str:
        if seen is not None:
            seen.append(trial.slot.draw)
        return "Hello!" if Random(trial.slot.seed).random() < rate else "Go away."

    gate = trials.Rule("polite-enough", "success", {"at_least": 0.8, "aims_for": 0.95})
    design = trials.Design("sequential", max_trials=100, gates=(gate,))
    return trials.suite_of("greetings", tasks=[HELLO], agent=answer, design=design)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(("rate", "verdict"), [(1.0, trials.Verdict.PASS), (0.2, trials.Verdict.BLOCK)])
def test_a_suite_is_run_until_its_gate_has_decided(rate: float, verdict: trials.Verdict):
    report = trials.run(suite(rate), embedder="none")

    assert report.verdict is verdict, report.sentence
    assert report.counts["agent"]["trials"] < 100


def test_an_embedder_that_is_none_is_told_before_a_trial_is_paid_for():
    seen: list[int] = []

    with pytest.raises(BadInput, match="lexcial"):
        trials.run(suite(1.0, seen), embedder="lexcial")
    assert seen == []


def test_the_same_call_goes_on_with_a_run_that_was_cut_off():
    seen: list[int] = []

    class Cut(BaseException):
        pass

    def dies(trial: AgentTrial) -> str:
        if trial.slot.draw == 9 and 9 not in seen:
            seen.append(9)
            asyncio.get_running_loop().call_soon(whole.cancel)
        seen.append(trial.slot.draw)
        return "Hello!"

    async def agent(trial: AgentTrial) -> str:
        await asyncio.sleep(0.005)
        return dies(trial)

    asked = trials.suite_of("g", tasks=[HELLO], agent=agent, design=trials.Design(epochs=30), concurrency=1)

    async def begin() -> None:
        nonlocal whole
        whole = asyncio.ensure_future(trials.arun(asked, embedder="none"))
        with pytest.raises(asyncio.CancelledError):
            await whole

    whole: asyncio.Future[trials.Report]
    asyncio.run(begin())
    report = trials.run(asked, embedder="none")

    assert report.counts["agent"]["trials"] == 30
    assert len(seen) <= 33  # the thirty, the mark, and the one or two that were in flight


def test_a_file_is_run_as_well(tmp_path: Path):
    Path("agent.py").write_text("def answer(trial):\n    return 'Hello!'\n")
    Path("suite.yaml").write_text(
        "apiVersion: remit/v1\nkind: TrialSuite\nmetadata: {name: s}\nspec:\n  agent: {python: 'agent.py:answer'}\n"
        "  tasks: [{id: a, input: x, checks: [{answer: {contains: Hello}}]}]\n  design: {fixed: {epochs: 3}}\n"
    )
    report = trials.run("suite.yaml", store="sqlite:///own.db", embedder="none")

    assert report.counts["agent"]["passed"] == 3 and Path("own.db").exists()


def test_inside_an_event_loop_it_says_what_to_await():
    async def inside() -> None:
        with pytest.raises(BadInput, match=r"await trials\.arun"):
            trials.run(suite(1.0))

    asyncio.run(inside())


def test_what_is_wrong_is_told_as_everywhere():
    with pytest.raises(remit.BadInput, match=r"no such file|cannot be read"):
        trials.run("none.yaml")
