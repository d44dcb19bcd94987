"""`remit envelope explain`: why a call gets its decision, clause by clause, with the values that were looked at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from remit.cli.check import CheckState, call_lines, read_call
from remit.cli.opened import StoreOption, opened, whole_id
from remit.cli.output import Output, emit, safe, say, table
from remit.core.canonical import loads_strict
from remit.core.errors import BadInput
from remit.core.event import Event
from remit.core.explained import ClauseState, ExplainedLine, Explanation, explain
from remit.core.promote import marked
from remit.core.types import Json
from remit.usecases.clock import Uuid7
from remit.wiring import read_envelope_file

_MARKS = {
    ClauseState.MET: "✓",
    ClauseState.UNMET: "✗",
    ClauseState.ERROR: "✗ error",
    ClauseState.LIFTED: "✓ lifted",
}


def envelope_explain(
    envelope: Annotated[Path | None, typer.Option(help="The envelope; not with --event.")] = None,
    call: Annotated[
        Path | None,
        typer.Option(metavar="CALL.json", help="One {tool, args, session?}; - for standard input."),
    ] = None,
    calls: Annotated[
        Path | None, typer.Option(metavar="CALLS.jsonl", help="One call a line; - for standard input.")
    ] = None,
    tool: Annotated[str | None, typer.Option(help="The tool, with --args.")] = None,
    args: Annotated[str | None, typer.Option(metavar="JSON", help="The arguments, with --tool.")] = None,
    state: Annotated[
        Path | None,
        typer.Option(help="What the session saw before each call, as `remit check --state` takes it."),
    ] = None,
    event: Annotated[
        str | None,
        typer.Option(
            metavar="ID", help="A call of the journal: id of an anomaly or an event, or how it begins."
        ),
    ] = None,
    store: StoreOption = None,
) -> int:
    """Why a call gets its decision, or got it: every clause with its values, and where the values came from."""
    if event is not None:
        if (envelope, call, calls, tool, args, state) != (None,) * 6:
            raise typer.BadParameter(
                "--event stands alone: the journal has the call, its session and its envelope"
            )
        return _explain_recorded(event, store)
    if envelope is None:
        raise typer.BadParameter("give --envelope with a call, or --event with an id of the journal")
    if (call, calls, tool).count(None) != 2 or (tool is None) != (args is None):
        raise typer.BadParameter("give one of --call, --calls, or --tool with --args")
    context = CheckState(read_envelope_file(envelope), state)
    for at, asked in _calls(call, calls, tool, args):
        told = _explained(asked, context)
        if Output.json:
            emit({"line": at, **_report(told)})
        else:
            _show(told)
    return 0


def _explain_recorded(prefix: str, store: str | None) -> int:
    """A call of the journal, beside the envelope of that day. The reading is recorded."""
    from remit.usecases.explain_event import explain_event

    with opened(store) as at:
        sql = "SELECT id FROM event WHERE substr(id, 1, ?) = ? ORDER BY id LIMIT 6"
        given = prefix.strip()
        found = at.store.read(lambda db: [str(row[0]) for row in db.execute(sql, (len(given), given))])
        event_id = whole_id(given, found if given else [], "event", "`remit anomalies ls` lists them")
        told, known = explain_event(at.store.event, lambda s: at.store.events(session=s), event_id)
        body = {"anomaly": known["event"], "session": known["session"], "by": at.who()}
        tenant = known.pop("tenant")
        at.store.append_now(Event(Uuid7().new(), "", "anomaly.read", known["agent"], "", body, tenant))
    if Output.json:
        emit({**known, **_report(told), "envelope": known["envelope"]})
        return 0
    _show(told)
    kept = ", and its result was withheld" if known["withheld"] else ""
    ran = f"it ran{kept}" if known["ran"] else "it did not run"
    when = datetime.fromtimestamp(known["at"], UTC).isoformat(timespec="seconds")
    envelope = known["envelope"]
    version = f"{safe(envelope['name'])} version {safe(envelope['version'])}, sha256 {envelope['hash'][:16]}…"
    acted = "enforced" if known["enforced"] else "only monitored"
    say(f"{when}, session {safe(known['session'])}: {ran}; {version}, {acted}; mode {known['mode']}")
    return 0


def _calls(
    call: Path | None, calls: Path | None, tool: str | None, args: str | None
) -> Iterator[tuple[int, dict[str, Any]]]:
    if calls is not None:
        yield from ((at, read_call(line, at)) for at, line in call_lines(calls) if line.strip())
    elif call is not None:
        yield 1, read_call(b"".join(line for _, line in call_lines(call)), 1)
    else:
        value = loads_strict(args or "", where="--args")
        if not isinstance(value, dict):
            raise BadInput("--args", "is no object", 'write {"name": value}')
        yield 1, {"tool": tool, "args": value}


def _explained(call: dict[str, Any], context: CheckState) -> Explanation:
    facts, prepared, past = context.asked(call)
    told = explain(prepared, context.envelope, facts, past)
    return Explanation(marked(told.decision, context.envelope, context.session_id), told.lines)


def _report(told: Explanation) -> dict[str, Json]:
    decision = told.decision
    report: dict[str, Json] = {
        "tool": decision.tool,
        "result": decision.result.value,
        "reason": decision.reason,
        "clauses": list(decision.clauses),
        "flags": list(decision.flags),
        "canonical": decision.canonical,
        "need": asdict(decision.need) if decision.need is not None else None,
        "repeats": bool(decision.repeats),
        "envelope": decision.envelope_hash,
        "steps": [_step(line) for line in told.lines],
    }
    return report | ({"bound": list(decision.bound)} if decision.bound is not None else {})


def _step(line: ExplainedLine) -> dict[str, Json]:
    step = {**asdict(line), "state": line.state.value}
    step["values"] = [{"part": part, "value": value} for part, value in line.values]
    return step


def _show(told: Explanation) -> None:
    decision = told.decision
    rows = [
        (line.clause, f"{line.asserts}  [{line.does}]", _MARKS.get(line.state, line.state.value), _seen(line))
        for line in told.lines
    ]
    table(f"{decision.tool}: {decision.result.value}", ("clause", "asserts", "", "because"), rows)
    verdict = _verdict(told)
    if verdict != decision.result.value:
        say(f"{decision.result.value}: {safe(verdict)}")


def _verdict(told: Explanation) -> str:
    decision = told.decision
    if decision.repeats:
        return "a repeat: it gets the result of the first call, and nothing runs"
    if decision.need is not None:
        need = decision.need
        return f"{need.people} must approve of {', '.join(need.roles) or 'any operator'}; {decision.reason}"
    if decision.bound is not None and decision.result.value != "allow":
        bound = ", ".join(decision.bound) or "nothing of it"
        return f"{decision.reason} (the envelope monitors; {bound} binds)"
    return decision.reason


def _seen(line: ExplainedLine) -> str:
    """Why it stands so: the message, then values and origins."""
    told = [line.message] if line.message else []
    told += [f"{part} = {value}" for part, value in line.values]
    if line.limit is not None:
        told.append("{used} used, {asked} asked, at most {most}".format(**line.limit))
    for leaf in line.leaves:
        found = [
            f"{o['source']} ({o['integrity']}, {o['confidentiality']}): “{o['quote']}”"
            for o in leaf["origins"]
        ]
        where = "exempt" if leaf["exempt"] else "; ".join(found) or "stands nowhere"
        told.append(f"{leaf['path']} {leaf['value']!r}: {where}")
    return "\n".join(told)
