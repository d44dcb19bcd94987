"""`alpha` is the chance of a false PASS and `beta` that of a false BLOCK in every gate: neither is spent on the other."""

import pytest
from tests.core.trial.gate_help import draws, gate, ruled, trial

from remit.core.trial.suite import Question
from remit.core.trial.verdict import Verdict

BOTH = ("baseline", "candidate")
STRICT, LOOSE = 0.05, 0.2
PASSES = {STRICT: 5, LOOSE: 3}
"""Of n units that all succeed, the exact lower bound is level ** (1 / n): half is reached at .05 by 5, at .2 by 3."""
EITHER = pytest.mark.parametrize(("alpha", "beta"), [(STRICT, LOOSE), (LOOSE, STRICT)])


def levels(alpha: float, beta: float) -> dict[str, object]:
    return {"alpha": alpha, "beta": beta}


def first(ruling_of, verdict: Verdict) -> int:
    """The least number of units after which it says so, where they are all alike."""
    return next(n for n in range(1, 60) if ruling_of(n).verdict is verdict)


@EITHER
@pytest.mark.parametrize("question", Question)
def test_a_share_needs_as_many_successes_as_alpha_says_and_as_many_failures_as_beta_says(
    alpha, beta, question
):
    def ruling(ok: bool, n: int):
        one = gate("success", {"at_least": 0.5, **levels(alpha, beta)}, question=question)
        return ruled(one, draws([ok] * n, n))

    assert first(lambda n: ruling(True, n), Verdict.PASS) == PASSES[alpha]
    assert first(lambda n: ruling(False, n), Verdict.BLOCK) == PASSES[beta]


@EITHER
@pytest.mark.parametrize("kind", ["pass_hat", "stable"])
def test_a_mean_over_tasks_does(alpha, beta, kind):
    more = {"k": 2} if kind == "pass_hat" else {}

    def ruling(tasks: int, ends: list[bool]):
        results = [ok for ok in ends for _ in range(tasks)]
        return ruled(
            gate(kind, {"at_least": 0.5, **levels(alpha, beta), **more}, epochs=2), draws(results, tasks)
        )

    assert first(lambda n: ruling(n, [True, True]), Verdict.PASS) == PASSES[alpha]
    assert first(lambda n: ruling(n, [True, False]), Verdict.BLOCK) == PASSES[beta]


@EITHER
def test_a_change_of_stability_does(alpha, beta):
    # Each change lies in [-1, 1]: one by 1 everywhere is no loss, and one by -1 a loss, where half of that is excluded.
    def ruling(tasks: int, before: list[bool], after: list[bool]):
        results = [
            {
                arm: trial(epoch * tasks + at, ends[epoch], arm, tasks)
                for arm, ends in zip(BOTH, (before, after), strict=True)
            }
            for epoch in range(2)
            for at in range(tasks)
        ]
        return ruled(gate("stable", {"margin": 1e-9, **levels(alpha, beta)}, arms=BOTH, epochs=2), results)

    steady, coin = [True, True], [True, False]
    assert first(lambda n: ruling(n, coin, steady), Verdict.PASS) == PASSES[alpha]
    assert first(lambda n: ruling(n, steady, coin), Verdict.BLOCK) == PASSES[beta]


def test_a_comparison_in_a_fixed_design_does():
    def found(alpha: float, beta: float) -> tuple[int, int]:
        def ruling(n: int, candidate: bool):
            results = [
                {
                    "baseline": trial(at, True, "baseline", n),
                    "candidate": trial(at, candidate, "candidate", n),
                }
                for at in range(n)
            ]
            return ruled(gate("not_worse", {"margin": 0.5, **levels(alpha, beta)}, arms=BOTH), results)

        return first(lambda n: ruling(n, True), Verdict.PASS), first(
            lambda n: ruling(n, False), Verdict.BLOCK
        )

    strict, mixed, turned, loose = (found(a, b) for a in (STRICT, LOOSE) for b in (STRICT, LOOSE))

    # n tasks that only the baseline passes: McNemar's p-value is one half to the power n.
    assert [one[1] for one in (strict, mixed, turned, loose)] == [5, 3, 5, 3]
    assert strict[0] == mixed[0] > turned[0] == loose[0]


