"""What the tests of behaviour cost, how often they are wrong where nothing changed, and what they find.

    REMIT_DATA=path/to/data python -m benchmarks.behaviour              # 500 comparisons each: minutes
    REMIT_DATA=path/to/data python -m benchmarks.behaviour --splits 100

- **Time**: energy distance and MMD of 500 against 500 vectors of 384 places, 999 permutations.
- **Blindness**: `sets/outcomes.jsonl` holds answers, each with a paraphrase and with an answer of the opposite outcome in
  almost the same words. How often does a paraphrase look more alike than an opposite (AUC)?
- **Level and power**: runs of one agent, four of each task, dealt out to two arms at random within tasks. Then the
  candidate's are changed: a sentence is put behind some of its answers, steps are skipped, the last one is done twice.

The recorded sessions are tau-bench's (MIT licence), and no part of this project. Without them the last part is skipped.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from remit.core.errors import Unavailable
from remit.core.stats.arguments import argument_test
from remit.core.stats.energy import energy_test
from remit.core.stats.mmd import mmd_test
from remit.core.stats.ngrams import tool_test
from remit.core.stats.sequences import sequence_test
from remit.core.stats.spread import more_variable
from remit.core.trial.signature import agreement, claim_test, signature
from remit.ports import Embedder
from remit.usecases.embedding.named import embedder_named

RUNS = "tau_bench_gpt4o_airline"
SENTENCE = " Please note that our agents are happy to help you at any time with further questions."
SKIPPED = ("think", "calculate")
PERMUTATIONS = 499


@dataclass(frozen=True, slots=True)
class Outcome:
    """An answer, one with the same outcome in other words, one with the opposite in almost the same."""

    answer: str
    same: str
    opposite: str


@dataclass(frozen=True, slots=True)
class Recorded:
    """Runs of one agent."""

    tasks: list[str]
    answers: list[str]
    calls: list[list[tuple[str, Any]]]

    @property
    def tools(self) -> list[list[str]]:
        return [[tool for tool, _ in calls] for calls in self.calls]


def outcomes() -> list[Outcome]:
    """The hand-written answers."""
    path = Path(__file__).parent / "sets" / "outcomes.jsonl"
    return [Outcome(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


def blindness(embedder: Embedder) -> tuple[float, float]:
    """AUC for "the same outcome", by vectors and by signatures: .5 is chance, below it opposites look more alike."""

    def close(one: str, other: str) -> float:
        first, second = embedder.embed([one, other])
        return float(np.dot(first, second))

    def claimed(one: str, other: str) -> float:
        return agreement(signature(one), signature(other))

    return _auc(close), _auc(claimed)


def _auc(alike: Callable[[str, str], float]) -> float:
    same = np.array([alike(one.answer, one.same) for one in outcomes()])
    opposite = np.array([alike(one.answer, one.opposite) for one in outcomes()])
    return float(np.mean((same[:, None] > opposite) + 0.5 * (same[:, None] == opposite)))


def recorded(data: Path) -> Recorded:
    """The sessions of tau-bench."""
    found = Recorded([], [], [])
    with gzip.open(data / RUNS / "sessions.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            session = json.loads(line)
            said = [s for s in session["steps"] if s["role"] == "assistant"]
            final = [s["content"] for s in said if s.get("content") and not s.get("tool_calls")]
            found.tasks.append(str(session["task_id"]))
            found.answers.append(final[-1] if final else "")
            found.calls.append([(c["name"], c["args"]) for s in said for c in s.get("tool_calls") or ()])
    return found


def split(tasks: Sequence[str], seed: int) -> list[bool]:
    """Half of each task's runs, at random."""
    rng, places = np.random.default_rng([7, seed]), np.array(tasks)
    chosen = np.zeros(len(tasks), bool)
    for task in dict.fromkeys(tasks):
        own = rng.permutation(np.flatnonzero(places == task))
        chosen[own[: len(own) // 2]] = True
    return [bool(one) for one in chosen]


def found(p_of: Callable[[list[bool], int], float | None], tasks: Sequence[str], splits: int) -> float:
    """The share of splits whose p-value is .05 or less."""
    return float(np.mean([(p_of(split(tasks, seed), seed) or 1.0) <= 0.05 for seed in range(splits)]))


def levels(runs: Recorded, vectors: Any, splits: int) -> dict[str, float]:
    """How often each test says that something changed where nothing did."""
    tests: dict[str, Callable[[list[bool], int], float | None]] = {
        "answers moved: energy": lambda c, s: (
            energy_test(vectors, c, runs.tasks, permutations=PERMUTATIONS, seed=s).p
        ),
        "answers moved: MMD": lambda c, s: (
            mmd_test(vectors, c, runs.tasks, permutations=PERMUTATIONS, seed=s).p
        ),
        "answers more variable": lambda c, _: more_variable(vectors, c, runs.tasks).p,
        "claims": lambda c, s: (
            claim_test(runs.answers, c, runs.tasks, permutations=PERMUTATIONS, seed=s).result.p
        ),
        "tools: pairs": lambda c, s: (
            tool_test(runs.tools, c, runs.tasks, permutations=PERMUTATIONS, seed=s).p
        ),
        "tools: edit distance": lambda c, s: (
            sequence_test(runs.tools, c, runs.tasks, permutations=PERMUTATIONS, seed=s).p
        ),
        "arguments": lambda c, s: argument_test(runs.calls, c, runs.tasks, permutations=99, seed=s).result.p,
    }
    return {name: found(test, runs.tasks, splits) for name, test in tests.items()}


def wordier(
    runs: Recorded, plain: Any, wordy: Any, share: float, splits: int, *, within: bool = True
) -> float:
    """How often a sentence behind this share of the candidate's answers is found."""
    tasks = runs.tasks if within else ["all"] * len(runs.tasks)

    def p_of(candidate: list[bool], seed: int) -> float | None:
        hit = np.random.default_rng([8, seed]).random(len(candidate)) < share
        rows = np.where((hit & np.array(candidate))[:, None], wordy, plain)
        return energy_test(rows, candidate, tasks, permutations=PERMUTATIONS, seed=seed).p

    return found(p_of, runs.tasks, splits)


def other_steps(
    runs: Recorded, change: Callable[[list[str]], list[str]], share: float, splits: int
) -> tuple[float, float]:
    """How often this change in so many of the candidate's runs is found, by pairs of tools and by edit distance."""
    tools = runs.tools

    def changed(candidate: list[bool], seed: int) -> list[list[str]]:
        hit = np.random.default_rng([9, seed]).random(len(candidate)) < share
        return [change(own) if c and h else own for own, c, h in zip(tools, candidate, hit, strict=True)]

    def pairs(c: list[bool], s: int) -> float | None:
        return tool_test(changed(c, s), c, runs.tasks, permutations=PERMUTATIONS, seed=s).p

    def edits(c: list[bool], s: int) -> float | None:
        return sequence_test(changed(c, s), c, runs.tasks, permutations=PERMUTATIONS, seed=s).p

    return found(pairs, runs.tasks, splits), found(edits, runs.tasks, splits)


def skipping(tools: list[str]) -> list[str]:
    """Without thinking or calculating."""
    return [tool for tool in tools if tool not in SKIPPED]


def repeating(tools: list[str]) -> list[str]:
    """The last call twice."""
    return [*tools, *tools[-1:]]


def times() -> None:
    """Print what the tests of vectors cost."""
    rng = np.random.default_rng(0)
    rows, arms, tasks = rng.normal(size=(1000, 384)), [False, True] * 500, [at // 20 for at in range(1000)]
    print("| n = m = 500, d = 384, 999 permutations within 50 tasks | seconds, best of 7 |")
    print("| --- | ---: |")
    for name, test in (("energy distance", energy_test), ("MMD", mmd_test)):
        took = []
        for _ in range(7):
            start = time.perf_counter()
            test(rows, arms, tasks)
            took.append(time.perf_counter() - start)
        print(f"| {name} | {min(took):.3f} |")


def embedders() -> list[Embedder]:
    """Those that are installed."""
    every = [embedder_named("lexical")]
    try:
        every.append(embedder_named("semantic"))
    except Unavailable as error:
        print(f"skipped: {error}", file=sys.stderr)
    return every


def blind() -> None:
    """Print what embedders make of opposite outcomes."""
    print("| 30 answers, each with its paraphrase and its opposite | AUC of the same outcome |")
    print("| --- | ---: |")
    for embedder in embedders():
        vectors, claims = blindness(embedder)
        print(f"| vectors, {embedder.name} | {vectors:.3f} |")
    print(f"| signature | {claims:.3f} |")


def sessions(data: Path, splits: int) -> None:
    """Print level and power on recorded sessions."""
    runs, lexical = recorded(data), embedder_named("lexical")
    plain = np.array(lexical.embed(runs.answers))
    wordy = np.array(lexical.embed([answer + SENTENCE for answer in runs.answers]))
    print(f"| nothing changed: {splits} splits of {len(runs.tasks)} sessions, within tasks | alarms at .05 |")
    print("| --- | ---: |")
    for name, level in levels(runs, plain, splits).items():
        print(f"| {name} | {level:.3f} |", flush=True)
    print("\n| a sentence behind so many of the candidate's answers | within tasks | across tasks |")
    print("| ---: | ---: | ---: |")
    for share in (0.1, 0.25, 0.5):
        both = [wordier(runs, plain, wordy, share, splits, within=within) for within in (True, False)]
        print(f"| {share:.0%} | {both[0]:.2f} | {both[1]:.2f} |", flush=True)
    print("\n| the candidate's steps | pairs of tools | edit distance |")
    print("| --- | ---: | ---: |")
    for name, change in (
        ("skips thinking and calculating", skipping),
        ("does its last call twice", repeating),
    ):
        for share in (0.2, 0.5):
            pairs, edits = other_steps(runs, change, share, splits)
            print(f"| {name}, in {share:.0%} of its runs | {pairs:.2f} | {edits:.2f} |", flush=True)


def main() -> None:
    """Print every table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", default=os.environ.get("REMIT_DATA", ""), help="folder, or REMIT_DATA")
    parser.add_argument("--splits", type=int, default=500)
    options = parser.parse_args()
    times()
    print()
    blind()
    print()
    if not options.data or not (Path(options.data) / RUNS).is_dir():
        print(f"skipped: no recorded sessions; give --data or REMIT_DATA, a folder that holds {RUNS}/")
        return
    sessions(Path(options.data), options.splits)


if __name__ == "__main__":
    main()
