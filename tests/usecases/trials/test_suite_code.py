import re
from typing import Any

import pytest

from remit.core.errors import BadInput
from remit.core.trial.suite import AgentSpec, Design, Rule, Suite, Task
from remit.core.trial.view import TrialView
from remit.usecases.trials.loaded import load
from remit.usecases.trials.suite_code import suite_of

TASK = Task("a", "hi", checks=(Rule("says", "answer", {"contains": "hi"}),))


def agent(trial: Any) -> str:
    return "hi"


def polite(trial: TrialView) -> bool:
    return "please" in trial.text


def test_a_suite_in_python_is_ready_to_run():
    suite = suite_of("s", tasks=[TASK], agent=agent, invariants=[Rule("mine", "python", {"is": polite})])
    ready = load(suite)

    assert ready.agents == {"agent": agent} and ready.world_of is None and len(suite.hash) == 64
    assert [one.passed for one in ready.judge.checked(TrialView(TASK, "hi"))] == [True]
    assert [one.invariant for one in ready.judge.breaches(TrialView(TASK, "hi"))] == ["mine"]


def test_a_suite_built_by_hand_can_be_loaded():
    suite = Suite("s", {"a": TASK}, {"agent": AgentSpec(function=agent)})

    assert load(suite).agents["agent"] is agent


def test_the_hash_follows_the_code_of_a_check():
    def twice(trial: TrialView) -> bool:
        return trial.text.count("please") == 2

    hashes = {
        suite_of("s", tasks=[TASK], agent=agent, invariants=[Rule("mine", "python", {"is": one})]).hash
        for one in (polite, twice, polite)
    }

    assert len(hashes) == 2


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"tasks": []}, "no task"),
    ({"tasks": [TASK, TASK]}, "two tasks have the id 'a'"),
    ({"tasks": [Task("")]}, "no id"),
    ({"tasks": [Task("a", weight=0)]}, "tasks.a.weight: found 0"),
    ({"tasks": [Task("a", weight=5e-324)]}, "tasks.a.weight: found 5e-324"),
    ({"tasks": [Task("a", weight=float("nan"))]}, "tasks.a.weight"),
    ({"tasks": [Task("a", deadline_s=0)]}, "tasks.a.deadline_s"),
    ({"tasks": [Task("a", checks=TASK.checks * 2)]}, "have the id 'says'"),
    ({"agent": None}, "needs one of agent, arms"),
    ({"arms": {"a": agent}}, "needs one of agent, arms"),
    ({"invariants": ["safty"]}, "found 'safty'"),
    ({"concurrency": 0}, "at least 1"),
    ({"design": Design(gates=(Rule("g", "success", {"at_least": 2}),))}, "found 2"),
    ({"envelope": "no.yaml"}, "no such file"),
    ({"invariants": [Rule("m", "python", {"is": "nope.py:f"})]}, "no file"),
]


@pytest.mark.parametrize(("given", "told"), WRONG)
def test_what_a_file_would_be_refused_for_is_refused_here(given: dict[str, Any], told: str):
    with pytest.raises(BadInput, match=re.escape(told)):
        suite_of("s", **{"tasks": [TASK], "agent": agent, **given})


def test_what_only_loading_shows_is_told_then():
    suite = suite_of("s", tasks=[Task("a", checks=(Rule("c", "cel", {"is": "calls +"}),))], agent=agent)

    with pytest.raises(BadInput, match="suite: c"):
        load(suite)


def test_an_agent_that_takes_no_trial_is_told_before_the_first_one():
    with pytest.raises(
        BadInput, match=r"arms.agent: cannot be called with a trial: missing a required argument: 'b'"
    ):
        load(suite_of("s", tasks=[TASK], agent=lambda a, b: "x"))
    with pytest.raises(BadInput, match="too many positional arguments; write: def answer"):
        load(suite_of("s", tasks=[TASK], agent=lambda: "x"))
    load(suite_of("s", tasks=[TASK], agent=lambda trial, model="small": "x"))


def test_a_world_that_cannot_be_made_is_told_before_the_first_trial():
    with pytest.raises(BadInput, match="mend the function that makes it"):
        load(suite_of("s", tasks=[TASK], agent=agent, world=lambda world, seed: 1 / 0))


def test_a_check_of_a_tool_that_the_world_does_not_have_is_told_before_the_first_trial():
    tasks = [Task("a", checks=(Rule("c", "called", {"is": "lok"}),))]

    with pytest.raises(BadInput, match=r"no tool 'lok'; did you mean 'look'"):
        load(suite_of("s", tasks=tasks, agent=agent, world={"answers": [{"tool": "look", "result": 1}]}))
