import pytest
from tests.core.trial.gate_help import fed, gate, ruled, trial

from remit.core.errors import BadInput
from remit.core.trial.suite import Question
from remit.core.trial.verdict import Verdict

ARMS = ("baseline", "candidate")
MARGIN = {"margin": 0.05}


def pairs(*results: tuple[bool | None, bool | None], tasks: int = 10) -> list[dict]:
    """Of baseline and candidate, draw by draw."""
    return [
        {"baseline": trial(at, b, "baseline", tasks), "candidate": trial(at, c, "candidate", tasks)}
        for at, (b, c) in enumerate(results)
    ]


def not_worse(design: str = "fixed", **more):
    return gate("not_worse", MARGIN, design, ARMS, **more)


BOTH, NEITHER, LOST, WON = (True, True), (False, False), (True, False), (False, True)


def test_no_difference_in_few_runs_is_no_proof_that_there_is_none():
    ruling = ruled(not_worse(), pairs(*[BOTH] * 45 + [LOST, WON] * 2 + [NEITHER]))

    assert ruling.verdict is Verdict.INCONCLUSIVE
    assert ruling.sentence == (
        "The candidate succeeds in 94 % of runs, the baseline in 94 %: these runs do not tell, "
        "and the true difference may be anywhere from "
        "10 points less to 10 points more (90 % sure), and up to 5 points less is allowed."
    )
    assert ruling.would_change == "About 160 more trials in each arm at these rates would decide."


