"""Many rows of a route made one, in the transaction that claims it."""

from __future__ import annotations

from collections.abc import Iterable

from remit.core.alert import Action, Alert
from remit.core.digest import Merged, digest
from remit.store.deliveries import add, decode, end_digest
from remit.store.transaction import Transaction

WaitingAlert = tuple[int, str, str, bytes]
"""Number, topic, action and outline."""


def merge(tx: Transaction, route: str, heads: tuple[str, tuple[str | float, ...]]) -> int:
    """Merge whatever waits about the incidents at these heads into one digest, and return its row.

    Args:
        tx: the transaction.
        route: by which route.
        heads: the statement that finds the heads, and its values.
    """
    topics = _topics(tx, route, heads)
    told = [_latest(rows) for rows in topics.values()]
    over = sum(_over(rows) for rows in topics.values())
    count = Merged(sum(map(len, topics.values())), len(topics), over)
    alert = digest(route, told[0].team, told, count, tx.now)
    row = add(tx, alert, route, alert.urgency, members=len(topics) - over)
    tx.connection.executemany(
        "UPDATE delivery SET state = ?, into_seq = ?, sealed = NULL WHERE seq = ?",
        _ends(topics.values(), row),
    )
    end_digest(tx, route, row)
    return row


def _topics(
    tx: Transaction, route: str, heads: tuple[str, tuple[str | float, ...]]
) -> dict[str, list[WaitingAlert]]:
    statement, values = heads
    found: dict[str, list[WaitingAlert]] = {}
    rows = tx.connection.execute(
        "SELECT seq, topic, action, outline FROM delivery WHERE route = ? AND state = 'waiting' AND topic IN"  # noqa: S608 - constants
        f" (SELECT topic FROM delivery WHERE seq IN (SELECT seq FROM ({statement}))) ORDER BY seq",
        (route, *values),
    )
    for row in rows:
        found.setdefault(str(row[1]), []).append((int(row[0]), str(row[1]), str(row[2]), bytes(row[3])))
    return found


def _over(rows: list[WaitingAlert]) -> bool:
    """Whether the incident has ended and did not begin again."""
    return rows[-1][2] == Action.RESOLVE


def _latest(rows: list[WaitingAlert]) -> Alert:
    """The last that says how it stands; an end says nothing of it."""
    says = [row for row in rows if row[2] != Action.RESOLVE] or rows
    return decode(says[-1][3])


def _ends(topics: Iterable[list[WaitingAlert]], into: int) -> Iterable[tuple[str, int, int]]:
    for rows in topics:
        state = "done" if _over(rows) else "merged"
        yield from ((state, into, row[0]) for row in rows)
