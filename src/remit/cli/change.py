"""`remit change`: tell remit what was deployed, and see what was told and what sessions show by themselves."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from remit.cli.opened import Opened, StoreOption, TenantOption, instant_of, opened
from remit.cli.output import Output, emit, note, say, table
from remit.core.change import Change, ChangeKind
from remit.core.changes_seen import changes_seen
from remit.core.classify.change_told import described
from remit.core.errors import BadInput
from remit.core.notice import instant, visible
from remit.usecases.changes import (
    MOST_TOLD,
    RECORDED,
    change_event,
    change_from,
    opened_conduct,
    past_instant,
)
from remit.usecases.clock import Uuid7

app = typer.Typer(add_completion=False, no_args_is_help=True)

Agent = Annotated[
    str | None, typer.Option("--agent", metavar="A", help="Name of the agent.", show_default=False)
]


@app.callback()
def change() -> None:
    """What was changed: model, prompt, tools, envelope, config, code, runtime, or a deployment."""


@app.command()
def record(
    kind: Annotated[str, typer.Option("--kind", help=f"What: {', '.join(ChangeKind)}.", show_default=False)],
    agent: Agent = None,
    every_agent: Annotated[
        bool, typer.Option("--every-agent", help="Instead of --agent: all agents of the tenant.")
    ] = False,
    before: Annotated[str, typer.Option("--from", metavar="X", help="What ran before.")] = "",
    after: Annotated[str, typer.Option("--to", metavar="Y", help="What runs now.")] = "",
    at: Annotated[
        str | None,
        typer.Option(
            "--at",
            metavar="INSTANT",
            help="When it took effect: ISO 8601 or epoch seconds; default now.",
            show_default=False,
        ),
    ] = None,
    remark: Annotated[str, typer.Option("--note", help="Anything else, such as a ticket.")] = "",
    by: Annotated[
        str | None, typer.Option("--as", metavar="NAME", help="Who tells it.", show_default=False)
    ] = None,
    tenant: TenantOption = "default",
    store: StoreOption = None,
) -> int:
    """Record that something was changed, so that a rise of violations can be held against it."""
    if kind.lower() not in tuple(ChangeKind):
        raise typer.BadParameter(f"--kind: found {kind!r}, use one of {', '.join(ChangeKind)}")
    if (agent is None) == (not every_agent):
        raise typer.BadParameter("--agent: name the agent, or give --every-agent")
    for option, text in (("--agent", agent or ""), ("--from", before), ("--to", after), ("--note", remark)):
        _fits(option, text, empty=option != "--agent" or every_agent)
    with opened(store) as place:
        told = Change(
            Uuid7().new(),
            ChangeKind(kind.lower()),
            place.now if at is None else past_instant(at, "--at", place.now),
            agent=agent or "",
            tenant=tenant,
            before=before,
            after=after,
            note=remark,
            by=place.who(by),
        )
        if agent is not None:
            _ask_whether_known(place, agent, tenant)
        place.store.append_now(change_event(told))
        if Output.json:
            emit({"change": told.told()})
        else:
            whose = visible(agent) if agent else "every agent"
            say(f"Recorded for {whose}: {described(told)}")
    return 0


@app.command("ls")
def list_changes(
    agent: Agent = None,
    since: Annotated[
        str, typer.Option("--since", metavar="WHEN", help="24h, or an instant: only changes from then on.")
    ] = "90d",
    tenant: TenantOption = "default",
    store: StoreOption = None,
) -> int:
    """What was recorded, and what the fingerprints of sessions show that nobody recorded; oldest first."""
    with opened(store) as place:
        start = instant_of(since, "--since", place.now)
        recorded = [change_from(e) for e in place.store.events(kinds={RECORDED}, tenant=tenant)]
        sessions = [e for e in place.store.events(kinds={"session.opened"}, tenant=tenant) if e.at >= start]
    own = [one for one in recorded if one.at >= start and agent in (None, one.agent or agent)]
    conduct = [one for one in opened_conduct(sessions) if agent in (None, one.agent)]
    found = sorted([*own, *changes_seen(conduct, known=recorded)], key=lambda one: one.at)
    if Output.json:
        emit({"changes": [one.told() for one in found]})
        return 0
    empty = "nothing was recorded or seen to change: remit change record --kind KIND --agent AGENT"
    table("", ("at", "agent", "kind", "from", "to", "note", "by"), [_row(one) for one in found], empty=empty)
    return 0


def _row(one: Change) -> tuple[Any, ...]:
    told_by = "(seen in sessions)" if one.seen else visible(one.by) or "-"
    cells = (visible(text, 120) or "-" for text in (one.before, one.after, one.note))
    return (instant(one.at), visible(one.agent) or "(every)", one.kind.value, *cells, told_by)


def _fits(option: str, text: str, *, empty: bool) -> None:
    if len(text) > MOST_TOLD or (not empty and not text.strip()):
        raise BadInput(option, f"found {text[:40]!r}", f"write 1 to {MOST_TOLD} characters")


def _ask_whether_known(place: Opened, agent: str, tenant: str) -> None:
    """Tell of a name that may be mistyped: a change of an agent that does not exist explains nothing."""
    opened = place.store.read(
        lambda db: db.execute(
            "SELECT DISTINCT agent FROM event WHERE kind = 'session.opened' AND tenant = ? LIMIT 200",
            (tenant,),
        ).fetchall()
    )
    known = sorted(str(row[0]) for row in opened)
    if known and agent not in known:
        note(
            f"remit: no session of agent {visible(agent)!r} in tenant {visible(tenant)!r} so far; is the name right? "
            f"Known: {visible(', '.join(known[:20]))}"
        )