@pytest.mark.parametrize("already", [1, 5, 20])
def test_of_few_runs_that_all_passed_as_many_more_are_asked_for_as_it_takes(already: int) -> None:
    told = ruled(not_worse(), pairs(*[BOTH] * already)).would_change
    more = int(told.split()[1])

    assert ruled(not_worse(), pairs(*[BOTH] * (already + more))).verdict is Verdict.PASS
    assert ruled(not_worse(), pairs(*[BOTH] * (already + more // 2))).verdict is Verdict.INCONCLUSIVE


def test_beside_a_perfect_candidate_one_trial_more_is_not_said_to_decide():
    ruling = ruled(not_worse(), pairs(*[BOTH] * 12 + [WON] * 2))

    assert ruling.verdict is Verdict.INCONCLUSIVE
    assert int(ruling.would_change.split()[1]) >= 3
    assert ruled(not_worse(), pairs(*[BOTH] * 24 + [WON] * 4)).verdict is Verdict.PASS


def test_many_runs_without_a_difference_show_that_it_is_within_the_margin():
    ruling = ruled(not_worse(), pairs(*[BOTH] * 480 + [LOST, WON] * 10))

    assert ruling.verdict is Verdict.PASS
    assert ruling.sentence == (
        "The candidate succeeds in 98 % of runs, the baseline in 98 %: it is worse by at most 1.6 points, if at all "
        "(95 % sure), and up to 5 points less is allowed."
    )
    assert ruling.would_change == "With a margin under 1.6 points it would not have passed."


def test_a_candidate_that_loses_is_blocked_and_told_what_it_lacks():
    ruling = ruled(not_worse(), pairs(*[BOTH] * 70 + [LOST] * 20 + [WON] * 2 + [NEITHER] * 8))

    assert ruling.verdict is Verdict.BLOCK
    assert ruling.sentence.startswith(
        "The candidate succeeds in 72 % of runs, the baseline in 90 %: it is worse, since one that is as "
        "good comes out so far behind in "
    )
    assert ruling.would_change == "With 9 more of its 100 trials right, the candidate would not be blocked."
    assert ruling.details["p_worse"] < 0.01 and ruling.details["detectable"] is not None


def test_one_run_of_each_task_is_compared_by_mcnemar():
    ruling = ruled(not_worse(), pairs(*[BOTH] * 30 + [LOST] * 6, tasks=36))

    assert ruling.details["p_worse"] == pytest.approx(0.5**6)


def test_on_this_suite_the_exact_test_blocks_alone():
    # Three of 36 tasks lost, none won: McNemar's p-value is .125. The interval, made at the level of a PASS, holds 0.
    ruling = ruled(
        gate("not_worse", {**MARGIN, "beta": 0.2}, arms=ARMS), pairs(*[BOTH] * 33, *[LOST] * 3, tasks=36)
    )

    assert ruling.details["p_worse"] == pytest.approx(0.125) and ruling.estimates[0].high >= 0
    assert ruling.verdict is Verdict.BLOCK


def test_a_candidate_that_is_no_worse_at_all_is_told_so():
    ruling = ruled(not_worse(), pairs(*[BOTH] * 20, *[WON] * 80))

    assert ruling.verdict is Verdict.PASS
    assert ruling.sentence == (
        "The candidate succeeds in 100 % of runs, the baseline in 20 %: it is no worse at all (95 % sure), "
        "and up to 5 points less is allowed."
    )
    assert ruling.would_change == "A candidate that does worse than the baseline."


def test_tasks_like_these_are_fewer_units():
    results = pairs(*[BOTH] * 480 + [LOST, WON] * 10)
    ruling = ruled(not_worse(question=Question.POPULATION), results)

    assert (ruling.details["unit"], ruling.details["n"]) == ("tasks", 10)
    assert "of runs in 10 tasks" in ruling.sentence


def test_bets_block_a_candidate_that_loses_pair_after_pair():
    one = not_worse("sequential")
    decided = fed(one, pairs(*[LOST] * 8, *[WON] * 50))

    assert decided is Verdict.BLOCK and one.seen.pairs < 9
    boundary = one.boundary()
    assert boundary.path[-1] <= boundary.blocks[-1] < boundary.path[-2] < 0 < boundary.passes[-1]
    assert boundary.steps == tuple(range(1, one.seen.pairs + 1)) and boundary.stopped_at == one.seen.pairs
    assert one.ruling(None).sentence == (
        f"Of {one.seen.pairs} pairs of trials, {one.seen.pairs} succeeded with the baseline only and 0 with the "
        "candidate only: the candidate is worse; one that is as good is blocked in at most 5 % of cases."
    )


def test_bets_pass_a_candidate_that_ends_as_the_baseline_does():
    one = not_worse("sequential")
    assert fed(one, pairs(*[BOTH] * 200)) is Verdict.PASS
    assert one.ruling(None).sentence.endswith(
        "enough to say that the candidate is not 5 points worse; a candidate that is passes in at most 5 % of cases."
    )
    boundary = one.boundary()
    assert boundary.stopped_at == one.seen.pairs < 200
    assert boundary.path[-1] >= boundary.passes[-1] > boundary.path[-2]


def test_bets_that_have_not_decided_say_how_many_more_pairs_would():
    ruling = ruled(not_worse("sequential"), pairs(*[BOTH] * 20))

    assert ruling.verdict is Verdict.INCONCLUSIVE
    more = int(
        ruling.would_change.removeprefix("About ").removesuffix(" more pairs at these rates would decide.")
    )
    assert ruled(not_worse("sequential"), pairs(*[BOTH] * (20 + more))).verdict is Verdict.PASS
    assert (
        ruled(not_worse("sequential"), pairs(*[BOTH] * (20 + more * 8 // 10))).verdict is Verdict.INCONCLUSIVE
    )


def test_bets_on_pairs_that_are_even_ask_for_a_wider_margin_where_it_is_too_narrow():
    even = ruled(gate("not_worse", {"margin": 0.001}, "sequential", ARMS), pairs(*[LOST, WON] * 2))
    assert even.would_change == (
        "The difference lies too close to the margin for any reasonable number of pairs: set a wider one."
    )


def test_a_pair_whose_world_failed_in_either_arm_does_not_count():
    one = not_worse("sequential")
    fed(one, pairs((None, True), (True, None), BOTH))

    assert (one.seen.pairs, one.skipped) == (1, 2)
    assert ruled(not_worse(), pairs((None, True), (True, None))).verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("design", ["fixed", "sequential"])
def test_without_a_pair_nothing_is_compared(design):
    ruling = ruled(not_worse(design), pairs())

    assert ruling.verdict is Verdict.INCONCLUSIVE and "cannot be compared" in ruling.sentence


def test_two_arms_are_needed():
    with pytest.raises(BadInput, match="name two arms"):
        gate("not_worse", MARGIN)
    for margin in (0, 1, "5%", None):
        with pytest.raises(BadInput, match="margin"):
            gate("not_worse", {"margin": margin}, arms=ARMS)
