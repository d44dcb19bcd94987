from dataclasses import replace

from remit.core.trial.against import (
    ADDED,
    MISSING,
    NEW_EFFECT,
    SAME,
    effects_as_recorded,
    followed,
    kinds,
    labelled,
    with_new_effects,
)
from remit.core.trial.run import Run, RunInfo, TaskInfo
from remit.core.trial.suite import Design, Task
from remit.core.trial.trial import TOOLS_BEFORE, Status, Trial, TrialCall
from remit.core.trial.view import TrialView

EFFECTS = {"look": "read", "pay": "irreversible", "mail": "egress", "wipe": "irreversible"}
LOOK, PAY = TrialCall("look", {"id": 1}), TrialCall("pay", {"amount": 10})
LEFT = TrialCall("look", {"id": 2}, outcome="failed", result="LeftTheRecord: no recorded answer for look")


def effect(tool: str) -> str:
    return EFFECTS[tool]


def view(*calls: TrialCall, answered: bool = True) -> TrialView:
    return TrialView(Task("s"), "done", answered, calls)


def run(*trials: Trial) -> Run:
    info = RunInfo("r", "s", "h", Design(), ("baseline", "candidate"), {"s": TaskInfo()})
    return labelled(Run(info, trials), effect)


def trial(arm: str, *calls: TrialCall, draw: int = 0) -> Trial:
    return Trial(draw, arm, "s", draw, Status.PASSED, calls=calls)


RECORDED = {"s": [TrialCall("look", {"id": 1}, "read"), TrialCall("pay", {"amount": 10}, "irreversible")]}
AS_RECORDED, *_ = EVERY = effects_as_recorded(RECORDED["s"], effect)


def test_the_same_effects_pass_whatever_was_read_before():
    assert AS_RECORDED(view(PAY)).passed
    assert AS_RECORDED(view(LOOK, LOOK, PAY)).passed


def test_another_amount_a_second_payment_or_none_does_not():
    assert AS_RECORDED(view(LOOK, TrialCall("pay", {"amount": 90}))).told == "pay: amount is 90, was 10"
    assert not AS_RECORDED(view(LOOK, PAY, PAY)).passed
    assert "was not made" in AS_RECORDED(view(LOOK)).told


def test_where_the_record_was_left_is_said():
    assert AS_RECORDED(view(LEFT)).told.endswith("it left the record at call 1")


def test_what_ended_without_an_answer_did_not_do_as_recorded():
    found = AS_RECORDED(view(LOOK, PAY, answered=False))

    assert (found.check, found.passed) == (SAME, False)


def test_what_lacks_an_effect_is_told_from_what_has_one_more():
    def failed(*calls: TrialCall) -> list[str]:
        return [found.check for check in EVERY if not (found := check(view(*calls))).passed]

    assert failed(LOOK) == [SAME, MISSING]
    assert failed(PAY, PAY) == [SAME, ADDED]
    assert failed(TrialCall("pay", {"amount": 90})) == [SAME, MISSING, ADDED]


def test_how_far_each_arm_went_along():
    found = followed(run(trial("baseline", LOOK, PAY), trial("candidate", LOOK, LEFT, LEFT)))

    assert [(one.arm, one.calls, one.served, one.whole) for one in found] == [
        ("baseline", 2, 2, 1),
        ("candidate", 3, 1, 0),
    ]


def test_first_divergences_are_counted_in_both_arms_with_an_example_of_the_candidates():
    more = TrialCall("pay", {"amount": 90})
    found = kinds(run(trial("baseline", LOOK, PAY), trial("candidate", LOOK, more)), RECORDED)

    assert [(one.kind, one.baseline, one.candidate, one.example) for one in found] == [
        ("arguments", 0, 1, "pay: amount is 90, was 10"),
        ("none", 1, 0, ""),
    ]


def test_a_tool_with_consequences_that_nobody_ever_used_is_a_breach_of_the_candidate():
    wiped = with_new_effects(
        run(trial("baseline", LOOK), trial("candidate", TrialCall("wipe", {}))), RECORDED, effect
    )

    assert [breach.invariant for one in wiped.trials for breach in one.breaches] == [NEW_EFFECT]


def test_one_that_the_baseline_also_used_or_that_was_refused_is_none():
    mail = TrialCall("mail", {})
    for calls in ([mail], [TrialCall("wipe", {}, outcome="refused")], [TrialCall("pay", {"amount": 5})]):
        found = with_new_effects(run(trial("baseline", mail), trial("candidate", *calls)), RECORDED, effect)
        assert not any(one.breaches for one in found.trials)


def test_what_the_record_was_refused_is_new_where_it_is_done():
    denied = replace(TrialCall("wipe", {"id": 1}), outcome="refused")
    found = with_new_effects(
        run(trial("baseline", denied), trial("candidate", TrialCall("wipe", {"id": 2}))),
        {"s": [denied]},
        effect,
    )

    assert [breach.invariant for breach in found.trials[1].breaches] == [NEW_EFFECT]


def test_what_was_done_before_the_world_failed_was_done():
    again = replace(trial("candidate", LOOK, PAY), extra={TOOLS_BEFORE: ["look", "wipe"]})

    (breach,) = with_new_effects(run(again), RECORDED, effect).trials[0].breaches
    assert "wipe was called before the world failed" in breach.told
