from dataclasses import replace

import pytest
from tests.core.trial.run_help import evenly, many, run, success

from remit.core.trial.analysis.analyse import analyse
from remit.core.trial.suite import Design, Rule
from remit.core.trial.trial import Breach, Checked
from remit.core.trial.verdict import Verdict

LAX = Rule("lax", "success", {"at_least": 0.5})


def test_nothing_is_known_before_a_trial_has_ended():
    report = analyse(run({"agent": {}}, success()))

    assert report.verdict is Verdict.INCONCLUSIVE
    assert analyse(run({"agent": {}})).sentence == "No trial has ended, so nothing is known."


def test_a_world_that_fails_too_often_is_an_error_whatever_else_was_found():
    breach = {"breaches": (Breach("safety", "refused"),)}
    report = analyse(run({"agent": {"a": "!!!-"}}, success(), extra=lambda t: breach))

    assert report.verdict is Verdict.ERROR and report.verdict.exit_code == 3
    assert report.sentence == (
        "In 3 of 4 trials of agent (75 %) the world failed, not the agent, and the design allows 10 %: "
        "so nothing is said about the agent."
    )


def test_one_breach_blocks_whatever_the_rates_are():
    breach = Breach("safety", "refund of 900 was refused")
    found = run(
        {"agent": many("+++++", 20)}, LAX, invariants=("safety", "deadline"),
        extra=lambda t: {"breaches": (breach,)} if (t["task"], t["epoch"]) == ("t3", 2) else {},
    )  # fmt: skip
    report = analyse(found)

    assert report.rulings[0].verdict is Verdict.PASS and report.verdict is Verdict.BLOCK
    assert report.sentence == (
        "safety was broken in 1 of 100 trials, first in run 2 of t3: refund of 900 was refused. "
        "One breach blocks, whatever the rates are."
    )
    assert [(one.invariant, one.broken) for one in report.invariants] == [("safety", 1), ("deadline", 0)]
    assert report.invariants[1].bound == pytest.approx(0.0295, abs=0.0001)


def test_an_invariant_that_could_not_be_evaluated_makes_the_run_an_error_and_hides_no_breach():
    unknown = Breach("idempotent", "cannot be evaluated: no copy", error=True)
    found = run(
        {"agent": {"a": "+++"}},
        invariants=("safety", "idempotent"),
        extra=lambda t: {"breaches": (unknown, Breach("safety", "refused"))} if t["epoch"] == 1 else {},
    )
    report = analyse(found)

    assert report.verdict is Verdict.ERROR
    assert report.sentence == (
        "idempotent could not be judged in 1 of 3 trials, first in run 1 of a: cannot be evaluated: no copy. "
        "Nobody knows whether it holds. Broken for sure: safety."
    )
    assert {one.invariant: (one.broken, one.unknown) for one in report.invariants} == {
        "safety": (1, 0),
        "idempotent": (1, 1),
    }


def test_a_breach_that_is_sure_stands_before_one_that_nobody_could_evaluate():
    both = (Breach("safety", "cannot be evaluated", error=True), Breach("safety", "refused"))
    report = analyse(run({"agent": {"a": "+"}}, extra=lambda t: {"breaches": both}))

    assert report.verdict is Verdict.BLOCK and report.invariants[0].examples[0][3].told == "refused"


def test_a_breach_of_a_trial_whose_world_failed_counts():
    found = run(
        {"agent": {"a": "+" * 19 + "!"}},
        extra=lambda t: {"breaches": (Breach("safety", "x"),)} if t["epoch"] == 19 else {},
    )

    assert analyse(found).verdict is Verdict.BLOCK


