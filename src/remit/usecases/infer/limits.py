"""How often, and towards whom: bounds on consequential tools that good sessions kept by themselves."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from remit.core.recorded import RecordedSession
from remit.core.types import Json
from remit.usecases.infer.observe import ObservedCall
from remit.usecases.infer.schemas import MOST_MEMBERS, MOST_UNSEEN, TASKS_FOR_A_RANGE
from remit.usecases.infer.values import roomy, unseen_mass

ROOM, ROOM_WHERE_FEW = 2, 4
"""A session may call a tool twice as often as any good one did; four times where fewer than 19 tasks are known, since
the next task then calls it most often of all with more than 5 % chance."""


@dataclass(frozen=True, slots=True)
class Domains:
    """The hosts behind the addresses of one argument, where no new one is to be expected."""

    arg: str
    listed: bool
    """Whether the argument is a list of addresses."""
    domains: tuple[str, ...]
    tasks: int


def most_in_a_session(calls: Sequence[ObservedCall]) -> int:
    """The most calls of one session."""
    return max(Counter(call.session for call in calls).values(), default=0)


def room_for(calls: Sequence[ObservedCall]) -> int:
    """Calls of one session at most, with room."""
    few = len({call.task for call in calls}) < TASKS_FOR_A_RANGE
    return (ROOM_WHERE_FEW if few else ROOM) * most_in_a_session(calls)


def domains(calls: Sequence[ObservedCall], arg: str) -> Domains | None:
    """The domains of the mail addresses at a top-level argument; None where the set is not closed, or is no such."""
    seen: defaultdict[str, set[str]] = defaultdict(set)
    listed = False
    for call in calls:
        for leaf in call.leaves:
            if leaf.path != arg:
                continue
            if leaf.kind != "email":
                return None
            listed = listed or isinstance(call.args.get(arg), list)
            seen[str(leaf.value).strip().rpartition("@")[2].lower()].add(call.task)
    if not 0 < len(seen) <= MOST_MEMBERS or unseen_mass(map(len, seen.values())) > MOST_UNSEEN:
        return None
    return Domains(arg, listed, tuple(sorted(seen)), len(set.union(*seen.values())))


def session_schema(sessions: Sequence[RecordedSession]) -> dict[str, Any]:
    """The facts that sessions brought, as `spec.session`; empty where they brought none."""
    kinds: defaultdict[str, set[str]] = defaultdict(set)
    for session in sessions:
        for name, value in session.facts.items():
            kinds[name].add(_type(value))
    fields = {
        n: {"type": next(iter(k))} for n, k in sorted(kinds.items()) if len(k) == 1 and n.isidentifier()
    }
    fields = {n: s for n, s in fields.items() if s["type"] not in ("object", "array", "null")}
    if not fields:
        return {}
    always = [name for name in fields if all(name in session.facts for session in sessions)]
    schema: dict[str, Any] = {"type": "object", "additionalProperties": False}
    return schema | ({"required": always} if always else {}) | {"properties": fields}


def session_key(schema: dict[str, Any]) -> str:
    """The fact that tells one principal from another, for limits; empty where none is always there."""
    fields = schema.get("properties", {})
    return next((name for name in schema.get("required", ()) if fields[name] == {"type": "string"}), "")


def longest_answer(sessions: Sequence[RecordedSession]) -> int:
    """A bound on the final answer's length, with room; 0 where no session has one."""
    longest = 0
    for session in sessions:
        last = session.steps[-1] if session.steps else None
        if last is not None and last.role == "assistant" and not last.calls:
            longest = max(longest, len(last.text))
    return roomy(longest, least=1024) if longest else 0


def _type(value: Json) -> str:
    if value is None:
        return "null"
    names = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return names[type(value)]
