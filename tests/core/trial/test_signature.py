import numpy as np
import pytest
from tests.core.soon import soon

from remit.core.trial.signature import agreement, claim_test, conflicts, signature


@pytest.mark.parametrize(
    ("answer", "numbers"),
    [
        ("$1,200.00 and 1.200,50 € and 1 200", {"1200", "1200.5", "1", "200"}),
        ("5 % of 20, that is 5 percent", {"5%", "20"}),
        ("−5.5, 1,5 and 1.234.567", {"-5.5", "1.5", "1234567"}),
        ("two bags of 20kg on the 3rd, seat for 1", {"2", "20", "3", "1"}),
        ("1. first\n2) second\n- 7 things", {"7"}),
        ("Ich habe Ihnen 12,50 € erstattet.", {"12.5"}),
        ("no number at all", set()),
    ],
)
def test_numbers_are_read_as_they_are_meant(answer: str, numbers: set[str]) -> None:
    assert signature(answer).numbers == numbers


@pytest.mark.parametrize(
    ("answer", "ids"),
    [
        ("Order #W1234567 and A-1001.", {"W1234567", "A-1001"}),
        ("On 2026-03-04 at 10:30 for anna@example.com.", {"2026-03-04", "10:30", "ANNA@EXAMPLE.COM"}),
        ("A-1 is not A-10", {"A-1", "A-10"}),
        ("well-known words", set()),
    ],
)
def test_ids_are_read_apart_from_numbers(answer: str, ids: set[str]) -> None:
    found = signature(answer)

    assert found.ids == ids
    assert not found.numbers


@pytest.mark.parametrize(
    ("answer", "claims"),
    [
        ("I refunded it.", {"+refund"}),
        ("I couldn’t refund it.", {"-refund"}),
        ("The refund was not issued.", {"-refund"}),
        ("Your refund request was denied.", {"-refund"}),
        ("I refunded it and did not cancel the rest.", {"+refund", "-cancel"}),
        ("I could not refund it, but I cancelled the rest.", {"-refund", "+cancel"}),
        ("No problem, I have cancelled it.", {"+cancel"}),
        ("Shall I cancel it?", {"?cancel"}),
        ("If you like, I cancel it.", {"?cancel"}),
        ("You are ineligible.", {"-eligible"}),
        ("I am afraid that is impossible.", {"-"}),
        ("Hello!", set()),
    ],
)
def test_what_was_done_and_what_was_not_are_told_apart(answer: str, claims: set[str]) -> None:
    assert signature(answer).claims == claims


def test_agreement_is_the_mean_share_of_what_both_say() -> None:
    """Numbers 1 of 3, ids the same, claims 1 of 2."""
    one, other = (
        signature("I refunded 5 of 7 for A-1."),
        signature("I refunded 5 of 9 for A-1 and shipped it."),
    )

    assert agreement(one, other) == pytest.approx((1 / 3 + 1 + 1 / 2) / 3)
    assert agreement(signature(""), signature("")) == 1.0


def test_conflicts_are_told_in_words() -> None:
    one, other = signature("Refunded 120 for A-1."), signature("Could not refund 120 for A-2.")

    assert conflicts(one, other) == ("refund: done here, not done there", "ids: A-1 here, A-2 there")
    assert conflicts(other, one)[0] == "refund: not done here, done there"
    assert conflicts(one, one) == ()


def test_a_candidate_that_says_no_more_often_is_found_though_its_words_are_the_same() -> None:
    tasks, arms = [at // 4 for at in range(40)], [False, False, True, True] * 10
    answers = [
        f"I {'could not refund' if arm else 'refunded'} order A-{task}."
        for task, arm in zip(tasks, arms, strict=True)
    ]

    found = claim_test(answers, arms, tasks)

    assert found.result.p <= 0.01
    assert (found.denies_before, found.denies_after) == (0.0, 1.0)
    assert found.changed == (("+refund", 1.0, 0.0), ("-refund", 0.0, 1.0))


def test_where_nothing_changed_it_is_seldom_wrong() -> None:
    rng = np.random.default_rng(9)
    tasks, arms = [at // 4 for at in range(40)], [False, False, True, True] * 10

    p = []
    for seed in range(100):
        no = rng.random(40) < rng.beta(0.5, 0.5, 10).repeat(4)
        answers = [
            f"I {'could not refund' if n else 'refunded'} {t}." for t, n in zip(tasks, no, strict=True)
        ]
        p.append(claim_test(answers, arms, tasks, permutations=99, seed=seed).result.p)

    assert np.mean(np.array(p) <= 0.05) <= 0.12


@pytest.mark.parametrize(
    "piece", ["a-", "1,", "@", " ", "\n- ", "http", "1", "if ", "a.", "-1", "call ", "not ", "n't"]
)
def test_no_answer_takes_long_to_read(piece: str) -> None:
    with soon():
        signature(piece * (100_000 // len(piece)))
        signature("x" + piece * 9_000 + "@")


def test_answers_in_other_alphabets_and_half_characters_break_nothing() -> None:
    assert signature("Возврат 120 не выполнен \ud800 返金").numbers == {"120"}
    assert signature("٣ items").claims == frozenset()
    assert signature("²³ ½ 9" + "9" * 30_000).ids == frozenset()
