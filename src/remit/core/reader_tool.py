"""One tool of an envelope: its schema, and the clauses in their order of evaluation."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from remit.core.canonical import digest
from remit.core.cel.types import DYN, Type, from_schema
from remit.core.envelope import ApprovalRule, Flow, Limit, Require, Tool, clauses_of
from remit.core.reader_after import (
    known_path,
    read_deadline,
    read_ensure,
    read_obligation,
    read_output,
    read_scope,
)
from remit.core.reader_clauses import COMMON, clause_of, duration_s
from remit.core.reader_compensation import read_compensation
from remit.core.reader_history import (
    Shape,
    Shapes,
    condition,
    read_history,
    read_idempotency,
    read_monotonic,
)
from remit.core.schema import compile_schema, exempt_paths
from remit.core.types import Confidentiality, Integrity, OnViolation, ToolEffect
from remit.core.yamltext import Node

TOOL_KEYS = (
    "description",
    "effect",
    "target",
    "args",
    "require",
    "flow",
    "scopes",
    "idempotency",
    "history",
    "monotonic",
    "limits",
    "approve",
    "obligations",
    "output",
    "ensure",
    "deadline",
    "compensation",
)

RESERVED = ("user", "system", "assistant", "session")
"""Sources that are no tools; a tool of that name would inherit their labels."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.:/-]{0,127}\Z")


def shapes_of(tools: Mapping[str, Node]) -> Shapes:
    """The types of every tool in *tools*, read when a clause of another tool asks for them."""
    known: dict[str, Shape] = {}

    def shape(named: Node) -> Shape:
        name = named.text()
        if name not in tools:
            raise named.error(f"no tool '{name}'", f"listed are {', '.join(tools)}")
        if name not in known:
            keys = tools[name].mapping()
            known[name] = Shape(_type_of(keys.get("args"), closed=True), _result_type(keys.get("output")))
        return known[name]

    return shape


def _type_of(node: Node | None, *, closed: bool) -> Type:
    return DYN if node is None else from_schema(compile_schema(node, closed=closed)[0])


def _result_type(node: Node | None) -> Type:
    if node is not None and isinstance(node.value, dict) and "schema" in node.value:
        node = node.value["schema"]
    return _type_of(node, closed=False)


def read_tool(name: str, node: Node, session: Type, shapes: Shapes) -> Tool:
    """The tool *name*.

    Args:
        name: as the agent calls it.
        node: what the envelope says about it.
        session: the type of the facts, for conditions.
        shapes: the types of all tools, for conditions on earlier calls.
    """
    if not _NAME.match(name):
        raise node.error(f"found tool name {name[:60]!r}", "write letters, digits and _ . : / -, at most 128")
    if name in RESERVED:
        raise node.error(f"found tool name '{name}'", "it names a source of its own; rename the tool")
    keys = node.keys(TOOL_KEYS, required=("effect", "args"))
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
    output = read_output(name, keys["output"]) if "output" in keys else None
    result = _result_type(keys.get("output"))
    deadline = read_deadline(name, keys["deadline"]) if "deadline" in keys else None
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
        scopes=tuple(
            read_scope(name, n, env, effect, schema, output.schema if output else None)
            for n in _list(keys, "scopes")
        ),
        idempotency=read_idempotency(name, keys["idempotency"], env) if "idempotency" in keys else None,
        history=tuple(read_history(name, n, env, effect, shapes) for n in _list(keys, "history")),
        monotonic=tuple(read_monotonic(name, n, env, effect, result) for n in _list(keys, "monotonic")),
        obligations=tuple(read_obligation(name, n, env, schema) for n in _list(keys, "obligations")),
        ensure=tuple(read_ensure(name, n, {**env, "output": result}, effect) for n in _list(keys, "ensure")),
        output=output,
        deadline_s=deadline[0] if deadline else None,
        deadline=deadline[1] if deadline else None,
        compensation=read_compensation(keys["compensation"], {**env, "output": result}, effect, shapes)
        if "compensation" in keys
        else None,
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


def _require(tool: str, node: Node, env: Mapping[str, Type], effect: ToolEffect) -> Require:
    keys = node.keys(("expr", *COMMON), required=("id", "expr"))
    return Require(clause_of(tool, node, keys, effect=effect), condition(keys["expr"], env, world=True))


def _flow(
    tool: str, node: Node, env: Mapping[str, Type], effect: ToolEffect, schema: Mapping[str, object]
) -> Flow:
    known = ("arg", "from", "integrity", "confidentiality_at_most", "unless", *COMMON)
    keys = node.keys(known, required=("id", "arg"))
    if not any(key in keys for key in ("from", "integrity", "confidentiality_at_most")):
        raise node.error("asserts nothing", "add from, integrity or confidentiality_at_most")
    path = known_path(keys["arg"], schema)
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
        unless=condition(keys["unless"], env, world=True) if "unless" in keys else None,
    )


def _limit(tool: str, node: Node, env: Mapping[str, Type], effect: ToolEffect) -> Limit:
    known = ("count", "sum", "by", "within", "max", "hold_by", *(k for k in COMMON if k != "by"))
    keys = node.keys(known, required=("id", "within", "max"))
    if ("count" in keys) == ("sum" in keys):
        raise node.error("needs one of count, sum", "write 'count: calls' or 'sum: args.amount'")
    if "count" in keys:
        keys["count"].choice(("calls",))
    amount = condition(keys["sum"], env, DYN) if "sum" in keys else None
    if amount is not None and str(amount.type) not in ("int", "double", "dyn"):
        raise keys["sum"].error(f"a sum of {amount.type}", "sum a number")
    by = tuple(condition(item, env, DYN) for item in keys["by"].items()) if "by" in keys else ()
    shared = {"by" if k == "hold_by" else k: v for k, v in keys.items() if k != "by"}
    return Limit(
        clause=clause_of(tool, node, shared, effect=effect),
        sum=amount,
        by=by,
        within_s=duration_s(keys["within"]),
        max=keys["max"].number(0),
    )


def _approve(tool: str, node: Node, env: Mapping[str, Type]) -> ApprovalRule:
    keys = node.keys(
        ("when", *(k for k in COMMON if k not in ("on_violation", "accept_risk"))), required=("id",)
    )
    clause = clause_of(tool, node, keys, on_violation=OnViolation.HOLD)
    return ApprovalRule(clause, condition(keys["when"], env, world=True) if "when" in keys else None)
