"""A trial that somebody else ran, and how its record is to be understood."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import isfinite

from remit.core.errors import BadInput
from remit.core.trial.run import Run
from remit.core.trial.trial import Status, Trial
from remit.core.types import Json

WHOLE = 1 - 1e-6
"""From which reward tau-bench and tau2 call a run a success."""
MOST_REASON = 300
"""Characters that are kept of why a run failed, and of what its user asked."""
MOST_TEXT = 500
"""Characters of a field that is kept beside what a trial has a place for."""
_MOST_NAME = 500


@dataclass(frozen=True, slots=True)
class Reading:
    """What a record does not say by itself."""

    at_least: float | None = None
    """From which score a run is a success; None: only true, false, 1 and 0 are understood."""
    success: str = ""
    """Which field says whether a run is a success, dotted where it stands below; of an Inspect log, which score."""
    wanted: Callable[[Mapping[str, Json]], bool] = lambda _fields: True
    """Whether a record with these fields counts; asked before anything else of it is looked at."""
    count_errors: bool = False
    """Whether a run that the world broke off counts by what its record says, as some benchmarks count it."""


@dataclass(frozen=True, slots=True)
class RecordedTrial:
    """One run of one task as a record tells it; not yet placed among the others."""

    where: str
    """`file:line`, for errors."""
    trial: Trial
    """`draw` is 0; `epoch` is -1, and `arm` empty, where the record has none."""
    suite: str = ""
    model: str = ""
    fields: Mapping[str, Json] = field(default_factory=dict)
    """Everything that can be asked for by name: of the record, and of its `meta`."""
    of: Run | None = None
    """The run that it is one of, where that is one of ours: its design and its tasks are known."""


def judged(value: Json, reading: Reading, where: str) -> tuple[bool | None, float | None]:
    """Success and score that a record's own value comes to; no success where it has none.

    Raises:
        BadInput: it is neither, or a score of which nobody said from where it is a success.
    """
    if value is None or isinstance(value, bool):
        return value, None
    if isinstance(value, str):
        raise BadInput(where, f"found {shown(value)}", "write true or false without quotes, or a number")
    score = number(value, where)
    if reading.at_least is not None:
        return score >= reading.at_least, score
    if score in (0, 1):
        return bool(score), None
    raise BadInput(where, f"a score of {score:g}", "say from which score a run is a success: --at-least 0.5")


def number(value: Json, where: str) -> float:
    """A finite number.

    Raises:
        BadInput: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadInput(where, f"found {shown(value)}", "write a number")
    if not isfinite(value):
        raise BadInput(where, f"found {value}", "write a finite number; leave it out where there is none")
    return float(value)


def length(value: Json, where: str) -> float | None:
    """A number that is not negative, or None.

    Raises:
        BadInput: it is neither.
    """
    found = None if value is None else number(value, where)
    if found is not None and found < 0:
        raise BadInput(where, f"found {found:g}", "write a number that is not negative")
    return found


def whole(value: Json, where: str, least: int = 0) -> int | None:
    """A whole number of at least *least*, or None.

    Raises:
        BadInput: it is neither.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value < 2**53:
        raise BadInput(where, f"found {shown(value)}", f"write a whole number from {least}")
    return value


def name(value: Json, where: str) -> str:
    """A name: a text, or a whole number as its digits.

    Raises:
        BadInput: it is neither, empty, or too long.
    """
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not text.strip() or len(text) > _MOST_NAME:
        raise BadInput(
            where,
            f"found {shown(value)}",
            f"write a name of 1 to {_MOST_NAME} characters, or a whole number",
        )
    return text


def shown(value: Json) -> str:
    """What stands there, in a few words."""
    kinds = {dict: "an object", list: "a list", type(None): "null", bool: "true" if value else "false"}
    return kinds.get(type(value)) or repr(value)[:60]


def status_of(success: bool | None, *, broken: bool, reading: Reading, late: bool = False) -> Status:
    """What a trial came to.

    Args:
        success: as it was judged; None where nobody judged it.
        broken: whether the world failed, not the agent.
        reading: how broken runs count.
        late: whether it was cut off for its time.
    """
    if (broken or (success is None and not late)) and not reading.count_errors:
        return Status.INFRASTRUCTURE
    if late and not success:
        return Status.TIMEOUT
    return Status.PASSED if success else Status.FAILED


def within(score: float | None) -> float | None:
    """The score where it is one in [0, 1]."""
    return score if score is not None and 0 <= score <= 1 else None


def plain_fields(fields: Mapping[str, Json], but: frozenset[str] = frozenset()) -> dict[str, Json]:
    """The short values among *fields*, dotted where they stand one level below."""
    found: dict[str, Json] = {}
    for key, value in fields.items():
        if key in but:
            continue
        if isinstance(value, dict):
            found |= {f"{key}.{inner}": v for inner, v in value.items() if _short(v)}
        elif _short(value):
            found[key] = value
    return found


def _short(value: Json) -> bool:
    return isinstance(value, bool | int | float) or (isinstance(value, str) and len(value) <= MOST_TEXT)
