"""One tool of an envelope: its schema, and the clauses in their order of evaluation."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from remit.core.canonical import digest
from remit.core.cel import Condition, compile_condition
from remit.core.cel.types import Type, from_schema
from remit.core.envelope import Approve, Clause, Flow, Limit, Output, Require, Tool, clauses_of
from remit.core.reader_clauses import COMMON, clause_of, duration_s
from remit.core.schema import compile_schema, exempt_paths, has_path
from remit.core.types import Confidentiality, Integrity, OnViolation, ToolEffect
from remit.core.yamltext import Node

TOOL_KEYS = (
    "description",
    "effect",
    "target",
    "args",
    "require",
    "flow",
    "limits",
    "approve",
    "output",
    "deadline",
)
LATER_KEYS = ("history", "idempotency", "monotonic", "ensure", "obligations", "scopes")

RESERVED = ("user", "system", "assistant", "session")
"""Sources that are no tools; a tool of that name would inherit their labels."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.:/-]{0,127}\Z")
_STEP = re.compile(r"([A-Za-z_][A-Za-z0-9_-]*)((?:\[\])*)\Z")


def read_tool(name: str, node: Node, session: Type) -> Tool:
    """The tool *name*; *session* is the type of the facts, for conditions."""
    if not _NAME.match(name):
        raise node.error(f"found tool name {name[:60]!r}", "write letters, digits and _ . : / -, at most 128")
    if name in RESERVED:
        raise node.error(f"found tool name '{name}'", "it names a source of its own; rename the tool")
    keys = node.keys(TOOL_KEYS, required=("effect", "args"), later=LATER_KEYS)
    effect = ToolEffect(keys["effect"].choice(tuple(ToolEffect)))
    args = keys["args"]
    kind = args.mapping().get("type")
    if kind is None or kind.value != "object":
        raise args.error("no 'type: object'", "arguments are named: write type, required and properties")
    schema, errors = compile_schema(args, closed=True)
    for field in schema.get("properties", {}):
        if not field.isidentifier():
            raise args.error(
                f"argument {field!r} is no identifier", "rename it; conditions could not name it"
            )
    env = {"args": from_schema(schema), "session": session}
    tool = Tool(
        name=name,
        effect=effect,
        schema=schema,
        schema_errors=errors,
        exempt_paths=exempt_paths(schema),
        require=tuple(_require(name, n, env, effect) for n in _list(keys, "require")),
        flow=tuple(_flow(name, n, env, effect, schema) for n in _list(keys, "flow")),
        limits=tuple(_limit(name, n, env, effect) for n in _list(keys, "limits")),
        approve=tuple(_approve(name, n, env) for n in _list(keys, "approve")),
        output=_output(name, keys["output"]) if "output" in keys else None,
        deadline_s=_deadline(name, keys["deadline"])[0] if "deadline" in keys else None,
        deadline=_deadline(name, keys["deadline"])[1] if "deadline" in keys else None,
        schema_hash=digest(schema),
        target=keys["target"].text() if "target" in keys else "",
    )
    seen: set[str] = set()
    for clause in clauses_of(tool):
        if clause.id in seen:
            raise node.error(f"two clauses have the id '{clause.id}'", "give each its own id")
        seen.add(clause.id)
    return tool


def _list(keys: Mapping[str, Node], key: str) -> Sequence[Node]:
    return keys[key].items() if key in keys else ()


def _condition(node: Node, env: Mapping[str, Type], result: Type | None = None) -> Condition:
    where = f"{node.file}:{node.line}: {node.path}"
    if result is None:
        return compile_condition(node.text(), env, where=where)
    return compile_condition(node.text(), env, where=where, result=result)


def _require(tool: str, node: Node, env: Mapping[str, Type], effect: ToolEffect) -> Require:
    keys = node.keys(("expr", *COMMON), required=("id", "expr"))
    return Require(clause_of(tool, node, keys, effect=effect), _condition(keys["expr"], env))


