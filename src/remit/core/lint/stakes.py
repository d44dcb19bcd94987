"""Who answers, and what stands in the way of a call that cannot be taken back."""

from __future__ import annotations

from collections.abc import Iterator

from remit.core.envelope import Clause, Envelope, Tool, ToolLine
from remit.core.lint.finding import Finding, found_at, tools_of
from remit.core.types import OnViolation
from remit.core.yamltext import Node


def nobody_may_approve(envelope: Envelope, spec: Node) -> Iterator[Finding]:
    """A clause that holds beside an approval of every call, with no role in common: what both hold nobody can answer."""
    for tool, keys in tools_of(envelope, spec):
        for approve in tool.approve:
            if approve.when is not None or not approve.clause.by:
                continue
            for other, node in _holding(tool, keys):
                if other.id != approve.clause.id and other.by and not set(other.by) & set(approve.clause.by):
                    told = (
                        f"what {other.id} holds nobody can approve: {approve.clause.id} asks for other roles"
                    )
                    yield found_at("nobody-may-approve", node, told)


def _holding(tool: Tool, keys: dict[str, Node]) -> Iterator[tuple[Clause, Node]]:
    for kind in ("require", "flow", "scopes", "history", "monotonic", "limits", "approve"):
        for at, line in enumerate(getattr(tool, kind)):
            if line.clause.on_violation is OnViolation.HOLD:
                yield line.clause, keys[kind].items()[at]


def only_flags(envelope: Envelope, spec: Node) -> Iterator[Finding]:
    """A tool whose calls cannot be taken back, and whose clauses all let the call run."""
    for tool, keys in tools_of(envelope, spec):
        lines: list[ToolLine] = [
            *tool.require,
            *tool.flow,
            *tool.scopes,
            *tool.history,
            *tool.monotonic,
            *tool.limits,
            *tool.approve,
        ]
        stop = [line for line in lines if line.clause.on_violation is not OnViolation.FLAG]
        if tool.effect.consequential and lines and not stop and tool.idempotency is None:
            told = f"every clause of {tool.name}, an {tool.effect} tool, only flags: every call that fits its schema runs"
            yield found_at("only-flags", keys["effect"], told)
