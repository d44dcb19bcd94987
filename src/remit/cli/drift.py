"""`remit drift`: what changed in the conduct of agents, within their envelopes too, since when, and with which change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from remit.cli.opened import Opened, StoreOption, opened, seconds
from remit.cli.output import Output, counted, emit, note, safe, say, table
from remit.cli.replay import envelopes_of, kind_of, pairs_of
from remit.core.errors import BadInput
from remit.core.notice import instant, visible
from remit.core.types import Json

app = typer.Typer(add_completion=False, no_args_is_help=True)

Agent = Annotated[str | None, typer.Option("--agent", metavar="A", help="Only this agent.")]
Every = Annotated[
    float | None,
    typer.Option(min=10, metavar="N", help="One false alarm in so many sessions of an agent; default 5,000."),
]
SHORT = 12
"""Characters of an id that are shown: its last ones, since ids of one kind begin alike."""


@app.callback()
def drift() -> None:
    """What changed in the conduct of agents. It blocks nothing."""


@app.command("ls")
def list_drifts(agent: Agent = None, store: StoreOption = None) -> int:
    """What drifted, latest first, and how far each agent's watch has come."""
    from remit.store.drift_rows import SqliteDriftBook

    with opened(store) as at:
        found = [one for one in _detected(at) if agent in (None, one["agent"])][::-1]
        watching = [w for w in SqliteDriftBook(at.store).watching() if agent in (None, w.agent)]
    far = [
        {
            "agent": w.agent,
            "tenant": w.tenant,
            "sessions": w.sessions,
            "streams": len(_list(w.told["names"])),
            "unwatched": w.told["unwatched"],
            "every": w.told["every"],
        }
        for w in watching
    ]
    if Output.json:
        emit({"drifts": found, "watching": far})
        return 0
    columns = ("id", "at", "agent", "what", "", "since", "goes along with")
    table("", columns, [_row(one) for one in found], empty="nothing drifted")
    rows = [(w["agent"], w["sessions"], w["streams"], f"{w['every']:,.0f}") for w in far]
    empty = "no session was counted yet: run `remit drift run`, or the worker"
    table("watched", ("agent", "sessions", "streams", "a false alarm in … sessions"), rows, empty=empty)
    return 0


@app.command()
def show(id: Annotated[str, typer.Argument(metavar="ID")], store: StoreOption = None) -> int:
    """One alarm with its numbers, and what belongs to the same change."""
    with opened(store) as at:
        every = list(_detected(at))
    fits = [one for one in every if one["id"].endswith(id.lower()) or one["id"].startswith(id.lower())]
    if len(fits) != 1:
        told = f"{id[:40]!r} is the end of {len(fits)} ids" if fits else f"there is none with id {id[:40]!r}"
        raise BadInput("drift", told, "see `remit drift ls`")
    one = fits[0]
    beside = [other for other in every if other["group"] == one["group"] and other is not one]
    if Output.json:
        emit({**one, "same_change": [other["id"] for other in beside]})
        return 0
    _show(one)
    for other in beside:
        say(f"same change: {_short(other)} {safe(other['told'], 400)}")
    return 0


@app.command()
def run(
    every: Every = None,
    idle: Annotated[
        str, typer.Option(metavar="T", help="A session in which nothing happens for so long has ended.")
    ] = "6h",
    store: StoreOption = None,
) -> int:
    """Count the sessions that ended since the last time, once, and say what drifted."""
    from remit.wiring import drift_watch_of

    idle_s = seconds(idle, "--idle")
    sessions = alarms = erased = cut = 0
    with opened(store) as at:
        watch = drift_watch_of(at.store, every=every, idle_s=idle_s)
        more = True
        while more:
            step = watch.watch_once()
            more, sessions, alarms = step.more, sessions + len(step.sessions), alarms + len(step.alarms)
            erased, cut = erased + step.erased, cut + step.cut
            _tell([alarm.event.body for alarm in step.alarms])
    if Output.json:
        emit({"summary": {"sessions": sessions, "drifts": alarms, "erased": erased, "cut": cut}})
        return 0
    say(f"{counted(sessions, 'session')} counted, {counted(alarms, 'alarm')}")
    if erased:
        note(f"remit: {counted(erased, 'event')} had been erased, and do not count")
    if cut:
        note(f"remit: {counted(cut, 'session')} held more than is kept of one")
    return 0


