import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.core.classify.counterfactual import (
    CONFIRMED,
    NOT_CONFIRMED,
    NOT_MADE,
    NOT_REPRODUCIBLE,
    CounterfactualArm,
    concluded,
    counterfactual_body,
    counterfactual_from,
    not_made,
)
from remit.core.errors import BadInput


def arms(k: int, with_it: int, without: int) -> list[CounterfactualArm]:
    return [CounterfactualArm("factual", k, with_it), CounterfactualArm("masked", k, without)]


@pytest.mark.parametrize(
    ("k", "with_it", "without", "p"),
    [
        (5, 5, 0, 0.004),
        (5, 4, 0, 0.024),
        (5, 5, 1, 0.024),
        (7, 4, 0, 0.035),
        (7, 7, 3, 0.035),
        (10, 8, 3, 0.035),
    ],
)
def test_what_is_enough_is_confirmed_with_the_published_p(k, with_it, without, p):
    found = concluded(arms(k, with_it, without))

    assert found.conclusion == CONFIRMED
    assert found.p == pytest.approx(p, abs=0.0006)


@pytest.mark.parametrize(("k", "with_it", "without"), [(5, 5, 2), (5, 4, 1), (7, 6, 3), (10, 7, 5)])
def test_what_chance_explains_is_not_confirmed(k, with_it, without):
    assert concluded(arms(k, with_it, without)).conclusion == NOT_CONFIRMED


@pytest.mark.parametrize(("k", "with_it", "without"), [(5, 3, 0), (5, 0, 0), (10, 3, 0)])
def test_a_call_that_seldom_comes_again_says_nothing_of_its_cause(k, with_it, without):
    assert concluded(arms(k, with_it, without)).conclusion == NOT_REPRODUCIBLE


def test_runs_without_an_answer_are_no_misses_and_too_few_answers_say_nothing():
    broken = CounterfactualArm("masked", 4, 0, failed=3, reasons=("TimeoutError: no answer",))

    found = concluded([CounterfactualArm("factual", 7, 7), broken])

    assert (found.conclusion, found.p) == (NOT_MADE, None)
    assert "no answer" in found.told


def test_an_arm_that_is_missing_says_nothing():
    assert concluded([CounterfactualArm("factual", 7, 7)]).conclusion == NOT_MADE


def test_the_former_configuration_removes_a_call_that_came_with_the_change():
    removed = concluded([*arms(7, 7, 7), CounterfactualArm("old", 7, 0)])
    kept = concluded([*arms(7, 7, 7), CounterfactualArm("old", 7, 7)])

    assert (removed.conclusion, removed.old_removes) == (NOT_CONFIRMED, True)
    assert not kept.old_removes
    assert not concluded(arms(7, 7, 7)).old_removes


def test_a_former_configuration_with_too_few_answers_says_nothing():
    assert not concluded([*arms(7, 7, 7), CounterfactualArm("old", 4, 0, failed=3)]).old_removes


@given(
    st.integers(0, 40),
    st.integers(0, 40),
    st.integers(0, 1),
    st.integers(0, 9),
    st.none() | st.integers(0, 9),
)
def test_plain_json_and_back_is_the_same(with_it, without, seed, failed, old):
    some = [
        CounterfactualArm("factual", 40, with_it, failed, ("ValueError: x",)),
        CounterfactualArm("masked", 40, without),
    ]
    some += [] if old is None else [CounterfactualArm("old", 9, old)]
    found = concluded(some, {"seeds": [seed, seed + 39], "model": "m"})

    assert counterfactual_from(json.loads(json.dumps(counterfactual_body(found)))) == found


def test_what_was_not_made_survives_plain_json():
    assert counterfactual_from(counterfactual_body(not_made("no agent"))) == not_made("no agent")


def test_a_body_says_no_more_than_its_runs_do():
    body = {**counterfactual_body(concluded(arms(5, 0, 0))), "conclusion": CONFIRMED, "p": 0.001}

    assert counterfactual_from(body).conclusion == NOT_REPRODUCIBLE


@pytest.mark.parametrize(
    "arm", [{"name": "factual", "k": 5, "hits": 6}, {"k": 5, "hits": 1}, "factual", None]
)
def test_counts_that_no_runs_can_have_are_refused(arm):
    with pytest.raises(BadInput, match="not a replay"):
        counterfactual_from({"arms": [arm], "told": "", "facts": {}})


@pytest.mark.parametrize("k", [5, 7, 10, 20])
@pytest.mark.parametrize("rate", [0.1, 0.375, 0.5, 0.625, 0.9])
def test_an_agent_that_does_not_mind_the_text_is_confirmed_at_most_once_in_twenty(k, rate):
    """Exact, over all outcomes: .375 is how often a call of real runs was absent when they were run again."""
    chance = [math.comb(k, n) * rate**n * (1 - rate) ** (k - n) for n in range(k + 1)]
    wrong = sum(
        chance[with_it] * chance[without]
        for with_it in range(k + 1)
        for without in range(k + 1)
        if concluded(arms(k, with_it, without)).conclusion == CONFIRMED
    )

    assert wrong <= 0.05


@pytest.mark.parametrize("k", [5, 7, 10])
def test_more_hits_with_the_text_and_fewer_without_never_take_a_confirmation_back(k):
    for with_it in range(k):
        for without in range(1, k + 1):
            if concluded(arms(k, with_it, without)).conclusion == CONFIRMED:
                assert concluded(arms(k, with_it + 1, without)).conclusion == CONFIRMED
                assert concluded(arms(k, with_it, without - 1)).conclusion == CONFIRMED
