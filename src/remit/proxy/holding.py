"""What a held call is answered with: a text that every client understands, or a question where the client asks people.

    no elicitation            an error to be read: repeat the identical call once it is approved
    2026-07-28 with it        `input_required` with one question; the client makes the call again with the answer
    older with it             the question from inside the call, which is then made again here

Who answers such a question is known to the client alone: the answer is its host's claim, and no authenticated person's.
It counts as an answer to the approval only in a single-operator store, which takes unsigned ones and shows that;
everywhere else it is a reason to look again whether somebody approved. Clauses of severity critical are never asked
about. While a question is open nothing is reserved.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Protocol

from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS

from remit.core.approval import ApprovalRecord, ApprovalState, Reply
from remit.core.errors import Refused
from remit.core.notice import visible
from remit.core.refusals import ApprovalRequired
from remit.core.told import told_text
from remit.core.types import Severity
from remit.proxy import view
from remit.proxy.held_state import MOST_STATE, HeldState, NotOurs, Sealer, call_of, is_ours

if TYPE_CHECKING:
    from remit.proxy.calls import JudgedRequest
    from remit.usecases.guard import Guard
    from remit.usecases.session import Session

QUESTION: Final = "remit-approval"
"""Name of our one question among a result's `inputRequests`."""
LOOK_S: Final = 0.5
"""Between two looks whether somebody answered elsewhere, while a client shows the question."""
_MOST_PREVIEW: Final = 2_000
_META: Final = "io.modelcontextprotocol/"

AskClient = Callable[[str, dict[str, Any], float], Awaitable[dict[str, Any]]]
"""Sends the client a request of ours: method, parameters, seconds that it may take.

Raises:
    MCPError: its error, or it is gone.
"""
Again = Callable[["JudgedRequest"], Awaitable[dict[str, Any]]]
"""Makes a call once more, through everything."""


class People(Protocol):
    """What the store has for those who answer through a client."""

    def sealing_key(self) -> bytes:
        """32 bytes that only this store has."""

    def answer(self, record: ApprovalRecord, reply: Reply, by: str, note: str) -> None:
        """Answer an approval without a signature, as a single-operator store allows.

        Raises:
            Refused: it takes none, or the approval ended meanwhile.
        """


class Holding(Protocol):
    """What a held call is answered with, and how a call goes on that was."""

    def met(self, client: Mapping[str, Any], ask: AskClient) -> None:
        """A client has said what it is and can (`initialize`), and may be asked by *ask*."""

    async def taken_up(self, asked: JudgedRequest, session: Session) -> JudgedRequest:
        """The call without what is ours in it, before it is judged.

        Raises:
            MCPError: its state is not one that we made for this call.
        """

    async def held(
        self, error: ApprovalRequired, asked: JudgedRequest, session: Session, again: Again
    ) -> dict[str, Any]:
        """The result that the client gets for a call that waits for a person."""


class TextHolding:
    """Every client understands it: an error to be read, which says that the same call goes on once it is approved."""

    def met(self, client: Mapping[str, Any], ask: AskClient) -> None:
        """Nobody is asked."""

    async def taken_up(self, asked: JudgedRequest, session: Session) -> JudgedRequest:  # noqa: ARG002
        """No state is ours."""
        return asked

    async def held(
        self,
        error: ApprovalRequired,
        asked: JudgedRequest,
        session: Session,  # noqa: ARG002
        again: Again,  # noqa: ARG002
    ) -> dict[str, Any]:
        """The approval's id, and what to do."""
        return view.refused(told_text(error), modern=asked.modern)


@dataclass(frozen=True, slots=True)
class _Client:
    """What a client says of itself."""

    name: str
    elicits: bool


