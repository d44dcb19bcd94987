"""What a gate foresees comes true: so many more trials decide, so many right would have passed."""

from math import ceil, floor

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.trial.gate_help import gate

from remit.core.trial.gates.share_told import alike, turning
from remit.core.trial.gates.stopping import Counted
from remit.core.trial.suite import Question
from remit.core.trial.verdict import Verdict

counts = st.integers(1, 60).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n)))
designs = st.sampled_from(["fixed", "sequential"])
aims = st.sampled_from([{"at_least": 0.8}, {"at_least": 0.8, "aims_for": 0.95}])


def counted(n: int, yes: int, tasks: int = 5) -> Counted:
    return alike(Counted({f"t{at}": (len(range(at, n, tasks)), 0) for at in range(min(n, tasks))}, n, 0), yes)


@given(counts, st.integers(1, 12))
def test_successes_are_shared_out_among_tasks_and_none_is_lost(count, tasks):
    found = counted(*count, tasks)

    assert sum(hits for _, hits in found.tasks.values()) == found.yes == count[1]
    assert sum(n for n, _ in found.tasks.values()) == found.n
    assert all(0 <= hits <= n for n, hits in found.tasks.values())


@settings(max_examples=40, deadline=None)
@given(counts, aims)
def test_the_counts_that_would_pass_and_block_are_where_the_verdict_turns(count, aim):
    stopping = gate("success", aim).stopping
    here = counted(*count, tasks=1)
    passing, blocking = turning(here, stopping)

    verdicts = [stopping.end(alike(here, yes)) for yes in range(here.n + 1)]
    assert passing == next((yes for yes, verdict in enumerate(verdicts) if verdict is Verdict.PASS), None)
    blocked = [yes for yes, verdict in enumerate(verdicts) if verdict is Verdict.BLOCK]
    assert blocking == (max(blocked) if blocked else None)


@settings(max_examples=40, deadline=None)
@given(counts, aims, designs)
def test_so_many_more_trials_at_this_rate_decide(count, aim, design):
    stopping = gate("success", aim, design, max_trials=10_000).stopping
    here = counted(*count, tasks=1)
    more = stopping.more(here)
    if more is None:
        return
    n = here.n + more
    at_this_rate = {
        floor(here.rate * n),
        ceil(here.rate * n),
    }  # one of which is as near as so many trials come
    then = [counted(n, yes, tasks=1) for yes in at_this_rate]
    decided = [(stopping.look(one) or stopping.end(one)) is not Verdict.INCONCLUSIVE for one in then]
    assert more > 0 and any(decided)


@settings(max_examples=30, deadline=None)
@given(counts, st.sampled_from(Question), aims)
def test_the_interval_never_contradicts_the_verdict(count, question, aim):
    stopping = gate("success", aim, question=question).stopping
    here = counted(*count)
    verdict, estimate = stopping.end(here), stopping.estimate(here, "success", early=False)

    assert estimate.low <= estimate.value <= estimate.high
    if verdict is Verdict.INCONCLUSIVE:
        assert estimate.low < stopping.mark.bar and estimate.high >= stopping.mark.floor
    if verdict is Verdict.PASS:
        assert estimate.high >= stopping.mark.bar
    if verdict is Verdict.BLOCK:
        assert estimate.low < stopping.mark.floor
