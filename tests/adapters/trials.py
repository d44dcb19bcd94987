"""A trial for tests of targets: it answers calls from a dictionary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from remit.core.trial.suite import AgentSpec, Task
from remit.core.trial.trial import Slot


@dataclass
class FakeTrial:
    """What a target sees of a trial; `calls` and `observed` say what it did."""

    task: Task = field(default_factory=lambda: Task("t", "Where is order 1?"))
    agent: AgentSpec = field(default_factory=AgentSpec)
    slot: Slot = field(default_factory=lambda: Slot(0, "agent", "t", 0, 7))
    session_id: str = "s-1"
    turn: int = 0
    conversation: tuple[Mapping[str, Any], ...] = ()
    tools: tuple[Mapping[str, Any], ...] = ({"name": "get_order", "description": "", "parameters": {}},)
    results: Mapping[str, Any] = field(default_factory=lambda: {"get_order": {"status": "sent"}})
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    observed: list[tuple[str, str]] = field(default_factory=list)

    def call(self, tool: str, args: Mapping[str, Any]) -> Any:
        self.calls.append((tool, dict(args)))
        found = self.results[tool]
        if isinstance(found, Exception):
            raise found
        return found

    async def acall(self, tool: str, args: Mapping[str, Any]) -> Any:
        return self.call(tool, args)

    def observe(self, role: str, text: str, *, source: str | None = None) -> None:
        self.observed.append((role, text))
