"""What needs no statistics is counted right, and by arm."""

from dataclasses import replace

from tests.core.trial.run_help import run

from remit.core.trial.analysis.counts import counts, infrastructure_share
from remit.core.trial.trial import Breach, Status


def test_each_trial_is_counted_by_how_it_ended():
    found = run(
        {"baseline": {"a": "++-t!", "b": "+"}, "candidate": {"a": "---"}},
        extra=lambda told: {
            "attempts": told["epoch"] + 1,  # of five runs of a task, all but the first were tried again
            "breaches": (Breach("safety", "no"), Breach("safety", "no")) if told["epoch"] == 2 else (),
        },
        repeated=3,
    )
    left = replace(found.trials[-1], status=Status.DIVERGED)
    one = counts(replace(found, trials=(*found.trials[:-1], left)))
    assert left.arm == "baseline"

    assert one["baseline"] == {
        "trials": 6, "passed": 3, "failed": 1, "timeout": 1, "infrastructure": 0, "diverged": 1, "retried": 4,
        "tasks": 2, "repeated": 3, "breaches": 1,
    }  # fmt: skip
    assert one["candidate"] == {
        "trials": 3, "passed": 0, "failed": 3, "timeout": 0, "infrastructure": 0, "diverged": 0, "retried": 2,
        "tasks": 1, "repeated": 3, "breaches": 1,
    }  # fmt: skip


def test_the_share_that_the_world_took_is_of_all_trials():
    assert infrastructure_share(run({"agent": {"a": "+-t!"}}).trials) == 0.25
    assert infrastructure_share(()) == 0.0
