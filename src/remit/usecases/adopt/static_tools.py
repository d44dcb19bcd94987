"""An agent's tools as its source declares them: names, docstrings and annotated parameters, without running anything.

What cannot be read so (a list that is computed, tools of a library) is told, since an envelope without them refuses them.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from remit.core.types import JsonSchema
from remit.usecases.adopt.source import Source
from remit.usecases.tool_hint import ToolHint

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_PLAIN = {"str": "string", "int": "integer", "float": "number", "bool": "boolean"}
_LISTS = frozenset({"list", "List", "Sequence", "set", "Set", "tuple", "Tuple"})
_GIVEN = frozenset(
    {
        "RunnableConfig",
        "ToolRuntime",
        "Runtime",
        "InjectedState",
        "InjectedStore",
        "InjectedToolArg",
        "InjectedToolCallId",
        "Callbacks",
        "CallbackManagerForToolRun",
        "AsyncCallbackManagerForToolRun",
    }
)
"""Parameters with these in their annotation are filled in by LangChain, never by the model."""
MAKERS = frozenset(
    {
        "langchain.agents.create_agent",
        "langchain.agents.factory.create_agent",
        "langgraph.prebuilt.create_react_agent",
        "langgraph.prebuilt.ToolNode",
        "langgraph.prebuilt.tool_node.ToolNode",
    }
)


@dataclass(frozen=True, slots=True)
class FoundTools:
    """The tools that were read, and the places where there are others."""

    hints: tuple[ToolHint, ...]
    unread: tuple[str, ...]
    """Place and text of each expression that only running the project could tell."""


def tools_of(files: Iterable[Source]) -> FoundTools:
    """The tools that these files declare with `@tool`, or hand to an agent by name."""
    hints: dict[str, ToolHint] = {}
    unread: list[str] = []
    listed = list(files)
    declared = {hint.name: hint for file in listed for hint in _decorated(file)}
    for file in listed:
        for hint in _decorated(file):
            hints.setdefault(hint.name, hint)
        for node in _handed(file):
            _take(file, node, declared, hints, unread)
    return FoundTools(tuple(hints.values()), tuple(unread))


def _take(
    file: Source, node: ast.expr, declared: dict[str, ToolHint], hints: dict[str, ToolHint], unread: list[str]
) -> None:
    """One item of an agent's tools: a function of this file, a tool that is known, or something unreadable."""
    name = node.id if isinstance(node, ast.Name) else ""
    for function in _functions(file.tree):
        if function.name == name:
            if not function.decorator_list:
                hints.setdefault(name, _hint(function, name))
            return
    if name not in declared:
        unread.append(f"{file.path}:{node.lineno}: {ast.unparse(node)[:80]}")


def _handed(file: Source) -> Iterator[ast.expr]:
    """Each item of a list of tools that is given to an agent; the expression itself where it is no list."""
    for node in ast.walk(file.tree):
        if not isinstance(node, ast.Call) or file.meant(node.func) not in MAKERS:
            continue
        place = 0 if file.meant(node.func).endswith("ToolNode") else 1
        given = [one.value for one in node.keywords if one.arg == "tools"] or node.args[place : place + 1]
        for value in given:
            whole = _assigned(file.tree, value.id) if isinstance(value, ast.Name) else value
            yield from whole.elts if isinstance(whole, ast.List | ast.Tuple) else [value]


def _assigned(tree: ast.Module, name: str) -> ast.expr | None:
    """What a name of the module is set to, where that happens once."""
    found = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name) and target.id == name
    ]
    return found[0] if len(found) == 1 else None


def _functions(tree: ast.Module) -> Iterator[_Function]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def _decorated(file: Source) -> Iterator[ToolHint]:
    for function in _functions(file.tree):
        for decorator in function.decorator_list:
            call = decorator if isinstance(decorator, ast.Call) else None
            meant = file.meant(call.func if call else decorator)
            if meant == "claude_agent_sdk.tool" and call:
                yield from _of_claude(file, function, call)
            elif meant.startswith("langchain") and meant.endswith(".tool"):
                yield _of_langchain(file, function, call)


def _of_langchain(file: Source, function: _Function, call: ast.Call | None) -> ToolHint:
    first = call.args[0] if call and call.args else None
    name = first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else function.name
    given = {one.arg: one.value for one in call.keywords} if call else {}
    schema = given.get("args_schema")
    if schema is None:
        return _hint(function, name)
    fields = _fields(file.tree, schema.id) if isinstance(schema, ast.Name) else None
    return ToolHint(name, _told(function), fields or _schema(function, typed=False))


