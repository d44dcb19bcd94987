import pytest

from remit.core.errors import BadInput
from remit.core.trial.gates.gate import contiguous
from remit.core.trial.run import Run, RunInfo, TaskInfo, run_from, run_lines
from remit.core.trial.suite import Design
from remit.core.trial.trial import Breach, Checked, Status, Trial, TrialCall

INFO = RunInfo("r", "shop", "h", Design(), ("agent",), {"a": TaskInfo()})


def trial(draw: int, status: Status = Status.PASSED, arm: str = "agent") -> Trial:
    return Trial(draw, arm, "a", draw, status)


def test_a_run_that_was_written_is_read_as_it_was():
    rich = Trial(
        1, "agent", "a", 1, Status.FAILED, 7, "s", 2, 1.5, 0.25, "no", (TrialCall("act", {"n": 1}),),
        (Checked("says", passed=False, told="no"),), (Breach("safety", "refused"),), 0.5, 10, 0.1, "why", {"x": [1]},
    )  # fmt: skip
    run = Run(INFO, (trial(0), rich), 1, "gate")
    lines = [(f"run.jsonl:{at}", line) for at, line in enumerate(run_lines(run), 1)]

    assert run_from(lines) == run


@pytest.mark.parametrize(
    ("line", "told"),
    [(b"{", "run.jsonl:1"), (b"{}", "remit.trials/v1"), (b'{"format": "remit.trials/v1"}', "header")],
)
def test_what_is_no_run_is_refused_with_its_place(line: bytes, told: str):
    with pytest.raises(BadInput, match=told):
        run_from([("run.jsonl:1", line)])


def test_a_trial_that_stands_there_twice_is_refused():
    lines = list(run_lines(Run(INFO, (trial(0),))))

    with pytest.raises(BadInput, match="twice"):
        run_from([("x", line) for line in (*lines, lines[1])])


def test_draws_are_taken_up_to_the_first_that_has_not_ended():
    run = Run(INFO, tuple(trial(draw) for draw in (3, 0, 1)))

    assert [draw["agent"].draw for draw in contiguous(run, ["agent"])] == [0, 1]


def test_a_trial_whose_world_failed_or_whose_user_is_silent_is_neither_success_nor_failure():
    assert [trial(0, status).success for status in Status] == [True, False, False, None, None]
