import re
from random import Random

import pytest
from tests.core.trial.gate_help import draws, fed, gate, mixed, ruled

from remit.core.errors import BadInput
from remit.core.trial.gates.stopping import Counted
from remit.core.trial.suite import Question
from remit.core.trial.verdict import Verdict

BAR = {"at_least": 0.9}
AIM = {"at_least": 0.9, "aims_for": 0.97}


def test_a_gate_that_does_not_know_says_what_is_possible_and_what_would_decide():
    ruling = ruled(gate("success", BAR), draws(mixed(48, 50)))

    assert ruling.verdict is Verdict.INCONCLUSIVE
    assert ruling.sentence == (
        "With 48 of 50 right, the true rate may be anywhere from 86 % to 99.5 % (95 % sure); the bar is 90 %."
    )
    assert ruling.would_change == "About 11 more trials at this rate would decide."


def test_a_rate_at_the_bar_is_told_to_lie_there():
    ruling = ruled(gate("success", BAR), draws(mixed(45, 50)))

    assert ruling.sentence == (
        "With 45 of 50 right, the true rate may be anywhere from 78 % to 97 % (95 % sure); the bar is 90 %."
    )
    assert ruling.would_change == (
        "The rate lies too close to the bar for any reasonable number of trials. "
        "49 or more of 50 right would pass; 40 or fewer would block."
    )


def test_twenty_nine_without_a_failure_show_ninety_percent_and_twenty_eight_do_not():
    # 0.9 ** 29 = .047, 0.9 ** 28 = .052
    assert ruled(gate("success", BAR), draws([True] * 28, 1)).verdict is Verdict.INCONCLUSIVE
    ruling = ruled(gate("success", BAR), draws([True] * 29, 1))

    assert ruling.verdict is Verdict.PASS
    assert ruling.sentence == (
        "With 29 of 29 right, the true rate is at least 90.2 % (95 % sure); the bar is 90 %."
    )
    assert ruling.would_change == "With fewer than 29 of 29 right it would not have passed."
    assert ruling.details["method"] == "Clopper-Pearson, once at the end"


def test_a_fixed_gate_with_an_aim_is_the_exact_test_of_that_many_trials():
    # Fixed n for .90 against .97 is 103 with 98 needed.
    good, bad = (ruled(gate("success", AIM), draws(mixed(k, 103), tasks=103)) for k in (98, 97))

    assert (good.verdict, bad.verdict) == (Verdict.PASS, Verdict.BLOCK)
    assert bad.sentence == (
        "With 97 of 103 right, the true rate is at most 96.9 % (90 % sure): the aim of 97 % is missed, "
        "and nothing shows that the bar of 90 % is reached."
    )
    assert bad.would_change == "98 or more of 103 right would pass."


def test_far_below_the_bar_blocks():
    ruling = ruled(gate("success", BAR), draws(mixed(30, 50)))

    assert ruling.verdict is Verdict.BLOCK
    assert ruling.sentence == (
        "With 30 of 50 right, the true rate is at most 72 % (95 % sure); the bar is 90 %."
    )


def test_tasks_like_these_are_less_certain_than_this_suite():
    ruling = ruled(gate("success", BAR, question=Question.POPULATION), draws([True] * 50))

    assert ruling.verdict is Verdict.INCONCLUSIVE
    assert ruling.sentence == (
        "With 50 of 50 right in 10 tasks, the true rate on tasks like these may be anywhere from 69 % to 100 % "
        "(95 % sure); the bar is 90 %."
    )
    assert ruling.would_change == "About 20 more tasks like these would decide, at this rate."
    assert ruling.details["unit"] == "tasks"


