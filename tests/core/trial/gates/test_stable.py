import pytest
from tests.core.trial.gate_help import draws, gate, ruled, trial

from remit.core.errors import BadInput
from remit.core.trial.alike import calls_alike, claims_alike, ends_alike
from remit.core.trial.trial import TrialCall
from remit.core.trial.verdict import Verdict

ARMS = ("baseline", "candidate")


def test_two_of_three_that_pass_are_alike_in_one_of_three_pairs():
    runs = [trial(0, True), trial(1, True), trial(2, False)]

    assert ends_alike(runs) == pytest.approx(1 / 3)
    assert ends_alike(runs[:1]) is None


def test_runs_are_alike_in_their_tools_and_in_what_they_claim():
    pay, find = TrialCall("pay", {}), TrialCall("find", {})
    one = trial(0, True, calls=(find, pay), answer="I refunded $120.")
    same = trial(1, True, calls=(find, pay), answer="I have refunded 120 dollars.")
    other = trial(2, True, calls=(pay, find), answer="I could not refund $120.")

    assert calls_alike([one, same]) == 1.0 and calls_alike([one, other]) == 0.0
    assert claims_alike([one, same]) == 1.0 and claims_alike([one, other]) == 0.0
    assert claims_alike([trial(0, True), trial(1, True)]) is None


def test_an_agent_that_always_fails_is_stable():
    ruling = ruled(gate("stable", {"at_least": 0.8}), draws([False] * 100, 20))

    assert ruling.verdict is Verdict.PASS
    assert ruling.sentence == (
        "In 20 tasks, the chance that two runs of a task both pass or both fail is 100 %, and truly at least 86 % "
        "(95 % sure); the bar is 80 %."
    )


def test_a_coin_is_not_stable():
    ruling = ruled(gate("stable", {"at_least": 0.8}), draws([at // 20 % 2 == 0 for at in range(120)], 20))

    assert ruling.verdict is Verdict.BLOCK


def test_the_candidate_may_be_less_stable_by_a_margin():
    def both(at: int, candidate: bool) -> dict:
        return {
            "baseline": trial(at, True, "baseline", 20),
            "candidate": trial(at, candidate, "candidate", 20),
        }

    steady = [both(at, True) for at in range(100)]
    coin = [both(at, at // 20 % 2 == 0) for at in range(120)]
    settings = {"of": "outcome", "margin": 0.3}

    assert ruled(gate("stable", settings, arms=ARMS), steady).verdict is Verdict.PASS
    ruling = ruled(gate("stable", settings, arms=ARMS), coin)
    assert ruling.verdict is Verdict.BLOCK
    assert ruling.sentence == (
        "In 20 tasks, two runs of a task both pass or both fail in 40 % of cases, 100 % before: truly at least "
        "37.7 points less (95 % sure), and up to 30 points less is allowed."
    )


@pytest.mark.parametrize(
    ("settings", "design", "told"),
    [
        ({}, {}, "found neither"),
        ({"at_least": 0.5, "margin": 0.1}, {}, "found both"),
        ({"of": "spread", "at_least": 0.5}, {}, "write one of outcome, tools, claims"),
        ({"at_least": 0.5}, {"epochs": 1}, "write 'epochs: 5'"),
        (
            {"at_least": 0.5},
            {"design": "sequential"},
            "compares runs of one task, and the design is sequential",
        ),
        ({"margin": 0.1}, {}, "name two arms"),
    ],
)
def test_what_cannot_be_asked_is_refused(settings, design, told):
    with pytest.raises(BadInput, match=told):
        gate("stable", settings, **design)