@EITHER
def test_bets_on_pairs_do(alpha, beta):
    def ruling(n: int, baseline: bool):
        results = [
            {
                "baseline": trial(at, baseline, "baseline"),
                "candidate": trial(at, not baseline, "candidate"),
            }
            for at in range(n)
        ]
        return ruled(gate("not_worse", {"margin": 0.05, **levels(alpha, beta)}, "sequential", BOTH), results)

    # After n pairs alike, the mean over the bets b of (1 + b) ** n: 3.2 and 5.1 after 3 and 4, 14 and 24 after 6 and 7.
    # Against the margin each bet gains 1.05 / .95 as much: 3.6 and 6.0, 18 and 33.
    assert first(lambda n: ruling(n, False), Verdict.PASS) == {STRICT: 7, LOOSE: 4}[alpha]
    assert first(lambda n: ruling(n, True), Verdict.BLOCK) == {STRICT: 7, LOOSE: 4}[beta]


def test_a_share_looked_at_after_every_trial_does():
    # At a bar of one half, successes for a PASS are what failures are for a BLOCK.
    def found(alpha: float, beta: float) -> tuple[int, int]:
        def ruling(n: int, ok: bool):
            one = gate("success", {"at_least": 0.5, **levels(alpha, beta)}, "sequential")
            return ruled(one, draws([ok] * n))

        return first(lambda n: ruling(n, True), Verdict.PASS), first(
            lambda n: ruling(n, False), Verdict.BLOCK
        )

    one, other = found(STRICT, LOOSE), found(LOOSE, STRICT)

    assert one == other[::-1] and one[0] > one[1]


@EITHER
@pytest.mark.parametrize("settings", [{}, {"aims_for": 0.9}])
def test_the_interval_of_a_sequential_gate_is_at_least_as_sure_as_either_verdict(alpha, beta, settings):
    one = gate("success", {"at_least": 0.5, **levels(alpha, beta), **settings}, "sequential")

    assert ruled(one, draws([True, False])).estimates[0].confidence == pytest.approx(0.95)


@EITHER
@pytest.mark.parametrize(("kind", "settings"), [("pass_hat", {"k": 2}), ("stable", {})])
def test_the_interval_of_a_mean_over_tasks_is_wrong_on_either_side_no_oftener_than_a_verdict(
    alpha, beta, kind, settings
):
    one = gate(kind, {"at_least": 0.5, **levels(alpha, beta), **settings}, epochs=2)
    estimate = ruled(one, draws([True] * 10, 5)).estimates[0]
    tail = min(alpha / 2, beta)

    assert estimate.confidence == pytest.approx(1 - 2 * tail)
    assert (estimate.low, estimate.high) == (pytest.approx(tail ** (1 / 5)), 1.0)


@EITHER
def test_so_is_that_of_a_change(alpha, beta):
    steady = [{arm: trial(at, True, arm, 5) for arm in BOTH} for at in range(10)]
    for draw in steady[
        :5
    ]:  # one of two runs of each task: the baseline's are never alike, the candidate's always
        draw["baseline"] = trial(draw["baseline"].draw, False, "baseline", 5)
    one = gate("stable", {"margin": 0.3, **levels(alpha, beta)}, arms=BOTH, epochs=2)
    estimate = ruled(one, steady).estimates[0]
    tail = min(alpha / 2, beta)

    assert (estimate.value, estimate.high) == (1.0, 1.0)
    assert estimate.low == pytest.approx(2 * tail ** (1 / 5) - 1, abs=1e-6)
