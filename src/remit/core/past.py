"""The past of one call: where its values came from, what limits hold, and what earlier calls say."""

from __future__ import annotations

from dataclasses import dataclass

from remit.core import history, repeats
from remit.core.cel import Answers
from remit.core.history import HistoryAnswer
from remit.core.marks import violations as mark_violations
from remit.core.prepare import Prepared
from remit.core.provenance import SessionText, trace
from remit.core.repeats import First
from remit.core.schema import free_keys
from remit.core.types import (
    LeafOrigin,
    Violation,
)
from remit.core.violations import failed


@dataclass(frozen=True, slots=True)
class Recalled:
    """What earlier calls say, looked up in the store or in a record."""

    history: tuple[HistoryAnswer, ...] = ()
    """One for each of `Prepared.asks`."""
    first: First | None = None
    """The first call of which this is a repeat."""
    marks: tuple[int | None, ...] = ()
    """The highest value known for each of `Prepared.marks`."""


@dataclass(frozen=True, slots=True)
class Past:
    """The answers that a decision needs from outside: where values came from, and what limits hold already."""

    text: SessionText
    """What the session saw before the call."""
    leaves: tuple[LeafOrigin, ...] = ()
    """One for each argument leaf (see `core.provenance.trace`)."""
    used_micros: tuple[int, ...] = ()
    """Used and reserved in the window of each claim, in the claims' order."""
    earlier: Recalled | None = None
    """What earlier calls say; None where nobody looked."""
    world: Answers | None = None
    """What was found of the world (see `core.world.questions`); None where nobody looked."""


def look_back(
    prepared: Prepared,
    text: SessionText,
    used_micros: tuple[int, ...] = (),
    earlier: Recalled | None = None,
    world: Answers | None = None,
) -> Past:
    """The past of one call: its arguments traced through *text*.

    Args:
        prepared: the call.
        text: what the session saw before it.
        used_micros: the store's answers for `prepared.claims`.
        earlier: what earlier calls say; without it, clauses that ask about them are errors.
        world: what was found of the world; without it, conditions that ask about it are errors.
    """
    if prepared.tool is None or not prepared.complete or prepared.args is None:
        return Past(text)
    keys = free_keys(dict(prepared.args), prepared.tool.schema)
    leaves = trace(prepared.args, text, prepared.tool.exempt_paths, keys)
    return Past(text, leaves, used_micros, earlier, world)


def past_violations(prepared: Prepared, past: Past) -> list[Violation]:
    """What earlier calls say against this one, in the order of evaluation."""
    found = list[Violation]()
    if prepared.repeat is not None:
        rule = prepared.repeat.rule
        if past.earlier is None:
            found.append(failed(rule.clause, "idempotency", "the store did not say whether it is a repeat"))
        elif (violation := repeats.violation(rule, past.earlier.first)) is not None:
            found.append(violation)
    earlier = past.earlier or Recalled()
    found.extend(history.violations(prepared.asks, earlier.history))
    found.extend(mark_violations(prepared.marks, earlier.marks))
    return found
