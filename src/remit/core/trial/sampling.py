"""A stratified sample with weights: few units that stand for many, so that what they say of the whole is not biased.

The theory. Units (sessions, or several alike merged into one) fall into strata. Each stratum gets its share of the
sample, and rare ones at least a floor: rare conduct is where agents break. Within a stratum of mass M, n units are drawn
systematically with probability in proportion to their mass m: along the line of all masses, kinds side by side and else
in random order, a unit is drawn at every M / n from a random start. So a unit is drawn with probability n * m / M, and
with the weight M / n it stands for exactly m on average (Horvitz and Thompson); one that is heavier than M / n is taken
for sure, with its own mass. The weights of a stratum always sum to M, so the weighted mean over the sample is, on
average, the mean over all.

Randomness comes from the seed alone, by SHA-256: the same on every machine.

Source: Horvitz and Thompson, JASA 47 (1952) 663-685; Madow, Annals of Mathematical Statistics 20 (1949) 333-354, for the
systematic draw; Cochran, Sampling Techniques (1977), 5.5 for the allocation.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SamplingUnit:
    """What can be drawn."""

    id: str
    """Unique."""
    mass: int = 1
    """How many it stands for by itself; 1 or more."""
    kind: str = ""
    """Units of one kind lie side by side on the line, so that a draw is spread over the kinds of its stratum."""


@dataclass(frozen=True, slots=True)
class Picked:
    """A unit that was drawn, and how many it stands for in the sample."""

    unit: SamplingUnit
    weight: float


def allocated(sizes: Mapping[str, tuple[int, int]], n: int, floor: int = 1) -> dict[str, int]:
    """How many units of each stratum are drawn.

    Args:
        sizes: mass and number of units of each stratum, both 1 or more.
        n: units in all; as many as there are, where that is fewer.
        floor: the least of a stratum, as far as it has units.

    Returns:
        Numbers that sum to n.

    Raises:
        ValueError: the floors alone come to more than n.

    A stratum of 90 and one of 10 in ten units, then with a third that is rare:

    >>> allocated({"a": (90, 90), "b": (10, 10)}, 10)
    {'a': 9, 'b': 1}
    >>> allocated({"a": (900, 900), "b": (99, 99), "rare": (1, 1)}, 10)
    {'a': 8, 'b': 1, 'rare': 1}
    """
    found = {name: min(floor, units) for name, (_, units) in sizes.items()}
    left = min(n, sum(units for _, units in sizes.values())) - sum(found.values())
    if left < 0:
        raise ValueError(f"{len(sizes)} strata with {floor} each are more than {n}")
    for _ in range(left):
        # One at a time to whom the most is owed (Webster's method): proportional, and never beyond what there is.
        open_ = [name for name in sizes if found[name] < sizes[name][1]]
        owed = max(open_, key=lambda name: (sizes[name][0] / (2 * found[name] + 1), sizes[name][0], name))
        found[owed] += 1
    return found


def picked(units: Sequence[SamplingUnit], n: int, seed: int, stratum: str = "") -> list[Picked]:
    """Units of one stratum, drawn.

    Args:
        units: of the stratum.
        n: 1 to the number of units.
        seed: any number.
        stratum: its name, so that strata are drawn independently.

    Raises:
        ValueError: n is out of range.

    >>> units = [SamplingUnit("a", 8), SamplingUnit("b"), SamplingUnit("c")]
    >>> [(one.unit.id, one.weight) for one in picked(units, 2, seed=1)]
    [('a', 8.0), ('c', 2.0)]
    """
    if not 1 <= n <= len(units):
        raise ValueError(f"{n} of {len(units)} units")
    sure, rest, left = _heavy(units, n)
    found = [Picked(unit, float(unit.mass)) for unit in sure]
    if left:
        found += _along(rest, left, seed, stratum)
    return found


def _heavy(units: Sequence[SamplingUnit], n: int) -> tuple[list[SamplingUnit], list[SamplingUnit], int]:
    """Units that are drawn for sure, the others, and how many of those are still to be drawn."""
    sure: list[SamplingUnit] = []
    rest = sorted(units, key=lambda unit: (-unit.mass, unit.id))
    mass, left = sum(unit.mass for unit in rest), n
    while left and rest[0].mass * left >= mass:
        unit = rest.pop(0)
        sure.append(unit)
        mass, left = mass - unit.mass, left - 1
        if not rest:
            break
    return sure, rest, left


def _along(units: Sequence[SamplingUnit], n: int, seed: int, stratum: str) -> list[Picked]:
    order = sorted(units, key=lambda unit: _place(unit, seed, stratum))
    mass = sum(unit.mass for unit in order)
    start = number(seed, "start", stratum) / 2**64
    found: list[Picked] = []
    reached = 0
    for unit in order:
        reached += unit.mass
        # No unit is longer than a step, so none is met twice.
        if len(found) < n and (start + len(found)) * mass < reached * n:
            found.append(Picked(unit, mass / n))
    return found


def _place(unit: SamplingUnit, seed: int, stratum: str) -> tuple[int, str, int]:
    kind = number(seed, "kind", stratum, unit.kind)
    return kind, unit.kind, number(seed, "order", stratum, unit.id)


def number(*parts: object) -> int:
    """64 bits that depend on *parts* alone, the same on every machine."""
    told = "\x1f".join(map(str, parts)).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.sha256(told).digest()[:8])
