"""`remit incidents`: one page for one problem, for security and SRE alike; who has it, and what is done about it.

Showing one opens quotations from what was captured; that reading is itself recorded, before anything is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer

from remit.cli.incident_printed import print_incident
from remit.cli.opened import Opened, StoreOption, instant_of, opened, short_ids, whole_id
from remit.cli.output import Output, emit, note, say, table
from remit.core.classify.classification import Team
from remit.core.classify.told import said
from remit.core.errors import BadInput
from remit.core.event import Event
from remit.core.incident import Incident, Standing
from remit.core.incident_page import incident_line, incident_view
from remit.core.incident_parts import owned
from remit.core.notice import instant, visible
from remit.store import incident_rows as rows
from remit.store.incident_page import page
from remit.store.incident_rebuild import rebuilt
from remit.store.incidents import IncidentChange, Incidents
from remit.usecases.clock import Uuid7

app = typer.Typer(add_completion=False, no_args_is_help=True)

Id = Annotated[
    str, typer.Argument(metavar="ID", help="Of the incident, or how it begins.", show_default=False)
]
By = Annotated[
    str | None, typer.Option("--as", "--by", metavar="NAME", help="Who does it.", show_default=False)
]
Note = Annotated[str, typer.Option("--note", help="Kept with it; both teams read it.")]
MOST_LISTED = 10_000


@app.callback()
def incidents() -> None:
    """What belongs together, who has it, and what to do next."""


@app.command("ls")
def list_incidents(
    team: Annotated[
        str | None,
        typer.Option("--team", help="security or sre: those it has a part in.", show_default=False),
    ] = None,
    state: Annotated[
        str | None,
        typer.Option("--state", help="new, acknowledged, handed or resolved.", show_default=False),
    ] = None,
    agent: Annotated[str | None, typer.Option("--agent", show_default=False)] = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--since", help="Only those with news since: ISO 8601 or a duration ago.", show_default=False
        ),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Also those that have ended.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, max=MOST_LISTED, help="At most so many.")] = 50,
    store: StoreOption = None,
) -> int:
    """Incidents, those that wake people first, then the latest."""
    whose = None if team is None else _team(team, "--team")
    wanted = None if state is None else _standing(state)
    ended = everything or wanted in (Standing.RESOLVED, Standing.HANDED)
    with opened(store) as at:
        after = None if since is None else instant_of(since, "--since", at.now)
        found = at.store.read(lambda db: rows.listed(db, agent=agent, everything=ended, limit=MOST_LISTED))
        fits = [
            one for one in found if _fits(one, whose, wanted) and (after is None or one.active_at >= after)
        ]
        fits = sorted(fits, key=lambda one: (not one.open, one.urgency != "page", -one.active_at))[:limit]
        owners = _owners(at)
        fits = [owned(one, owners) for one in fits]
        if Output.json:
            emit({"incidents": [incident_line(one) for one in fits]})
            return 0
        short = short_ids(at, "incident", [one.id for one in fits])
        columns = ("id", "last (UTC)", "urgency", "class", "what", "teams")
        listed = [(short[one.id], *_row(one)) for one in fits]
        narrowed = team or state or agent or since
        empty = "no such incident; with fewer options there may be some" if narrowed else _NONE[ended]
        table("", columns, listed, empty=empty)
        if fits:
            say("remit incidents show ID: what happened, the evidence, and what to do next")
    return 0


@app.command()
def show(incident_id: Id, store: StoreOption = None) -> int:
    """One incident, whole: what happened, why, who has it, what was done, what to do next. The reading is recorded."""
    with opened(store) as at:
        incident = _found(at, incident_id)
        body = {"incident": incident.id, "by": at.who()}
        at.store.append_now(
            Event(Uuid7().new(), "", "incident.read", incident.agent, "", body, incident.tenant)
        )
        view = incident_view(page(at.store, incident.id, _owners(at)))
        if Output.json:
            emit({"incident": view})
        else:
            ids = [
                *(one["anomaly"] for one in view["members"]),
                *(one["anomaly"] for one in view["evidence"]),
            ]
            print_incident(view, short_ids(at, "event", ids))
    return 0


@app.command()
def ack(
    incident_id: Id,
    team: Annotated[str, typer.Option("--team", help="Whose part you take.", show_default=False)],
    remark: Note = "",
    by: By = None,
    store: StoreOption = None,
) -> int:
    """Take it: you, of this team, have seen it and work on it."""
    whose = _team(team, "--team")
    return _act(store, incident_id, by, lambda desk, one, who: desk.acknowledge(one, whose, who, remark))


@app.command()
def assign(
    incident_id: Id,
    team: Annotated[str, typer.Option("--team", help="Whose part.", show_default=False)],
    to: Annotated[str, typer.Option("--to", metavar="WHO", help="A person or a rota.", show_default=False)],
    remark: Note = "",
    by: By = None,
    store: StoreOption = None,
) -> int:
    """Say who of a team has it."""
    whose = _team(team, "--team")
    return _act(store, incident_id, by, lambda desk, one, who: desk.assign(one, whose, to, who, remark))


@app.command()
def handoff(
    incident_id: Id,
    team: Annotated[str, typer.Option("--from", metavar="TEAM", help="Who has it.", show_default=False)],
    to: Annotated[str, typer.Option("--to", metavar="TEAM", help="Who gets it.", show_default=False)],
    remark: Annotated[
        str, typer.Option("--note", help="What you found: the other team reads it first.", show_default=False)
    ],
    by: By = None,
    store: StoreOption = None,
) -> int:
    """Give it to the other team, which is told, and woken where yours was."""
    mine, theirs = _team(team, "--from"), _team(to, "--to")
    return _act(store, incident_id, by, lambda desk, one, who: desk.hand(one, mine, theirs, who, remark))


@app.command()
def resolve(
    incident_id: Id,
    remark: Annotated[str, typer.Option("--note", help="What it was; kept.", show_default=False)],
    team: Annotated[
        str | None, typer.Option("--team", help="Only this team's part.", show_default=False)
    ] = None,
    by: By = None,
    store: StoreOption = None,
) -> int:
    """It is over. What is captured within the next hour opens it again."""
    whose = None if team is None else _team(team, "--team")
    return _act(store, incident_id, by, lambda desk, one, who: desk.resolve(one, whose, who, remark))


@app.command()
def reopen(incident_id: Id, remark: Note = "", by: By = None, store: StoreOption = None) -> int:
    """It is not over after all."""
    return _act(store, incident_id, by, lambda desk, one, who: desk.reopen(one, who, remark))


@app.command("note")
def write_note(
    incident_id: Id,
    text: Annotated[str, typer.Argument(metavar="TEXT", show_default=False)],
    by: By = None,
    store: StoreOption = None,
) -> int:
    """Write something down for whoever reads the page next."""
    return _act(store, incident_id, by, lambda desk, one, who: desk.note(one, who, text))


@app.command("rebuild")
def make_anew(store: StoreOption = None) -> int:
    """Make the index of incidents anew from the journal, and say what stood otherwise. No incident changes by it."""
    with opened(store) as at:
        found = rebuilt(at.store)
        if Output.json:
            emit({"incidents": found.incidents, "events": found.events, "differed": found.differed})
            return 0
        told = f"{found.incidents:,} incidents from {found.events:,} events of the journal"
        say(
            f"{told}: {f'{found.differed:,} rows stood otherwise' if found.differed else 'nothing stood otherwise'}"
        )
    return 0


# ---------------------------------------------------------------------------------------------- doing
def _act(store: str | None, prefix: str, by: str | None, did: Callable[[Incidents, str, str], None]) -> int:
    """Do one thing, and have the teams told in the same transaction; they hear of it through the routes."""
    from remit.wiring import filing_of

    with opened(store) as at:
        incident, who, filing = _found(at, prefix), at.who(by), filing_of(at.settings)

        def work(tx: Any) -> list[IncidentChange]:
            with Incidents(tx) as desk:
                did(desk, incident.id, who)
            filing.tell(tx, desk.changes)
            return desk.changes

        (change,) = at.store.transact_now(work)
        after = owned(change.after, filing.owners)
        told = [{"team": t.team.value, "action": t.action.value, "why": t.why} for t in change.told]
        if Output.json:
            emit({"incident": incident_line(after), "by": who, "told": told})
            return 0
        say(f"{after.id}: {after.state}; {_teams(after)}. By {visible(who)}.")
        for one in told:
            say(f"{one['team']} is told: {visible(one['why'])}")
        if told and not filing.routes:
            note("remit: no route is set, so nobody hears of it; see docs/routes.md")
    return 0


# ---------------------------------------------------------------------------------------------- reading
def _owners(at: Opened) -> Mapping[Team, str]:
    """Who has incidents at first; nobody where the file of routes is wrong, which is told and keeps no page back."""
    from remit.wiring import load_routes

    try:
        return load_routes(at.settings).owners
    except BadInput as error:
        note(f"remit: owners are not known: {visible(str(error), 400)}")
        return {}


def _found(at: Opened, prefix: str) -> Incident:
    given = prefix.strip()
    sql = "SELECT id FROM incident WHERE substr(id, 1, ?) = ? ORDER BY id LIMIT 6"
    found = (
        at.store.read(lambda db: [str(row[0]) for row in db.execute(sql, (len(given), given))])
        if given
        else []
    )
    whole = whole_id(given, found, "incident", "see `remit incidents ls --all`")
    known = at.store.read(lambda db: rows.read(db, whole))
    assert known is not None  # noqa: S101 - incidents are never deleted
    return known


def _team(text: str, option: str) -> Team:
    if text.lower() not in tuple(Team):
        raise typer.BadParameter(f"{option}: found {text[:40]!r}, use security or sre")
    return Team(text.lower())


def _standing(text: str) -> Standing:
    if text.lower() not in tuple(Standing):
        raise typer.BadParameter(f"--state: found {text[:40]!r}, use one of {', '.join(Standing)}")
    return Standing(text.lower())


def _fits(incident: Incident, team: Team | None, state: Standing | None) -> bool:
    parts = [one for one in incident.parts if team is None or one.team is team]
    if state is None:
        return bool(parts) and (team is None or not incident.open or any(one.active for one in parts))
    return any(one.state is state for one in parts)


# ---------------------------------------------------------------------------------------------- printing
_NONE = {True: "no incidents", False: "nothing is open; --all shows what has ended"}


def _row(one: Incident) -> tuple[str, ...]:
    urgency = f"{one.urgency.value}: {', '.join(one.reasons)}" if one.reasons else one.urgency.value
    what = str(incident_line(one)["title"])
    return (
        instant(one.last_at)[5:16],
        visible(urgency),
        said(one.label, one.confidence) if one.count else one.label.value,
        visible(what),
        _teams(one),
    )


def _teams(one: Incident) -> str:
    told = [
        f"{p.team.value}{'' if p.leads else ' (watches)'}: {p.state.value}"
        + (f", {visible(p.owner, 80)}" if p.owner else "")
        for p in one.parts
        if p.active or not one.open
    ]
    return "; ".join(told)
