"""Gates keep their errors, whatever order trials end in: short simulations; the long ones stand in `benchmarks/`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from heapq import heappop, heappush
from random import Random

import pytest
from tests.core.trial.gate_help import gate, trial

from remit.core.stats.proportion import clopper_pearson
from remit.core.trial.gates.gate import contiguous
from remit.core.trial.run import Run, RunInfo, TaskInfo
from remit.core.trial.suite import Design
from remit.core.trial.trial import Trial
from remit.core.trial.verdict import Verdict

WORKERS = 8
AIM = {"at_least": 0.9, "aims_for": 0.97}
INFO = RunInfo("r", "shop", "h", Design("sequential"), ("agent",), {"t0": TaskInfo()})


def ended(chance: Random, rate: float, slower: float, most: int) -> Iterator[Trial]:
    """Trials in the order in which they end, failures being *slower*; *WORKERS* run at once."""
    busy: list[tuple[float, int, Trial]] = []
    now = 0.0
    for draw in range(most):
        if len(busy) == WORKERS:
            now, _, done = heappop(busy)
            yield done
        ok = chance.random() < rate
        heappush(
            busy, (now + chance.expovariate(1.0 if ok else 1.0 / slower), draw, trial(draw, ok, tasks=1))
        )
    while busy:
        yield heappop(busy)[2]


def decided(
    trials: Iterator[Trial], *, start_order: bool, settings: Mapping[str, float] = AIM
) -> Verdict | None:
    """What a gate says that looks whenever a trial ends."""
    one, known, fed = gate("success", settings, "sequential", max_trials=300), {}, 0
    for at, done in enumerate(trials):
        known[done.draw if start_order else at] = done
        while fed in known:
            draw: Mapping[str, Trial] = {"agent": known[fed]}
            fed += 1
            if verdict := one.step(draw):
                return verdict
    return None


def passes(*, start_order: bool, times: int = 400) -> float:
    """Share of agents at the bar that pass, failures being twenty times slower than passes."""
    found = [decided(ended(Random(seed), 0.9, 20.0, 130), start_order=start_order) for seed in range(times)]
    return found.count(Verdict.PASS) / times


def test_an_agent_at_the_bar_passes_no_oftener_because_its_failures_are_slow():
    assert passes(start_order=True) <= 0.08  # .05, and three standard errors of 400


def test_the_order_of_ends_would_pass_most_agents_at_the_bar():
    assert passes(start_order=False) > 0.5


@pytest.mark.parametrize("seed", range(10))
def test_the_verdict_is_the_same_whatever_the_order_of_ends(seed):
    quick = [*ended(Random(seed), 0.93, 1.0, 130)]
    results = {t.draw: t for t in quick}
    for shuffle in range(5):
        trials = list(results.values())
        Random(shuffle).shuffle(trials)
        run = Run(INFO, tuple(trials))
        one = gate("success", AIM, "sequential")
        for draw in contiguous(run, ["agent"]):
            one.step(draw)
        assert one.decided == decided(iter(quick), start_order=True)


def test_an_agent_that_is_good_enough_is_seldom_blocked():
    found = [decided(ended(Random(seed), 0.97, 5.0, 130), start_order=True) for seed in range(400)]

    assert found.count(Verdict.BLOCK) / 400 <= 0.145  # .10, and three standard errors


@pytest.mark.parametrize(("margin_off", "wrong"), [(0.05, Verdict.PASS), (0.0, Verdict.BLOCK)])
def test_bets_on_pairs_are_seldom_wrong_though_they_look_after_every_pair(margin_off, wrong):
    errors = 0
    for seed in range(120):
        chance, one = (
            Random(seed),
            gate("not_worse", {"margin": 0.05}, "sequential", ("baseline", "candidate")),
        )
        for draw in range(300):
            both = {"baseline": trial(draw, chance.random() < 0.9, "baseline")}
            both["candidate"] = trial(draw, chance.random() < 0.9 - margin_off, "candidate")
            if one.step(both):
                break
        errors += one.decided is wrong
    assert errors / 120 <= 0.11  # .05, and three standard errors of 120


def test_a_candidate_at_the_margin_seldom_passes_a_fixed_gate():
    errors = 0
    for seed in range(120):
        chance, one = Random(seed), gate("not_worse", {"margin": 0.1}, "fixed", ("baseline", "candidate"))
        for draw in range(100):
            rate = 0.95 if draw % 10 else 0.5
            both = {"baseline": trial(draw, chance.random() < rate, "baseline")}
            both["candidate"] = trial(draw, chance.random() < rate - 0.1, "candidate")
            one.step(both)
        errors += one.ruling(None).verdict is Verdict.PASS  # type: ignore[arg-type]
    assert errors / 120 <= 0.11


@pytest.mark.soak
@pytest.mark.parametrize("slower", [1.0, 5.0, 20.0])
@pytest.mark.parametrize(
    ("settings", "rate", "wrong", "nominal"),
    [
        (AIM, 0.9, Verdict.PASS, 0.05),
        (AIM, 0.97, Verdict.BLOCK, 0.10),
        ({"at_least": 0.9}, 0.9, Verdict.PASS, 0.05),
        ({"at_least": 0.9}, 0.9, Verdict.BLOCK, 0.05),
    ],
)
def test_gates_keep_their_errors_however_slow_failures_are(settings, rate, wrong, nominal, slower):
    found = [
        decided(ended(Random(f"{seed} {slower}"), rate, slower, 300), start_order=True, settings=settings)
        for seed in range(4000)
    ]
    low, _ = clopper_pearson(found.count(wrong), len(found), 0.98)

    assert low <= nominal
