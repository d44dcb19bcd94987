"""How good the classifier is, by people's labels: a confusion table, and whether its confidence is what it says.

Labels measure; they train nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import fsum

from remit.core.classify.classification import Class
from remit.core.types import Json

BINS = ((0.0, 0.5), (0.5, 0.7), (0.7, 0.85), (0.85, 0.95), (0.95, 1.000001))
"""Borders of confidence; few, since labels are few."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """One anomaly that a person labelled."""

    said: Class
    """The classifier's word."""
    person: Class
    confidence: float


def report(labelled: Iterable[Labelled]) -> dict[str, Json]:
    """The confusion table, agreement with its interval, kappa, and calibration.

    `agrees` counts equal classes. A person's *undetermined* is a class like others. Intervals are exact 95 %.

    >>> found = report([Labelled(Class.SRE, Class.SRE, 0.9), Labelled(Class.SRE, Class.SECURITY, 0.6)])
    >>> found["labels"], found["agrees"]["share"], found["confusion"]["sre"]["security"]
    (2, 0.5, 1)
    """
    every = list(labelled)
    table = Counter((one.said, one.person) for one in every)
    agreed = sum(one.said is one.person for one in every)
    return {
        "labels": len(every),
        "confusion": {said.value: {person.value: table[said, person] for person in Class} for said in Class},
        "agrees": share(agreed, len(every)),
        "kappa": _kappa(every),
        "missed_security": share(
            sum(one.said is Class.SRE for one in every if one.person in (Class.SECURITY, Class.BOTH)),
            sum(one.person in (Class.SECURITY, Class.BOTH) for one in every),
        ),
        "false_security": share(
            sum(one.said in (Class.SECURITY, Class.BOTH) for one in every if one.person is Class.SRE),
            sum(one.person is Class.SRE for one in every),
        ),
        "calibration": [_bin(every, low, high) for low, high in BINS],
        "brier": _brier(every),
    }


def share(hits: int, of: int) -> dict[str, Json]:
    """A share with its exact 95 % interval; null where there is nothing to share.

    Source: Clopper and Pearson, Biometrika 26 (1934) 404-413.
    """
    if of == 0:
        return {"hits": 0, "of": 0, "share": None, "low": None, "high": None}
    from remit.core.stats.proportion import clopper_pearson

    low, high = clopper_pearson(hits, of)
    return {
        "hits": hits,
        "of": of,
        "share": round(hits / of, 4),
        "low": round(low, 4),
        "high": round(high, 4),
    }


def _bin(every: Sequence[Labelled], low: float, high: float) -> dict[str, Json]:
    inside = [one for one in every if low <= one.confidence < high and one.said is not Class.UNDETERMINED]
    told = fsum(one.confidence for one in inside) / len(inside) if inside else None
    right = share(sum(one.said is one.person for one in inside), len(inside))
    return {
        "from": low,
        "to": min(high, 1.0),
        "mean_confidence": None if told is None else round(told, 4),
        **right,
    }


def _brier(every: Sequence[Labelled]) -> Json:
    """Mean squared distance between confidence and being right, over what is not undetermined."""
    spoken = [one for one in every if one.said is not Class.UNDETERMINED]
    if not spoken:
        return None
    return round(fsum((one.confidence - (one.said is one.person)) ** 2 for one in spoken) / len(spoken), 4)


def _kappa(every: Sequence[Labelled]) -> Json:
    """Agreement beyond chance; null where it is not defined.

    Source: Cohen, Educational and Psychological Measurement 20 (1960) 37-46.
    """
    n = len(every)
    if n == 0:
        return None
    agreed = sum(one.said is one.person for one in every) / n
    said, person = Counter(one.said for one in every), Counter(one.person for one in every)
    chance = sum(said[c] * person[c] for c in Class) / n**2
    return None if chance == 1.0 else round((agreed - chance) / (1 - chance), 4)
