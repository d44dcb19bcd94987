"""On recorded sessions dealt out at random, the tests of behaviour raise about as many alarms as they say."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from benchmarks.behaviour import RUNS, SENTENCE, levels, other_steps, recorded, skipping, wordier

from remit.usecases.embedding.named import embedder_named

DATA = Path(os.environ.get("REMIT_DATA", "")) / RUNS
here = pytest.mark.skipif(
    not os.environ.get("REMIT_DATA") or not DATA.is_dir(),
    reason=f"REMIT_DATA names no folder that holds {RUNS}/",
)


@here
@pytest.mark.parametrize("splits", [60, pytest.param(1000, marks=pytest.mark.soak)])
def test_level_and_power_on_real_sessions(splits: int) -> None:
    runs, lexical = recorded(DATA.parent), embedder_named("lexical")
    plain = np.array(lexical.embed(runs.answers))
    wordy = np.array(lexical.embed([answer + SENTENCE for answer in runs.answers]))
    slack = 3.3 * (0.05 * 0.95 / splits) ** 0.5

    found = levels(runs, plain, splits)
    print(f"alarms at .05 where nothing changed: {found}")

    assert all(level <= 0.05 + slack for level in found.values()), found
    assert found["answers moved: energy"] >= 0.05 - slack
    within, across = (wordier(runs, plain, wordy, 0.25, splits, within=own) for own in (True, False))
    skips, _ = other_steps(runs, skipping, 0.5, splits)
    print(
        f"found: a sentence in a quarter of the answers {within} ({across} across tasks), skipped steps {skips}"
    )
    assert within >= max(0.65, across + 0.2)
    assert skips >= 0.4
