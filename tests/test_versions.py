"""Whatever Python runs it, the same seed gives the same trials, the same content the same hash, the same runs the same
report. The values were the same with 3.11, 3.12 and 3.13: a run that was begun on one goes on with another."""

import builtins
from collections.abc import Callable, Iterable
from itertools import islice
from math import fsum
from pathlib import Path
from random import Random
from typing import Any

import pytest
from tests.core.trial.run_help import calls, run

from remit.core.breaker import Window, trip_weight
from remit.core.canonical import canonical, digest, encode
from remit.core.cel.functions.address import public_address
from remit.core.envelope import BreakerRule
from remit.core.stats.fisher import fisher_p
from remit.core.trial.analysis.analyse import analyse
from remit.core.trial.run import Run
from remit.core.trial.sampling import SamplingUnit, picked
from remit.core.trial.schedule import slots
from remit.core.trial.suite import Design, Rule
from remit.core.trial.verdict import Verdict
from remit.core.types import Severity
from remit.usecases.lexical import LexicalEmbedder
from remit.usecases.trials.loaded import load
from remit.usecases.trials.plan import design_hash
from remit.usecases.trials.suite_file import read_suite

SUITE = """\
apiVersion: remit/v1
kind: TrialSuite
metadata: {name: shop, version: "1"}
spec:
  agent: {python: agent.py:answer, fingerprint: {prompt: v1}}
  world: {python: agent.py:make}
  tasks:
    - {id: lamp, input: "Is the lämp here?", weight: 0.1, checks: [{id: says, answer: {contains: "yes"}}]}
    - {id: cup, input: "And the cup?", weight: 2.5, stratum: small, checks: [{id: right, python: agent.py:right}]}
  invariants: [{deadline: {within: 90s}}]
  design: {sequential: {max_trials: 50}, seed: 7}
  gates: [{id: reliable, success: {at_least: 0.75, aims_for: 0.9}}]
"""
AGENT = """\
class Shop:
    def find(self):
        return 1

def make(world, seed):
    return Shop()

def answer(trial):
    return "yes"

def right(trial):
    return trial.answer == "yes"
"""


def test_the_same_seed_starts_the_same_trials_in_the_same_order():
    drawn = slots(Design("sequential", max_trials=50, seed=7), {"a": 0.1, "b": 2.5, "c": 1.0}, ["new", "old"])

    assert [(s.draw, s.arm, s.task, s.epoch, s.seed) for s in islice(drawn, 4)] == [
        (0, "new", "b", 0, 939216532),
        (0, "old", "b", 0, 70555244),
        (1, "old", "b", 1, 612623077),
        (1, "new", "b", 1, 1264815872),
    ]


def test_the_same_seed_draws_the_same_sessions():
    units = [SamplingUnit(f"session {at}", 1 + at % 3) for at in range(20)]

    assert [(one.unit.id, one.weight) for one in picked(units, 5, seed=7, stratum="refunds")] == [
        ("session 16", 7.8),
        ("session 8", 7.8),
        ("session 4", 7.8),
        ("session 17", 7.8),
        ("session 1", 7.8),
    ]


def test_the_same_suite_has_the_same_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    Path(tmp_path, "suite.yaml").write_text(SUITE, encoding="utf-8")
    Path(tmp_path, "agent.py").write_text(AGENT, encoding="utf-8")
    monkeypatch.chdir(tmp_path)  # the design says where its gates are written

    suite = read_suite(Path("suite.yaml"))

    assert suite.hash == "b4582776163067dd52e049017885ff946efc52b9c35e9f70490b66d6d2109b0f"
    assert design_hash(load(suite)) == "89416d13652f09e9b01e5d0689b0bb77882d94ddbf94128a05a054314de3067d"


def test_the_same_value_has_the_same_canonical_text():
    value = canonical(
        {"ü": [0.1 + 0.2, 1e22, 5e-324, -0.0], "é": "\N{SNOWMAN}\n\x7f", "a": [True, None, 2**53 - 1]}
    )

    told = '{"a":[true,null,9007199254740991],"é":"\u2603\\n\x7f","ü":[0.30000000000000004,1e22,5e-324,-0.0]}'
    assert encode(value) == told.encode()
    assert digest(value) == "6591641689e6b622159dffddd53f315a95707af151698b78e7c39871e696c665"


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("192.0.0.9", False),
        ("2001:20::1", False),
        ("64:ff9b:1::1", False),
        ("2002:808:808::1", True),
        ("3fff::1", False),
        ("8.8.8.8", True),
    ],
)
def test_an_address_is_public_on_every_version_or_on_none(address: str, public: bool):
    assert public_address(address) is public