def _flow(
    tool: str, node: Node, env: Mapping[str, Type], effect: ToolEffect, schema: Mapping[str, object]
) -> Flow:
    known = ("arg", "from", "integrity", "confidentiality_at_most", "unless", *COMMON)
    keys = node.keys(known, required=("id", "arg"))
    if not any(key in keys for key in ("from", "integrity", "confidentiality_at_most")):
        raise node.error("asserts nothing", "add from, integrity or confidentiality_at_most")
    path = _path(keys["arg"])
    others = has_path(schema, path)
    if others is not None:
        shown = ", ".join(others) or "nothing below it"
        raise keys["arg"].error(f"no argument '{keys['arg'].text()}'", f"has {shown}")
    sources = tuple(item.text() for item in keys["from"].items()) if "from" in keys else ()
    if "from" in keys and not sources:
        raise keys["from"].error("an empty list", "name at least one source")
    secret = keys.get("confidentiality_at_most")
    return Flow(
        clause=clause_of(tool, node, keys, effect=effect),
        arg=path,
        integrity=Integrity(keys["integrity"].choice(tuple(Integrity))) if "integrity" in keys else None,
        sources=sources,
        confidentiality_at_most=Confidentiality(secret.choice(tuple(Confidentiality))) if secret else None,
        unless=_condition(keys["unless"], env) if "unless" in keys else None,
    )


def _path(node: Node) -> tuple[str, ...]:
    steps: list[str] = []
    for part in node.text().split("."):
        match = _STEP.match(part)
        if match is None:
            raise node.error(f"found {node.shown}", "write a path such as to, items[].sku or payment.account")
        steps.append(match[1])
        steps.extend(["[]"] * (len(match[2]) // 2))
    return tuple(steps)


def _limit(tool: str, node: Node, env: Mapping[str, Type], effect: ToolEffect) -> Limit:
    from remit.core.cel.types import DYN

    known = ("count", "sum", "by", "within", "max", "hold_by", *(k for k in COMMON if k != "by"))
    keys = node.keys(known, required=("id", "within", "max"))
    if ("count" in keys) == ("sum" in keys):
        raise node.error("needs one of count, sum", "write 'count: calls' or 'sum: args.amount'")
    if "count" in keys:
        keys["count"].choice(("calls",))
    amount = _condition(keys["sum"], env, DYN) if "sum" in keys else None
    if amount is not None and str(amount.type) not in ("int", "double", "dyn"):
        raise keys["sum"].error(f"a sum of {amount.type}", "sum a number")
    by = tuple(_condition(item, env, DYN) for item in keys["by"].items()) if "by" in keys else ()
    shared = {"by" if k == "hold_by" else k: v for k, v in keys.items() if k != "by"}
    return Limit(
        clause=clause_of(tool, node, shared, effect=effect),
        sum=amount,
        by=by,
        within_s=duration_s(keys["within"]),
        max=keys["max"].number(0),
    )


def _approve(tool: str, node: Node, env: Mapping[str, Type]) -> Approve:
    keys = node.keys(
        ("when", *(k for k in COMMON if k not in ("on_violation", "accept_risk"))), required=("id",)
    )
    clause = clause_of(tool, node, keys, on_violation=OnViolation.HOLD)
    return Approve(clause, _condition(keys["when"], env) if "when" in keys else None)


def _output(tool: str, node: Node) -> Output:
    inside = node.mapping()
    if "schema" not in inside:
        schema, errors = compile_schema(node, closed=False)
        return Output(Clause(id=f"{tool}.output"), errors, schema)
    keys = node.keys(("schema", *COMMON))
    schema, errors = compile_schema(keys["schema"], closed=False)
    return Output(clause_of(tool, node, keys, default_id="output", hold=False), errors, schema)


def _deadline(tool: str, node: Node) -> tuple[float, Clause]:
    if not isinstance(node.value, dict):
        return duration_s(node), Clause(id=f"{tool}.deadline")
    keys = node.keys(("after", *COMMON), required=("after",))
    return duration_s(keys["after"]), clause_of(tool, node, keys, default_id="deadline", hold=False)