class Elicitation:
    """Asks the client's user where the client can ask, and says it in a text where not.

    Args:
        guard: gives the guard, once it is open.
        people: makes from it what answers are written with.
    """

    def __init__(self, guard: Callable[[], Guard], people: Callable[[Guard], People]) -> None:
        self._guard = guard
        self._make_people = people
        self._people: People | None = None
        self._sealer: Sealer | None = None
        self._older = _Client("", elicits=False)
        self._ask: AskClient | None = None
        self._text = TextHolding()

    def met(self, client: Mapping[str, Any], ask: AskClient) -> None:
        """Remember what an older client said in its handshake."""
        self._older = _client(client.get("clientInfo"), client.get("capabilities"))
        self._ask = ask

    # ------------------------------------------------------------------------------------------ a call comes back
    async def taken_up(self, asked: JudgedRequest, session: Session) -> JudgedRequest:
        """Open our state, take the answer for what it is worth, and leave the call as the server would have got it."""
        token = asked.params.get("requestState")
        if not is_ours(token):
            return _without_answer(asked)
        call = call_of(asked.tool, asked.arguments)
        now = self._guard().clock.now()
        try:
            state = self._seals().open(str(token), call=call, session=session.id, now=now)
        except NotOurs:
            data = {"reason": "invalid_request_state"}
            raise MCPError(INVALID_PARAMS, "Invalid or expired requestState", data) from None
        responses = asked.params.get("inputResponses")
        said = responses.get(QUESTION) if isinstance(responses, Mapping) else None
        await self._said(state.approval, said, _modern_client(asked).name)
        kept = {k: v for k, v in asked.params.items() if k not in ("requestState", "inputResponses")}
        return replace(asked, params={**kept, **state.server}, answered=True)

    # ------------------------------------------------------------------------------------------ a call is held
    async def held(
        self, error: ApprovalRequired, asked: JudgedRequest, session: Session, again: Again
    ) -> dict[str, Any]:
        """Ask where one may and can; a call that was asked about already is not asked about again."""
        client = _modern_client(asked) if asked.modern else self._older
        if asked.answered or not client.elicits or not may_be_asked(error):
            return await self._text.held(error, asked, session, again)
        record = await asyncio.to_thread(self._guard().records.approval, error.approval_id)
        if record is None or record.state is not ApprovalState.PENDING:
            return await self._text.held(error, asked, session, again)
        if asked.modern:
            return await self._carried(error, asked, session, record, again)
        return await self._inside(error, asked, record, client, again)

    async def _carried(
        self,
        error: ApprovalRequired,
        asked: JudgedRequest,
        session: Session,
        record: ApprovalRecord,
        again: Again,
    ) -> dict[str, Any]:
        """The question as a result; the client comes back with the answer, to this process or another."""
        kept = {k: asked.params[k] for k in ("requestState", "inputResponses") if k in asked.params}
        expires_at = self._guard().clock.now() + error.expires_in_s
        call = call_of(asked.tool, asked.arguments)
        token = self._seals().seal(HeldState(error.approval_id, call, session.id, expires_at, kept))
        if len(token) > MOST_STATE:
            return await self._text.held(error, asked, session, again)
        question = {"method": "elicitation/create", "params": self._question(error, record)}
        return {
            "resultType": "input_required",
            "inputRequests": {QUESTION: question},
            "requestState": token,
        }

    async def _inside(
        self,
        error: ApprovalRequired,
        asked: JudgedRequest,
        record: ApprovalRecord,
        client: _Client,
        again: Again,
    ) -> dict[str, Any]:
        """The question from inside the call, until it is answered here or anywhere else."""
        question = asyncio.ensure_future(self._elicited(self._question(error, record), error.expires_in_s))
        elsewhere = asyncio.ensure_future(self._answered_elsewhere(record.id))
        try:
            await asyncio.wait({question, elsewhere}, return_when=asyncio.FIRST_COMPLETED)
            if question.done():
                await self._said(record.id, question.result(), client.name)
        finally:
            for task in (question, elsewhere):
                task.cancel()
            await asyncio.gather(question, elsewhere, return_exceptions=True)
        return await again(replace(asked, answered=True))

    async def _elicited(self, params: dict[str, Any], within_s: float) -> Mapping[str, Any] | None:
        if self._ask is None:
            return None
        try:
            return await self._ask("elicitation/create", params, within_s)
        except MCPError:
            return None

    async def _answered_elsewhere(self, approval_id: str) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            record = await asyncio.to_thread(self._guard().records.approval, approval_id)
            if record is None or record.state is not ApprovalState.PENDING:
                return

    # ------------------------------------------------------------------------------------------ an answer
    async def _said(self, approval_id: str, said: object, client: str) -> None:
        """Write down what a client's user answered, where the store takes that; nothing else comes of it.

        Raises:
            Unavailable: it could not be written.
        """
        action = said.get("action") if isinstance(said, Mapping) else None
        reply = {"accept": Reply.APPROVE, "decline": Reply.REJECT}.get(str(action))
        guard = self._guard()
        if reply is None or not guard.records.single_operator:
            return
        await asyncio.to_thread(self._write, approval_id, reply, client)

    def _write(self, approval_id: str, reply: Reply, client: str) -> None:
        record = self._guard().records.approval(approval_id)
        if record is None or record.state is not ApprovalState.PENDING:
            return
        note = f"{reply.value}, given through elicitation by {client}"
        with suppress(Refused):  # somebody was faster: the call is judged by what stands now
            self._answers().answer(record, reply, f"elicitation by {client}", note)

    def _question(self, error: ApprovalRequired, record: ApprovalRecord) -> dict[str, Any]:
        single = self._guard().records.single_operator
        message = question_text(error, record, single_operator=single)
        schema = {"type": "object", "properties": {}}
        return {"mode": "form", "message": message, "requestedSchema": schema}

    def _answers(self) -> People:
        if self._people is None:
            self._people = self._make_people(self._guard())
        return self._people

    def _seals(self) -> Sealer:
        if self._sealer is None:
            self._sealer = Sealer(self._answers().sealing_key())
        return self._sealer


