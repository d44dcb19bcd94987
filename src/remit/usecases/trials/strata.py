"""What a captured session did, in a few words: by these words sessions are put into strata.

To add one: write a function from `SessionTraits` to a word, and its line in `TRAITS`. Any other name is a field of the
record.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from remit.core.envelope import Envelope
from remit.core.recorded import RecordedSession
from remit.core.trial.conversation import EffectOf
from remit.core.trial.sampling import number
from remit.core.types import Json
from remit.usecases.cases import failure_of
from remit.usecases.trials.formats.fields import NOWHERE, as_word, found_in

DEFAULT = ("suite", "tools", "outcome")
RARE = "rare"
"""Stratum of what is too rare for one of its own."""
_BANDS = ((0, "no call"), (2, "1-2 calls"), (5, "3-5 calls"), (10, "6-10 calls"), (20, "11-20 calls"))
_STRONGEST = ("irreversible", "egress", "write", "read")
_WORST = ("deny", "hold")
_MOST_WORD = 80
_MOST_SHOWN = 2_000
_NO_WORD = re.compile(r"[^\w]+")
START, END = "^", "$"


@dataclass(frozen=True, slots=True)
class SessionTraits:
    """What is looked at of one session."""

    session: RecordedSession
    effect: EffectOf
    """Of a tool."""
    envelope: Envelope | None = None

    @property
    def tools(self) -> list[str]:
        """Tools in the order in which they were called."""
        return [call.tool for step in self.session.steps for call in step.calls]


def _suite(seen: SessionTraits) -> str:
    return seen.session.suite or "none"


def _tools(seen: SessionTraits) -> str:
    return " + ".join(sorted(set(seen.tools))) or "no tool"


def _sequence(seen: SessionTraits) -> str:
    return " > ".join(tool for tool, _ in groupby(seen.tools)) or "no tool"


def _effects(seen: SessionTraits) -> str:
    found = {seen.effect(tool) for tool in seen.tools}
    return next((effect for effect in _STRONGEST if effect in found), "none")


def _outcome(seen: SessionTraits) -> str:
    if failure_of(seen.session) is not None:
        return "broken off"
    success = found_in(seen.session.extra, "success")
    return (
        {True: "success", False: "failure"}.get(success, "unknown")
        if isinstance(success, bool)
        else "unknown"
    )


def _violations(seen: SessionTraits) -> str:
    if seen.envelope is None:
        return "unknown"
    from remit.usecases.replay import replay_session

    judged = replay_session(seen.session, seen.envelope).judged
    results = {one.decision.result.value for one in judged}
    worst = next((result for result in _WORST if result in results), "")
    return worst or ("flag" if any(one.decision.violations for one in judged) else "none")


def _length(seen: SessionTraits) -> str:
    calls = len(seen.tools)
    return next((band for most, band in _BANDS if calls <= most), "more than 20 calls")


def _turns(seen: SessionTraits) -> str:
    said = sum(step.role == "user" and bool(step.text) for step in seen.session.steps)
    return "1 turn" if said == 1 else f"{said} turns" if said < 4 else "4 turns or more"


TRAITS: Mapping[str, Callable[[SessionTraits], str]] = {
    "suite": _suite,
    "tools": _tools,
    "sequence": _sequence,
    "effects": _effects,
    "outcome": _outcome,
    "violations": _violations,
    "length": _length,
    "turns": _turns,
}
"""name: what it says of a session."""


def words_of(seen: SessionTraits, by: Sequence[str], known: set[str]) -> tuple[str, ...]:
    """What these traits and fields say of a session.

    Args:
        seen: the session.
        by: names of traits, or of fields of the record.
        known: gets each name that says something.
    """
    found: list[str] = []
    for name in by:
        trait = TRAITS.get(name)
        value: object = trait(seen) if trait is not None else found_in(seen.session.extra, name)
        if value is not NOWHERE:
            known.add(name)
        found.append(value if isinstance(value, str) and trait is not None else as_word(value))
    return tuple(found)


def label(by: Sequence[str], words: Sequence[str]) -> str:
    """Name of the stratum with these words: printable, of a bounded length, and another for other words.

    >>> label(("outcome", "tools"), ("success", "a + b"))
    'outcome: success, tools: a + b'
    """
    told = ", ".join(f"{name}: {_cut(word)}" for name, word in zip(by, words, strict=True)).strip()
    shown = readable(told)
    whole = all(word == _cut(word) for word in words) and shown == told and len(told) <= 2 * _MOST_WORD
    return told if whole else f"{shown[: 2 * _MOST_WORD].strip()} #{number(*words):016x}"


def readable(text: str) -> str:
    """A text that a file takes and a terminal shows, cut to a bounded length."""
    return "".join(c if c.isprintable() else "?" for c in unicodedata.normalize("NFKC", text[:_MOST_SHOWN]))


def _cut(word: str) -> str:
    return word if len(word) <= _MOST_WORD else word[: _MOST_WORD - 3] + "..."


def asked_like(texts: Sequence[str]) -> str:
    """The same for texts that only differ in case, spaces and punctuation: near-duplicates of one request. Another
    number is another order.

    >>> asked_like(["Refund order A-1001, please!"]) == asked_like(["refund order a 1001 please"])
    True
    """
    return " | ".join(" ".join(_NO_WORD.split(text.casefold())).strip() for text in texts)


def bigrams(tools: Sequence[str]) -> list[tuple[str, str]]:
    """Which tool followed which, with the beginning and the end of the session.

    >>> bigrams(["a", "b"])
    [('^', 'a'), ('a', 'b'), ('b', '$')]
    """
    return list(pairwise([START, *tools, END]))


def json_bigrams(found: Sequence[tuple[str, str]]) -> list[Json]:
    """Bigrams as they stand in a report."""
    return [readable(f"{one} > {other}") for one, other in found]
