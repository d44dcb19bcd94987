"""`schema`: what goes in and what comes out has its form."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from remit.core.canonical import loads_strict
from remit.core.errors import BadInput
from remit.core.schema import SchemaCheck, compile_schema
from remit.core.trial.invariants.settings import optional, unknowable
from remit.core.trial.judge import Invariant
from remit.core.trial.reach import Reach
from remit.core.trial.trial import Breach
from remit.core.trial.view import TrialView
from remit.core.trial.words import shown
from remit.core.types import Json
from remit.core.yamltext import Node

KEYS = ("input", "answer", "tools")
Looking = Callable[[TrialView], Iterator[Breach]]


def schema(id: str, node: Node, reach: Reach) -> Invariant:
    """Inputs, answers, arguments and results fit their JSON Schemas.

    `input`: a schema that every task's input fits, looked at when the suite is loaded. `answer`: a schema of the final
    answer, which is read as JSON where it is a text and the schema wants none. `tools`: `{TOOL: {args, result}}`, beside
    what the envelope says of its tools, which always counts. Arguments count also where the call was refused.
    """
    keys = optional(node, KEYS)
    args, results = _of_envelope(reach)
    if "tools" in keys:
        for tool, inner in keys["tools"].mapping().items():
            both = inner.keys(("args", "result"))
            for key, into in (("args", args), ("result", results)):
                if key in both:
                    into[tool] = compile_schema(both[key], closed=False)[1]
    if "input" in keys:
        _check_inputs(keys["input"], reach)
    looks: list[Looking] = [lambda view: _calls(id, view, args, results)] if args or results else []
    if "answer" in keys:
        looks.append(_answer(id, keys["answer"]))
    if not looks and "input" not in keys:
        raise node.error("asks for nothing", "write input, answer or tools, or give the suite an envelope")
    return Invariant(id, "schema", lambda view: [breach for look in looks for breach in look(view)])


def _of_envelope(reach: Reach) -> tuple[dict[str, SchemaCheck], dict[str, SchemaCheck]]:
    tools = reach.envelope.tools if reach.envelope is not None else {}
    results = {name: tool.output.schema_errors for name, tool in tools.items() if tool.output is not None}
    return {name: tool.schema_errors for name, tool in tools.items()}, results


def _check_inputs(node: Node, reach: Reach) -> None:
    _, errors = compile_schema(node, closed=False)
    for task in reach.tasks:
        if found := errors(task.input):
            told = f"the input of task '{task.id}' does not fit: {found[0]}"
            raise node.error(told, "mend the task, or the schema")


def _calls(
    id: str, view: TrialView, args: Mapping[str, SchemaCheck], results: Mapping[str, SchemaCheck]
) -> Iterator[Breach]:
    for at, call in enumerate(view.calls):
        if call.tool in args and (found := args[call.tool](call.args)):
            yield Breach(id, f"arguments {shown(call.args)} of {call.tool} do not fit: {found[0]}", at)
        if call.tool not in results or call.outcome != "done":
            continue
        output, flaw = view.output(at)
        if flaw:
            yield unknowable(id, f"the result of {call.tool}: {flaw}", at)
        elif found := results[call.tool](output):
            yield Breach(id, f"result {shown(output)} of {call.tool} does not fit: {found[0]}", at)


def _answer(id: str, node: Node) -> Looking:
    plain, errors = compile_schema(node, closed=False)
    of_text = plain.get("type") == "string"

    def look(view: TrialView) -> Iterator[Breach]:
        if not view.answered:
            return
        value: Json = view.answer
        if isinstance(value, str) and not of_text:
            try:
                value = loads_strict(value)
            except BadInput as error:
                yield Breach(id, f"the answer {shown(view.text)} is not strict JSON: {error.found}")
                return
        if found := errors(value):
            yield Breach(id, f"the answer {shown(view.text)} does not fit: {found[0]}")

    return look
