"""What `remit classify --follow` writes to its log: a line for each incident that people are told of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from remit.core.notice import instant, visible

if TYPE_CHECKING:
    from remit.core.event import StoredEvent
    from remit.store.sqlite import SqliteStore

_KINDS = ("opened", "changed", "acknowledged", "handed", "closed")


class IncidentLog:
    """Lines about what happens to a store's incidents from now on, whichever worker files them.

    Args:
        store: open.
    """

    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        self._seen = self._newest()

    def lines(self) -> Iterator[str]:
        """One for each incident of which somebody was told since the last time, oldest first."""
        newest = self._newest()
        if newest == self._seen:
            return
        kinds = [f"incident.{kind}" for kind in _KINDS]
        for stored in self._store.events(kinds=kinds, after=self._seen, last=newest, texts=False):
            if not stored.erased and stored.event.body.get("told"):
                yield _line(stored)
        self._seen = newest

    def _newest(self) -> int:
        return self._store.read(lambda db: int(db.execute("SELECT coalesce(max(seq), 0) FROM event").get))


def _line(stored: StoredEvent) -> str:
    body = stored.event.body
    told = dict.fromkeys(f"{one['team']} {_how(one)}" for one in body["told"])
    what = visible(stored.event.kind.replace(".", " "))
    agent = visible(stored.event.agent, 80) or "remit itself"
    names = ", ".join(visible(one, 80) for one in body["state"]["clauses"][:3]) or visible(
        body["state"]["kind"]
    )
    return f"{instant(stored.at)} {what} {visible(body['incident'])}: {agent}: {names}: {', '.join(told)}"


def _how(told: Mapping[str, Any]) -> str:
    from remit.core.incident_page import how_told

    return f"{how_told(told)} ({visible(str(told['why']), 200)})"
