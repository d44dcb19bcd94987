"""`known_tools`: the agent asks for tools that exist."""

from __future__ import annotations

from remit.core.trial.invariants.settings import names, optional
from remit.core.trial.judge import Invariant
from remit.core.trial.reach import Reach
from remit.core.trial.trial import Breach
from remit.core.trial.view import TrialView
from remit.core.trial.words import shown
from remit.core.yamltext import Node


def known_tools(id: str, node: Node, reach: Reach) -> Invariant:
    """Every tool that the agent asks for is one of the envelope's, or of the world's; or of `tools`, where written."""
    keys = optional(node, ("tools",))
    listed = names(keys["tools"]) if "tools" in keys else None
    if listed is None and reach.envelope is None and not reach.has_world:
        raise node.error(
            "the suite has no envelope and no world that would know them", "write known_tools: {tools: […]}"
        )
    of_envelope = tuple(reach.envelope.tools) if reach.envelope is not None else ()

    def breaches(view: TrialView) -> list[Breach]:
        known = listed if listed is not None else of_envelope or view.tools
        return [
            Breach(id, f"{shown(call.tool)} is no known tool; known are {', '.join(known)}", at)
            for at, call in enumerate(view.calls)
            if call.tool not in known
        ]

    return Invariant(id, "known_tools", breaches)
