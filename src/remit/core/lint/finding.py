"""What a rule finds, and how rules walk through an envelope."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from remit.core.cel import Condition
from remit.core.cel import nodes as n
from remit.core.envelope import Envelope, Tool
from remit.core.yamltext import Node


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to look at."""

    rule: str
    """Stable name of the rule: `unanchored-pattern`, …"""
    line: int
    """1-based; 0 where the whole file is meant."""
    path: str
    """Key path such as `spec.tools.refund.flow[0]`."""
    message: str
    level: str = "warning"
    """`warning`, or `info`: worth knowing, and nothing to mend; it never fails."""


def tools_of(envelope: Envelope, spec: Node) -> Iterator[tuple[Tool, dict[str, Node]]]:
    listed = spec.mapping()["tools"].mapping()
    for name, tool in envelope.tools.items():
        yield tool, listed[name].mapping()


def found_at(rule: str, node: Node, message: str, *, level: str = "warning") -> Finding:
    return Finding(rule, node.line, node.path, message, level)


def dotted(path: Sequence[str]) -> str:
    return ".".join(path).replace(".[]", "[]")


def walk(node: n.CelNode) -> Iterator[n.CelNode]:
    yield node
    for child in node.children():
        yield from walk(child)


def conditions_of(envelope: Envelope, spec: Node) -> Iterator[tuple[Node, str, Condition]]:
    for tool, keys in tools_of(envelope, spec):
        for at, rule in enumerate(tool.require):
            yield keys["require"].items()[at], rule.clause.id, rule.condition
        for at, approve in enumerate(tool.approve):
            if approve.when is not None:
                yield keys["approve"].items()[at], approve.clause.id, approve.when
        for at, flow in enumerate(tool.flow):
            if flow.unless is not None:
                yield keys["flow"].items()[at], flow.clause.id, flow.unless
