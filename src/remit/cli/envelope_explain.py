"""`remit envelope explain`: why a call gets its decision, clause by clause, with the values that were looked at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from remit.cli.check import State, call_lines, read_call
from remit.cli.output import Output, emit, safe, say, table
from remit.core.canonical import loads_strict
from remit.core.errors import BadInput
from remit.core.explained import Explanation, Line, explain
from remit.core.explained import State as Stands
from remit.core.promote import marked
from remit.core.types import Json
from remit.wiring import read_envelope_file

_MARKS = {Stands.MET: "✓", Stands.UNMET: "✗", Stands.ERROR: "✗ error", Stands.LIFTED: "✓ lifted"}


def envelope_explain(
    envelope: Annotated[Path, typer.Option(help="The envelope.")],
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
) -> int:
    """Why a call gets its decision: every clause with its values, and where the values came from."""
    if (call, calls, tool).count(None) != 2 or (tool is None) != (args is None):
        raise typer.BadParameter("give one of --call, --calls, or --tool with --args")
    context = State(read_envelope_file(envelope), state)
    for at, asked in _calls(call, calls, tool, args):
        told = _explained(asked, context)
        if Output.json:
            emit({"line": at, **_report(told)})
        else:
            _show(told)
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


def _explained(call: dict[str, Any], context: State) -> Explanation:
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


def _step(line: Line) -> dict[str, Json]:
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
    say(f"{decision.result.value}: {safe(_verdict(told))}")


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


def _seen(line: Line) -> str:
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
