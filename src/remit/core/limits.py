"""Limits: how much of something an agent may do per key within a sliding window, in exact integers.

A limit counts from the moment a call is admitted (reserved) until `within_s` after it is settled (committed),
so that calls in flight count and no window of that length ever holds more than the maximum, for any number of
processes. A call that did not run gives its amount back; one whose outcome is unknown keeps it.
"""

from __future__ import annotations

from collections.abc import Sequence

from remit.core.types import LimitClaim, Violation

AMOUNT_CEILING = 2**80
"""Micros that one call can add to a log at most: more would overflow a store's integers, and no maximum is
near it."""


def amount(claim: LimitClaim) -> int:
    """What the claim takes, in micros: never negative, since a negative amount would make room for others."""
    return min(max(0, claim.micros), AMOUNT_CEILING)


def exceeded(claims: Sequence[LimitClaim], used: Sequence[int]) -> tuple[Violation, ...]:
    """The claims that do not fit, in order.

    Args:
        claims: what one call takes; two claims on one limit add up.
        used: micros already used or reserved in each claim's window; item *i* belongs to claim *i*.

    >>> claim = LimitClaim("refund.daily", "k", micros=3_000_000, max_micros=5_000_000, within_s=60)
    >>> [v.message for v in exceeded([claim], [2_500_000])]
    ['2.5 used of 5 in 1m, 3 asked']
    >>> exceeded([claim], [2_000_000])
    ()
    """
    found, earlier = list[Violation](), dict[tuple[str, str], int]()
    for claim, before in zip(claims, used, strict=True):
        place = (claim.clause, claim.key)
        taken = before + earlier.get(place, 0)
        earlier[place] = earlier.get(place, 0) + amount(claim)
        if taken + max(0, claim.micros) > claim.max_micros:
            found.append(_violation(claim, taken))
    return tuple(found)


def _violation(claim: LimitClaim, taken: int) -> Violation:
    asked = plain(max(0, claim.micros))
    numbers = f"{plain(taken)} used of {plain(claim.max_micros)} in {spoken(claim.within_s)}, {asked} asked"
    message = f"{claim.message} ({numbers})" if claim.message else numbers
    return Violation(claim.clause, "limits", claim.on_violation, claim.severity, message)


_UNITS = ((86400.0, "d"), (3600.0, "h"), (60.0, "m"), (1.0, "s"))


def spoken(seconds: float) -> str:
    """A duration as envelopes write it.

    >>> spoken(7_776_000.0), spoken(900.0), spoken(90.0), spoken(0.25)
    ('90d', '15m', '90s', '0.25s')
    """
    for size, unit in _UNITS:
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g}{unit}"
    return f"{seconds:g}s"


def plain(micros: int) -> str:
    """Micros as a decimal number, exactly.

    >>> plain(2_500_000), plain(3_000_000), plain(1)
    ('2.5', '3', '0.000001')
    """
    whole, rest = divmod(micros, 1_000_000)
    return f"{whole}.{rest:06d}".rstrip("0") if rest else str(whole)
