"""A captured session as a task: what its user asked, its tools' answers as a world without effects, and its checks.

Each recorded result answers one call, so that the same question gets its second answer the second time. The checks ask
for the effects of the record: every call that is no plain read, as often as it was made, and no other such call. Texts
that an agent words anew each time are no part of them. A session that is known to have failed has no checks: what it did
was wrong.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence

from remit.core.canonical import canonical, encode
from remit.core.errors import BadInput
from remit.core.recorded import RecordedSession
from remit.core.trial.conversation import EffectOf
from remit.core.types import Json
from remit.usecases.cases import failure_of
from remit.usecases.tool_hint import canonical_args
from remit.usecases.trials.formats.fields import found_in
from remit.usecases.trials.recorded_talk import users_turns

MOST_BYTES = 900_000
"""Of one task; a suite refuses values above a million."""
_MOST_NAME = 200
_MOST_WORDS = 5
_MOST_TEXT = 60
UNANSWERED = "the record of this session holds no answer to this call"


def too_much(session: RecordedSession) -> str:
    """Why a session cannot stand in a suite; empty where it can."""
    if not _named(session.session_id):
        return "its id is too long, or not printable"
    if not all(_named(call.tool) for step in session.steps for call in step.calls):
        return "the name of a tool is too long, or not printable"
    try:
        told = canonical(
            [users_turns(session), list(_answers(session)), dict(session.facts)], max_bytes=MOST_BYTES
        )
        encode(told)
    except (BadInput, UnicodeEncodeError):
        return "a text or value is too large, or cannot be written down"
    return ""


def task_of(
    session: RecordedSession, weight: float, stratum: str, effect: EffectOf, acting: Sequence[str] | None
) -> dict[str, Json]:
    """The task, as a suite has it.

    Args:
        session: captured, and fit to be run again.
        weight: how many sessions it stands for.
        stratum: its own.
        effect: of a tool.
        acting: all tools that are no plain reads; None: no checks are wanted.
    """
    said = users_turns(session)
    task: dict[str, Json] = {
        "id": session.session_id,
        "input": said[0] if len(said) == 1 else {"turns": said},
        "weight": weight,
        "stratum": stratum,
    }
    if len(said) > 1:
        task["user_input"] = "\n\n".join(said)
    if session.principal_kind is not None:
        task["principal_kind"] = session.principal_kind.value
    if session.facts:
        task["facts"] = dict(session.facts)
    if answers := list(_answers(session)):
        task["world"] = {"answers": answers}
    if acting is not None and (checks := list(_checks(session, effect, acting))):
        task["checks"] = checks
    return task


def fallback(tools: Sequence[str]) -> list[dict[str, Json]]:
    """What tools say where the record says nothing: every tool is there in every task, and does nothing."""
    return [{"tool": tool, "error": UNANSWERED} for tool in tools]


def _answers(session: RecordedSession) -> Iterator[dict[str, Json]]:
    """Recorded results, those of calls with more arguments first: an answer fits every call that has its arguments."""
    told = {id(step.answers): step for step in session.steps if step.answers is not None}
    found = [(call, told[id(call)]) for step in session.steps for call in step.calls if id(call) in told]
    for call, step in sorted(found, key=lambda one: -len(canonical_args(one[0].args) or {})):
        answer: dict[str, Json] = {"tool": call.tool, "args": canonical_args(call.args) or {}, "times": 1}
        yield answer | ({"error": step.text or "failed"} if step.failed else {"result": _value(step.text)})


def _value(text: str) -> Json:
    """A result as its tool gave it: the JSON value where its text is one."""
    if text[:1] not in ("{", "["):
        return text
    try:
        return canonical(json.loads(text))
    except (ValueError, RecursionError, BadInput):
        return text


def _checks(session: RecordedSession, effect: EffectOf, acting: Sequence[str]) -> Iterator[dict[str, Json]]:
    if failure_of(session) is not None or found_in(session.extra, "success") is False:
        return
    failed = {id(step.answers) for step in session.steps if step.answers is not None and step.failed}
    calls = [call for step in session.steps for call in step.calls if effect(call.tool) != "read"]
    done = Counter(
        (call.tool, encode(stable(canonical_args(call.args) or {})))
        for call in calls
        if id(call) not in failed
    )
    for place, ((tool, args), times) in enumerate(done.items(), 1):
        wanted: dict[str, Json] = {"tool": tool, "times": times}
        yield {
            "id": f"as-recorded-{place}",
            "called": wanted | ({"args": json.loads(args)} if args != b"{}" else {}),
        }
    if acting:
        named = ", ".join(_quoted(tool) for tool in acting)
        yield {"id": "no-other-effect", "cel": f"size(calls.filter(c, c.tool in [{named}])) <= {len(calls)}"}


def _named(name: str) -> bool:
    return 0 < len(name) <= _MOST_NAME and name.isprintable() and name == name.strip()


def _quoted(name: str) -> str:
    """A name as a condition has it."""
    return "'" + name.replace("\\", "\\\\").replace("'", "\\'") + "'"


def stable(value: Json) -> Json:
    """What of arguments stays the same when an agent does the same again: numbers, names and ids, no worded texts.

    >>> stable({"order_id": "A-1", "note": "The customer says that it came broken.", "lines": [1, 2]})
    {'order_id': 'A-1', 'lines': [1, 2]}
    """
    if isinstance(value, dict):
        return {key: stable(inner) for key, inner in value.items() if _is_stable(inner)}
    return value


def _is_stable(value: Json) -> bool:
    if isinstance(value, str):
        return len(value) <= _MOST_TEXT and len(value.split()) <= _MOST_WORDS
    if isinstance(value, list):
        return all(_is_stable(item) and stable(item) == item for item in value)
    return True
