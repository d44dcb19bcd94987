"""`remit anomalies`: what went against an envelope, with all that is needed to understand it.

The list is made from index columns, none of which is personal. Showing one opens what was captured, reasoning
included; that reading is itself recorded, before anything is shown.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Annotated, Any

import apsw
import msgspec
import typer

from remit.cli.anomaly_classes import (
    classes_of,
    classification_of,
    export_anomalies,
    label_anomaly,
    print_classification,
)
from remit.cli.approvals import began, print_arguments, print_session
from remit.cli.opened import Opened, StoreOption, instant_of, opened, short_ids, whole_id
from remit.cli.output import Output, emit, say, table
from remit.core.errors import BadInput
from remit.core.event import AnomalyIndex, Event, StoredEvent
from remit.core.notice import instant, visible
from remit.core.types import Severity
from remit.store.reader import OF_PRODUCTION
from remit.usecases.clock import Uuid7
from remit.usecases.inspect import anomaly_line, anomaly_view

app = typer.Typer(add_completion=False, no_args_is_help=True)

_COLUMNS = (
    "event.seq, event.at, event.id, event.session, event.kind, event.agent, event.envelope, event.tenant,"
    " anomaly.kind, anomaly.severity, anomaly.clauses, anomaly.tool, anomaly.counts, anomaly.enforced"
    " FROM anomaly JOIN event ON event.seq = anomaly.seq"
)


@app.callback()
def anomalies() -> None:
    """The anomaly journal."""


@app.command("ls")
def list_anomalies(
    agent: Annotated[str | None, typer.Option("--agent", show_default=False)] = None,
    clause: Annotated[
        str | None, typer.Option("--clause", help="Full id: TOOL.CLAUSE.", show_default=False)
    ] = None,
    kind: Annotated[
        str | None, typer.Option("--kind", help="denied, flagged, output, …", show_default=False)
    ] = None,
    severity: Annotated[
        str | None, typer.Option("--severity", help="This one or worse.", show_default=False)
    ] = None,
    session: Annotated[str | None, typer.Option("--session", show_default=False)] = None,
    tool: Annotated[str | None, typer.Option("--tool", show_default=False)] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", help="An instant (ISO 8601) or a duration ago.", show_default=False),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=100_000, help="The latest so many.")] = 50,
    trials: Annotated[
        bool, typer.Option("--trials", help="Also those of trials, which nobody is on duty for.")
    ] = False,
    store: StoreOption = None,
) -> int:
    """Anomalies, oldest first."""
    with opened(store) as at:
        after = None if since is None else instant_of(since, "--since", at.now)
        wanted: dict[str, Any] = {
            "event.agent = ?": agent,
            "EXISTS (SELECT 1 FROM json_each(anomaly.clauses) WHERE value = ?)": clause,
            "anomaly.kind = ?": kind,
            "event.session = ?": session,
            "anomaly.tool = ?": tool,
            "event.at >= ?": after,
        }
        where = {sql: value for sql, value in wanted.items() if value is not None}
        stored = _found(at, where, _at_least(severity), limit, trials=trials or session is not None)
        classes = classes_of(at, [one.seq for one in stored])
        lines = [anomaly_line(one) | classes[one.seq] for one in stored]
        if Output.json:
            emit({"anomalies": lines})
            return 0
        short = short_ids(at, "event", [line["id"] for line in lines])
        rows = [
            (
                short[line["id"]],
                instant(line["at"])[5:16],
                line["severity"] if line["enforced"] else f"{line['severity']} (monitor)",
                visible(line["kind"]),
                line["class"] or "-",
                visible(line["agent"]),
                visible(", ".join(line["clauses"]) or line["tool"]) or "-",
            )
            for line in lines
        ]
        columns = ("id", "at (UTC)", "severity", "kind", "class", "agent", "clauses")
        narrowed = severity is not None or len(where) > 0
        empty = "no anomalies; with fewer options there may be some" if narrowed else "no anomalies"
        table("", columns, rows, empty=empty)
    return 0


@app.command()
def show(
    anomaly_id: Annotated[
        str, typer.Argument(metavar="ID", help="Of the anomaly, or how it begins.", show_default=False)
    ],
    store: StoreOption = None,
) -> int:
    """One anomaly, whole: what led to it, what was tried, what was decided, what ran. The reading is recorded."""
    with opened(store) as at:
        stored = found_by(at, anomaly_id)
        body = {"anomaly": stored.event.id, "session": stored.event.session, "by": at.who()}
        agent, tenant = stored.event.agent, stored.event.tenant
        at.store.append_now(Event(Uuid7().new(), "", "anomaly.read", agent, "", body, tenant))
        view = anomaly_view(stored, *_of_the_same_call(at, stored), began(at, stored.event, stored.seq))
        view["classification"] = classification_of(at, stored)
        if Output.json:
            emit({"anomaly": view})
        else:
            _print(view)
    return 0


app.command("label")(label_anomaly)
app.command("export")(export_anomalies)


# ---------------------------------------------------------------------------------------------- reading
def _at_least(severity: str | None) -> tuple[Severity, ...]:
    levels = list(Severity)
    if severity is None:
        return tuple(levels)
    if severity.lower() not in levels:
        raise typer.BadParameter(f"--severity: found {severity!r}, use one of {', '.join(levels)}")
    return tuple(levels[levels.index(Severity(severity.lower())) :])


def _found(
    at: Opened, where: Mapping[str, Any], severities: tuple[Severity, ...], limit: int, *, trials: bool
) -> list[StoredEvent]:
    """The latest so many, oldest first; without their bodies, which stay encrypted."""
    told = [*where, f"anomaly.severity IN ({','.join('?' * len(severities))})"]
    told += [] if trials else [OF_PRODUCTION]
    sql = f"SELECT {_COLUMNS} WHERE {' AND '.join(told)} ORDER BY event.seq DESC LIMIT ?"
    values = (*where.values(), *(s.value for s in severities), limit)

    def read(connection: apsw.Connection) -> list[StoredEvent]:
        return [_bare(row) for row in connection.execute(sql, values)]

    return at.store.read(read)[::-1]


def _bare(row: tuple[Any, ...]) -> StoredEvent:
    seq, written, event_id, session, kind, agent, envelope, tenant, *index = row
    what, severity, clauses, tool, counts, enforced = index
    names = tuple(msgspec.json.decode(clauses))
    anomaly = AnomalyIndex(what, Severity(severity), names, tool, bool(counts), bool(enforced))
    return StoredEvent(
        seq, written, Event(event_id, session, kind, agent, envelope, {}, tenant, anomaly=anomaly)
    )


def found_by(at: Opened, prefix: str) -> StoredEvent:
    """The anomaly whose id begins so."""
    sql = (
        "SELECT event.id FROM anomaly JOIN event ON event.seq = anomaly.seq"
        " WHERE substr(event.id, 1, ?) = ? ORDER BY event.id LIMIT 6"
    )
    given = prefix.strip()
    found = (
        at.store.read(lambda db: [str(row[0]) for row in db.execute(sql, (len(given), given))])
        if given
        else []
    )
    stored = at.store.event(whole_id(given, found, "anomaly", "see `remit anomalies ls`"))
    if stored is None:
        raise BadInput("anomaly", "it is gone", "see `remit anomalies ls`")
    return stored


def _of_the_same_call(at: Opened, stored: StoredEvent) -> tuple[StoredEvent | None, StoredEvent | None]:
    """Decision and outcome of the call that this anomaly is about, as far as they are other events."""
    token = stored.event.body.get("token")
    if stored.event.kind == "approval.answered":
        return _asked_about(at, stored), None
    if not token or not stored.event.session:
        return None, None
    events = at.store.events(stored.event.session, {"decided", "settled"}, tenant=stored.event.tenant)
    known = {e.event.kind: e for e in events if e.event.body.get("token") == token and e.seq != stored.seq}
    return known.get("decided"), known.get("settled")


def _asked_about(at: Opened, answered: StoredEvent) -> StoredEvent | None:
    """The decision of the call that a person was asked about: the last one like the question, before it."""
    event, kinds = answered.event, {"decided", "approval.requested"}
    found = at.store.events(event.session, kinds, tenant=event.tenant)
    decided = None
    for one in sorted(found, key=lambda e: e.seq):
        body = one.event.body
        if one.event.kind == "approval.requested" and body.get("approval") == event.body.get("approval"):
            return decided
        if one.event.kind == "decided" and body.get("tool") == event.body.get("tool"):
            decided = one
    return None


# ---------------------------------------------------------------------------------------------- printing
def _print(view: Mapping[str, Any]) -> None:
    counted = "counts for the breaker" if view["counts"] else "does not count for the breaker"
    blocked = "" if view["enforced"] else "; the envelope only monitors: nothing was blocked"
    if view["counts"] and not view["enforced"]:
        counted = "would count for the breaker"
    say(f"Anomaly {view['id']}: {visible(view['kind'])}, {view['severity']}, {counted}{blocked}")
    say(f"When       {instant(view['at'])}, event {view['seq']}")
    say(
        f"Agent      {visible(view['agent'])}, session {visible(view['session']) or '-'}, mode {view['mode'] or '-'}"
    )
    print_session(view)
    print_classification(view["classification"])
    if view["erased"]:
        say("The data of its subject was erased: what is left proves that it happened, not what it said.")
        return
    if view["drift"]:
        _print_drift(view["drift"], view["tool"])
        return
    _print_trigger(view)
    _print_attempt(view)
    _print_decision(view["decision"])
    _print_outcome(view["outcome"])
    if view["session"]:
        say(f"Reach      remit impact {view['id']}")
        say(f"See all    remit journal export --session {visible(shlex.quote(view['session']))}")


def _print_drift(drift: Mapping[str, Any], tool: str) -> None:
    """What a server says of its tool, and how to go on."""
    then = "shown all the same" if drift["shown"] else "hidden, and its calls are refused"
    say(f"Server     {visible(str(drift['server']))}; {then}")
    for one in drift["malformed"] or ():
        say(f"No definition  {visible(str(one.get('name'))) or '(no name)'}: {visible(str(one.get('why')))}")
    for line in (drift["diff"] or "").split("\n"):
        say(f"  {visible(line, 1000)}")
    for one in drift["findings"] or ():
        say(f"Read twice {visible(str(one.get('kind')))}: {visible(str(one.get('told')), 400)}")
    if drift["diff"]:
        where = shlex.join([str(drift["server"]), tool])
        say(f"Accept it with: remit mcp pins accept {visible(where)}")


def _print_trigger(view: Mapping[str, Any]) -> None:
    rows = [
        (
            s["segment"],
            visible(s["role"]),
            visible(s["source"]),
            s["integrity"].upper(),
            visible(s["text"], 1000),
        )
        for s in view["trigger"]
    ]
    if rows:
        table("What led to it", ("segment", "role", "source", "integrity", "text"), rows)
    for text in view["reasoning"]:
        say(f"The agent's own words, no evidence: {visible(text, 2000)}")


def _print_attempt(view: Mapping[str, Any]) -> None:
    attempted = view["attempted"]
    if attempted is None:
        return
    say(
        f"Tried      {visible(attempted['tool'])}"
        + (f" ({attempted['effect']})" if attempted["effect"] else "")
    )
    if attempted["arguments"]:
        print_arguments(attempted["arguments"])
    elif attempted["args"]:
        say(f"Arguments  {visible(str(attempted['args']), 1000)}")


def _print_decision(decision: Mapping[str, Any]) -> None:
    if decision["result"]:
        say(f"Decision   {decision['result']}" + ("" if decision["enforced"] else " (not enforced)"))
    rows = [
        (
            visible(v["clause"]),
            visible(v["kind"]),
            v["on_violation"],
            v["severity"],
            visible(v["message"], 1000),
        )
        for v in decision["violations"]
    ]
    if rows:
        table("Clauses that were not met", ("clause", "kind", "then", "severity", "found"), rows)
    for error in decision["errors"]:
        say(f"Error      {visible(error, 1000)}")
    if decision["approval_id"]:
        say(f"Approval   {decision['approval_id']}: remit approvals show {decision['approval_id']}")


def _print_outcome(outcome: Mapping[str, Any] | None) -> None:
    if outcome is None:
        say("Outcome    nothing is recorded of it having run")
        return
    told = {"value": "it ran", "error": "it raised", "answer": "final answer", "unknown": "nobody knows"}
    told["rejected"] = f"it did not run: {visible(str(outcome.get('by')))} said no"
    say(f"Outcome    {told.get(outcome['ended'], visible(str(outcome['ended'])))}")
    for key in ("error", "result", "answer", "reason", "count"):
        if found := outcome.get(key):
            words = (
                ": ".join(filter(None, map(str, found.values()))) if isinstance(found, dict) else str(found)
            )
            say(f"  {key}: {visible(words, 1000)}")
