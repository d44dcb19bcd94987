"""Why runs were no success, put together by what does not hold."""

from __future__ import annotations

from dataclasses import replace

from tests.core.trial.run_help import run

from remit.core.trial.analysis.analyse import analyse
from remit.core.trial.report import Reason
from remit.core.trial.run import TaskInfo
from remit.core.trial.trial import Checked


def reasons(results: dict[str, dict[str, str]], **extra) -> tuple[Reason, ...]:
    return analyse(run(results=results, extra=lambda t: {k: v(t) for k, v in extra.items()})).reasons


def test_an_agent_that_fails_each_time_in_the_same_way_is_told_why():
    (one,) = reasons(
        {"agent": {"a": "---", "b": "-"}}, reason=lambda t: f"KeyError: 'KEY' (line {t['draw']})"
    )

    assert one.told.startswith("KeyError: 'KEY'")
    assert (one.trials, one.tasks, one.world) == (4, ("a", "b"), False)


def test_runs_are_put_together_by_the_check_that_does_not_hold():
    def checks(t: dict) -> tuple[Checked, ...]:
        return (Checked("paid", t["epoch"] == 2), Checked("polite", t["epoch"] != 2))

    found = reasons({"agent": {"a": "---+"}}, checks=checks, reason=lambda t: f"state is {t['draw']}")

    assert [one.trials for one in found] == [2, 1]


def test_the_failures_of_the_world_and_late_runs_are_told_apart():
    found = reasons({"agent": {"a": "!!t-+"}})

    assert [(one.told, one.trials, one.world) for one in found] == [
        ("the world failed", 2, True),
        ("not done by the deadline", 1, False),
        ("failed, and the record does not say why", 1, False),
    ]


def test_what_happens_in_one_stratum_only_says_so():
    def of(marks: dict[str, str], strata: dict[str, str]) -> list[str]:
        found = run({"agent": marks})
        tasks = {task: TaskInfo(stratum=strata.get(task, "")) for task in marks}
        return [one.stratum for one in analyse(replace(found, info=replace(found.info, tasks=tasks))).reasons]

    german = {"a": "de", "b": "de", "c": "en"}
    assert of({"a": "-+", "b": "--", "c": "++"}, german) == ["de"]
    assert of({"a": "-+", "b": "--", "c": "-+"}, german) == [""]
    assert of({"a": "--", "b": "++", "c": "++"}, german) == [""]
    assert of({"a": "--", "b": "--"}, german) == [""]
    assert of({"a": "--", "b": "--", "c": "++"}, {}) == [""]


def test_a_run_without_a_failure_has_no_reasons():
    assert reasons({"agent": {"a": "++"}}) == ()
