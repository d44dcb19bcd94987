"""Which trials rates are made of, where a run did not come to its end."""

from dataclasses import replace

from tests.core.trial.run_help import run

from remit.core.trial.analysis.analyse import analyse
from remit.core.trial.analysis.counted import OWN_RUNS, counted, part_of
from remit.core.trial.analysis.merged import merged
from remit.core.trial.run import Run
from remit.core.trial.suite import Design, Rule
from remit.core.trial.verdict import Verdict

RELIABLE = Rule("reliable", "success", {"at_least": 0.7})
NOT_WORSE = Rule("not-worse", "not_worse", {"margin": 0.2})


def cut_off(marks: str, *slow: int, source: str = OWN_RUNS) -> Run:
    """A run of one task, of which these draws had not ended."""
    design = Design("fixed", epochs=len(marks), gates=(RELIABLE,))
    found = run({"agent": {"a": marks}}, design=design, source=source)
    return replace(found, trials=tuple(one for one in found.trials if one.draw not in slow))


def test_a_run_that_was_cut_off_is_rated_by_what_ended_before_the_first_that_had_not():
    """Failures are slow: of all that ended, ten of ten had passed."""
    report = analyse(cut_off("+-+-" + "++--" * 9, 4, 6, 7, 10, 11, 14, 15))

    success = next(one for one in report.estimates["agent"] if one.name == "success")
    assert (success.value, success.n) == (0.5, 4)
    assert (report.tasks[0].n, report.tasks[0].passes) == (4, 2)
    assert report.verdict is Verdict.INCONCLUSIVE
    assert report.counts["agent"]["trials"] == 33
    assert any(note.startswith("29 trials ended behind") for note in report.notes)


def test_where_the_first_trial_had_not_ended_there_is_no_rate_and_it_is_said_why():
    report = analyse(cut_off("-" + "+" * 39, 0))

    assert report.estimates["agent"] == ()
    assert "39 of 40 trials have ended" in report.sentence


def test_what_came_to_its_end_or_has_another_source_counts_whole():
    for whole in (cut_off("+" * 40), cut_off("+" * 40, 3, source="plain")):
        assert counted(whole) == whole


def test_one_part_of_a_run_counts_whole_and_one_that_was_cut_off_up_to_its_own_gap():
    part = cut_off(
        "+" * 12, *(draw for draw in range(12) if draw % 3 != 1), source=f"{OWN_RUNS} --shard 2-of-3"
    )

    assert part_of(part) == (1, 3)
    assert counted(part) == part
    gap = replace(part, trials=tuple(one for one in part.trials if one.draw != 7))
    assert [one.draw for one in counted(gap).trials] == [1, 4]
    together = cut_off("+" * 12, source=f"{OWN_RUNS} --shard 2-of-3")
    assert part_of(together) is None


def test_a_comparison_takes_of_a_run_that_was_cut_off_no_more_and_says_so():
    both = merged(cut_off("+" * 40), cut_off("+" * 40, 10), gates=(NOT_WORSE,))

    assert len(both.of("candidate")) == 10
    assert any("run r was cut off with 39 of 40 trials" in note for note in analyse(both).notes)
