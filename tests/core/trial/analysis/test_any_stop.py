"""Two runs that each ended as soon as gates of their own knew enough, held against each other."""

from dataclasses import replace
from functools import lru_cache
from random import Random

import pytest
from tests.core.trial.run_help import run

from remit.core.stats.sprt import plan
from remit.core.trial.analysis.analyse import analyse
from remit.core.trial.analysis.judged import judged
from remit.core.trial.analysis.merged import merged
from remit.core.trial.run import Run
from remit.core.trial.suite import Design, Question, Rule
from remit.core.trial.trial import Breach
from remit.core.trial.verdict import Verdict

MARGIN = Rule("not-worse", "not_worse", {"margin": 0.05})
LAX = Rule("reliable", "success", {"at_least": 0.7, "aims_for": 0.85})


def sequential(marks: str, *gates: Rule) -> Run:
    """One task, drawn as often as there are marks."""
    return run({"agent": {"a": marks}}, design=Design("sequential", max_trials=400, gates=gates))


def ruled(before: Run, after: Run, rule: Rule = MARGIN) -> tuple[Verdict, str]:
    found = judged(merged(before, after, gates=(rule,)), ())
    return found.verdict, found.sentence


def test_so_few_runs_as_a_gate_stops_at_do_not_tell_and_it_is_said_what_would():
    both = merged(sequential("+" * 40), sequential("+" * 38 + "--"), gates=(MARGIN,))
    report = analyse(both, methods=True)

    assert both.info.stopped_arms == ("baseline", "candidate")
    assert "after an early stop" in report.methods_told
    assert report.verdict is report.rulings[0].verdict is Verdict.INCONCLUSIVE
    assert "whenever the runs ended" in report.sentence
    (difference,) = report.rulings[0].estimates
    assert (difference.n, difference.gating) == (80, True)
    assert difference.confidence == pytest.approx(0.9)  # each arm's at 95 %, so both sides together
    assert difference.value == pytest.approx(-0.05) and difference.low < -0.05 < 0 < difference.high
    assert report.would_change.startswith("Two arms in one suite, or runs of a fixed design")
    assert any("are as if the number of trials had been given" in note for note in report.notes)


def test_a_run_of_which_nothing_came_back_is_an_error_and_no_comparison():
    for before, after in [("!" * 9, "+" * 40), ("+" * 40, "!" * 9)]:
        assert ruled(sequential(before), sequential(after))[0] is Verdict.ERROR


def test_a_large_loss_blocks_and_many_equal_runs_pass():
    verdict, told = ruled(sequential("+" * 40), sequential("-" * 20 + "+" * 10))
    assert (verdict, "it is worse by at least" in told) == (Verdict.BLOCK, True)

    wide = replace(MARGIN, settings={"margin": 0.2})
    verdict, told = ruled(sequential("+" * 200), sequential("+" * 200), wide)
    assert (verdict, "it is worse by at most" in told) == (Verdict.PASS, True)


def test_a_run_of_a_fixed_design_keeps_its_exact_interval():
    fixed = run({"agent": {"a": "+" * 200}})
    both = merged(fixed, sequential("+" * 200), gates=(MARGIN,))

    assert both.info.stopped_arms == ("candidate",)
    (difference,) = judged(both, ()).rulings[0].estimates
    assert difference.high is not None and difference.low is not None
    assert abs(difference.low) > difference.high  # the candidate's confidence sequence is the wider one
    assert merged(fixed, fixed, gates=(MARGIN,)).info.stopped_arms == ()


def test_of_tasks_like_these_such_runs_say_nothing():
    both = merged(sequential("+" * 40), sequential("-" * 40), gates=(MARGIN,))
    asked = replace(both.info.design, question=Question.POPULATION)

    found = judged(replace(both, info=replace(both.info, design=asked)), ())

    assert (found.verdict, found.would_change) == (Verdict.INCONCLUSIVE, "Runs of a fixed design.")


def test_what_ended_behind_the_decision_counts_only_where_it_broke_an_invariant():
    before = sequential("+" * 60, LAX)  # decided long before
    broke = replace(before.trials[59], breaches=(Breach("never", "it paid twice"),))
    after = replace(before, trials=(*before.trials[:59], broke), repeated=1)

    both = merged(before, after, gates=(MARGIN,))

    passes = plan(0.7, 0.85).passes
    decided = next(n for n, failures in enumerate(passes) if failures >= 0)
    assert len(both.of("baseline")) == decided
    assert [trial.epoch for trial in both.of("candidate")] == [*range(decided), 59]


@pytest.mark.parametrize(("baseline", "candidate"), [(0.775, 0.775), (0.775, 0.675), (0.85, 0.75)])
def test_runs_that_stop_by_themselves_raise_no_more_alarms_than_claimed(
    baseline: float, candidate: float
) -> None:
    chance, gate, margin = Random(5), plan(0.7, 0.85), 0.1
    rule = replace(MARGIN, settings={"margin": margin})

    def ended(rate: float) -> tuple[int, int]:
        failures = 0
        for n in range(1, gate.cap + 1):
            failures += chance.random() >= rate
            if gate.step(n, failures):
                break
        return n - failures, failures

    @lru_cache(None)
    def verdict(before: tuple[int, int], after: tuple[int, int]) -> Verdict:
        one, other = (sequential("+" * passes + "-" * failures) for passes, failures in (before, after))
        return ruled(one, other, rule)[0]

    said = [verdict(ended(baseline), ended(candidate)) for _ in range(400)]

    wrong = Verdict.BLOCK if candidate == baseline else Verdict.PASS
    assert said.count(wrong) <= 0.05 * len(said)


def test_what_was_lost_to_the_world_makes_no_pass_here_either():
    wide = replace(MARGIN, settings={"margin": 0.1})

    verdict, told = ruled(sequential("+" * 200), sequential("!" + "+" * 199), wide)
    assert (verdict, "whatever had become of it, that would stand" in told) == (Verdict.PASS, True)

    verdict, told = ruled(sequential("+" * 200), sequential("+++++++++!" * 20), wide)
    assert (verdict, "20 trials were lost to the world, and had they" in told) == (Verdict.INCONCLUSIVE, True)
