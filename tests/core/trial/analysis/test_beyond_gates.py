"""What the gates say of runs against recorded sessions is no verdict where it would hold of any agent."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from tests.core.trial.run_help import run

from remit.core.trial.against import ADDED, MISSING, SAME
from remit.core.trial.analysis.beyond_gates import diverged_share, without_verdict
from remit.core.trial.run import Run
from remit.core.trial.suite import Design, Rule
from remit.core.trial.trial import Checked, Status, Trial
from remit.core.trial.verdict import Verdict

MARGIN = {"margin": 0.2}
EFFECTS = tuple(Rule(name, "not_worse", {**MARGIN, "check": name}) for name in (SAME, MISSING, ADDED))


def against(
    baseline: str, candidate: str, gates: tuple[Rule, ...] = (Rule("kept", "not_worse", MARGIN),)
) -> Run:
    """One run of each session in each arm: passed, failed, lost to the world (`!`), or gone from the record (`x`)."""
    marks = {"baseline": baseline, "candidate": candidate}
    found = run(
        {arm: {f"s{at}": "-" if mark == "x" else mark for at, mark in enumerate(ends)} for arm, ends in marks.items()},
        design=Design(epochs=1, gates=gates),
    )  # fmt: skip
    return replace(found, trials=tuple(_ended(trial, marks) for trial in found.trials))


def _ended(trial: Trial, marks: Mapping[str, str]) -> Trial:
    if marks[trial.arm][int(trial.task[1:])] == "x":
        return replace(trial, status=Status.DIVERGED)
    checks = () if trial.success is None else (Checked(MISSING, passed=trial.success),)
    return replace(trial, checks=checks)


def test_the_share_that_left_the_record_is_of_the_runs_that_the_world_let_through():
    trials = against("x" + "+" * 3 + "!" * 6, "+" * 10).of("baseline")

    assert diverged_share(trials) == 0.25
    assert diverged_share(trials[4:]) == 0.0


@pytest.mark.parametrize("verdict", [Verdict.PASS, Verdict.BLOCK, Verdict.INCONCLUSIVE])
def test_where_more_than_half_of_an_arm_left_the_record_the_rest_says_nothing(verdict: Verdict):
    half, more = "x" * 5 + "+" * 5, "x" * 6 + "+" * 4

    told = without_verdict(against("+" * 10, more), verdict)
    assert told is not None
    assert told[0].startswith(
        "In 60 % of 10 trials of candidate the conversation left the record, more than 50 %"
    )
    assert without_verdict(against(more, "+" * 10), verdict) is not None
    assert without_verdict(against(half, "+" * 10), verdict) is None


def test_a_world_that_failed_is_an_error_whatever_else_is():
    assert without_verdict(against("x" * 10, "x" * 10), Verdict.ERROR) is None


@pytest.mark.parametrize(("did", "says"), [(2, False), (3, True)])
def test_a_baseline_that_hardly_ever_does_what_was_done_can_lose_nothing(did: int, says: bool):
    # A loss of 20 points is allowed, and it has two of ten to lose.
    seen = against("+" * did + "-" * (10 - did), "-" * 10, EFFECTS)
    told = without_verdict(seen, Verdict.PASS)

    assert (told is None) is says
    if told is not None:
        assert told[0].endswith("in 20 % of runs of those that had an effect, and a loss of 20 points is allowed: "
                                "no candidate could be found worse.")  # fmt: skip
        assert without_verdict(seen, Verdict.BLOCK) is None


def test_a_baseline_of_which_nothing_came_back_is_not_said_to_have_nothing_to_lose():
    assert without_verdict(against("!" * 10, "+" * 10, EFFECTS), Verdict.PASS) is None


def test_sessions_that_did_nothing_show_nothing():
    told = without_verdict(against("+" * 10, "+" * 10, (EFFECTS[0], EFFECTS[2])), Verdict.PASS)

    assert told is not None and told[0].startswith("None of these sessions had an effect")


def test_no_pass_where_the_candidate_leaves_the_record_and_the_baseline_does_not():
    # Four in ten more, with a margin of two in ten; that they left it alike is shown by forty of forty.
    told = without_verdict(against("+" * 40, "x" * 16 + "+" * 24), Verdict.PASS)

    assert told is not None
    assert told[0].startswith(
        "The conversation left the record in 40 % of the candidate's runs and in 0 % of the"
    )
    assert without_verdict(against("x" * 2 + "+" * 78, "x" * 2 + "+" * 78), Verdict.PASS) is None
    assert without_verdict(against("+" * 40, "x" * 16 + "+" * 24), Verdict.BLOCK) is None
    assert without_verdict(against("x" * 16 + "+" * 24, "+" * 40), Verdict.PASS) is None


def test_the_margin_of_the_gates_is_that_of_what_left_the_record():
    # One in eight of eighty: more than five points are not excluded, thirty are.
    seen = {margin: against("+" * 80, "x" * 10 + "+" * 70, (Rule("kept", "not_worse", {"margin": margin}),))
            for margin in (0.05, 0.3)}  # fmt: skip

    assert without_verdict(seen[0.05], Verdict.PASS) is not None
    assert without_verdict(seen[0.3], Verdict.PASS) is None
