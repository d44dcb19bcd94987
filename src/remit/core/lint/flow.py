"""Flow clauses that never apply or are never met, and labels that nobody looks at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from remit.core.envelope import Envelope, Flow, Tool
from remit.core.labels import label_of
from remit.core.lint.finding import Finding, dotted, found_at, tools_of
from remit.core.types import Integrity, PrincipalKind
from remit.core.yamltext import Node


def flow_on_exempt(envelope: Envelope, spec: Node) -> Iterator[Finding]:
    """Enum, const and boolean leaves choose among the envelope's own values: no flow clause asks about them."""
    for tool, keys in tools_of(envelope, spec):
        for at, flow in enumerate(tool.flow):
            leaves = list(_leaves(tool.schema, flow.arg))
            if leaves and all(_exempt(tool, leaf) for leaf in leaves):
                node = keys["flow"].items()[at]
                told = f"{flow.clause.id} never applies: '{dotted(flow.arg)}' is an enum, a constant or a boolean"
                yield found_at("flow-on-exempt", node, told)


def _exempt(tool: Tool, leaf: tuple[str, ...]) -> bool:
    return any(leaf[: len(path)] == path for path in tool.exempt_paths)


def _leaves(schema: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Paths of the leaves at and below *path*."""
    here: Any = schema
    for step in path:
        here = here.get("items", {}) if step == "[]" else here.get("properties", {}).get(step, {})
        if not isinstance(here, dict):
            return
    yield from _below(here, path)


def _below(schema: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    fields = schema.get("properties", {}) if isinstance(schema, dict) else {}
    for name, inner in fields.items():
        yield from _below(inner, (*path, name))
    if isinstance(schema, dict) and isinstance(schema.get("items"), dict):
        yield from _below(schema["items"], (*path, "[]"))
    elif not fields:
        yield path


def flow_never_met(envelope: Envelope, spec: Node) -> Iterator[Finding]:
    """All sources that a clause names have a worse label than it asks for: every value is refused."""
    for tool, keys in tools_of(envelope, spec):
        for at, flow in enumerate(tool.flow):
            if flow.integrity is None or not flow.sources:
                continue
            best = min(_best(envelope, source).rank for source in flow.sources)
            if best > flow.integrity.rank:
                node = keys["flow"].items()[at]
                told = f"{flow.clause.id} is never met: no source that it names can be {flow.integrity}"
                yield found_at("flow-never-met", node, told)


def _best(envelope: Envelope, source: str) -> Integrity:
    return label_of(envelope, source, PrincipalKind.OPERATOR).integrity


def unused_sources(envelope: Envelope, spec: Node) -> Iterator[Finding]:
    """A label on a source that is no tool and that no clause can look at: a typing error, or a leftover."""
    flows = [flow for tool in envelope.tools.values() for flow in tool.flow]
    if any(_reads_labels(flow) for flow in flows):
        return
    named = {source for flow in flows for source in flow.sources}
    for source in envelope.sources:
        owner = source.rpartition(".")[0] or source
        if source in named or source in ("user", "system") or {source, owner} & set(envelope.tools):
            continue
        node = spec.mapping()["sources"].mapping()[source]
        told = f"source '{source}' is no tool here, and no clause asks for it or for a label"
        yield found_at("unused-source", node, told)


def _reads_labels(flow: Flow) -> bool:
    return flow.integrity is not None or flow.confidentiality_at_most is not None
