import gzip
import json
from collections import Counter
from itertools import combinations, product
from pathlib import Path

import pytest

from remit.core.stats.pass_hat import (
    display_interval,
    gating_interval,
    most_k,
    of_suite,
    pass_at,
    pass_hat,
    per_task,
    this_suite_interval,
)


def test_subsets_as_by_hand() -> None:
    # Four runs, three successes: 3 of 6 pairs, 1 of 4 triples, no quadruple.
    assert [pass_hat(3, 4, k) for k in (1, 2, 3, 4)] == [0.75, 0.5, 0.25, 0.0]
    # One success: it is in 3 of 6 pairs, 3 of 4 triples, every quadruple.
    assert [pass_at(1, 4, k) for k in (1, 2, 3, 4)] == [0.25, 0.5, 0.75, 1.0]


def test_they_are_shares_of_subsets() -> None:
    for n in range(1, 7):
        for runs, k in product(product((False, True), repeat=n), range(1, n + 1)):
            subsets = list(combinations(runs, k))
            assert pass_hat(sum(runs), n, k) == pytest.approx(sum(map(all, subsets)) / len(subsets))
            assert pass_at(sum(runs), n, k) == pytest.approx(sum(map(any, subsets)) / len(subsets))


def test_a_suite_with_unequal_runs_and_weights_as_by_hand() -> None:
    # k = 2. Task a: 2 of 2: 1. Task b: 2 of 4: 1/6. Task c: 2 of 3: 1/3.
    assert per_task([2, 2, 2], [2, 4, 3], 2) == pytest.approx([1, 1 / 6, 1 / 3])
    assert of_suite([2, 2, 2], [2, 4, 3], 2) == pytest.approx(0.5)
    assert of_suite([2, 2, 2], [2, 4, 3], 2, [1, 2, 1]) == pytest.approx((1 + 2 / 6 + 1 / 3) / 4)
    assert most_k([2, 4, 3]) == 2


def test_a_task_with_too_few_runs_is_never_left_out() -> None:
    with pytest.raises(ValueError, match="k = 3"):
        of_suite([2, 2], [2, 4], 3)
    with pytest.raises(ValueError, match="no task"):
        of_suite([], [], 1)


def test_variance_within_tasks_as_by_hand() -> None:
    # 3 of 4, k = 2: (1/2) ** 2 - 0 = 1/4, alone: .5 -+ 1.96 * .5, cut.
    assert this_suite_interval([3], [4], 2) == (0.0, 1.0)
    # 4 of 8, k = 1, twice: 1/4 - 12/56 = 1/28 each, so 1.96 * sqrt(2 / 28) / 2 = .2619.
    assert this_suite_interval([4, 4], [8, 8], 1) == pytest.approx((0.2381, 0.7619), abs=1e-4)
    assert this_suite_interval([4, 4], [4, 8], 3) is None
    assert this_suite_interval([8, 8], [8, 8], 2) is None


def test_pass_at_k_varies_as_its_failures_do() -> None:
    assert this_suite_interval([2, 6], [8, 8], 2, estimator=pass_at) == pytest.approx(
        tuple(1 - bound for bound in reversed(this_suite_interval([6, 2], [8, 8], 2) or ()))
    )


def test_a_perfect_suite_is_not_told_to_be_perfect() -> None:
    assert display_interval([4] * 20, [4] * 20, 4) is None
    assert gating_interval([4] * 20, [4] * 20, 4)[0] == pytest.approx(0.8316, abs=1e-4)


def test_intervals_lie_around_the_estimate() -> None:
    passes, runs = [4, 3, 0, 2, 4, 1, 4, 4], [4, 5, 4, 6, 4, 4, 4, 8]
    for estimator in (pass_hat, pass_at):
        for k in (1, 2, 4):
            middle = of_suite(passes, runs, k, None, estimator)
            for interval in (gating_interval, display_interval, this_suite_interval):
                found = interval(passes, runs, k, None, 0.9, estimator)
                assert found is None or found[0] < middle < found[1]


def test_published_figures_of_tau_bench(data: Path) -> None:
    # gpt-4o on the airline tasks, four runs each; the curve is that of arXiv:2406.12045 and its repository.
    at = data / "tau_bench_gpt4o_airline" / "sessions.jsonl.gz"
    runs, passes = Counter[str](), Counter[str]()
    with gzip.open(at, "rt", encoding="utf-8") as lines:
        for session in map(json.loads, lines):
            runs[session["task_id"]] += 1
            passes[session["task_id"]] += session["success"]
    counted = [passes[task] for task in runs], list(runs.values())

    assert (len(runs), set(runs.values())) == (50, {4})
    assert [round(of_suite(*counted, k), 3) for k in (1, 2, 3, 4)] == [0.42, 0.273, 0.22, 0.2]
