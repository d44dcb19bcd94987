import pytest
from tests.core.trial.gate_help import gate, ruled, trial

from remit.core.errors import BadInput
from remit.core.trial.gates.budget import latency_of
from remit.core.trial.trial import Status, Trial
from remit.core.trial.verdict import Verdict


def timed(seconds: list[float | None]) -> list[dict[str, Trial]]:
    return [{"agent": trial(at, True, tasks=1, latency_s=s)} for at, s in enumerate(seconds)]


def test_a_quantile_is_shown_by_fifty_nine_runs_within_the_bound():
    # .95 ** 59 = .0485: the fewest with which a 95th percentile has an upper bound at all.
    fast = ruled(gate("latency", {"within": 10}), timed([2.0] * 59))
    few = ruled(gate("latency", {"within": 10}), timed([2.0] * 58))

    assert (fast.verdict, few.verdict) == (Verdict.PASS, Verdict.INCONCLUSIVE)
    assert fast.sentence == (
        "With 59 of 59 within 10 s, the share of runs within 10 s is at least 95.05 % (95 % sure); the bar is 95 %."
    )


def test_a_run_that_was_cut_off_took_longer_than_any_bound():
    cut = Trial(0, "agent", "a", 0, Status.TIMEOUT, latency_s=1.0)

    assert latency_of(cut) == float("inf")
    assert latency_of(Trial(0, "agent", "a", 0, Status.INFRASTRUCTURE, latency_s=1.0)) is None


def test_runs_that_nobody_measured_do_not_count():
    ruling = ruled(gate("latency", {"within": 10}), timed([None] * 5))

    assert ruling.verdict is Verdict.INCONCLUSIVE and ruling.details["skipped"] == 5


def test_tokens_and_cost_are_budgets_too():
    spent = [{"agent": trial(at, True, tokens=900 if at % 2 else 2000, cost=0.5)} for at in range(60)]

    assert ruled(gate("tokens", {"within": 1000}), spent).verdict is Verdict.BLOCK
    assert ruled(gate("cost", {"within": 1.0}), spent).verdict is Verdict.PASS


def test_latency_is_judged_one_by_one_in_a_sequential_design():
    ruling = ruled(gate("latency", {"within": 10, "quantile": 0.8}, "sequential"), timed([20.0] * 50))

    assert ruling.verdict is Verdict.BLOCK
    assert ruling.sentence.endswith(
        "too many for the bar of 80 %; an agent that reaches it is blocked in at most 5 % of cases."
    )


@pytest.mark.parametrize(("within", "seconds"), [("10s", 10.0), ("500ms", 0.5), ("2m", 120.0), (1.5, 1.5)])
def test_a_bound_on_time_is_a_duration(within, seconds):
    ruling = ruled(gate("latency", {"within": within}), timed([seconds] * 59))

    assert ruling.verdict is Verdict.PASS
    assert [(one.name, one.value) for one in ruling.estimates[1:]] == [("latency p95", seconds)]


@pytest.mark.parametrize("within", ["10", "ten seconds", None, True, 0])
def test_what_is_no_duration_is_refused(within):
    with pytest.raises(BadInput, match="within"):
        gate("latency", {"within": within})


def test_the_quantile_is_of_the_draws_that_decided():
    ruling = ruled(
        gate("latency", {"within": 10, "quantile": 0.8}, "sequential"), timed([20.0] * 30 + [1.0] * 500)
    )

    assert ruling.estimates[1].value == 20.0
