"""`monotonic`: a quantity that never goes back while calls run."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from remit.core.canonical import encode
from remit.core.cel import DYN, STRING, Condition, ConditionError
from remit.core.cel.types import Type
from remit.core.errors import BadInput
from remit.core.trial.invariants.settings import by_itself, in_order, names, unknowable
from remit.core.trial.judge import Invariant
from remit.core.trial.reach import Reach, read_condition, reads
from remit.core.trial.trial import Breach
from remit.core.trial.view import TrialView, WorldCall
from remit.core.trial.words import shown
from remit.core.types import Json
from remit.core.yamltext import Node

ROOTS: Mapping[str, Type] = {"tool": STRING, "args": DYN, "output": DYN, "state": DYN}
KEYS = ("value", "by", "tools", "never")


@dataclass(frozen=True, slots=True)
class Measured:
    """What is kept of a call."""

    number: float
    key: bytes
    """Of its sequence."""


def monotonic(id: str, node: Node, reach: Reach) -> Invariant:
    """`value`, a number over `tool`, `args`, `output` and `state` (after the call), never decreases from call to call.

    `by`: one sequence for each value of this condition. `tools`: only these calls. `never: increases` turns it round. A
    value that reads nothing but `state` is also looked at before the first call; one that reads `output` passes over
    calls that failed.
    """
    keys = node.keys(KEYS, required=("value",))
    value = read_condition(keys["value"], reach, ROOTS, DYN)
    by = read_condition(keys["by"], reach, ROOTS, DYN) if "by" in keys else None
    if str(value.type) not in ("int", "double", "dyn"):
        raise keys["value"].error(f"found {value.type}", "write a condition that gives a number")
    tools = names(keys["tools"]) if "tools" in keys else None
    turned = "never" in keys and keys["never"].choice(("decreases", "increases")) == "increases"
    asked = [value] if by is None else [value, by]
    states = any(reads(one, "state") for one in asked)
    from_start = by is None and all(path.split(".")[0].split("[")[0] == "state" for path in value.reads)

    def breaches(view: TrialView) -> list[Breach]:
        seen: dict[bytes, float] = {}
        if from_start and states:
            first = _number(value, {"state": view.initial})
            if isinstance(first, str):
                return [unknowable(id, first)]
            seen[_ONE] = first
        return list(_watched(view, seen))

    def _watched(view: TrialView, seen: dict[bytes, float]) -> Iterator[Breach]:
        for at, ran in in_order(view):
            found = ran.kept[id] if id in ran.kept else measured(at, ran)
            if found is None:
                continue
            if states and view.by_itself(at):
                yield unknowable(id, by_itself(f"{ran.tool}({shown(ran.args)})"), at)
                continue
            if isinstance(found, Breach):
                yield found
                continue
            number, before = found.number, seen.get(found.key)
            if before is not None and (number > before if turned else number < before):
                yield Breach(id, _told(value, ran, before, number, turned), at)
            seen[found.key] = number

    def measured(at: int, ran: WorldCall) -> Measured | Breach | None:
        """What a call comes to; a breach where that cannot be told, None where it does not count."""
        if (tools is not None and ran.tool not in tools) or (ran.error and _reads_output(asked)):
            return None
        if ran.flaw and (states or _reads_output(asked)):
            return unknowable(id, ran.flaw, at)
        roots = {"tool": ran.tool, "args": ran.args, "output": ran.output, "state": ran.state}
        number, key = _number(value, roots), _key(by, roots)
        if isinstance(number, str) or isinstance(key, str):
            return unknowable(id, str(number if isinstance(number, str) else key), at)
        return Measured(number, key)

    return Invariant(id, "monotonic", breaches, states=states, keeps=measured if states else None)


_ONE = b""
"""Key of the one sequence, where `by` is not written."""


def _reads_output(asked: list[Condition]) -> bool:
    return any(reads(one, "output") for one in asked)


def _number(condition: Condition, roots: Mapping[str, Json]) -> float | str:
    """The value, or why there is none."""
    try:
        found = condition.evaluate(roots)
    except ConditionError as error:
        return str(error)
    if isinstance(found, bool) or not isinstance(found, int | float):
        return f"{condition.text} is {shown(found)}, no number"
    return found


def _key(by: Condition | None, roots: Mapping[str, Json]) -> bytes | str:
    if by is None:
        return _ONE
    try:
        return hashlib.sha256(encode(by.evaluate(roots))).digest()  # the value may be a whole state
    except (ConditionError, BadInput) as error:
        return str(error)


def _told(value: Condition, ran: WorldCall, before: float, after: float, turned: bool) -> str:
    went = "rose" if turned else "fell"
    return f"{value.text} {went} from {before:g} to {after:g} with {ran.tool}({shown(ran.args)})"
