from tests.core.trial.run_help import many, run

from remit.core.trial.analysis.analyse import analyse
from remit.core.trial.suite import Design, Rule


def told(*words: str, **given) -> bool:
    notes = analyse(run(**given)).notes
    return any(all(word in note for word in words) for note in notes)


def test_repeats_that_are_all_alike_are_told():
    same = {"results": {"agent": many("+++", 12)}}

    assert told("identical", "own seed", **same, extra=lambda t: {"answer": "done", "seed": t["draw"]})
    assert told("identical", "deterministic", **same, extra=lambda t: {"answer": "done"})
    assert not told("identical", **same, extra=lambda t: {"answer": f"done {t['draw']}"})
    assert not told("identical", **same)


def test_too_few_trials_are_told_with_what_they_can_show():
    assert told("agent has 10 trials", "no more than a rate of 74 %", results={"agent": {"a": "+" * 10}})
    assert not told("no more than a rate", results={"agent": {"a": "+" * 29}})


def test_a_baseline_that_hardly_ever_succeeds_is_told_where_not_being_worse_is_asked():
    asked = Design("fixed", gates=(Rule("no-worse", "not_worse", {"margin": 0.05}),))
    bad = {"baseline": many("----", 10), "candidate": many("----", 10)}
    good = {"baseline": many("--++", 10), "candidate": many("----", 10)}

    assert told("baseline succeeds in 0 %", "never succeeds is not worse", results=bad, design=asked)
    assert not told("no more than the margin", results=good, design=asked)
    assert not told("no more than the margin", results=bad)


def test_a_single_run_of_each_task_tells_nothing_of_stability():
    assert told("Every task ran once", results={"agent": many("+", 40)})


def test_arms_that_ran_one_after_the_other_are_told():
    arms = {"baseline": many("++", 3), "candidate": many("++", 3)}

    def later(t: dict) -> dict:
        return {"at": t["draw"] + (100.0 if t["arm"] == "candidate" else 0.0)}

    assert told("did not run side by side", results=arms, extra=later)
    assert not told("did not run side by side", results=arms, extra=lambda t: {"at": float(t["draw"])})


def test_what_was_run_twice_tried_again_or_cut_off_is_told():
    assert told("3 trials were in flight", results={"agent": many("+", 3)}, repeated=3)
    assert told(
        "1 trial needed more", results={"agent": {"a": "++"}}, extra=lambda t: {"attempts": 1 + t["epoch"]}
    )
    assert told("2 trials had not ended by the deadline", results={"agent": {"a": "tt+"}})
    assert told("In 1 trial the world failed", results={"agent": {"a": "!" + "+" * 19}})
    assert told("an invariant was broken", results={"agent": {"a": "+"}}, stopped="an invariant was broken")


def test_a_pass_that_hangs_on_trials_that_were_tried_again_is_told():
    """Three attempts are three draws for an agent that knows when it errs, and then says that the world failed."""
    asked = Design("fixed", gates=(Rule("reliable", "success", {"at_least": 0.9}),))
    hides, marginal = ({"results": {"agent": many("+", 50)}, "design": asked} for _ in range(2))

    assert told("5 trials needed", "as many tries as attempts", **hides, extra=lambda t: _tried(t, 5))
    assert told("1 trial needed", **marginal, extra=lambda t: _tried(t, 1))
    assert not told("as many tries as attempts", **marginal, extra=lambda t: _tried(t, 1))


def _tried(trial: dict, most: int) -> dict:
    return {"attempts": 3 if int(trial["task"].lstrip("t")) < most else 1}


def test_tasks_of_one_arm_alone_are_told():
    assert told(
        "1 task ran in one arm only (b)", results={"baseline": {"a": "+"}, "candidate": {"a": "+", "b": "+"}}
    )


def test_the_same_agent_in_both_arms_is_told():
    arms = {"baseline": {"a": "+"}, "candidate": {"a": "+"}}
    prints = {"baseline": {"model": "m"}, "candidate": {"model": "m"}}

    assert told("same fingerprint", results=arms, fingerprints=prints)


def test_p_values_of_a_run_that_stopped_early_are_told_to_be_for_exploring():
    arms = {"baseline": {"a": "++"}, "candidate": {"a": "++"}}

    assert told("for exploring only", results=arms, design=Design("sequential"))


def test_runs_that_were_begun_before_are_counted():
    told_of = ("3 runs of this suite", "before (1 without a verdict, 2 BLOCK)", "until one passes")

    assert told(*told_of, results={"agent": {"a": "+"}}, earlier={"BLOCK": 2, "": 1})
    assert not told("begun in this store before", results={"agent": {"a": "+"}})


def test_tasks_whose_runs_were_mostly_lost_to_the_world_are_named():
    results = {"agent": {"a": "+" * 50, "hard": "!!!+", "half": "!+"}}

    assert told("most runs of 1 task of agent: hard (3 of 4)", results=results)
