from dataclasses import replace

import pytest

from remit.core.errors import BadInput
from remit.core.trial.gates.of_check import by_check
from remit.core.trial.gates.table import gates_of
from remit.core.trial.run import Run, RunInfo, TaskInfo
from remit.core.trial.suite import Design, Rule
from remit.core.trial.trial import Checked, Status, Trial
from remit.core.trial.verdict import Verdict


def trial(draw: int, *checks: Checked, status: Status = Status.FAILED) -> Trial:
    return Trial(draw, "agent", "a", draw, status, checks=checks)


KIND, RIGHT = Checked("kind", passed=True), Checked("right", passed=False)


def ruled(check: object, *trials: Trial) -> tuple[Verdict, str]:
    rule = Rule("polite", "success", {"at_least": 0.5, "check": check})
    design = Design(epochs=len(trials), gates=(rule,))
    run = Run(RunInfo("r", "s", "h", design, ("agent",), {"a": TaskInfo()}), trials)
    (gate,) = gates_of(design, ("agent",))
    for one in trials:
        gate.step({"agent": one})
    found = gate.ruling(run)
    return found.verdict, found.sentence


def test_a_gate_on_one_check_does_not_care_for_the_others():
    trials = [trial(draw, KIND, RIGHT) for draw in range(20)]

    assert ruled("kind", *trials)[0] is Verdict.PASS
    assert ruled("right", *trials)[0] is Verdict.BLOCK
    assert ruled("kind", *trials)[1].startswith("By the check 'kind' alone: ")


def test_a_check_that_no_trial_has_is_no_pass():
    verdict, told = ruled("knid", *[trial(draw, KIND) for draw in range(20)])

    assert verdict is Verdict.INCONCLUSIVE and "no trial has a check named 'knid'" in told.lower()


def test_what_broke_down_before_its_checks_has_failed_them_and_other_tasks_count_for_nothing():
    assert by_check(trial(0), "kind").success is False
    assert by_check(trial(0, RIGHT), "kind").success is None
    assert by_check(trial(0, KIND, status=Status.TIMEOUT), "right").success is None
    assert by_check(trial(0, status=Status.INFRASTRUCTURE), "kind").success is None
    assert by_check(trial(0, KIND, status=Status.DIVERGED), "kind").success is None


def test_a_time_out_stays_one():
    assert by_check(trial(0, RIGHT, status=Status.TIMEOUT), "right").status is Status.TIMEOUT


@pytest.mark.parametrize("check", ["", 3, None])
def test_a_check_is_named(check: object):
    with pytest.raises(BadInput, match="write the id of a check"):
        ruled(check, trial(0, KIND))


def test_a_comparison_of_one_check_does_not_speak_of_success():
    rule = Rule("kind", "not_worse", {"margin": 0.1, "check": "kind"})
    design = Design(epochs=20, gates=(rule,))
    trials = [replace(trial(draw, KIND), arm=arm) for draw in range(20) for arm in ("baseline", "candidate")]
    arms = ("baseline", "candidate")
    run = Run(RunInfo("r", "s", "h", design, arms, {"a": TaskInfo()}), tuple(trials))
    (gate,) = gates_of(design, arms)
    for before, after in zip(trials[::2], trials[1::2], strict=True):
        gate.step({"baseline": before, "candidate": after})

    told = gate.ruling(run).sentence

    assert told.startswith("The candidate meets 'kind' in 100 % of runs, the baseline in 100 %")
