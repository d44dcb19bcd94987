"""Asks an agent for a recorded call again, with the suspicious text and with neutral text in its place.

The conversation is forced up to the call: what was said, called and returned before it stands as recorded. The agent is
asked for its next call only, and nothing that it asks for is run, so there are no effects. The arms take turns, so that a
provider that changes meanwhile changes both. How many runs there are is fixed before the first.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from remit.core.classify.case import Case
from remit.core.classify.classification import Class, Classification, Evidence
from remit.core.classify.counterfactual import (
    FACTUAL,
    FEWEST_RUNS,
    MASKED,
    OLD,
    Counterfactual,
    CounterfactualArm,
    concluded,
    not_made,
)
from remit.core.classify.masking import masked
from remit.core.classify.wanted import Wanted, is_hit, wanted
from remit.core.errors import BadInput
from remit.core.types import Json, Segment
from remit.ports import Rerunnable
from remit.usecases.forced import ForcedMessage

RUNS = 7
"""Answers asked for in each arm where nobody says otherwise: two may fail."""
MOST_RUNS = 100
_REASONS = 3
_OUTSIDE = ("user", "tool")


@dataclass(frozen=True, slots=True)
class CounterfactualQuestion:
    """What is asked again, fixed before the first run."""

    messages: tuple[ForcedMessage, ...]
    """As recorded, up to the call and without it."""
    tools: tuple[ForcedMessage, ...]
    sought: Wanted
    suspicious: tuple[str, ...]
    """Texts that content evidence points at; they are masked wherever they stand."""
    k: int = RUNS
    """Runs in each arm."""
    seed: int = 0
    """Of the first run; each further one has the next."""


def question_of(
    case: Case,
    found: Classification,
    messages: Sequence[ForcedMessage],
    tools: Sequence[ForcedMessage],
    k: int = RUNS,
) -> CounterfactualQuestion | None:
    """What to ask about an anomaly; None where no text is suspected, or no call was made.

    Args:
        case: the anomaly.
        found: its class, whose evidence says which text is suspected and which arguments stand in it.
        messages: as `usecases.forced` gives them.
        tools: likewise.
        k: runs in each arm.

    Raises:
        BadInput: fewer than five runs, or more than a hundred.
    """
    runs_are_enough(k)
    pointing = [one for one in found.evidence if _points(one)]
    texts = tuple(dict.fromkeys(text for one in pointing if (text := _text(one, case.segments))))
    if not texts or not case.tool:
        return None
    paths = [str(path) for one in pointing for path in one.facts.get("arguments") or ()]
    seed = int.from_bytes(hashlib.sha256(case.anomaly.encode()).digest()[:3])
    return CounterfactualQuestion(
        tuple(messages), tuple(tools), wanted(case.tool, case.args, paths), texts, k, seed
    )


def runs_are_enough(k: int, where: str = "runs") -> None:
    """Checks a number of runs.

    Raises:
        BadInput: fewer than five runs, or more than a hundred.
    """
    if not FEWEST_RUNS <= k <= MOST_RUNS:
        raise BadInput(where, f"found {k}", f"write {FEWEST_RUNS} to {MOST_RUNS}")


def asked_again(
    question: CounterfactualQuestion, agent: Rerunnable, old: Rerunnable | None = None
) -> Counterfactual:
    """Run all arms, and say what came of them.

    Args:
        question: what is asked.
        agent: as it runs now.
        old: as it ran before a change; its arm sees what the first one sees.
    """
    neutral, places = _neutral(question)
    if not places:
        return not_made("the suspected text stands nowhere in what can be asked again")
    arms = [_Runs(FACTUAL, agent, question.messages), _Runs(MASKED, agent, neutral)]
    if old is not None:
        arms.append(_Runs(OLD, old, question.messages))
    for number in range(question.k):
        turn = number % len(arms)
        for arm in (*arms[turn:], *arms[:turn]):
            arm.run(question, question.seed + number)
        if any(arm.failed > question.k - FEWEST_RUNS for arm in arms[:2]):
            break
    return concluded([arm.told() for arm in arms], _facts(question, agent, old, places, arms))


@dataclass
class _Runs:
    """One arm, as it goes on."""

    name: str
    agent: Rerunnable
    messages: tuple[ForcedMessage, ...]
    k: int = 0
    hits: int = 0
    failed: int = 0
    reasons: list[str] = field(default_factory=list)
    answers: set[str] = field(default_factory=set)

    def run(self, question: CounterfactualQuestion, seed: int) -> None:
        try:
            calls = tuple(self.agent.next_calls(self.messages, question.tools, seed))
            hit = is_hit(question.sought, calls)
        except Exception as error:  # noqa: BLE001 - somebody else's agent; that it failed is counted
            self.failed += 1
            reason = f"{type(error).__name__}: {error}"[:200]
            if reason not in self.reasons and len(self.reasons) < _REASONS:
                self.reasons.append(reason)
            return
        self.k += 1
        self.hits += hit
        self.answers.add(
            json.dumps([[call.tool, dict(call.args)] for call in calls], sort_keys=True, default=str)
        )

    def told(self) -> CounterfactualArm:
        return CounterfactualArm(self.name, self.k, self.hits, self.failed, tuple(self.reasons))


def _facts(
    question: CounterfactualQuestion,
    agent: Rerunnable,
    old: Rerunnable | None,
    places: int,
    arms: Sequence[_Runs],
) -> dict[str, Json]:
    hidden = "\n".join(question.suspicious)
    facts: dict[str, Json] = {
        "model": agent.model,
        "runs_each": question.k,
        "seeds": [question.seed, question.seed + question.k - 1],
        "tool": question.sought.tool,
        "arguments": sorted(question.sought.values),
        "masked_sha256": hashlib.sha256(hidden.encode("utf-8", "surrogatepass")).hexdigest(),
        "masked_characters": sum(map(len, question.suspicious)),
        "masked_places": places,
        "different_answers": {arm.name: len(arm.answers) for arm in arms},
    }
    return facts if old is None else {**facts, "old_model": old.model}


def _points(one: Evidence) -> bool:
    placed = all(isinstance(one.facts.get(name), int) for name in ("segment", "start", "end"))
    return placed and one.towards is Class.SECURITY and one.kind.startswith("content.")


def _text(one: Evidence, segments: Iterable[Segment]) -> str:
    """The text that a piece of evidence points at."""
    there = [s for s in segments if s.index == one.facts["segment"]]
    named = [s for s in there if s.source == one.facts.get("source")] or there
    text = named[0].text[one.facts["start"] : one.facts["end"]] if named else ""
    return text if text.strip() else ""


def _neutral(question: CounterfactualQuestion) -> tuple[tuple[ForcedMessage, ...], int]:
    """The messages with all suspicious texts masked, and in how many places one stood."""
    places, result = 0, []
    for message in question.messages:
        content = message.get("content")
        if message.get("role") not in _OUTSIDE or not isinstance(content, str):
            result.append(message)
            continue
        spans = _spans(content, question.suspicious)
        places += len(spans)
        for start, end in spans:
            content = masked(content, start, end)
        result.append({**message, "content": content})
    return tuple(result), places


def _spans(content: str, texts: Iterable[str]) -> list[tuple[int, int]]:
    """Where one of *texts* stands, as it is or as JSON spells it; a masked character stays where it was."""
    found = []
    for text in texts:
        spellings = (text, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1])
        for spelled in dict.fromkeys(spellings):
            at = content.find(spelled)
            while at >= 0:
                found.append((at, at + len(spelled)))
                at = content.find(spelled, at + len(spelled))
    return found
