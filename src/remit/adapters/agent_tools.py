"""The tools of an agent that a person names as `module:attribute`; this runs the module.

The framework's own schema is taken: what the model is shown is what the envelope checks.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable, Mapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from remit.core.errors import BadInput


def tools_of_agent(named: str, folder: Path) -> list[dict[str, Any]]:
    """Name, description and JSON Schema of each tool of an agent.

    Args:
        named: `package.module:attribute`: a LangChain agent, or a list of LangChain tools, tools of the Claude Agent SDK
            or plain functions. A function without parameters is called, and what it gives is taken.
        folder: the project; modules are looked for there first.

    Raises:
        BadInput: no such module or attribute, its code failed, or what stands there has no tools.
    """
    found = _loaded(named, folder)
    tools = _tools(found)
    if tools is None and callable(found):
        tools = _tools(_called(named, found))
    if not tools:
        told = f"found {type(found).__name__}, in which no tools are known"
        raise BadInput(
            f"--agent {named}", told, "name an agent of create_agent, or a list of tools or functions"
        )
    return [_defined(tool, named) for tool in tools]


def _loaded(named: str, folder: Path) -> Any:
    module, _, attribute = named.partition(":")
    if not module or not attribute:
        raise BadInput(f"--agent {named}", "no module and attribute", "write package.module:attribute")
    sys.path.insert(0, str(folder.absolute()))
    try:
        with redirect_stdout(sys.stderr):  # results go to stdout, and its module may print
            found: Any = importlib.import_module(module)
        for part in attribute.split("."):
            found = getattr(found, part)
    except (Exception, SystemExit) as error:
        told = f"{type(error).__name__}: {error}"
        raise BadInput(f"--agent {named}", told, "it must be importable from the project's folder") from error
    return found


def _called(named: str, found: Any) -> Any:
    try:
        with redirect_stdout(sys.stderr):
            return found()
    except (Exception, SystemExit) as error:
        told = f"calling it failed: {type(error).__name__}: {error}"
        raise BadInput(
            f"--agent {named}", told, "name the agent itself, or a function without parameters"
        ) from error


def _tools(found: Any) -> list[Any] | None:
    """The tools in something; None where there is no place for them."""
    nodes = getattr(found, "nodes", None)
    if isinstance(nodes, Mapping):
        by_name = [getattr(getattr(node, "bound", node), "tools_by_name", {}) for node in nodes.values()]
        return [tool for tools in by_name for tool in tools.values()]
    if isinstance(getattr(found, "tools_by_name", None), Mapping):
        return list(found.tools_by_name.values())
    if isinstance(found, Iterable) and not isinstance(found, str | bytes | Mapping):
        return list(found)
    return None


def _defined(tool: Any, named: str) -> dict[str, Any]:
    """One tool, asked by the means of its framework."""
    if isinstance(tool, Mapping):
        return dict(tool)
    if hasattr(tool, "tool_call_schema"):
        return {
            "name": tool.name,
            "description": tool.description,
            "inputSchema": _plain(tool.tool_call_schema),
        }
    if hasattr(tool, "input_schema") and hasattr(tool, "handler"):
        schema = tool.input_schema if isinstance(tool.input_schema, Mapping) else _plain(tool.input_schema)
        shape = schema if "properties" in schema or "type" in schema else _of_types(schema)
        return {"name": tool.name, "description": tool.description, "inputSchema": shape}
    if callable(tool) and hasattr(tool, "__name__"):
        return _of_function(tool, named)
    raise BadInput(f"--agent {named}", f"found {type(tool).__name__} among its tools", "list them in --tools")


def _plain(schema: Any) -> dict[str, Any]:
    """JSON Schema of what frameworks keep as a pydantic model or as a dict."""
    if isinstance(schema, Mapping):
        return dict(schema)
    made = getattr(schema, "model_json_schema", None)
    return made() if made is not None else {}


def _of_types(fields: Mapping[str, Any]) -> dict[str, Any]:
    """`{"city": str}`, as the Claude Agent SDK takes it."""
    words = {str: "string", int: "integer", float: "number", bool: "boolean"}
    typed = {name: {"type": words[kind]} if kind in words else {} for name, kind in fields.items()}
    return {"type": "object", "properties": typed, "required": list(typed)}


def _of_function(function: Any, named: str) -> dict[str, Any]:
    """As LangChain would make a tool of it, where it is there; else by name alone."""
    try:
        from langchain_core.tools import tool
    except ImportError:
        raise BadInput(
            f"--agent {named}",
            f"{function.__name__} is a plain function",
            "install langchain-core, or give --tools",
        ) from None
    made = tool(function)
    return {"name": made.name, "description": made.description, "inputSchema": _plain(made.tool_call_schema)}
