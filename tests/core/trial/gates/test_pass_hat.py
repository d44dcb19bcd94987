import pytest
from tests.core.trial.gate_help import draws, gate, ruled

from remit.core.errors import BadInput
from remit.core.trial.verdict import Verdict

FOUR = {"k": 4, "at_least": 0.6}


def test_every_task_that_never_fails_shows_it():
    ruling = ruled(gate("pass_hat", FOUR, epochs=4), draws([True] * 80, 20))

    assert ruling.verdict is Verdict.PASS
    assert ruling.sentence == (
        "In 20 tasks, the chance that all of 4 runs of a task succeed is 100 %, and truly at least 86 % "
        "(95 % sure); the bar is 60 %."
    )
    assert ruling.would_change == "A bar above 86 %."


def test_tasks_that_fail_once_in_four_runs_do_not():
    results = [at % 4 != 3 for at in range(4)]
    ruling = ruled(gate("pass_hat", FOUR, epochs=4), draws([ok for ok in results for _ in range(20)], 20))

    assert ruling.verdict is Verdict.BLOCK and ruling.estimates[0].value == 0.0
    assert ruling.sentence == (
        "In 20 tasks, the chance that all of 4 runs of a task succeed is 0 %, and truly at most 14 % (95 % sure); "
        "the bar is 60 %."
    )
    assert ruling.would_change == "A bar of at most 14 %."


def test_few_tasks_leave_it_open_and_say_how_many_more():
    ruling = ruled(gate("pass_hat", FOUR, epochs=4), draws([True] * 20, 5))

    assert ruling.verdict is Verdict.INCONCLUSIVE
    assert ruling.sentence == (  # .025 ** (1 / 5): both sides together are wrong in 5 % of cases
        "In 5 tasks, the chance that all of 4 runs of a task succeed is 100 %, and truly anywhere from 48 % to 100 % "
        "(95 % sure); the bar is 60 %."
    )
    assert ruling.would_change == "About 5 more tasks like these would decide, if they do as these did."


def test_a_task_with_too_few_runs_is_left_out_and_counted():
    ruling = ruled(gate("pass_hat", FOUR, epochs=4), draws([True] * 79 + [None], 20))

    assert ruling.details["left_out"] == ruling.details["skipped"] == 1 and ruling.estimates[0].n == 19


def test_it_needs_k_runs_of_every_task():
    with pytest.raises(BadInput, match="write 'epochs: 4' or more"):
        gate("pass_hat", FOUR, epochs=3)
    with pytest.raises(BadInput, match="needs 4 runs of every task, and the design is sequential"):
        gate("pass_hat", FOUR, "sequential")
    with pytest.raises(BadInput, match="k: found 0"):
        gate("pass_hat", {"k": 0, "at_least": 0.5})
