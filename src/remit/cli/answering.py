"""Writing a person's answer to a held call, with everything that comes of it, in one transaction."""

from __future__ import annotations

from remit.core.approval import ApprovalRecord, Reply
from remit.store import control_approvals, outbox
from remit.store.sqlite import SqliteStore
from remit.store.transaction import Transaction


def write_answer(
    store: SqliteStore,
    record: ApprovalRecord,
    reply: Reply,
    *,
    operator: str,
    signature: bytes | None,
    note: str,
    break_glass: bool = False,
) -> None:
    """Answer an approval as it was shown.

    Args:
        store: where it stands.
        record: as it was shown: an answer to something else is refused.
        reply: yes or no.
        operator: who says so.
        signature: over `core.approval.answer_message`; None only in a single-operator store.
        note: kept with the answer.
        break_glass: alone where more people are needed.

    Raises:
        OperatorRefused: it is not pending any more, or this answer is not taken.
    """
    asked = store.event(record.status.event_id)

    def work(tx: Transaction) -> None:
        _, changes = control_approvals.answer(
            tx,
            record.id,
            reply,
            operator=operator,
            seen_digest=record.status.digest,
            version=record.status.version,
            signature=signature,
            note=note,
            single_operator=store.single_operator,
            break_glass=break_glass,
            subject=asked.event.subject if asked is not None else "",
            retain_s=asked.event.retain_s if asked is not None else None,
        )
        for change in changes:
            outbox.tell_change(tx, change)

    store.transact_now(work)


class Elicited:
    """What a proxy needs of the store for people who answer through an MCP client (`proxy.holding.People`).

    Args:
        store: single-operator, or every answer is refused.
    """

    def __init__(self, store: SqliteStore) -> None:
        self._store = store

    def sealing_key(self) -> bytes:
        """For what a client carries while a call is held; the same in every process of the store."""
        return self._store.derive("held-state")

    def answer(self, record: ApprovalRecord, reply: Reply, by: str, note: str) -> None:
        """Answer without a signature.

        Raises:
            OperatorRefused: the store takes none, or the approval ended meanwhile.
        """
        write_answer(self._store, record, reply, operator=by, signature=None, note=note)
