"""A captured session taken apart: what its user said, what the agent called upon it, and what came back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from remit.core.recorded import RecordedCall, RecordedSession, RecordedStep
from remit.core.trial.conversation import EffectOf, RecordedConversation, UserTurn
from remit.core.trial.trial import MOST_RESULT, TrialCall
from remit.core.types import Json
from remit.usecases.captured import REFUSED
from remit.usecases.tool_hint import canonical_args


def users_turns(session: RecordedSession) -> list[str]:
    """What the user said, in order."""
    return [step.text for step in session.steps if step.role == "user" and step.text]


def acted_upon_no_words(session: RecordedSession) -> bool:
    """Whether the agent called something upon a turn of the user that has no text, such as an image: nobody can ask for
    that again."""
    wordless = False
    for step in session.steps:
        if step.role == "user":
            wordless = not step.text.strip()
        if wordless and step.calls:
            return True
    return False


def conversation_of(
    session: RecordedSession, effect: EffectOf, *, forced: bool = True
) -> RecordedConversation:
    """What the user said, and what the agent did and said upon each of it.

    What he said in a row is one turn. A last turn that nobody answered in the record is none: there is nothing that
    anybody could be held against.

    Args:
        session: with a text of the user.
        effect: of a tool.
        forced: whether each turn is asked after the recorded ones before it.
    """
    told = {id(step.answers): step for step in session.steps if step.answers is not None}
    turns: list[UserTurn] = []
    before: tuple[TrialCall, ...] = ()
    for step in session.steps:
        made = tuple(_call(call, told, effect) for call in step.calls)
        if step.role == "user" and step.text:
            silent = bool(turns) and not (turns[-1].calls or turns[-1].answer)
            if silent:
                turns[-1] = replace(turns[-1], said=f"{turns[-1].said}\n\n{step.text}")
            else:
                turns.append(UserTurn(step.text, before))
            before = ()
        elif not turns:
            before += made
        else:
            said = step.text if step.role == "assistant" and step.text.strip() else turns[-1].answer
            steps = (*turns[-1].steps, *_steps(step))
            turns[-1] = replace(turns[-1], calls=(*turns[-1].calls, *made), answer=said, steps=steps)
    while len(turns) > 1 and not (turns[-1].calls or turns[-1].answer):
        turns.pop()
    return RecordedConversation(tuple(turns), effect, forced)


def _steps(step: RecordedStep) -> list[dict[str, Json]]:
    """A step as recorded sessions have it, whole."""
    if step.role == "assistant":
        asked: Json = [{"id": one.call_id, "name": one.tool, "args": one.args} for one in step.calls]
        return [{"role": "assistant", "content": step.text} | ({"tool_calls": asked} if step.calls else {})]
    if step.role == "system" and step.text:
        return [{"role": "system", "content": step.text}]
    if step.role != "tool":
        return []
    told: dict[str, Json] = {"role": "tool", "tool_name": step.tool, "content": step.text}
    if step.answers is not None:
        told |= {"tool_call_id": step.answers.call_id, "tool_name": step.answers.tool}
    return [told | ({"error": step.text} if step.failed else {})]


def calls_of(session: RecordedSession, effect: EffectOf) -> tuple[TrialCall, ...]:
    """The calls of a recorded session, as those of a trial are kept."""
    told = {id(step.answers): step for step in session.steps if step.answers is not None}
    return tuple(_call(call, told, effect) for step in session.steps for call in step.calls)


def _call(call: RecordedCall, told: Mapping[int, object], effect: EffectOf) -> TrialCall:
    step = told.get(id(call))
    failed, text = bool(getattr(step, "failed", False)), str(getattr(step, "text", ""))
    args = canonical_args(call.args)
    outcome = "unknown" if step is None else "failed" if failed else "done"
    outcome = "refused" if failed and text.startswith(REFUSED) else outcome
    return TrialCall(
        call.tool, args if args is not None else {}, effect(call.tool), outcome, text[:MOST_RESULT]
    )