def may_be_asked(error: ApprovalRequired) -> bool:
    """Whether a client's word may be asked for: not where a clause of severity critical holds the call."""
    return all(v.severity is not Severity.CRITICAL for v in error.decision.violations)


def question_text(error: ApprovalRequired, record: ApprovalRecord, *, single_operator: bool) -> str:
    """What the client's user reads: made by remit from the call itself, on lines of its own."""
    command = f"remit approvals approve {error.approval_id}"
    missing = record.status.need.people - record.status.approved_by
    accept = (
        "lets exactly this call run once" if missing < 2 else f"is one of {missing} approvals that it needs"
    )
    then = (
        f"Accept {accept}; decline refuses it in this session."
        if single_operator
        else f"Your answer here approves nothing. Somebody who may answers with: {command}\n"
        "Accept once that is done, to go on."
    )
    id_, left = error.approval_id, f"{error.expires_in_s:.0f} s"
    lines = [
        f"Held for approval: {visible(error.decision.tool, 200)}",
        f"Would do: {visible(record.preview, _MOST_PREVIEW) or '(erased)'}",
        f"Because: {visible(error.decision.reason, 1_000)}",
        f"Approval {id_}, open for {left}. See: remit approvals show {id_}",
        then,
    ]
    return "\n".join(lines)


def _without_answer(asked: JudgedRequest) -> JudgedRequest:
    """A call with nothing of ours in it: an answer to our question that comes without our state is nobody's."""
    responses = asked.params.get("inputResponses")
    if not isinstance(responses, Mapping) or QUESTION not in responses:
        return asked
    others = {key: one for key, one in responses.items() if key != QUESTION}
    return replace(asked, params={**asked.params, "inputResponses": others})


def _modern_client(asked: JudgedRequest) -> _Client:
    meta = asked.params.get("_meta")
    told = meta if isinstance(meta, Mapping) else {}
    return _client(told.get(f"{_META}clientInfo"), told.get(f"{_META}clientCapabilities"))


def _client(info: object, capabilities: object) -> _Client:
    named = info.get("name") if isinstance(info, Mapping) else None
    elicitation = capabilities.get("elicitation") if isinstance(capabilities, Mapping) else None
    forms = isinstance(elicitation, Mapping) and (not elicitation or "form" in elicitation)
    return _Client(visible(named, 80) if isinstance(named, str) and named else "a client", forms)
