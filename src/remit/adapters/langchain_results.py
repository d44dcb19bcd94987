"""What became of one LangChain call: what the model reads, what is recorded, and both again where it is asked again."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from langchain_core.messages import BaseMessage, ToolMessage
from langgraph.errors import GraphBubbleUp, ParentCommand
from langgraph.types import Command

from remit.adapters import langchain_messages as read
from remit.adapters.langchain_call import HookedCall
from remit.adapters.langchain_thread import SESSION, Thread
from remit.core.errors import BadInput, OutcomeUnknown, ToolFailed, Unavailable
from remit.core.refusals import ResultWithheld
from remit.core.told import told_text
from remit.usecases.begun import Begun

_LOG = logging.getLogger("remit.langchain")


# ---------------------------------------------------------------------------------------------- it was started
def raised(call: HookedCall, begun: Begun, error: BaseException) -> None:
    """What the tool raised is recorded; a pause of its own is none: it runs anew, from its start."""
    if isinstance(error, GraphBubbleUp):
        begun.abandon("the tool paused its graph")
        return
    call.thread.keep(call.name, error)
    with suppress(Unavailable):  # its lease runs out, and counts as unknown
        begun.fail(error)


def handed_over(call: HookedCall, begun: Begun, raised_by_tool: ParentCommand, messages_key: str) -> Any:
    """The tool has ended, and commands a graph around its own by an exception: judged as what it returns is.

    Returns:
        What the model reads where the command may not pass.

    Raises:
        ParentCommand: it may.
    """
    result = ended(call, begun, raised_by_tool.args[0], messages_key)
    if not isinstance(result, Command):
        return result
    call.thread.keep(call.name, ParentCommand(result))
    raise ParentCommand(result)


def ended(call: HookedCall, begun: Begun, result: Any, messages_key: str) -> Any:
    """The result as the model may see it; recorded, and remembered."""
    try:
        result = _in_this_session(result)
        own, others = read.parts(result, call.tool_call_id, messages_key)
        value = read.value_of(own)
    except Exception as error:  # noqa: BLE001 - it ran; what cannot be read is not shown
        return _lost(call, begun, error)
    try:
        if own is not None and own.status == "error":
            call.thread.keep(call.name, result)
            begun.fail(ToolFailed(read.readable(own), own))
            _settled(call, [own, *others])
            return result
        seen = begun.end(value)
    except (ResultWithheld, Unavailable) as error:
        return refused(call, error)
    except Exception as error:  # noqa: BLE001 - it ran; what cannot be judged is not shown
        return refused(call, _unknown(call, error))
    if own is not None:
        fit = read.judged(own, value, seen)
        result = read.exchanged(result, own, fit, messages_key)
        with call.thread.later():
            call.thread.know(read.result_key(fit))
    _settled(call, others)
    call.thread.keep(call.name, result)
    return result


def _in_this_session(result: Any) -> Any:
    """A tool may write into the state, but not which session the run belongs to."""
    if isinstance(result, list):
        return [_in_this_session(one) for one in result]
    if isinstance(result, Command) and isinstance(result.update, Mapping) and SESSION in result.update:
        return replace(result, update={k: v for k, v in result.update.items() if k != SESSION})
    return result


def _lost(call: HookedCall, begun: Begun, error: Exception) -> ToolMessage:
    unknown = _unknown(call, error)
    with suppress(Unavailable):  # its lease runs out, and counts as unknown
        begun.fail(unknown)
    return refused(call, unknown)


def _unknown(call: HookedCall, error: Exception) -> OutcomeUnknown:
    return OutcomeUnknown(f"{call.tool} ran, and what it gave could not be judged: {type(error).__name__}")


def _settled(call: HookedCall, others: list[BaseMessage]) -> None:
    """What a tool writes into the state beside its result, or instead of one, is the tool's word."""
    read.named(others)
    texts = read.texts(others, tool=call.tool)
    with call.thread.later(texts):
        call.thread.hear(texts)


# ---------------------------------------------------------------------------------------------- it is asked again
def repeated(call: HookedCall, begun: Begun) -> Any:
    """The first call's result again: as it was, where this process ran it.

    Raises:
        ParentCommand: it was one.
    """
    known = call.thread.given.get(call.name)
    if isinstance(known, ParentCommand):
        raise ParentCommand(known.args[0])
    if known is not None and not isinstance(known, BaseException):
        return known
    message = ToolMessage(read.content_of(begun.value), name=call.tool, tool_call_id=call.tool_call_id)
    with call.thread.later():
        call.thread.know(read.result_key(message))
    return message


def given_again(call: HookedCall, error: Exception) -> Any:
    """A refusal as a message; where the first call failed, its failure again, as it was."""
    known = call.thread.given.get(call.name)
    if isinstance(error, ToolFailed):
        return known if known is not None else error.answer
    if known is error:
        raise error
    return refused(call, error)


# ---------------------------------------------------------------------------------------------- it was not started
def refused(call: HookedCall, error: Exception) -> ToolMessage:
    """What the model reads in place of a result."""
    message = _told_message(call.tool, call.tool_call_id, error)
    with suppress(Unavailable, BadInput):
        call.thread.know(read.result_key(message))
    return message


def untold(thread: Thread | None, request: Any, error: Exception) -> ToolMessage:
    """Nothing was decided, so nothing ran: the model is told, and the journal as soon as it can be."""
    if isinstance(error, GraphBubbleUp):
        raise error
    tool, tool_call_id = request.tool_call["name"], request.tool_call.get("id") or ""
    _LOG.error("%s did not run: %s: %s", tool, type(error).__name__, error)
    message = _told_message(tool, tool_call_id, error)
    if thread is not None:
        with thread.lock:
            thread.unrecorded.append(
                {
                    "tool": tool,
                    "call_id": tool_call_id,
                    "error": type(error).__name__,
                    "reason": str(error)[:500],
                }
            )
        with suppress(Exception):
            thread.know(read.result_key(message))
    return message


def _told_message(tool: str, tool_call_id: str, error: Exception) -> ToolMessage:
    return ToolMessage(told_text(error), name=tool, tool_call_id=tool_call_id, status="error")
