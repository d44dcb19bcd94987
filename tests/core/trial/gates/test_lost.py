"""No agent passes by what it loses: a PASS stands whatever became of the trials that were lost to the world."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

import pytest
from tests.core.trial.gate_help import draws, fed, minding_lost, mixed, ruled, trial

from remit.core.trial.trial import Checked, Status, Trial
from remit.core.trial.verdict import Verdict

BAR = {"at_least": 0.9}
ARMS = ("baseline", "candidate")
TWO = {"margin": 0.1}


def pairs(*ends: tuple[bool | None, bool | None], times: int = 1) -> list[Mapping[str, Trial]]:
    """Draws of two arms, each with how the baseline and the candidate ended."""
    return [
        {arm: trial(draw, ok, arm) for arm, ok in zip(ARMS, one, strict=True)}
        for draw, one in enumerate(ends * times)
    ]


@pytest.mark.parametrize("design", ["fixed", "sequential"])
def test_an_agent_whose_failures_look_like_a_broken_world_does_not_pass(design: str):
    """Nine in a hundred fail, and say that the world did: below `max_infrastructure`, at the bar of 95 %."""
    hidden = [True if ok else None for ok in mixed(91, 100)]

    one = ruled(minding_lost("success", {"at_least": 0.95}, design, max_trials=100), draws(hidden))

    assert one.verdict is Verdict.INCONCLUSIVE
    assert "lost to the world, and had they gone against agent, it would not have passed" in one.sentence


def test_without_a_loss_a_gate_says_what_it_says():
    one = ruled(minding_lost("success", BAR), draws(mixed(59, 60)))

    assert one.verdict is Verdict.PASS and "lost" not in one.sentence and "lost" not in one.details


def test_a_loss_that_changes_nothing_is_told_and_passes():
    one = ruled(minding_lost("success", BAR), draws([None, *mixed(99, 100)]))

    assert one.verdict is Verdict.PASS
    assert one.sentence.endswith(
        "1 trial was lost to the world; whatever had become of it, that would stand."
    )
    assert one.details["lost"] == 1 and one.details["worst_case"] == "PASS"


def test_a_sequential_gate_goes_on_until_lost_trials_can_no_longer_change_its_pass():
    clean, lossy = minding_lost("success", BAR, "sequential"), minding_lost("success", BAR, "sequential")
    decided = [
        next(n for n, draw in enumerate(draws(ends), 1) if one.step(draw) is not None)
        for one, ends in ((clean, [True] * 500), (lossy, [None, *[True] * 499]))
    ]

    assert clean.decided is lossy.decided is Verdict.PASS
    assert decided[0] + 1 < decided[1] < 2 * decided[0]


def test_what_a_gate_blocks_is_blocked_whatever_was_lost():
    failing = [False, False, None, True] * 30

    for design in ("fixed", "sequential"):
        one = ruled(minding_lost("success", BAR, design), draws(failing))
        assert one.verdict is Verdict.BLOCK and "lost" not in one.details


@pytest.mark.parametrize("design", ["fixed", "sequential"])
def test_of_two_arms_a_lost_run_of_the_candidate_counts_against_it(design: str):
    ends = [(True, True)] * 9 + [(True, None)]

    kept = ruled(minding_lost("not_worse", TWO, design, ARMS), pairs(*[(True, True)] * 200))
    one = ruled(minding_lost("not_worse", TWO, design, ARMS), pairs(*ends, times=20))

    assert kept.verdict is Verdict.PASS and one.verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("design", ["fixed", "sequential"])
def test_a_baseline_that_lost_the_runs_in_which_the_candidate_failed_is_no_measure(design: str):
    """Unequal losses: left out, the pairs that would have told are gone."""
    ends = [(True, True)] * 9 + [(None, False)]

    one = ruled(minding_lost("not_worse", TWO, design, ARMS), pairs(*ends, times=20))

    assert one.verdict is Verdict.INCONCLUSIVE


def test_a_network_that_loses_one_run_in_fifty_of_both_arms_keeps_a_good_candidate_from_nothing():
    rng = Random(3)
    ends = [tuple(None if rng.random() < 0.02 else rng.random() < 0.9 for _ in ARMS) for _ in range(600)]

    one = ruled(minding_lost("not_worse", TWO, "fixed", ARMS), pairs(*ends))  # type: ignore[arg-type]

    assert one.verdict is Verdict.PASS and "that would stand" in one.sentence


def with_check(draw: int, arm: str, task: str, check: str | None, ok: bool | None) -> Trial:
    status = Status.INFRASTRUCTURE if ok is None else Status.PASSED if ok else Status.FAILED
    checks = () if ok is None or check is None else (Checked(check, passed=ok),)
    other = () if ok is None else (Checked("other", passed=True),)
    return Trial(draw, arm, task, draw, status, checks=(*checks, *other))


@pytest.mark.parametrize(("lost_task", "passes"), [("without", True), ("with", False)])
def test_a_lost_run_of_a_task_without_the_check_is_nothing_to_a_gate_on_it(lost_task: str, passes: bool):
    settings = {"at_least": 0.9, "check": "paid"}
    found = [with_check(n, "agent", "with", "paid", True) for n in range(40)]
    found += [with_check(n + 40, "agent", "without", None, True) for n in range(40)]
    found += [with_check(n + 80, "agent", lost_task, "paid", None) for n in range(8)]

    one = ruled(minding_lost("success", settings), [{"agent": each} for each in found])

    assert (one.verdict is Verdict.PASS) == passes


@pytest.mark.parametrize(
    ("kind", "settings", "more"),
    [
        ("latency", {"within": 10, "quantile": 0.9}, {"latency_s": 1.0}),
        ("tokens", {"within": 10, "quantile": 0.9}, {"tokens": 1}),
        ("cost", {"within": 10, "quantile": 0.9}, {"cost": 1.0}),
        ("pass_hat", {"k": 2, "at_least": 0.65}, {}),
        ("stable", {"of": "outcome", "at_least": 0.65}, {}),
        ("stable", {"of": "tools", "at_least": 0.65}, {}),
        ("stable", {"of": "claims", "at_least": 0.65}, {"answer": "done"}),
    ],
)
def test_every_kind_takes_a_lost_run_as_one_that_was_over_its_bound(
    kind: str, settings: Mapping[str, object], more: Mapping[str, object]
):
    good = [{"agent": trial(draw, True, **more)} for draw in range(90)]
    lost = [{"agent": trial(90 + draw, None)} for draw in range(10)]

    clean = ruled(minding_lost(kind, settings, epochs=10), good)
    one = ruled(minding_lost(kind, settings, epochs=10), [*good, *lost])

    assert clean.verdict is Verdict.PASS, clean.sentence
    assert one.verdict is Verdict.INCONCLUSIVE, one.sentence


def test_a_pass_that_lost_trials_rule_out_for_good_ends_the_run():
    """The bounded test has a cap: where the worst case has blocked, no more trials could make it pass."""
    settings = {"at_least": 0.9, "aims_for": 0.97}
    one = minding_lost("success", settings, "sequential", max_trials=200)

    said = fed(one, draws([*[None] * 12, *[True] * 120]))

    assert said is Verdict.INCONCLUSIVE


def test_a_worst_case_that_has_blocked_decides_nothing_before_the_gate_itself_does():
    """Twelve lost runs block where they had failed; the gate itself has seen nothing yet, and may block or go on."""
    settings = {"at_least": 0.9, "aims_for": 0.97}
    one = minding_lost("success", settings, "sequential", max_trials=200)

    assert fed(one, draws([None] * 12)) is None and one.decided is None
    assert fed(one, draws([False] * 5)) is Verdict.BLOCK and one.decided is Verdict.BLOCK


@pytest.mark.parametrize("design", ["fixed", "sequential"])
@pytest.mark.parametrize("kind", ["tokens", "cost"])
def test_an_agent_that_leaves_its_tokens_out_where_they_are_many_does_not_pass(kind: str, design: str):
    """One run in ten is over the bound, and does not say so."""
    told = [{"agent": trial(n, True, **{} if n % 10 == 9 else {kind: 5})} for n in range(200)]

    one = ruled(minding_lost(kind, {"within": 10}, design, max_trials=200), told)

    assert one.verdict is Verdict.INCONCLUSIVE
    assert (
        f"20 trials told no {kind}, and had they gone against agent, it would not have passed" in one.sentence
    )
    assert one.would_change == f"An agent that tells its {kind} with every answer."


def test_a_run_that_tells_no_tokens_and_changes_nothing_is_told_and_passes():
    told = [{"agent": trial(0, True)}, *({"agent": trial(n + 1, True, tokens=5)} for n in range(199))]

    one = ruled(minding_lost("tokens", {"within": 10}), told)

    assert one.verdict is Verdict.PASS and one.details["untold"] == 1
    assert one.sentence.endswith("1 trial told no tokens; whatever had become of it, that would stand.")


def test_lost_and_silent_runs_are_told_apart():
    told = [{"agent": trial(n, True, tokens=5)} for n in range(90)]
    told += [{"agent": trial(90, None)}, *({"agent": trial(n, True)} for n in range(91, 100))]

    one = ruled(minding_lost("tokens", {"within": 10}), told)

    assert one.verdict is Verdict.INCONCLUSIVE
    assert one.sentence.startswith("1 trial was lost to the world and 9 trials told no tokens, and had they")
    assert one.would_change.startswith("Fewer trials that are lost") and one.would_change.endswith(
        "every answer."
    )


def test_where_no_run_tells_its_tokens_nothing_is_blamed_on_it():
    one = ruled(minding_lost("tokens", {"within": 10}), draws([True] * 100))

    assert one.verdict is Verdict.INCONCLUSIVE and "untold" not in one.details
