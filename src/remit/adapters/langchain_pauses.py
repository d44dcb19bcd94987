"""Pauses of a LangGraph node that waits for a person, by LangGraph's `interrupt`, and how often it paused for a call.

Whatever a pause is resumed with approves nothing: the store is asked again.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from langgraph.errors import GraphInterrupt
from langgraph.types import interrupt

from remit.adapters.langchain_call import HookedCall
from remit.adapters.langchain_thread import PAUSED
from remit.core.errors import Unavailable
from remit.core.refusals import ApprovalRequired
from remit.core.told import told

_CHECKPOINTER = "__pregel_checkpointer"
_SCRATCHPAD = "__pregel_scratchpad"


def pausing(config: Mapping[str, Any]) -> bool:
    """Whether the graph can be paused: it has a checkpointer, and runs."""
    inner = config.get("configurable", {})
    return bool(inner.get(_CHECKPOINTER)) and _SCRATCHPAD in inner


def pause(call: HookedCall, held: ApprovalRequired) -> None:
    """Pause the graph; returns where it was resumed, whatever with: the store is asked again.

    Raises:
        GraphInterrupt: the pause.
    """
    asked = {
        **told(held),
        "call_id": call.tool_call_id,
        "arguments": held.decision.canonical,
        "answer": f"remit approvals approve {held.approval_id}",
        "next": "answer the approval, then resume the thread with any value: the value itself approves nothing",
    }
    with call.thread.lock:  # the calls of one node share its interrupts
        try:
            interrupt(asked)
        except GraphInterrupt:
            _note(call)
            raise
    call.resumed += 1


def _note(call: HookedCall) -> None:
    """How often this call has paused its node, for whoever resumes it."""
    pauses = call.resumed + 1
    if pauses <= call.thread.pauses.get(call.call_id, 0):
        return
    session = call.thread.session
    event = session.event(PAUSED, {"call_id": call.call_id, "tool": call.tool, "pauses": pauses})
    with suppress(Unavailable):  # it pauses all the same
        session.guard.records.append([event]).result()
    call.thread.pauses[call.call_id] = pauses


def skip(call: HookedCall) -> None:
    """Take what the node was resumed with for remit's own pauses: a tool that pauses, too, must not get it."""
    if not call.pausing:
        return
    for _ in range(call.thread.pauses.get(call.call_id, 0) - call.resumed):
        with call.thread.lock:
            try:
                interrupt(None)
            except GraphInterrupt:
                return
