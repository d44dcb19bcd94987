"""What the breakers, limits and histories of a run's trials had counted, forgotten when the run has ended.

It only served the trials themselves. The record of what happened stays in the journal.
"""

from __future__ import annotations

from urllib.parse import quote

import apsw

from remit.core.trial.apart import run_tenant

_BY_TENANT = (
    "breaker_violation",
    "breaker_reservation",
    "limit_use",
    "approval",
    "history_watch",
    "history_event",
    "repeat_use",
    "monotonic_use",
)
_BY_SCOPE = {"breaker_scope": "id", "breaker_trip": "scope"}
_KINDS = ("agent", "version", "effect")


def forget_run(connection: apsw.Connection, run: str) -> None:
    """Delete what the control tables hold of one run's trials.

    Args:
        connection: that holds the write lock.
        run: its id.
    """
    first, beyond = f"{run_tenant(run)}:", f"{run_tenant(run)};"
    for table in _BY_TENANT:
        sql = f"DELETE FROM {table} WHERE tenant >= ? AND tenant < ?"  # noqa: S608 - our tables
        connection.execute(sql, (first, beyond))
    begins = quote(first, safe="")
    for table, column in _BY_SCOPE.items():
        for kind in _KINDS:
            low = f"{kind}/{begins}"
            sql = f"DELETE FROM {table} WHERE {column} >= ? AND {column} < ?"  # noqa: S608 - our tables
            connection.execute(sql, (low, low + "\x7f"))
