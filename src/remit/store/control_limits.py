"""The rows behind `core.limits`: what was used in each window, reserved and committed."""

from __future__ import annotations

from collections.abc import Sequence

import apsw

from remit.core.limits import amount
from remit.core.types import LimitClaim
from remit.store.control_rows import only

_SPLIT = 2**40
_IN_FLIGHT = float("inf")


def usage(
    connection: apsw.Connection, tenant: str, agent: str, claims: Sequence[LimitClaim], now: float
) -> tuple[int, ...]:
    """Micros used or reserved in the window of each claim, in order. Reads only."""
    return tuple(_used(connection, tenant, agent, claim, now) for claim in claims)


def reserve(
    connection: apsw.Connection, token: str, tenant: str, agent: str, claims: Sequence[LimitClaim]
) -> None:
    """Take every claim for the call that *token* stands for; it counts until it is settled, and a window
    longer."""
    connection.executemany(
        "INSERT INTO limit_use VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (token, i, tenant, agent, c.clause, c.key, _IN_FLIGHT, *divmod(amount(c), _SPLIT), c.within_s)
            for i, c in enumerate(claims)
        ],
    )


def commit(connection: apsw.Connection, token: str, now: float) -> None:
    """The call ran, or may have run: its claims count for a window from now."""
    connection.execute("UPDATE limit_use SET at = ? WHERE token = ? AND at = ?", (now, token, _IN_FLIGHT))


def release(connection: apsw.Connection, token: str) -> None:
    """The call did not run: it gives everything back."""
    connection.execute("DELETE FROM limit_use WHERE token = ?", (token,))


def prune(connection: apsw.Connection, before: float) -> None:
    """Forget uses whose window ended before an instant."""
    connection.execute("DELETE FROM limit_use WHERE at + within_s < ?", (before,))


def _used(connection: apsw.Connection, tenant: str, agent: str, claim: LimitClaim, now: float) -> int:
    high, low = only(
        connection,
        "SELECT coalesce(sum(high), 0), coalesce(sum(low), 0) FROM limit_use"
        " WHERE tenant = ? AND agent = ? AND clause = ? AND key = ? AND at > ?",
        (tenant, agent, claim.clause, claim.key, now - claim.within_s),
    )
    return int(high) * _SPLIT + int(low)
