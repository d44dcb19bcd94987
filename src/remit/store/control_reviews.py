"""Break-glass acts wait here until somebody else has looked at them."""

from __future__ import annotations

from dataclasses import dataclass

import apsw

from remit.core.approval import OperatorRefused
from remit.core.canonical import encode
from remit.core.errors import BadInput
from remit.core.event import Event
from remit.core.ids import derived_id
from remit.core.types import Json
from remit.store import operators
from remit.store.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Review:
    """One break-glass act."""

    id: str
    about: str
    """The approval, or the scope."""
    by: str
    at: float
    reviewed_by: str | None = None
    reviewed_at: float | None = None


def open_review(tx: Transaction, about: str, by: str, act: str = "") -> str:
    """Note that somebody acted alone."""
    review_id = derived_id(act or about, "review")
    tx.connection.execute(
        "INSERT OR IGNORE INTO control_review VALUES (?, ?, ?, ?, NULL, NULL)", (review_id, about, by, tx.now)
    )
    return review_id


def reviews(connection: apsw.Connection, *, still_open: bool = True) -> list[Review]:
    """Break-glass acts, oldest first."""
    where = "WHERE reviewed_at IS NULL" if still_open else ""
    rows = connection.execute(f"SELECT * FROM control_review {where} ORDER BY at, id")  # noqa: S608 - two fixed texts
    return [Review(*row) for row in rows]


def review_message(review_id: str, note: str) -> bytes:
    """The bytes that a reviewer signs."""
    return b"remit-review-v1\n" + encode({"review": review_id, "note": note})


def close_review(
    tx: Transaction,
    review_id: str,
    operator: str,
    note: str,
    *,
    signature: bytes | None = None,
    single_operator: bool = False,
) -> None:
    """Somebody else has looked at it; in a single-operator store there is nobody else.

    Args:
        signature: of `review_message`, by the operator's key; needed unless the store has a single operator.

    Raises:
        BadInput: no open review with this id, or no note.
        OperatorRefused: the one who acted alone would review it, or nobody knows who reviews.
    """
    found = next((r for r in reviews(tx.connection) if r.id == review_id), None)
    if found is None:
        raise BadInput("review", f"no open review {review_id!r}")
    if not note.strip():
        raise BadInput("note", "it is empty", "say what you found")
    if found.by == operator and not single_operator:
        raise OperatorRefused(found.about, f"{operator} acted alone; somebody else reviews it")
    known = operators.find(tx.connection, operator)
    message = review_message(review_id, note)
    proven = signature is not None and known is not None and operators.verified(known, signature, message)
    if not proven and (signature is not None or not single_operator):
        raise OperatorRefused(found.about, f"the review is not signed by {operator}; see `remit operator ls`")
    tx.connection.execute(
        "UPDATE control_review SET reviewed_by = ?, reviewed_at = ? WHERE id = ?",
        (operator, tx.now, review_id),
    )
    tx.connection.execute("UPDATE approval SET review_needed = 0 WHERE id = ?", (found.about,))
    body: dict[str, Json] = {
        "review": review_id,
        "about": found.about,
        "by": found.by,
        "operator": operator,
        "note": note,
    }
    body["authenticated"] = proven
    tx.append(
        Event(
            id=derived_id(review_id, "reviewed"),
            session="",
            kind="break_glass.reviewed",
            agent="",
            envelope="",
            body=body,
        )
    )
