"""The clauses of a tool about what comes back, whose data it is, and what must be done besides."""

from __future__ import annotations

import re
from collections.abc import Mapping

from remit.core.cel import DYN
from remit.core.cel.types import Type
from remit.core.envelope import Cap, Clause, DataScope, Ensure, Notify, Obligation, OutputRule, Redact
from remit.core.reader_clauses import COMMON, clause_of, duration_s, read_pattern
from remit.core.reader_history import condition
from remit.core.schema import compile_schema, has_path, type_at
from remit.core.types import ToolEffect
from remit.core.yamltext import Node

AFTER = ("id", "on_violation", "severity", "message", "accept_risk")
"""Keys of a clause about a result: what came back cannot wait for a person."""
ENSURE_KEYS = ("expr", *AFTER)
SCOPE_KEYS = ("arg", "output", "in", *COMMON)
DUTIES = ("redact", "cap", "notify")
OBLIGATION_KEYS = ("id", "when", "message", "severity", *DUTIES)
REDACT_KEYS = ("fields", "patterns")
CAP_KEYS = ("arg", "at", "field", "items", "characters")
NOTIFY_KEYS = ("to",)

_STEP = re.compile(r"([A-Za-z_][A-Za-z0-9_-]*)?((?:\[\])*)\Z")


def read_path(node: Node) -> tuple[str, ...]:
    """A path such as `to`, `items[].sku` or `[].account`: its keys, `[]` for every item."""
    steps: list[str] = []
    for at, part in enumerate(node.text().split(".")):
        match = _STEP.match(part)
        if match is None or not part or (match[1] is None and at):
            raise node.error(f"found {node.shown}", "write a path such as to, items[].sku or payment.account")
        steps.extend([match[1]] if match[1] else [])
        steps.extend(["[]"] * (len(match[2]) // 2))
    return tuple(steps)


def known_path(node: Node, schema: Mapping[str, object], what: str = "argument") -> tuple[str, ...]:
    """The path at *node*, which must lead somewhere in *schema*, that of the arguments or of another *what*."""
    path = read_path(node)
    others = has_path(schema, path)
    if others is not None:
        raise node.error(f"no {what} '{node.text()}'", f"has {', '.join(others) or 'nothing below it'}")
    return path


def read_output(tool: str, node: Node) -> OutputRule:
    """The schema of a tool's result."""
    inside = node.mapping()
    if "schema" not in inside:
        schema, errors = compile_schema(node, closed=False, quotes=False)
        return OutputRule(Clause(id=f"{tool}.output"), errors, schema)
    keys = node.keys(("schema", *AFTER))
    schema, errors = compile_schema(keys["schema"], closed=False, quotes=False)
    return OutputRule(clause_of(tool, node, keys, default_id="output", hold=False), errors, schema)


def read_deadline(tool: str, node: Node) -> tuple[float, Clause]:
    """How long a call may take, in seconds, and its clause."""
    if not isinstance(node.value, dict):
        return duration_s(node), Clause(id=f"{tool}.deadline")
    keys = node.keys(("after", *AFTER), required=("after",))
    return duration_s(keys["after"]), clause_of(tool, node, keys, default_id="deadline", hold=False)


def read_ensure(owner: str, node: Node, env: Mapping[str, Type], effect: ToolEffect | None) -> Ensure:
    """A condition that must hold after the call, or of the final answer."""
    keys = node.keys(ENSURE_KEYS, required=("id", "expr"))
    return Ensure(clause_of(owner, node, keys, effect=effect, hold=False), condition(keys["expr"], env))


def read_scope(
    tool: str,
    node: Node,
    env: Mapping[str, Type],
    effect: ToolEffect,
    schema: Mapping[str, object],
    output: Mapping[str, object] | None,
) -> DataScope:
    """Whose data may be asked for, or may come back."""
    keys = node.keys(SCOPE_KEYS, required=("id", "in"))
    if ("arg" in keys) == ("output" in keys):
        raise node.error(
            "needs one of arg, output", "write arg: customer_id, or output: orders[].customer_id"
        )
    of_output = "output" in keys
    allowed = condition(keys["in"], {"session": env["session"]}, DYN)
    if str(allowed.type) not in ("string", "int", "list", "dyn"):
        raise keys["in"].error(f"found {allowed.type}", "name a fact, or a list of them: session.customer_id")
    if of_output:
        path = (
            known_path(keys["output"], output, "field") if output is not None else read_path(keys["output"])
        )
    else:
        path = known_path(keys["arg"], schema)
    return DataScope(clause_of(tool, node, keys, effect=effect, hold=not of_output), path, of_output, allowed)


# ---------------------------------------------------------------------------------------------------- obligations
def read_obligation(
    tool: str, node: Node, env: Mapping[str, Type], schema: Mapping[str, object]
) -> Obligation:
    """What must also be done where the call is allowed."""
    keys = node.keys(OBLIGATION_KEYS, required=("id",))
    found = [duty for duty in DUTIES if duty in keys]
    if len(found) != 1:
        raise node.error(f"found {', '.join(found) or 'none'} of redact, cap, notify", "write exactly one")
    inner = keys[found[0]]
    duty: Redact | Cap | Notify
    match found[0]:
        case "redact":
            duty = _redact(inner)
        case "cap":
            duty = _cap(inner, schema)
        case _:
            duty = _notify(inner)
    shared = {key: value for key, value in keys.items() if key in COMMON}
    return Obligation(
        clause=clause_of(tool, node, shared, hold=False),
        duty=duty,
        when=condition(keys["when"], env) if "when" in keys else None,
    )


def _redact(node: Node) -> Redact:
    keys = node.keys(REDACT_KEYS)
    if not keys:
        raise node.error("redacts nothing", "name fields: [customer.card], or patterns: ['[0-9]{16}']")
    patterns = keys["patterns"].items() if "patterns" in keys else []
    for pattern in patterns:
        if read_pattern(pattern).search("") is not None:
            raise pattern.error(
                f"{pattern.shown} matches the empty text", "write a pattern that needs characters"
            )
    fields = tuple(read_path(item) for item in keys["fields"].items()) if "fields" in keys else ()
    if not fields and not patterns:
        raise node.error("redacts nothing", "name at least one field or pattern")
    return Redact(fields, tuple(pattern.text() for pattern in patterns))


def _cap(node: Node, schema: Mapping[str, object]) -> Cap:
    keys = node.keys(CAP_KEYS)
    if "arg" in keys:
        if set(keys) != {"arg", "at"}:
            raise node.error("an argument is capped by 'at' alone", "write cap: {arg: limit, at: 100}")
        path = known_path(keys["arg"], schema)
        kind = type_at(schema, path)
        if kind is not None and kind not in ("number", "integer"):
            raise keys["arg"].error(
                f"'{keys['arg'].text()}' is of type {kind}", "a number is lowered; cap another argument"
            )
        return Cap(arg=path, at=keys["at"].number(0))
    if "at" in keys or ("items" in keys) == ("characters" in keys):
        raise node.error("says not what is capped", "write {arg, at}, {items: 100} or {characters: 4000}")
    return Cap(
        field=read_path(keys["field"]) if "field" in keys else (),
        items=int(keys["items"].number(0, integer=True)) if "items" in keys else None,
        characters=int(keys["characters"].number(1, integer=True)) if "characters" in keys else None,
    )


def _notify(node: Node) -> Notify:
    keys = node.keys(NOTIFY_KEYS)
    return Notify(keys["to"].text() if "to" in keys else "")
