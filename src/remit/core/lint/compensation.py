"""What undoing a call takes: worth knowing before the day on which somebody has to."""

from __future__ import annotations

from collections.abc import Iterator

from remit.core.envelope import Envelope, Tool
from remit.core.lint.finding import Finding, found_at, tools_of
from remit.core.types import OnViolation
from remit.core.yamltext import Node


def compensation_needs_more(envelope: Envelope, spec: Node) -> Iterator[Finding]:
    """A compensating tool that cannot be taken back itself, or that waits for a person."""
    for tool, keys in tools_of(envelope, spec):
        if tool.compensation is None or not tool.compensation.tool:
            continue
        undoing = envelope.tools[tool.compensation.tool]
        for told in _needs(undoing):
            message = f"{tool.name} is undone by {undoing.name}, which {told}"
            yield found_at("compensation-needs-more", keys["compensation"], message, level="info")


def _needs(undoing: Tool) -> Iterator[str]:
    if undoing.effect.consequential:
        yield f"cannot be taken back itself ({undoing.effect})"
    if any(one.when is None and one.clause.on_violation is OnViolation.HOLD for one in undoing.approve):
        yield "a person has to approve"
