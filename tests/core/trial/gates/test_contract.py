"""What every kind of gate keeps to, in each design that it can be used in."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from tests.core.trial.gate_help import gate, ruled, trial

from remit.core.canonical import encode
from remit.core.errors import BadInput
from remit.core.trial.gates.table import KINDS, gates_of
from remit.core.trial.suite import Design, Rule
from remit.core.trial.trial import Trial
from remit.core.trial.verdict import Verdict

BOTH, ONE = ("baseline", "candidate"), ("agent",)
GOOD, BAD = {"latency_s": 1.0, "tokens": 10, "cost": 0.1}, {"latency_s": 9.0, "tokens": 90, "cost": 0.9}
CASES = [
    ("success", {"at_least": 0.5}, "fixed", ONE),
    ("success", {"at_least": 0.5}, "sequential", ONE),
    ("success", {"at_least": 0.5, "aims_for": 0.9}, "sequential", ONE),
    ("success", {"at_least": 0.5, "aims_for": 0.9}, "fixed", ONE),
    ("not_worse", {"margin": 0.2}, "fixed", BOTH),
    ("not_worse", {"margin": 0.2}, "sequential", BOTH),
    ("pass_hat", {"k": 2, "at_least": 0.5}, "fixed", ONE),
    ("stable", {"at_least": 0.7}, "fixed", ONE),
    ("stable", {"margin": 0.3}, "fixed", BOTH),
    ("latency", {"within": 5, "quantile": 0.5}, "fixed", ONE),
    ("latency", {"within": 5, "quantile": 0.5, "aims_for": 0.9}, "sequential", ONE),
    ("tokens", {"within": 50, "quantile": 0.5}, "fixed", ONE),
    ("tokens", {"within": 50, "quantile": 0.5}, "sequential", ONE),
    ("cost", {"within": 0.5, "quantile": 0.5}, "fixed", ONE),
    ("cost", {"within": 0.5, "quantile": 0.5}, "sequential", ONE),
]  # fmt: skip
EVERY = pytest.mark.parametrize(
    ("kind", "settings", "design", "arms"), CASES, ids=lambda value: value if isinstance(value, str) else ""
)
Draws = list[Mapping[str, Trial]]


def drawn(arms: tuple[str, ...], n: int, *, ok: bool | None, mixed: bool = False) -> Draws:
    """*n* draws in which the last arm does well or badly, and the baseline well; *mixed*: badly every other time."""
    found = []
    for draw in range(n):
        one = ok if not mixed or (draw // 10) % 2 else not ok
        told = {arm: (one if arm == arms[-1] or ok is None else True) for arm in arms}
        found.append(
            {arm: trial(draw, good, arm, **(GOOD if good else BAD)) for arm, good in told.items()}  # type: ignore[arg-type]
        )
    return found


def test_every_kind_is_here_in_each_design_that_it_has() -> None:
    assert {case[0] for case in CASES} == set(KINDS)


@EVERY
def test_an_agent_that_does_well_passes_and_one_that_does_not_is_blocked(
    kind, settings, design, arms
) -> None:
    def ruling(draws: Draws):
        return ruled(gate(kind, settings, design, arms, epochs=40, max_trials=400), draws)

    good, bad = ruling(drawn(arms, 400, ok=True)), ruling(drawn(arms, 400, ok=False, mixed=kind == "stable"))

    assert (good.verdict, bad.verdict) == (Verdict.PASS, Verdict.BLOCK)
    for one in (good, bad):
        assert one.gate == "gate" and one.sentence.endswith(".") and one.would_change.endswith(".")
        assert one.details["method"] and encode(dict(one.details))
        for estimate in one.estimates:
            assert estimate.value is None or estimate.low is None or estimate.low <= estimate.value
            assert estimate.value is None or estimate.high is None or estimate.value <= estimate.high
            assert estimate.gating and 0.9 <= estimate.confidence < 1 and estimate.n


@EVERY
def test_without_a_trial_that_counts_nothing_is_known(kind, settings, design, arms) -> None:
    for draws in ([], drawn(arms, 60, ok=None)):
        found = ruled(gate(kind, settings, design, arms, epochs=6, max_trials=60), draws)

        assert found.verdict is Verdict.INCONCLUSIVE and found.sentence and found.would_change


@EVERY
def test_a_draw_without_the_trial_that_it_judges_tells_a_gate_nothing(kind, settings, design, arms) -> None:
    # Of a run that was cut off, or of a person who was forgotten, one arm's trial of a draw may be missing.
    one, other = (gate(kind, settings, design, arms, epochs=40, max_trials=400) for _ in range(2))
    whole = drawn(arms, 400, ok=True)
    torn = [
        {arm: each for arm, each in draw.items() if arm != arms[-1]} for draw in drawn(arms, 50, ok=False)
    ]
    for draw in torn:
        assert one.step(draw) is None

    assert (ruled(one, whole).verdict, ruled(other, torn).verdict) == (Verdict.PASS, Verdict.INCONCLUSIVE)


def test_two_gates_of_one_name_are_refused() -> None:
    rule = Rule("reliable", "success", {"at_least": 0.9}, "suite.yaml:3: gates[0]")
    with pytest.raises(BadInput, match="two gates are named 'reliable'"):
        gates_of(Design(gates=(rule, replace(rule, settings={"at_least": 0.5}))), ONE)


@EVERY
def test_what_was_decided_stays_decided(kind, settings, design, arms) -> None:
    one = gate(kind, settings, design, arms, epochs=40, max_trials=400)
    said = [one.step(draw) for draw in drawn(arms, 200, ok=True) + drawn(arms, 200, ok=False)]

    decided = [verdict for verdict in said if verdict is not None]
    assert set(decided) <= {Verdict.PASS} and bool(decided) is (design == "sequential")
    assert said[len(said) - len(decided) :] == decided
    assert (one.boundary() is not None) is (design == "sequential")


@EVERY
def test_settings_that_are_none_are_told_with_their_place(kind, settings, design, arms) -> None:
    wrong = [{**settings, "unheard_of": 1}, {}, {**settings, "alpha": 2}, {**settings, "beta": "none"}]
    for one in wrong:
        with pytest.raises(BadInput, match=r"suite\.yaml:3: gates\[0\]"):
            gate(kind, one, design, arms, epochs=40, max_trials=400)
