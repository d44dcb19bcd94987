"""`remit readiness`: from monitor to enforce, with numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from remit.cli.opened import StoreOption, opened
from remit.cli.output import Output, counted, emit, note, progress, safe, say, table
from remit.cli.replay import kind_of
from remit.cli.variadic import Variadic
from remit.core.envelope import Envelope
from remit.core.types import Json
from remit.usecases.readiness import ENOUGH_CALLS, KINDS, Readiness, Seen, from_events, from_replay, gathered
from remit.usecases.replay import replay_session
from remit.usecases.sessions_files import read_sessions
from remit.wiring import read_envelope_file

app = typer.Typer(add_completion=False)

SHOWN = 15
NAMED = 8


@app.command(cls=Variadic)
def readiness(
    *,
    store: StoreOption = None,
    sessions: Annotated[
        list[Path] | None,
        typer.Option(metavar="F", help="Recorded sessions instead of a store; may be repeated."),
    ] = None,
    envelope: Annotated[
        Path | None,
        typer.Option(help="The envelope: needed for sessions; for a store it adds what never hit."),
    ] = None,
    agent: Annotated[str | None, typer.Option(help="Only this agent's decisions in the store.")] = None,
    principal_kind: Annotated[
        str | None, typer.Option(metavar="KIND", help="Whose text the user's is: operator or customer.")
    ] = None,
    enough: Annotated[
        int, typer.Option(min=1, help="Calls of its tool without a hit after which a clause is ready.")
    ] = ENOUGH_CALLS,
) -> int:
    """What enforcing would have refused or held, by clause, and what is ungoverned."""
    kind = kind_of(principal_kind)
    if sessions and store:
        raise typer.BadParameter("give --store or --sessions, not both")
    if sessions and envelope is None:
        raise typer.BadParameter("--sessions needs --envelope")
    loaded = read_envelope_file(envelope) if envelope is not None else None
    if sessions and loaded is not None:
        recorded = progress(read_sessions(sessions), "judging")
        found = gathered(one for s in recorded for one in from_replay(replay_session(s, loaded, kind)))
    else:
        found = gathered(_from_store(store, agent))
    report = found.report(loaded, enough)
    if Output.json:
        emit(report)
    else:
        _show(report, found, loaded)
    return 0


def _from_store(store: str | None, agent: str | None) -> Iterator[Seen | None]:
    with opened(store) as at:
        yield from progress(from_events(at.store.events(kinds=KINDS, trials=False), agent), "reading")


def _show(report: dict[str, Json], found: Readiness, envelope: Envelope | None) -> None:
    if not report["calls"]:
        say("no decision yet: run the agent behind an envelope with enforcement: monitor, then ask again")
        return
    touched = f"{counted(report['sessions_touched'], 'session')} ({report['share_of_sessions_touched']:.1%})"
    say(
        f"{counted(report['calls'], 'call')} in {counted(report['sessions'], 'session')}."
        f" Enforcing refuses {report['would_refuse']} and holds {report['would_hold']}; it touches {touched}."
    )
    back = f"withholds {report['would_withhold']} results and refuses {report['would_refuse_answers']} final answers"
    if report["would_withhold"] or report["would_refuse_answers"]:
        say(f"It also {back}.")
    if report["would_repeat"]:
        say(
            f"{report['would_repeat']} calls repeat an earlier one: enforcing gives them its result, and runs nothing."
        )
    rows = [
        (
            line["clause"],
            line["does"],
            line["calls"],
            f"{line['share_of_sessions']:.1%}",
            _example(line["example"]),
        )
        for line in report["clauses"][:SHOWN]
    ]
    if rows:
        table("", ("clause", "does", "calls", "of sessions", "for example"), rows)
    _more(len(report["clauses"]) - SHOWN, "clauses")
    if report["ungoverned"]:
        tools = [(line["tool"], line["calls"], line["sessions"]) for line in report["ungoverned"][:SHOWN]]
        table("ungoverned: tools that the envelope does not list", ("tool", "calls", "sessions"), tools)
    if envelope is None:
        say("give --envelope to see the clauses that never hit and the tools that were never called")
    else:
        _show_clauses(report)
    if len(found.envelopes) > 1:
        note(
            f"remit: {len(found.envelopes)} versions of the envelope decided these calls; hits are counted together"
        )
    if found.erased:
        note(f"remit: {found.erased} decisions were erased and are not counted")


def _show_clauses(report: dict[str, Json]) -> None:
    ready = [
        (line["clause"], line["calls"], f"{line['rate_at_most']:.2%}") for line in report["ready"][:SHOWN]
    ]
    if ready:
        table("ready to enforce: never hit", ("clause", "calls", "rate at most (95 %)"), ready)
    _more(len(report["ready"]) - SHOWN, "clauses")
    waiting = _listed([f"{line['clause']} ({line['calls']})" for line in report["unproven"]])
    if waiting:
        say(f"never hit in fewer than {report['enough_calls']} calls: {safe(waiting, 4000)}")
    if report["never_called"]:
        say(f"never called: {safe(_listed(report['never_called']), 4000)}")


def _listed(names: Sequence[str]) -> str:
    """In one line, which a person reads to its end."""
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more; --json has all" if more > 0 else "")


def _more(count: int, what: str) -> None:
    if count > 0:
        say(f"… and {count} more {what}; --json has all")


def _example(example: dict[str, Any]) -> str:
    return safe(f"{example['session_id']}: {example['why']}", 200) if example else ""