def _of_claude(file: Source, function: _Function, call: ast.Call) -> Iterator[ToolHint]:
    """`@tool("name", "description", {"city": str})`, called as `mcp__SERVER__name`."""
    texts = [
        one.value for one in call.args[:2] if isinstance(one, ast.Constant) and isinstance(one.value, str)
    ]
    if not texts:
        return
    shape = call.args[2] if len(call.args) > 2 else None
    properties: dict[str, Any] = {}
    if isinstance(shape, ast.Dict):
        for key, value in zip(shape.keys, shape.values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                properties[key.value] = schema_of(value)
    schema: JsonSchema = {"type": "object", "properties": properties}
    server = _server_of(file, function.name)
    yield ToolHint(
        f"mcp__{server}__{texts[0]}" if server else texts[0], texts[1] if len(texts) > 1 else "", schema
    )


def _server_of(file: Source, function: str) -> str:
    """The name of the in-process server that has this tool."""
    for node in ast.walk(file.tree):
        if isinstance(node, ast.Call) and file.meant(node.func) == "claude_agent_sdk.create_sdk_mcp_server":
            given = {one.arg: one.value for one in node.keywords}
            tools, name = given.get("tools"), given.get("name") or (node.args[0] if node.args else None)
            items = tools.elts if isinstance(tools, ast.List) else []
            if any(isinstance(one, ast.Name) and one.id == function for one in items):
                return str(name.value) if isinstance(name, ast.Constant) else ""
    return ""


def _hint(function: _Function, name: str) -> ToolHint:
    return ToolHint(name, _told(function), _schema(function, typed=True))


def _told(function: _Function) -> str:
    return (ast.get_docstring(function) or "").split("\n\n")[0].replace("\n", " ")


def _schema(function: _Function, *, typed: bool) -> JsonSchema:
    """The parameters that the model fills in."""
    arguments = function.args
    plain = [*arguments.posonlyargs, *arguments.args]
    first_default = len(plain) - len(arguments.defaults)
    needed = {one.arg for one in plain[:first_default]}
    needed |= {
        one.arg
        for one, value in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        if value is None
    }
    fields = {
        one.arg: schema_of(one.annotation) if typed else {}
        for one in [*plain, *arguments.kwonlyargs]
        if one.arg not in ("self", "cls") and not _given(one.annotation)
    }
    return _object(fields, needed)


def _fields(tree: ast.Module, name: str) -> JsonSchema | None:
    """The annotated fields of a class of this file."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.name == name:
            marked = [
                one
                for one in node.body
                if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name)
            ]
            fields = {
                one.target.id: schema_of(one.annotation) for one in marked if isinstance(one.target, ast.Name)
            }
            needed = {
                one.target.id for one in marked if isinstance(one.target, ast.Name) and _needed(one.value)
            }
            return _object(fields, needed)
    return None


def _needed(value: ast.expr | None) -> bool:
    """Whether a field has no default: nothing, or `Field(...)` without one."""
    if value is None:
        return True
    if not isinstance(value, ast.Call):
        return False
    first = value.args[0] if value.args else None
    named = any(one.arg in ("default", "default_factory") for one in value.keywords)
    return not named and (first is None or (isinstance(first, ast.Constant) and first.value is ...))


def _object(fields: dict[str, JsonSchema], needed: set[str]) -> JsonSchema:
    found: JsonSchema = {"type": "object", "properties": fields}
    required = [name for name in fields if name in needed]
    return found | ({"required": required} if required else {})


def _given(annotation: ast.expr | None) -> bool:
    """Whether the framework fills the parameter in."""
    return annotation is not None and any(_last(node) in _GIVEN for node in ast.walk(annotation))


def _last(node: ast.AST) -> str:
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else ""


def schema_of(annotation: ast.expr | None) -> JsonSchema:
    """What an annotation says of a value; nothing where JSON Schema has no plain word for it.

    >>> schema_of(ast.parse("list[int] | None", mode="eval").body)
    {'anyOf': [{'type': 'array', 'items': {'type': 'integer'}}, {'type': 'null'}]}
    """
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        return _quoted(annotation.value)
    if isinstance(annotation, ast.Constant) and annotation.value is None:
        return {"type": "null"}
    if isinstance(annotation, ast.BinOp) and isinstance(annotation.op, ast.BitOr):
        return _either([annotation.left, annotation.right])
    if isinstance(annotation, ast.Subscript):
        return _subscripted(_last(annotation.value), annotation.slice)
    name = _last(annotation) if annotation is not None else ""
    if name in _PLAIN:
        return {"type": _PLAIN[name]}
    return {"type": "array"} if name in _LISTS else {}


def _quoted(text: str) -> JsonSchema:
    try:
        return schema_of(ast.parse(text, mode="eval").body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}


def _subscripted(name: str, inner: ast.expr) -> JsonSchema:
    parts = inner.elts if isinstance(inner, ast.Tuple) else [inner]
    if name == "Annotated":
        return schema_of(parts[0])
    if name == "Optional":
        return _either([parts[0], ast.Constant(None)])
    if name == "Union":
        return _either(parts)
    if name == "Literal":
        values = [one.value for one in parts if isinstance(one, ast.Constant)]
        plain = [one for one in values if isinstance(one, str | int | bool) or one is None]
        return {"enum": plain} if len(plain) == len(parts) else {}
    if name in _LISTS and len(parts) == 1:
        items = schema_of(parts[0])
        return {"type": "array"} | ({"items": items} if items else {})
    return {"type": "array"} if name in _LISTS else {}


def _either(parts: Iterable[ast.expr]) -> JsonSchema:
    """Any of them; a part of which nothing is known may be anything."""
    found = [schema_of(part) for part in parts]
    return {"anyOf": found} if all(found) else {}