def test_every_gate_must_pass_and_any_may_block():
    strict, also = success(0.99), Rule("also", "success", {"at_least": 0.99})
    twenty = {"agent": many("+++++", 20)}

    both, open_ = analyse(run(twenty, LAX, success(0.9))), analyse(run(twenty, strict, also, LAX))
    assert both.verdict is Verdict.PASS and both.sentence.startswith("Both gates pass (")
    assert open_.verdict is Verdict.INCONCLUSIVE and open_.sentence.startswith("2 of 3 gates are undecided (")
    report = analyse(run({"agent": evenly([3] * 20, 5)}, LAX, success(0.9)))
    assert report.verdict is Verdict.BLOCK
    assert report.sentence.startswith("1 of 2 gates blocks. reliable: With 60 of 100 right")


def test_a_fixed_design_is_not_judged_before_its_end():
    design = Design(epochs=5, gates=(LAX,))
    report = analyse(run({"agent": many("+++", 20)}, source="remit trial run", design=design))

    assert report.verdict is Verdict.INCONCLUSIVE
    assert report.sentence == "60 of 100 trials have ended, and a fixed design is judged at its end."
    assert report.would_change == "All 100 trials: the same command goes on with a run that was cut off."


def test_a_sequential_gate_is_fed_up_to_the_first_gap():
    design = Design("sequential", max_trials=200, gates=(LAX,))
    whole = run({"agent": {"a": "+" * 50}}, design=design)
    torn = replace(whole, trials=tuple(t for t in whole.trials if t.draw != 2))

    assert analyse(whole).verdict is Verdict.PASS
    assert analyse(torn).rulings[0].details["counted"] == 2


def test_a_fixed_gate_is_fed_all_there_are_behind_a_gap_too():
    # Such as that of a person whose trials were erased: in a fixed design nothing hangs on the order.
    whole = run({"agent": {"a": "+" * 50}}, design=Design(epochs=50, gates=(LAX,)))
    torn = replace(whole, trials=tuple(t for t in whole.trials if t.draw != 2))

    assert analyse(torn).rulings[0].details["counted"] == 49


def test_results_from_elsewhere_are_not_told_to_set_a_gate():
    assert analyse(run({"agent": many("+-", 3)})).would_change == (
        "Results from elsewhere have no gates: `remit trial compare` judges two such runs."
    )
    own = analyse(run({"agent": many("+-", 3)}, source="remit trial run", design=Design(epochs=2)))
    assert own.would_change == "A gate, such as `success: {at_least: 0.9}`."


def test_a_run_without_gates_passes_on_its_invariants_alone():
    assert analyse(run({"agent": many("++", 3)}, invariants=("safety",))).sentence == (
        "No gate is set, and every invariant held in all 6 trials: safety."
    )
    assert analyse(run({"agent": many("++", 3)})).verdict is Verdict.INCONCLUSIVE


def test_rates_are_made_of_the_trials_up_to_the_decision_and_invariants_of_all():
    design = Design("sequential", max_trials=200, gates=(success(0.9, aims_for=0.97),))
    whole = run({"agent": {"a": "+" * 60}}, design=design, invariants=("safety",))
    cut = replace(whole, trials=tuple(t for t in whole.trials if t.draw not in (42, 50)))
    report = analyse(cut)

    assert report.estimates["agent"][0].n == report.tasks[0].n == 40
    assert report.invariants[0].trials == report.counts["agent"]["trials"] == 58
    assert any(note.startswith("18 trials ended behind the decision") for note in report.notes)


def test_trials_behind_the_block_of_one_gate_tell_the_others_nothing():
    # A few failures block the first gate; by then the second, on a check, has seen too few for its pass.
    strict, said = (
        Rule("strict", "success", {"at_least": 0.9}),
        Rule("said", "success", {"at_least": 0.5, "check": "c"}),
    )
    design = Design("sequential", max_trials=200, gates=(strict, said))
    found = run({"agent": {"a": "-" * 60}}, design=design, extra=lambda t: {"checks": (Checked("c", True),)})
    report = analyse(found)

    blocked = int(report.rulings[0].details["counted"])
    assert (report.rulings[0].verdict, report.rulings[1].details["counted"]) == (Verdict.BLOCK, blocked)
    assert analyse(replace(found, trials=found.trials[:blocked])).rulings == report.rulings
