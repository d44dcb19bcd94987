"""The store as the guard of one trial sees it: the same record, and nobody who could be asked.

A held call waits for nobody. It is refused to the agent as one that needs approval, or, where the suite says so, it runs
as if its people had said yes: their yes stands in the record as the suite's.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace

from remit.core.approval import ApprovalRecord, ApprovalRequest, ApprovalState, ApprovalStatus, Parked
from remit.core.event import Event
from remit.core.history import Watch
from remit.core.types import Mode, ToolEffect
from remit.store import approval_rows, control_approvals
from remit.store.records import SqliteRecords
from remit.store.sqlite import SqliteStore
from remit.store.transaction import Transaction
from remit.store.watching import begin_watch

LOOK_EVERY_S = 0.2
BY_SUITE = "granted by the trial suite"


class TrialRecords(SqliteRecords):
    """`ports.Records` for trials.

    Args:
        store: open.
        grants: whether held calls run.
    """

    def __init__(self, store: SqliteStore, *, grants: bool = False) -> None:
        super().__init__(store)
        self._grants = grants
        self._looked = self._stood_at = 0.0
        self._stood: tuple[Mode, int, str] | None = None

    def begin(self, tenant: str, agent: str, watches: Sequence[Watch]) -> Future[None]:
        """Keep what these ask about of a tenant that begins now."""
        return self._transact(lambda tx: begin_watch(tx, tenant, agent, watches), ())

    def _check_file(self) -> None:
        """Now and then: many trials at a time would look at the file a thousand times a second."""
        now = time.monotonic()
        if now - self._looked > LOOK_EVERY_S:
            super()._check_file()
            self._looked = now

    def mode(
        self, tenant: str, agent: str, agent_version: str, effect: ToolEffect | None
    ) -> tuple[Mode, int, str]:
        """As there; whether a session may open at all is asked now and then, since of a trial that has not begun only the
        whole store's mode says so. Its calls are admitted one by one, whatever was said here."""
        if effect is not None:
            return super().mode(tenant, agent, agent_version, effect)
        now = time.monotonic()
        if self._stood is None or now - self._stood_at > LOOK_EVERY_S:
            self._stood, self._stood_at = super().mode(tenant, agent, agent_version, effect), now
        return self._stood

    def hold(
        self, request: ApprovalRequest, events: Sequence[Event], *, known: bool = False
    ) -> Future[ApprovalRecord | Parked]:
        """Write the held decision; the question is put to nobody."""
        hidden = replace(request, digest=self._hidden(request.digest))

        def work(tx: Transaction) -> ApprovalRecord | Parked:
            for event in () if known else events:
                tx.append(event)
            return self._granted(tx, hidden) if self._grants else _unasked(request, tx.now)

        return self._run(work)

    def _granted(self, tx: Transaction, request: ApprovalRequest) -> ApprovalRecord | Parked:
        record = control_approvals.request_approval(tx, request, single_operator=True)
        if isinstance(record, Parked) or record.state is not ApprovalState.PENDING:
            return record
        approval_rows.become(tx, record.status, ApprovalState.APPROVED, reason=BY_SUITE)
        return replace(record, status=replace(record.status, state=ApprovalState.APPROVED, reason=BY_SUITE))


def _unasked(request: ApprovalRequest, now: float) -> ApprovalRecord:
    """The question as it would stand, if somebody were asked."""
    need, version = request.need, 1
    status = ApprovalStatus(
        request.id,
        ApprovalState.PENDING,
        version,
        request.digest,
        request.tenant,
        request.agent,
        request.session,
        request.tool,
        request.effect,
        now,
        now + need.expires_s,
        need.expires_s,
        need,
    )
    told = (request.args, request.preview, request.provenance, request.clauses, request.reasons)
    whose = (request.requester, request.owner, request.call_id, request.envelope)
    return ApprovalRecord(status, *told, *whose)