@app.command("sessions")
def of_sessions(
    sessions: Annotated[
        list[Path], typer.Argument(metavar="F…", help="Recorded sessions: files, folders, -.")
    ],
    *,
    envelope: Annotated[
        list[str] | None, typer.Option(metavar="E|SUITE=E", help="What judges them; may be repeated.")
    ] = None,
    changes: Annotated[
        Path | None, typer.Option(metavar="C.jsonl", help="What was deployed, one change a line.")
    ] = None,
    where: Annotated[
        list[str] | None, typer.Option(metavar="K=V", help="Only those with this field.")
    ] = None,
    principal_kind: Annotated[
        str | None, typer.Option(metavar="KIND", help="Whose text the user's is: operator or customer.")
    ] = None,
    every: Every = None,
) -> int:
    """Watch recorded sessions, in the order of their files."""
    from remit.core.drift import EVERY
    from remit.core.selftest import load_envelope
    from remit.usecases.changes import placed, read_changes
    from remit.usecases.classify_sessions import Judging, judged
    from remit.usecases.drift_sessions import WatchedSessions
    from remit.usecases.replay import fits
    from remit.usecases.sessions_files import read_sessions

    wanted = pairs_of(where or [])
    loaded = {
        suite: load_envelope(text, file) for suite, (text, file) in envelopes_of(envelope or []).items()
    }
    told = read_changes(changes) if changes is not None else []
    stream = judged(
        (session for session in read_sessions(sessions) if fits(session, wanted)),
        Judging(loaded, kind_of(principal_kind)),
    )
    watched = WatchedSessions(stream.conduct, placed(told, stream.conduct), every=every or EVERY)
    alarms = 0
    for found in watched.drifts():
        alarms += 1
        _tell([{"agent": found.drift.agent, **found.body()}])
    far = {watch.agent: watch.sessions for watch in watched.watches.values()}
    if Output.json:
        emit({"summary": {"sessions": len(stream.conduct), "agents": far, "drifts": alarms}})
        return 0
    say(
        f"{counted(len(stream.conduct), 'session')} of {counted(len(far), 'agent')}, {counted(alarms, 'alarm')}"
    )
    if stream.skipped:
        note(f"remit: {counted(stream.skipped, 'session')} of a suite that no --envelope is for")
    return 0


# ------------------------------------------------------------------------------------------------ shown
def _detected(at: Opened) -> Iterator[dict[str, Any]]:
    from remit.usecases.drift import DETECTED

    for stored in at.store.events(kinds={DETECTED}):
        if not stored.erased:
            body = dict(stored.event.body)
            yield {
                "agent": stored.event.agent,
                "tenant": stored.event.tenant,
                "recorded_at": stored.at,
                **body,
            }


def _tell(bodies: Sequence[Mapping[str, Json]]) -> None:
    for body in bodies:
        if Output.json:
            emit(body)
        else:
            _show(body)


def _show(body: Mapping[str, Json]) -> None:
    agent = f"{visible(str(body['agent']))}: " if body.get("agent") else ""
    say(f"{_short(body)} {body['direction']}: {agent}{safe(body['told'], 600)}")
    cause = body.get("cause")
    say(f"    {safe(cause['told'], 600)}" if cause else "    goes along with no change that is known")


def _row(one: Mapping[str, Json]) -> tuple[Any, ...]:
    cause, since = one.get("cause"), one["since"]
    began = since["session"] or since["place"]
    named = cause["change"] if cause else {}
    change = f"{named['kind']} {named['before']} → {named['after']}" if named else "no change that is known"
    what = str(one["told"]).partition(":")[0]
    cells = (safe(text, 120) for text in (one["agent"], what))
    more = {"worse": "worse", "better": "better"}.get(one["direction"], "more" if one["more"] else "less")
    return (_short(one), instant(one["recorded_at"]), *cells, more, safe(began, 60), safe(change, 120))


def _short(one: Mapping[str, Json]) -> str:
    return str(one["id"])[-SHORT:]


def _list(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else []
