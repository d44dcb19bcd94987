"""Whenever a narrowing is claimed to be shown, no call gets more from the new envelope than from the old one."""

from __future__ import annotations

import random

import pytest
from drawn_envelopes import RANK, case_of, decided, drawn
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from remit.core.narrow import not_narrowing
from remit.core.types import Decision, Result


def wider(old: Decision, new: Decision) -> str:
    """What *new* gives that *old* does not."""
    if RANK[new.result] > RANK[old.result]:
        return f"{new.result} for {old.result} ({old.reason})"
    if old.result is new.result is Result.HOLD:
        assert old.need and new.need
        mine, theirs = set(old.need.roles), set(new.need.roles)
        if mine and not theirs <= mine and not any(role.startswith("nobody") for role in theirs):
            return f"{theirs} for {mine}"
        if new.need.people < old.need.people or new.need.expires_s > old.need.expires_s:
            return f"{new.need} for {old.need}"
    return ""


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**48))
def test_nothing_is_allowed_that_the_old_envelope_does_not_allow(seed: int) -> None:
    rng = random.Random(seed)
    old, new = drawn(rng)
    if not_narrowing(old, new):
        return
    for _ in range(60):
        case = case_of(rng)
        told = wider(decided(old.envelope, case), decided(new.envelope, case))
        assert not told, (told, case, old.spec, new.spec)


def test_the_pairs_have_both_kinds_in_number() -> None:
    """The property would hold for a check that never says yes, and be idle if nothing were ever wider."""
    rng = random.Random(1)
    shown = stricter = found = 0
    for _ in range(250):
        old, new = drawn(rng)
        claimed = not not_narrowing(old, new)
        pairs = [
            (decided(old.envelope, case), decided(new.envelope, case))
            for case in (case_of(rng) for _ in range(40))
        ]
        shown += claimed
        stricter += claimed and any(RANK[a.result] > RANK[b.result] for a, b in pairs)
        found += not claimed and any(wider(a, b) for a, b in pairs)

    assert (shown >= 60, stricter >= 12, found >= 40) == (True, True, True), (shown, stricter, found)


@pytest.mark.soak
def test_nothing_is_allowed_that_the_old_envelope_does_not_allow_at_length() -> None:
    rng = random.Random(20_000)
    for _ in range(20_000):
        old, new = drawn(rng)
        if not not_narrowing(old, new):
            for _ in range(60):
                case = case_of(rng)
                told = wider(decided(old.envelope, case), decided(new.envelope, case))
                assert not told, (told, case, old.spec, new.spec)