def test_the_sequential_gate_passes_forty_in_a_row_and_says_what_it_saved():
    ruling = ruled(gate("success", AIM, "sequential"), draws([True] * 60))

    assert ruling.verdict is Verdict.PASS
    assert ruling.sentence == (
        "40 of the first 40 trials were right: enough to say that the true rate is above the bar of 90 %; "
        "an agent at the bar passes in at most 5 % of cases."
    )
    assert ruling.would_change == "Had one more of them failed, it would not have passed here."
    assert (ruling.details["fixed_n"], ruling.details["saved"]) == (103, 63)
    assert ruling.estimates[0].low == pytest.approx(0.912, abs=0.0005)


def test_the_sequential_gate_blocks_early():
    ruling = ruled(gate("success", AIM, "sequential"), draws([True, True, False] * 10))

    assert ruling.verdict is Verdict.BLOCK
    assert ruling.sentence == (
        "3 of the first 9 trials failed: too many for the aim of 97 %; an agent that reaches it is blocked in "
        "at most 10 % of cases."
    )
    assert ruling.would_change == (
        "With 2 or fewer that failed, it would not have been blocked here. A pass takes at least 40 trials, "
        "none of which failed."
    )


def test_trials_that_run_out_leave_it_open():
    ruling = ruled(gate("success", AIM, "sequential"), draws(mixed(19, 20)))

    assert ruling.verdict is Verdict.INCONCLUSIVE
    assert ruling.would_change == "About 110 more trials at this rate would decide."


@pytest.mark.parametrize("settings", [BAR, AIM])
def test_nothing_after_the_decision_changes_it(settings):
    decided = draws([True] * 45)
    one, other = gate("success", settings, "sequential"), gate("success", settings, "sequential")
    first, second = ruled(one, decided), ruled(other, [*decided, *draws([False] * 100)])

    assert first.verdict is Verdict.PASS and first == second
    assert one.boundary() == other.boundary()


@pytest.mark.parametrize("settings", [BAR, AIM])
@pytest.mark.parametrize("seed", range(20))
def test_one_by_one_and_all_at_once_agree(settings, seed):
    results = draws([Random(seed * 1000 + at).random() < 0.93 for at in range(200)])
    slowly, at_once = gate("success", settings, "sequential"), gate("success", settings, "sequential")
    stopped = next((at for at, draw in enumerate(results) if slowly.step(draw)), None)
    fed(at_once, results)

    assert ruled(slowly, []) == ruled(at_once, [])
    assert slowly.boundary().stopped_at == (None if stopped is None else stopped + 1)


def test_the_boundary_is_where_it_passes_and_blocks():
    one = gate("success", AIM, "sequential")
    fed(one, draws([True] * 40))
    boundary = one.boundary()

    assert boundary.passes[38:] == (None, 0.0) and boundary.path[-1] == 0.0
    assert boundary.blocks[:3] == (None, None, 3.0)  # one or two failures never block
    assert boundary.stopped_at == 40 and len(boundary.steps) == 40


@pytest.mark.parametrize("bar", [0.1, 0.9, 0.99])
def test_the_boundary_of_a_gate_without_an_aim_is_where_it_passes_and_blocks(bar):
    one = gate("success", {"at_least": bar}, "sequential")
    for n in range(1, 81):
        ends = [one.stopping.look(Counted({}, n, n - failed)) for failed in range(n + 1)]
        passes = [failed for failed, end in enumerate(ends) if end is Verdict.PASS]
        blocks = [failed for failed, end in enumerate(ends) if end is Verdict.BLOCK]

        assert one.stopping.line(n) == (max(passes, default=None), min(blocks, default=None))


def test_forty_in_a_row_pass_so_thirty_need_ten_more():
    ruling = ruled(gate("success", AIM, "sequential"), draws([True] * 30))

    assert ruling.verdict is Verdict.INCONCLUSIVE
    assert ruling.would_change == "About 10 more trials at this rate would decide."


def test_a_world_that_failed_counts_for_nothing():
    ruling = ruled(gate("success", BAR), draws([True] * 29 + [None] * 10, 1))

    assert ruling.verdict is Verdict.PASS and ruling.details["skipped"] == 10


