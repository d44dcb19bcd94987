"""How a session makes a call: the call as the agent asked for it, what its needs are answered with, and once only where
that is asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from remit.core import codec
from remit.core.decide import barred, decide
from remit.core.errors import BadInput
from remit.core.lifecycle import refine
from remit.core.past import look_back
from remit.core.prepare import prepare
from remit.core.promote import acting, marked
from remit.core.reader_tool import RESERVED
from remit.core.refusals import CallDenied
from remit.core.types import Decision, Enforcement, ToolCall, Violation
from remit.usecases import realpath
from remit.usecases.answers import CallAnswers
from remit.usecases.driver import Driver
from remit.usecases.governing import Under
from remit.usecases.once import Ending

if TYPE_CHECKING:
    from remit.usecases.session import Session


def answers_for(
    session: Session,
    tool: str,
    args: Any,
    call_id: str,
    run: object,
    *,
    once: bool = False,
    tells: Callable[[Decision], None] | None = None,
) -> CallAnswers:
    """What a call is answered with; see `Session.call` for the arguments.

    Raises:
        BadInput: an argument is malformed, or the session is closed.
        Unavailable: an earlier write of the session was lost.
    """
    if not callable(run):  # told before anything is decided: nothing of a limit is used up
        raise BadInput("call(run)", f"found {type(run).__name__}", "pass the tool, a function")
    under = session.under()
    call = _asked(session, tool, args, call_id, under)
    session.surface()
    answers = CallAnswers(session, call, under, session.once.key(tool, args, call_id) if once else "")
    answers.tells = tells
    return answers


def _asked(session: Session, tool: str, args: Any, call_id: str, under: Under) -> ToolCall:
    """The call with plain strings, its tool's name safe to print and to index."""
    session.check_open("call")
    for where, given in (("tool", tool), ("call_id", call_id)):
        if not isinstance(given, str):
            raise BadInput(f"call({where})", f"found {type(given).__name__}", "pass a string")
    name = codec.exact(tool)
    if name not in under.envelope.tools:
        name = codec.visible_name(under.redactor.text(name))
        name = f"?{name}" if name in RESERVED else name  # in monitor it runs, and its result gets a label
    return ToolCall(name, args, codec.exact(call_id))


def made(session: Session, answers: CallAnswers, run: Callable[..., Any]) -> Any:
    """Make the call, blocking; see `Session.call`."""
    if not answers.once:
        return Driver(session, answers, run).drive(answers.script())
    if (known := session.once.begin(answers.once, answers.call.tool)) is not None:
        return known.give()
    try:
        ending = Ending(Driver(session, answers, run).drive(answers.script()))
    except BaseException as error:  # noqa: BLE001 - given to the caller as it is
        ending = session.once.elsewhere(answers.once, answers.call.tool, error)
    session.once.end(answers.once, ending, ran=answers.token in session.calls)
    return ending.give()


async def amade(session: Session, answers: CallAnswers, run: Callable[..., Any]) -> Any:
    """As `made`, for coroutines."""
    if not answers.once:
        return await Driver(session, answers, run).adrive(answers.script())
    if (known := await asyncio.to_thread(session.once.begin, answers.once, answers.call.tool)) is not None:
        return known.give()
    try:
        ending = Ending(await Driver(session, answers, run).adrive(answers.script()))
    except Exception as error:  # noqa: BLE001 - given to the caller as it is
        ending = await asyncio.to_thread(session.once.elsewhere, answers.once, answers.call.tool, error)
    except BaseException as error:  # noqa: BLE001 - a cancellation: nothing more is awaited
        ending = Ending(error=error)
    session.once.end(answers.once, ending, ran=answers.token in session.calls)
    return ending.give()


def refused(
    session: Session, tool: str, args: Any, violation: Violation, call_id: str
) -> tuple[CallDenied, Future[None]]:
    """What to raise for a call that the enforcement point refuses, and the write that must be durable before."""
    answers = answers_for(session, tool, args, call_id, somebody_else)
    decision = barred(answers.call, answers.envelope, violation, session.text)
    return CallDenied(decision), answers.record(decision)


def somebody_else() -> None:
    """Stands for a tool that is not run here."""
    raise AssertionError


def checked(session: Session, tool: str, args: Any) -> Decision:
    """What the guard would say now; see `Session.check`."""
    guard, under = session.guard, session.under()
    envelope, facts, info = under.envelope, under.facts, session.info
    call = _asked(session, tool, args, "", under)
    prepared = prepare(call, envelope, facts, acting(envelope, session.id))
    records = guard.records
    used = records.used_micros(info.tenant, info.agent, prepared.claims) if prepared.claims else ()
    earlier = session.recall(prepared)
    world = realpath.look(prepared, facts)
    with session.lock:
        past = look_back(prepared, session.text, used, earlier, world)
        decision = decide(prepared, envelope, facts, past)
    if prepared.tool is None or envelope.enforcement is Enforcement.MONITOR:
        return marked(decision, envelope, session.id)
    mode, epoch, _ = records.mode(info.tenant, info.agent, guard.agent_version, decision.effect)
    return refine(decision, guard.standing(mode, epoch, prepared.tool.effect, envelope.breaker))
