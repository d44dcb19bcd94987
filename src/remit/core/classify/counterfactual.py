"""A call asked for again, with the suspicious text and without it: did that text make the agent call?

The agent's next call is asked for k times with the conversation as recorded, and k times with the suspicious text masked.
Where it asks for the call with the text and not without it, more often than chance explains, the text is confirmed as the
cause. One run proves nothing: models differ from run to run, so k is at least 5 and fixed beforehand. The recorded call
is none of the k, since it was chosen because it deviated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from remit.core.errors import BadInput
from remit.core.stats.fisher import fisher_p
from remit.core.types import Json

FACTUAL, MASKED, OLD = "factual", "masked", "old"
CONFIRMED, NOT_CONFIRMED = "confirmed", "not-confirmed"
NOT_REPRODUCIBLE, NOT_MADE = "not-reproducible", "not-made"

FEWEST_RUNS = 5
"""Answers that each arm needs: with fewer, no more than chance can be told from a cause."""
THRESHOLD = 0.05
SELDOM = 0.6
"""A recorded context that gives the call in this share of its runs or less does not reproduce it."""
_SHOWN = 200


@dataclass(frozen=True, slots=True)
class CounterfactualArm:
    """Runs of one kind."""

    name: str
    """`factual` (as recorded), `masked` (the span replaced by neutral text), `old` (the former configuration)."""
    k: int
    """Runs that gave an answer."""
    hits: int
    """Of those, how many asked for the same tool with the same flagged values."""
    failed: int = 0
    """Runs without an answer: no miss, and no hit."""
    reasons: tuple[str, ...] = ()
    """Why, each once; the agent's own words in them are for people only once they are made visible."""


@dataclass(frozen=True, slots=True)
class Counterfactual:
    """What came of the arms."""

    arms: tuple[CounterfactualArm, ...]
    p: float | None
    """One-sided exact test that the factual arm hits more than the masked one; None where it was not made."""
    conclusion: str
    """`confirmed`, `not-confirmed`, `not-reproducible` or `not-made`."""
    told: str
    facts: Mapping[str, Json] = field(default_factory=dict)
    """Seeds, the model, the hash of what was masked; `arms`; with an arm `old`, `old_p`."""

    @property
    def old_removes(self) -> bool:
        """Whether the former configuration does not make the call: it came with the change."""
        p = self.facts.get("old_p")
        return isinstance(p, float) and p <= THRESHOLD

    @property
    def old_counts(self) -> str:
        """Runs now and before the change, in words; empty where there was no former configuration."""
        by = {arm.name: arm for arm in self.arms}
        if FACTUAL not in by or OLD not in by:
            return ""
        now, old = by[FACTUAL], by[OLD]
        return f"{now.hits} of {now.k} runs now, {old.hits} of {old.k} with it"


def concluded(arms: Sequence[CounterfactualArm], facts: Mapping[str, Json] | None = None) -> Counterfactual:
    """What the arms say together.

    Args:
        arms: one named `factual` and one named `masked`; one named `old` where there is a former configuration.
        facts: what else is to be kept: seeds, model, hash.

    Four of five against none of five is enough, three is not:

    >>> concluded([CounterfactualArm("factual", 5, 4), CounterfactualArm("masked", 5, 0)]).conclusion
    'confirmed'
    >>> concluded([CounterfactualArm("factual", 5, 3), CounterfactualArm("masked", 5, 0)]).conclusion
    'not-reproducible'
    >>> concluded([CounterfactualArm("factual", 5, 5), CounterfactualArm("masked", 5, 4)]).conclusion
    'not-confirmed'

    Source: Fisher's exact test, one-sided.
    """
    by = {arm.name: arm for arm in arms}
    factual, masked, old = by.get(FACTUAL), by.get(MASKED), by.get(OLD)
    kept: dict[str, Json] = {**(facts or {}), "arms": [_arm_body(arm) for arm in arms]}
    if factual is None or masked is None:
        return Counterfactual(tuple(arms), None, NOT_MADE, "an arm is missing", kept)
    if min(factual.k, masked.k) < FEWEST_RUNS:
        return Counterfactual(tuple(arms), None, NOT_MADE, _too_few(factual, masked), kept)
    p = fisher_p(masked.hits, masked.k, factual.hits, factual.k)
    if old is not None and old.k >= FEWEST_RUNS:
        kept["old_p"] = fisher_p(old.hits, old.k, factual.hits, factual.k)
    conclusion = _conclusion(factual, p)
    return Counterfactual(tuple(arms), p, conclusion, _told(conclusion, factual, masked, p), kept)