def test_without_a_trial_that_counts_nothing_is_known():
    for design in ("fixed", "sequential"):
        for settings in (BAR, AIM):
            ruling = ruled(gate("success", settings, design), draws([None] * 3))
            assert ruling.verdict is Verdict.INCONCLUSIVE
            assert ruling.sentence.startswith("No trial counted")


def test_several_gates_share_the_chance_of_a_false_block():
    from remit.core.trial.gates.table import gates_of
    from remit.core.trial.suite import Design, Rule

    rules = tuple(Rule(name, "success", BAR) for name in ("a", "b"))
    one = gates_of(Design(gates=rules), ["agent"])[0].gate  # type: ignore[attr-defined]

    assert one.stopping.mark.block == pytest.approx(0.025) and one.stopping.mark.alpha == 0.05


def test_the_candidate_is_judged_where_there_are_two_arms():
    assert gate("success", BAR, arms=("baseline", "candidate")).arm == "candidate"
    assert gate("success", {**BAR, "arm": "baseline"}, arms=("baseline", "candidate")).arm == "baseline"


@pytest.mark.parametrize(
    ("kind", "settings", "told"),
    [
        ("succes", BAR, "did you mean 'success'"),
        ("success", {}, "'at_least' is missing"),
        ("success", {"at_last": 0.9}, "unknown setting 'at_last'; did you mean 'at_least'"),
        ("success", {"at_least": "90%"}, "at_least: found '90%'"),
        ("success", {"at_least": True}, "found True"),
        ("success", {"at_least": 90}, "found 90; write a number above 0 and below 1"),
        ("success", {"at_least": float("nan")}, "found nan"),
        ("success", {"at_least": 0.9, "aims_for": 0.8}, "aims_for: found 0.8; write a number above 0.9 and below 1"),
        ("success", {"at_least": 0.9, "alpha": 0}, "alpha: found 0"),
        ("success", {"at_least": 0.9, "arm": "other"}, "arm: found 'other'; write one of agent"),
        ("success", {"at_least": 0.9, "question": "all"}, "question: found 'all'; write one of suite, population"),
        ("latency", {"within": -1}, "within: found -1; write a number greater than 0"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_told_with_its_place(kind, settings, told):
    with pytest.raises(BadInput, match=re.escape(told)) as caught:
        gate(kind, settings)
    assert caught.value.where.startswith("suite.yaml:3: gates[0]")


def test_two_rates_too_close_to_be_told_apart_are_refused_when_the_suite_is_read():
    with pytest.raises(BadInput, match="aims_for"):
        gate("success", {"at_least": 0.9, "aims_for": 0.9001}, "sequential")


@pytest.mark.parametrize("kind", ["success", "pass_hat", "stable"])
@pytest.mark.parametrize("bar", [0, 1, 1.2, -0.1])
def test_a_bar_that_no_agent_or_every_agent_reaches_is_refused(kind, bar):
    more = {"k": 2} if kind == "pass_hat" else {}
    with pytest.raises(BadInput, match=r"at_least: found .*above 0 and below 1"):
        gate(kind, {"at_least": bar, **more}, epochs=2)
    assert gate(kind, {"at_least": 0.05, **more}, epochs=2).rule.settings["at_least"] == 0.05


def test_a_sequential_design_may_say_that_it_asks_about_this_suite():
    assert gate("success", {**BAR, "question": "suite"}, "sequential").stopping.mark.bar == 0.9
    arms = ("baseline", "candidate")
    assert gate("not_worse", {"margin": 0.1, "question": "suite"}, "sequential", arms).mark.bar == 0.1


def test_a_suite_that_asks_a_sequential_design_about_other_tasks_is_refused():
    with pytest.raises(BadInput, match="draws from this suite"):
        gate("success", {"at_least": 0.9, "question": "population"}, "sequential")
