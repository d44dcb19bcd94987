"""What the rules of a suite may refer to, and what they have in common: functions, the envelope, conditions."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from remit.core.cel import BOOL, DYN, STRING, Condition, ConditionError, compile_condition
from remit.core.cel.types import DOUBLE, ListOf, Type, record
from remit.core.envelope import Envelope
from remit.core.errors import BadInput
from remit.core.trial.suite import Rule, Task
from remit.core.trial.view import TrialView
from remit.core.trial.words import shown
from remit.core.types import Json
from remit.core.yamltext import Node

Kind = TypeVar("Kind")

MOST_PARTS = 3
"""Values that are told of a condition that is not true."""
_PLACE = re.compile(r"(.*?):([0-9]+): (.*)\Z", re.DOTALL)
ONLY = "is"
"""Key of the one setting of a rule that needs no names: `cel: "…"` is kept as `{is: "…"}`."""
CALL = record(
    tool=STRING,
    args=DYN,
    effect=STRING,
    outcome=STRING,
    output=DYN,
    result=STRING,
    clauses=ListOf(STRING),
)
"""One of `calls` in a condition: `output` is what the tool returned, `result` the text that the agent got to see."""
ROOTS: Mapping[str, Type] = {
    "answer": DYN,
    "calls": ListOf(CALL),
    "state": DYN,
    "input": DYN,
    "task": record(id=STRING, stratum=STRING, world=DYN),
    "session": DYN,
    "latency_s": DOUBLE,
}
"""What a condition of a suite may read. `session` holds the task's facts."""


@dataclass(frozen=True, slots=True)
class Reach:
    """What the rules of one suite may refer to."""

    function: Callable[[Node], Callable[..., Any]]
    """The function that a node names; `BadInput` where there is none."""
    envelope: Envelope | None = None
    has_world: bool = False
    tasks: Sequence[Task] = ()
    tools: Sequence[str] = ()
    """Of the world, where it was made already."""


def kind_of(kinds: Mapping[str, Kind], rule: Rule, what: str) -> Kind:
    """The one of *kinds* that a rule names.

    Args:
        kinds: the table, by name.
        rule: as the suite has it.
        what: what the table lists, in one word.

    Raises:
        BadInput: there is none of this name.
    """
    found = kinds.get(rule.kind)
    if found is None:
        told = f"no {what} of kind {rule.kind!r}"
        raise BadInput(rule.where or rule.id, told, f"use one of {', '.join(kinds)}")
    return found


def settings_node(rule: Rule) -> Node:
    """The settings of a rule with their place, as its reader wants them."""
    file, line, path = place_of(rule)
    value: Any = rule.settings
    if set(value) == {ONLY}:
        value = value[ONLY]
    return node_of(value if rule.settings else None, file, line, path)


def place_of(rule: Rule) -> tuple[str, int, str]:
    """File, line and key of a rule; line 0 where it comes from no file.

    >>> place_of(Rule("a", "cel", where="s.yaml:3: spec.invariants[0]"))
    ('s.yaml', 3, 'spec.invariants[0]')
    """
    found = _PLACE.match(rule.where)
    return (found[1], int(found[2]), found[3]) if found else (rule.where or "suite", 0, rule.id)


def settings_of(node: Node) -> Mapping[str, Json]:
    """The settings of a rule as its `Rule` keeps them: what is no mapping stands under `ONLY`."""
    if node.value is None:
        return {}
    found: Mapping[str, Json] = node.plain() if isinstance(node.value, dict) else {ONLY: node.plain()}
    return found


def node_of(value: Any, file: str, line: int = 0, path: str = "") -> Node:
    """A plain value as a node: all of it at one place."""
    inner: Any = value
    if isinstance(value, Mapping):
        inner = {str(key): node_of(one, file, line, f"{path}.{key}") for key, one in value.items()}
    elif isinstance(value, list | tuple):
        inner = [node_of(one, file, line, f"{path}[{at}]") for at, one in enumerate(value)]
    return Node(inner, line, path, file)


def read_condition(
    node: Node, reach: Reach, roots: Mapping[str, Type] = ROOTS, result: Type = BOOL
) -> Condition:
    """The condition at *node*, checked against what a trial has."""
    found = compile_condition(node.text(), roots, where=node.where, result=result, roots=tuple(roots))
    if not found.reads:
        raise node.error("reads nothing of the trial", f"it may read {', '.join(roots)}")
    if not reach.has_world and any(path.split(".")[0].split("[")[0] == "state" for path in found.reads):
        raise node.error("reads state, and the suite has no world", "add 'world:', or read calls")
    return found


def roots_of(view: TrialView, condition: Condition) -> tuple[dict[str, Json], str]:
    """The values that a condition reads, and why one of them cannot be told (empty where all can)."""
    outputs = [view.output(at) for at in range(len(view.calls))]
    flaw = view.state_flaw if reads(condition, "state") else ""
    if reads(condition, "calls[].output") or "calls[]" in condition.reads:
        flaw = flaw or next((f"an output cannot be told: {why}" for _, why in outputs if why), "")
    calls = [
        {
            "tool": call.tool,
            "args": call.args,
            "effect": call.effect,
            "outcome": call.outcome,
            "output": output,
            "result": call.result,
            "clauses": list(call.clauses),
        }
        for call, (output, _) in zip(view.calls, outputs, strict=True)
    ]
    task = view.task
    return {
        "answer": view.answer,
        "calls": calls,
        "state": view.state,
        "input": task.input,
        "task": {"id": task.id, "stratum": task.stratum, "world": task.world},
        "session": dict(task.facts),
        "latency_s": float(view.latency_s),
    }, flaw


def untrue(condition: Condition, roots: Mapping[str, Json]) -> str:
    """That a condition is not true, with the first values that it was asked of."""
    parts = condition.explain(roots)[1 : 1 + MOST_PARTS]
    values = ", ".join(
        f"{text} is {shown(value)}" for text, value in parts if not isinstance(value, ConditionError)
    )
    return f"{condition.text} is not true" + (f": {values}" if values else "")


def reads(condition: Condition, part: str) -> bool:
    """Whether a condition reads a part, or something in it.

    >>> one = compile_condition("state.paid > 1", {"state": DYN}, where="", roots=("state",))
    >>> reads(one, "state"), reads(one, "state.paid"), reads(one, "sta")
    (True, True, False)
    """
    return any(path == part or path.startswith((f"{part}.", f"{part}[")) for path in condition.reads)
