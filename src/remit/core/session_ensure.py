"""The final answer against what was done: `session_ensure`, judged when a session finishes.

`calls` are those that were dispatched, in that order: tool, effect, how each ended, the arguments that ran and what the
agent got to see of the result (null where it failed or was withheld). A call that was refused, or that was a repeat and
got the first one's result, did nothing and is not among them. What another process did in the session is read from the
journal, and so is all that a resumed session did before. What is not
there any more (a secret, a text of which only the digest was kept) is not guessed: a condition that reads it fails,
and so does every condition while a call is still running or nobody knows how it ended.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from remit.core import codec
from remit.core.after import ensured
from remit.core.canonical import loads_strict
from remit.core.envelope import Ensure
from remit.core.errors import BadInput, outcome_known
from remit.core.event import Event
from remit.core.history import UNKNOWN
from remit.core.types import Decision, Json, Outcome, ToolEffect, Violation

_WRITTEN_OVER = re.compile(r"\[digest:[0-9a-f]{64}:[0-9]+\]|\[secret:[a-z]+:[0-9a-f]{10}\]")
_GONE = object()


@dataclass(frozen=True, slots=True)
class Dispatched:
    """One call that was dispatched in a session."""

    tool: str
    effect: str
    args: Mapping[str, Json]
    outcome: str = ""
    """`done` or `failed`; empty while nobody knows."""
    form: str = "none"
    """What `text` holds: `text`, `json`, `other` (an object that only has a `repr`); `none` where nothing was seen."""
    text: str = ""

    @property
    def output(self) -> object:
        """The result, null where nothing was seen, or a mark that it is not there any more."""
        if self.form == "none":
            return None
        cut = len(self.text) >= codec.MOST_RESULT_CHARACTERS
        if self.form == "other" or cut or _WRITTEN_OVER.search(self.text):
            return _GONE
        if self.form == "text":
            return self.text
        try:
            return loads_strict(self.text)
        except BadInput:
            return _GONE


def dispatched(decision: Decision) -> Dispatched:
    """A call that is about to run."""
    effect = decision.effect.value if decision.effect is not None else ""
    return Dispatched(decision.tool, effect, decision.canonical or {})


def ended(call: Dispatched, outcome: Outcome, *, withheld: bool) -> Dispatched:
    """The call, once its outcome was judged."""
    if outcome.error is not None:
        return _broken_off(call, known=outcome_known(outcome.error))
    if withheld:
        return replace(call, outcome="done")
    form, text = codec.result_form(outcome.value), codec.result_text(outcome.value)
    return replace(call, outcome="done", form=form, text=text)


def may_have_run(decided: Mapping[str, Any]) -> bool:
    """Whether a call may have run, from the body of its `decided`: it was allowed, approved, or only watched."""
    return bool(decided.get("result") == "allow" or decided.get("approval_id") or not decided.get("enforced"))


def recorded(calls: dict[str, Dispatched], event: Event) -> None:
    """Put back into *calls*, by token, what one event of the journal says.

    Args:
        calls: what earlier events said; it grows.
        event: `decided`, `released` or `settled`; any other says nothing.
    """
    body, token = event.body, str(event.body.get("token", ""))
    if event.kind == "decided" and may_have_run(body) and not body.get("repeats"):
        args = body.get("args")
        calls[token] = Dispatched(
            str(body.get("tool", "")),
            str(body.get("effect") or ""),
            args if isinstance(args, Mapping) else {},
        )
    elif event.kind == "released" or (event.kind == "settled" and body.get("repeats")):
        calls.pop(token, None)
    elif event.kind == "settled" and token in calls:
        calls[token] = _settled(calls[token], body, event.blobs.get("text", ""))


def _settled(call: Dispatched, body: Mapping[str, Any], text: str) -> Dispatched:
    if body.get("ended") != "value":
        return _broken_off(call, known=body.get("outcome") != UNKNOWN)
    if not body.get("segment"):
        return replace(call, outcome="done")
    return replace(call, outcome="done", form=str(body.get("form", "other")), text=text)


def _broken_off(call: Dispatched, *, known: bool) -> Dispatched:
    """A call without a result. What was interrupted may still do its work, so it did not fail; a read does none."""
    return replace(call, outcome="failed") if known or call.effect == ToolEffect.READ else call


def together(own: Mapping[str, Dispatched], events: Iterable[Event]) -> list[Dispatched]:
    """The calls of a session in the order of its journal, also those that another process made in it.

    Args:
        own: what this process knows of its calls, by token, more exactly than the journal does.
        events: of the session, in order.
    """
    there: dict[str, Dispatched] = {}
    for event in events:
        recorded(there, event)
    return [own.get(token, call) for token, call in there.items()] + [
        call for token, call in own.items() if token not in there
    ]


def judge_answer(
    clauses: Sequence[Ensure],
    answer: str,
    calls: Iterable[Dispatched],
    session: Mapping[str, Json],
    *,
    waits: bool = False,
) -> list[Violation]:
    """One violation for each condition that the answer does not meet, or that cannot be judged.

    Args:
        clauses: of the envelope.
        answer: the final answer.
        calls: in the order in which they were dispatched.
        session: the facts.
        waits: whether a call has begun that is not dispatched yet, and may be once the answer is given.
    """
    if not clauses:
        return []
    made = list(calls)
    if waits or any(not call.outcome for call in made):
        return [_unknown(one, "a call is still running, or nobody knows how it ended") for one in clauses]
    outputs = [call.output for call in made]
    told = [
        {
            "tool": call.tool,
            "effect": call.effect,
            "outcome": call.outcome,
            "args": dict(call.args),
            "output": None if output is _GONE else output,
        }
        for call, output in zip(made, outputs, strict=True)
    ]
    gone = {"output"} if _GONE in outputs else set()
    gone |= {"args"} if any(_written_over(dict(call.args)) for call in made) else set()
    roots = {"answer": answer, "calls": told, "session": session}
    found: list[Violation] = []
    for one in clauses:
        if missing := [part for part in sorted(gone) if _reads(one, part)]:
            found.append(_unknown(one, f"it reads {missing[0]} that the journal does not keep in full"))
        else:
            found += ensured([one], roots, "session_ensure")
    return found


def _reads(one: Ensure, part: str) -> bool:
    """Whether a condition looks at this part of a call, or at a call as a whole."""
    paths = one.condition.reads
    return any(path == "calls[]" or path.startswith(f"calls[].{part}") for path in paths)


def _written_over(value: Json) -> bool:
    if isinstance(value, str):
        return _WRITTEN_OVER.search(value) is not None
    if isinstance(value, Mapping):
        return any(_written_over(key) or _written_over(one) for key, one in value.items())
    return isinstance(value, list) and any(_written_over(one) for one in value)


def _unknown(one: Ensure, why: str) -> Violation:
    clause = one.clause
    told = f"cannot be evaluated: {why}"
    return Violation(clause.id, "session_ensure", clause.on_violation, clause.severity, told, error=True)