def not_made(why: str) -> Counterfactual:
    """No arm was run, and why."""
    return Counterfactual((), None, NOT_MADE, why)


def _conclusion(factual: CounterfactualArm, p: float) -> str:
    if p <= THRESHOLD:
        return CONFIRMED
    return NOT_REPRODUCIBLE if factual.hits <= SELDOM * factual.k else NOT_CONFIRMED


_WORDS = {
    CONFIRMED: "the call came with the suspicious text and not without it",
    NOT_CONFIRMED: "the call comes without the suspicious text as well, as far as so many runs tell",
    NOT_REPRODUCIBLE: "the call seldom came again, so nothing is said about its cause",
}


def _told(conclusion: str, factual: CounterfactualArm, masked: CounterfactualArm, p: float) -> str:
    failed = factual.failed + masked.failed
    counts = f"{factual.hits} of {factual.k} runs with it, {masked.hits} of {masked.k} without"
    rest = f"; {failed} runs gave no answer" if failed else ""
    return f"{_WORDS[conclusion]}: {counts}, p = {p:.2g} (Fisher, one-sided){rest}"


def _too_few(factual: CounterfactualArm, masked: CounterfactualArm) -> str:
    reasons = [*factual.reasons, *masked.reasons]
    why = f": {reasons[0]}" if reasons else ""
    return f"too few runs gave an answer ({factual.k} and {masked.k}, {FEWEST_RUNS} are needed in each){why}"[
        : _SHOWN * 2
    ]


# ------------------------------------------------------------------------------------------------ plain JSON
def counterfactual_body(one: Counterfactual) -> dict[str, Json]:
    """As plain JSON, for an event."""
    return {
        "arms": [_arm_body(arm) for arm in one.arms],
        "p": one.p,
        "conclusion": one.conclusion,
        "told": one.told,
        "facts": {key: value for key, value in one.facts.items() if key != "arms"},
    }


def counterfactual_from(body: Mapping[str, Any]) -> Counterfactual:
    """What `counterfactual_body` wrote.

    The conclusion is drawn again from the counts, so that no body says more than its runs do.

    Raises:
        BadInput: counts that no runs can have.
    """
    try:
        arms = tuple(_arm_from(arm) for arm in body["arms"])
        facts = dict(body["facts"] or {})
        if not arms:
            return Counterfactual((), None, NOT_MADE, str(body["told"]), facts)
        return concluded(arms, facts)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadInput("counterfactual", f"not a replay: {error!r}"[:_SHOWN], "run it again") from None


def _arm_body(arm: CounterfactualArm) -> dict[str, Json]:
    return {
        "name": arm.name,
        "k": arm.k,
        "hits": arm.hits,
        "failed": arm.failed,
        "reasons": [reason[:_SHOWN] for reason in arm.reasons],
    }


def _arm_from(body: Mapping[str, Any]) -> CounterfactualArm:
    reasons = tuple(str(reason) for reason in body.get("reasons") or ())
    arm = CounterfactualArm(
        str(body["name"]), int(body["k"]), int(body["hits"]), int(body.get("failed") or 0), reasons
    )
    if not 0 <= arm.hits <= arm.k or arm.failed < 0:
        raise ValueError(f"{arm.hits} hits of {arm.k}")
    return arm
