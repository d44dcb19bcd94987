"""A gate that no run of its design could pass is named beforehand, and no other."""

from __future__ import annotations

from dataclasses import replace

import pytest

from remit.core.trial.gates.hopeless import MOST_TRIALS, hopeless
from remit.core.trial.suite import AgentSpec, Design, Rule, Suite, Task

ARMS = {"baseline": AgentSpec(), "candidate": AgentSpec()}
ONE = {"agent": AgentSpec()}
CHECKED = (Rule("form", "called", {"is": "x"}),)


def suite(rule: Rule, design: str, runs: int, arms: dict[str, AgentSpec], tasks: int = 10) -> Suite:
    size = {"epochs": runs} if design == "fixed" else {"max_trials": runs}
    listed = {f"t{at}": Task(f"t{at}", checks=CHECKED) for at in range(tasks)}
    return Suite("s", listed, arms, design=Design(design, gates=(rule,), **size))  # type: ignore[arg-type]


CAN = [
    ("success", {"at_least": 0.8, "aims_for": 0.95}, "sequential", 100, ONE),
    ("success", {"at_least": 0.8}, "sequential", 100, ONE),
    ("success", {"at_least": 0.8, "check": "form"}, "fixed", 2, ONE),
    ("success", {"at_least": 0.9, "arm": "baseline"}, "fixed", 3, ARMS),
    ("pass_hat", {"k": 2, "at_least": 0.5}, "fixed", 2, ONE),
    ("latency", {"within": "1s", "quantile": 0.8}, "fixed", 2, ONE),
    ("tokens", {"within": 100, "quantile": 0.8}, "sequential", 100, ONE),
    ("not_worse", {"margin": 0.1}, "fixed", 5, ARMS),
    ("not_worse", {"margin": 0.1}, "sequential", 200, ARMS),
    ("stable", {"of": "tools", "at_least": 0.5}, "fixed", 3, ONE),
    ("stable", {"of": "claims", "margin": 0.1}, "fixed", 3, ARMS),
    ("success", {"at_least": 0.999}, "sequential", MOST_TRIALS + 1, ONE),
]


@pytest.mark.parametrize(("kind", "settings", "design", "runs", "arms"), CAN)
def test_a_gate_that_a_good_agent_may_pass_is_not_named(kind, settings, design, runs, arms) -> None:
    assert list(hopeless(suite(Rule("g", kind, settings), design, runs, arms))) == []


CANNOT = [
    ("success", {"at_least": 0.8, "aims_for": 0.95}, "sequential", 10, ONE),
    ("success", {"at_least": 0.99}, "fixed", 2, ONE),
    ("success", {"at_least": 0.9, "question": "population"}, "fixed", 50, ONE),
    ("pass_hat", {"k": 2, "at_least": 0.9}, "fixed", 2, ONE),
    ("latency", {"within": "1s"}, "fixed", 2, ONE),
    ("not_worse", {"margin": 0.02}, "sequential", 5, ARMS),
]


@pytest.mark.parametrize(("kind", "settings", "design", "runs", "arms"), CANNOT)
def test_a_gate_that_the_best_agent_cannot_pass_is_named(kind, settings, design, runs, arms) -> None:
    (told,) = hopeless(suite(Rule("g", kind, settings), design, runs, arms))

    assert told.startswith("gate 'g' cannot pass here: of ")


def test_a_suite_in_which_nothing_can_pass_says_so() -> None:
    bare = Suite("s", {"t": Task("t")}, ONE)

    assert list(hopeless(bare)) == [
        "no gate and no invariant is set, so there is nothing to pass; add one to 'gates:'"
    ]
    assert list(hopeless(replace(bare, invariants=(Rule("known_tools", "known_tools", {}),)))) == []
