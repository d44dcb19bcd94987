"""A recorded session, as replay reads it: one JSON object a line, checked at the door.

`{session_id, suite?, user_input?, steps: [{role, content, tool_calls?: [{id, name, args, world?}], tool_call_id?,
tool_name?, error?}], …}`; whatever else a line holds is kept in `extra`, for `--where` and for reports. A
line with `messages` instead of `steps` is a message list of a model's interface (see `core.messages`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from remit.core.canonical import loads_strict
from remit.core.errors import BadInput
from remit.core.messages import steps_of
from remit.core.types import Json, PrincipalKind


class _Found(msgspec.Struct):
    asks: list[str]
    answer: bool | None = None
    error: str = "not recorded"


class _Call(msgspec.Struct):
    name: str
    args: Any = None
    id: str | None = None
    world: list[_Found] | None = None


class _Step(msgspec.Struct):
    role: str
    content: Any = None
    tool_calls: list[_Call] | None = None
    tool_call_id: str | None = None
    tool_name: str | None = None
    error: Any = None


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """One tool call of the record and, where it came, what it returned."""

    step: int
    """Index of the step that asked for it."""
    call_id: str
    tool: str
    args: Json
    world: Mapping[tuple[str, ...], bool | str] | None = None
    """What was found of the world, as its decision recorded it; None where nothing was."""


@dataclass(frozen=True, slots=True)
class RecordedStep:
    """One message of the record."""

    index: int
    role: str
    text: str
    calls: tuple[RecordedCall, ...] = ()
    answers: RecordedCall | None = None
    """For a tool's message: the call that it answers; None where no call fits."""
    tool: str = ""
    failed: bool = False
    """For a tool's message: whether it tells of an error instead of a result."""


@dataclass(frozen=True, slots=True)
class RecordedSession:
    """A session that ran somewhere, some time."""

    session_id: str
    suite: str
    steps: tuple[RecordedStep, ...]
    facts: Mapping[str, Json] = field(default_factory=dict)
    principal_kind: PrincipalKind | None = None
    extra: Mapping[str, Json] = field(default_factory=dict)


REMEDY = "see the session schema in docs/sessions.md"
_KINDS = {type(None): "null", list: "a list", str: "a string", bool: "a boolean"}
_ROLES = ("system", "user", "assistant", "tool")


def read_session(data: bytes, where: str) -> RecordedSession:
    """The session on one line.

    Raises:
        BadInput: not JSON, or not a session.
    """
    try:
        raw = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise BadInput(where, f"not JSON: {error}", REMEDY) from None
    return session_from(raw, where)


def session_from(raw: Any, where: str, session_id: str = "") -> RecordedSession:
    """The session in a decoded JSON value.

    Args:
        raw: an object with `steps` or `messages`; it is taken apart.
        where: the place, for errors.
        session_id: the id where the record has none.

    Raises:
        BadInput: it is not a session.
    """
    if not isinstance(raw, dict):
        raise BadInput(where, f"found {_KINDS.get(type(raw), 'a number')}", "write one JSON object a line")
    listed = raw.pop("steps", None)
    if listed is None and "messages" in raw:
        listed = steps_of(raw.pop("messages"), where)
        own = raw.get("id")
        session_id = own if isinstance(own, str) and own else session_id
    try:
        steps = msgspec.convert(listed, list[_Step])
    except (msgspec.ValidationError, RecursionError) as error:
        raise BadInput(where, f"not a session: {_at('steps', error)}", REMEDY) from None
    named: Any = raw.get("session_id", session_id)
    if not isinstance(named, str) or not named:
        told = "no 'session_id'" if named in (None, "") else f"session_id: found {named!r:.60}"
        raise BadInput(where, told, "give each session an id, a text")
    kind: Any = raw.get("principal_kind")
    if kind is not None and kind not in tuple(PrincipalKind):
        raise BadInput(where, f"principal_kind is {kind!r}", "use operator or customer")
    facts: Any = raw.get("facts") or {}
    if not isinstance(facts, dict):
        raise BadInput(where, "facts is no object", "write names and values")
    return RecordedSession(
        session_id=named,
        suite=str(raw.get("suite") or ""),
        steps=tuple(_steps(steps, where)),
        facts=facts,
        principal_kind=PrincipalKind(kind) if kind else None,
        extra=raw,
    )


def _steps(steps: list[_Step], where: str) -> Iterator[RecordedStep]:
    waiting: list[RecordedCall] = []
    for index, step in enumerate(steps):
        if step.role not in _ROLES:
            known = f"use one of {', '.join(_ROLES)}"
            raise BadInput(f"{where}: steps[{index}].role", f"found {step.role[:60]!r}", known)
        calls = tuple(
            RecordedCall(index, c.id or "", c.name, _args(c.args), _world(c.world))
            for c in step.tool_calls or ()
        )
        waiting.extend(calls)
        answered = None
        if step.role == "tool":
            answered = _answered(waiting, step)
        text = text_of(step.content)
        if step.role == "tool" and not text and step.error:
            text = text_of(step.error)
        tool = step.tool_name or (answered.tool if answered else "")
        yield RecordedStep(index, step.role, text, calls, answered, tool, failed=bool(step.error))


def _world(found: list[_Found] | None) -> Mapping[tuple[str, ...], bool | str] | None:
    if found is None:
        return None
    return {tuple(one.asks): one.error if one.answer is None else one.answer for one in found}


def _at(root: str, error: Exception) -> str:
    """What msgspec found, its `$` named: `steps[0].role: Object missing …`."""
    told, _, place = str(error).partition(" - at `$")
    return f"{root}{place.removesuffix('`')}: {told}"


def _args(args: Json) -> Json:
    """Arguments as an object where they came as its JSON text; what cannot be read stays, to be refused."""
    if args is None or args == "":
        return {}
    if isinstance(args, str):
        try:
            return loads_strict(args)
        except BadInput:
            return args
    return args


def _answered(waiting: list[RecordedCall], step: _Step) -> RecordedCall | None:
    """By id; where ids are missing or doubled, by order among the calls of that tool, the last asked step first."""
    fitting = [c for c in waiting if step.tool_call_id and c.call_id == step.tool_call_id]
    if len(fitting) != 1:
        named = [c for c in (fitting or waiting) if not step.tool_name or c.tool == step.tool_name]
        fitting = [c for c in named if c.step == named[-1].step][:1]
    if not fitting:
        return None
    found = fitting[0]
    for at, call in enumerate(waiting):
        if call is found:
            del waiting[at]
            break
    return found


def text_of(content: Any) -> str:
    """The text of a message: a string, or the text parts of a list of parts."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "\n".join(_part(part) for part in content if isinstance(part, str | dict))
    return msgspec.json.encode(content).decode()


def _part(part: Any) -> str:
    return part if isinstance(part, str) else str(part.get("text") or part.get("content") or "")
