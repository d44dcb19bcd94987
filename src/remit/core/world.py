"""Questions about the world that a decision needs answered: put before it, answered outside, recorded with it."""

from __future__ import annotations

from collections.abc import Iterator

from remit.core.cel import Answers, Condition, WorldQuestion
from remit.core.cel.functions.path import path_within
from remit.core.envelope import Tool
from remit.core.prepare import Facts, Prepared


def questions(prepared: Prepared, facts: Facts) -> tuple[WorldQuestion, ...]:
    """Return what the conditions of the call's tool ask, each once.

    Args:
        prepared: the call.
        facts: the session's.
    """
    if prepared.tool is None or prepared.args is None or not prepared.complete:
        return ()
    asking = [one for one in _conditions(prepared.tool) if one.worldly]
    roots = {"args": prepared.args, "session": facts.values}
    return tuple(dict.fromkeys(ask for one in asking for ask in one.asks(roots)))


def without_links(prepared: Prepared, facts: Facts) -> Answers | None:
    """The answers in a world where no path is a link, for an envelope's own tests."""
    return {ask: path_within(*ask[1:]) for ask in questions(prepared, facts)} or None


def _conditions(tool: Tool) -> Iterator[Condition]:
    yield from (rule.condition for rule in tool.require)
    yield from (flow.unless for flow in tool.flow if flow.unless is not None)
    yield from (approve.when for approve in tool.approve if approve.when is not None)