def shop() -> Run:
    """Two arms on seven tasks that weigh differently and ran unequally often."""
    chance, tasks = Random(5), [f"t{at}" for at in range(7)]
    rates = {"baseline": 0.8, "candidate": 0.6}
    marks = {
        arm: {
            task: "".join("+-"[chance.random() > rate] for _ in range(9 + at % 3))
            for at, task in enumerate(tasks)
        }
        for arm, rate in rates.items()
    }

    def extra(told: dict) -> dict:
        return {
            "answer": chance.choice(
                ["I refunded 3 EUR.", "No refund for A-1.", "It cost 7 EUR, so I refunded it."]
            ),
            "calls": calls("find", *["pay"] * chance.randrange(3)),
            "score": chance.random(),
            "latency_s": chance.random(),
            "cost": chance.random(),
        }

    gates = [
        Rule("worse", "not_worse", {"margin": 0.1}),
        Rule("often", "pass_hat", {"k": 2, "at_least": 0.5}),
        Rule("stable", "stable", {"at_least": 0.5}),
        Rule("as-stable", "stable", {"of": "claims", "margin": 0.1}),
    ]
    weights = {task: 0.1 + at / 3 for at, task in enumerate(tasks)}
    return run(marks, design=Design(epochs=9, gates=tuple(gates), seed=3), weights=weights, extra=extra)


def left_to_right(values: Iterable[Any], /, start: Any = 0) -> Any:
    """As Python added floats up to 3.11."""
    for value in values:
        start = start + value
    return start


def with_compensation(values: Iterable[Any], /, start: Any = 0) -> Any:
    """As it adds them since: nearly exactly."""
    found = [start, *values]
    plain = all(type(one) in (int, float, bool) for one in found)
    return fsum(found) if plain and float in map(type, found) else left_to_right(found[1:], found[0])


def adding(how: Callable[..., Any], reckon: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> Any:
    with monkeypatch.context() as patch:
        patch.setattr(builtins, "sum", how)
        return reckon()


def report() -> Any:
    found = shop()
    texts = sorted({trial.answer for trial in found.trials if trial.answer})
    vectors = dict(zip(texts, LexicalEmbedder().embed(texts), strict=True))
    return analyse(found, vectors=vectors, embedder="lexical", methods=True)


RECKONED: dict[str, Callable[[], Any]] = {
    "a report with every method": report,
    "Fisher's test": lambda: [fisher_p(3, 40, hits, 47) for hits in range(4, 30)],
    "the weights of a breaker": lambda: trip_weight(
        BreakerRule(weights={Severity.LOW: 1.1, Severity.MEDIUM: 2.2, Severity.HIGH: 4.1}),
        Window({Severity.LOW: 1, Severity.MEDIUM: 2, Severity.HIGH: 3}),
    ),
}


def test_the_same_runs_have_the_same_report():
    found = report()

    estimates = {one.name: one for one in found.estimates["baseline"]}
    told = [estimates[name] for name in ("success", "pass^9", "agreement", "same claims")]
    assert [(ruling.gate, ruling.verdict) for ruling in found.rulings] == [
        ("worse", Verdict.BLOCK),
        ("often", Verdict.INCONCLUSIVE),
        ("stable", Verdict.INCONCLUSIVE),
        ("as-stable", Verdict.INCONCLUSIVE),
    ]
    assert [(one.value, one.low, one.high) for one in told] == [
        pytest.approx((0.799199790108881, 0.6527671644879516, 0.8959273597795939)),
        pytest.approx((0.011609602518693427, 0.001986750086975464, 0.5968546085262635)),
        pytest.approx((0.6684201320564958, 0.26728924944696786, 0.8664990875739702)),
        pytest.approx((0.3259128077309895, 0.13477459570518568, 0.7268300207651015)),
    ]
    assert found.comparisons[0].p == pytest.approx(0.021103626889350774)


@pytest.mark.parametrize("reckon", RECKONED.values(), ids=RECKONED)
def test_no_number_depends_on_how_this_version_adds_floats(
    reckon: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
):
    assert adding(left_to_right, reckon, monkeypatch) == adding(with_compensation, reckon, monkeypatch)
