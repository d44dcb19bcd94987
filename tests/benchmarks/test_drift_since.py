"""How far off the beginning of a drift is, as the documentation says it."""

from __future__ import annotations

import pytest
from benchmarks.drift_since import CASES, off


@pytest.mark.parametrize(
    ("change", "early", "late"),
    [("violations from 1 in 100 sessions to 1 in 5", 30, 50), ("amounts ten times as large", 40, 10)],
)
def test_the_beginning_of_a_large_change_is_good_to_tens_of_sessions(change: str, early: int, late: int):
    found = [one for seed in range(20) if (one := off(*CASES[change], seed)) is not None]

    assert len(found) >= 18
    assert sum(-early <= one.since <= late for one in found) >= 0.85 * len(found)
