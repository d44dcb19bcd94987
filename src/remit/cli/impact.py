"""`remit impact`: what an incident did, what undoes it, and who met it later. Nothing is run; the reading is recorded."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import apsw
import typer

from remit.cli.impact_page import print_page
from remit.cli.opened import Opened, StoreOption, instant_of, opened, whole_id
from remit.cli.output import Output, emit, progress
from remit.core.errors import BadInput
from remit.core.event import Event
from remit.store import incident_rows
from remit.usecases.clock import Uuid7
from remit.usecases.impact import MOST_SESSIONS, Start, reach_of
from remit.usecases.impact_view import reach_view
from remit.wiring import read_envelope_file

app = typer.Typer(add_completion=False)

REMEDY = "see `remit anomalies ls`; a session is named by its whole id"


@app.command()
def impact(
    what: Annotated[
        str,
        typer.Argument(
            metavar="ID",
            help="Of an anomaly or incident (or how it begins), or of a session.",
            show_default=False,
        ),
    ],
    depth: Annotated[
        int, typer.Option("--depth", min=1, max=10, help="Steps from session to session that are followed.")
    ] = 3,
    since: Annotated[
        str | None,
        typer.Option(
            "--since", help="Later readers from this instant (ISO 8601) or duration ago.", show_default=False
        ),
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", help="And up to this one.", show_default=False)
    ] = None,
    envelope: Annotated[
        Path | None,
        typer.Option(
            "--envelope",
            help="Says what undoes a call where its own envelope did not.",
            show_default=False,
        ),
    ] = None,
    store: StoreOption = None,
) -> int:
    """Every effect before and after, the objects touched, what undoes it, and later sessions that read its values."""
    declared = None if envelope is None else read_envelope_file(envelope)
    with opened(store) as at:
        after = None if since is None else _first_at(at, instant_of(since, "--since", at.now)) - 1
        end = None if until is None else _first_at(at, instant_of(until, "--until", at.now)) - 1
        kind, whole, starts = _starts(at, what)
        body = {"of": kind, "id": whole, "sessions": [s.session for s in starts], "by": at.who()}
        agent = starts[0].anomaly.event.agent if starts[0].anomaly else ""
        last = at.store.append_now(Event(Uuid7().new(), "", "impact.read", agent, "", body, starts[0].tenant))
        reach = reach_of(
            at.store,
            starts,
            declared=declared,
            depth=depth,
            after=after,
            last=last - 1 if end is None else min(end, last - 1),
            seen=lambda events: progress(events, "looking"),
        )
        view = {"of": {"kind": kind, "id": whole}, **reach_view(reach)}
        if Output.json:
            emit({"impact": view})
        else:
            print_page(view)
    return 0


# ---------------------------------------------------------------------------------------------- what is meant
def _starts(at: Opened, given: str) -> tuple[str, str, list[Start]]:
    """The sessions that an id means, and where in each something was noticed."""
    name = given.strip()
    if name and (tenant := _tenant_of(at, name)) is not None:
        return "session", name, [Start(name, tenant)]
    known = _incidents(at, name) if name else []
    found = [*known, *_anomalies(at, name)] if name else []
    whole = whole_id(name, found, "anomaly, incident or session", REMEDY)
    if whole in known:
        return _of_incident(at, whole)
    stored = at.store.event(whole)
    if stored is None:
        raise BadInput("anomaly, incident or session", f"there is none with id {name[:80]!r}", REMEDY)
    if not stored.event.session:
        raise BadInput(
            f"anomaly {stored.event.id}",
            "is of no session, so no call belongs to it",
            "see `remit anomalies show`",
        )
    return "anomaly", stored.event.id, [Start(stored.event.session, stored.event.tenant, stored)]


def _of_incident(at: Opened, name: str) -> tuple[str, str, list[Start]]:
    """Each session of an incident with its first anomaly; trips and drift alarms are of no session."""
    incident = at.store.read(lambda db: incident_rows.read(db, name))
    if incident is None:
        raise BadInput("incident", f"there is none with id {name[:80]!r}", REMEDY)
    first: dict[str, str] = {}
    for member in at.store.read(lambda db: incident_rows.members(db, name)):
        if member.session and not member.signal:
            first.setdefault(member.session, member.anomaly)
    if not first:
        raise BadInput(f"incident {name}", "is of no session, so no call belongs to it", "see its page")
    starts = [
        Start(session, incident.tenant, at.store.event(anomaly) if place < MOST_SESSIONS else None)
        for place, (session, anomaly) in enumerate(first.items())
    ]
    return "incident", name, starts


def _incidents(at: Opened, prefix: str) -> list[str]:
    sql = "SELECT id FROM incident WHERE substr(id, 1, ?) = ? ORDER BY id LIMIT 6"
    return at.store.read(lambda db: [str(row[0]) for row in db.execute(sql, (len(prefix), prefix))])


def _tenant_of(at: Opened, session: str) -> str | None:
    """Whose session it is: no two tenants have sessions of one id."""
    sql = "SELECT tenant FROM event WHERE session = ? LIMIT 1"
    row = at.store.read(lambda db: db.execute(sql, (session,)).fetchone())
    return None if row is None else str(row[0])


def _anomalies(at: Opened, prefix: str) -> list[str]:
    sql = (
        "SELECT event.id FROM anomaly JOIN event ON event.seq = anomaly.seq"
        " WHERE substr(event.id, 1, ?) = ? ORDER BY event.id LIMIT 6"
    )
    return at.store.read(lambda db: [str(row[0]) for row in db.execute(sql, (len(prefix), prefix))])


def _first_at(at: Opened, instant: float) -> int:
    """The sequence of the first event written at an instant or later; the store's clock never goes back."""

    def search(db: apsw.Connection) -> int:
        low, high = 1, int(db.execute("SELECT size FROM head").get) + 1
        while low < high:
            middle = (low + high) // 2
            before = db.execute("SELECT at FROM event WHERE seq = ?", (middle,)).get < instant
            low, high = (middle + 1, high) if before else (low, middle)
        return low

    return at.store.read(search)
