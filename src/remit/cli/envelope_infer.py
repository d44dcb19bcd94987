"""`remit envelope infer`: propose an envelope from recorded sessions, and say what the proposal rests on."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from remit.cli.output import Output, counted, emit, note, safe, say
from remit.cli.replay import kind_of, pairs_of
from remit.core.canonical import loads_strict
from remit.core.errors import BadInput
from remit.core.recorded import RecordedSession
from remit.core.types import Json
from remit.usecases.infer import Inferred, infer
from remit.usecases.replay import fits
from remit.usecases.sessions_files import read_sessions
from remit.usecases.tool_hint import ToolHint, tools_in
from remit.wiring import read_text

TOP_CLAUSES = 8


def envelope_infer(
    *,
    sessions: Annotated[
        list[Path],
        typer.Option(metavar="F", help="Good recorded sessions: file or folder; may be repeated."),
    ],
    where: Annotated[
        list[str] | None, typer.Option(metavar="K=V", help="Only sessions with this field.")
    ] = None,
    tools: Annotated[
        Path | None, typer.Option(help="JSON with tool definitions: MCP's tools/list, OpenAI's, Anthropic's.")
    ] = None,
    base: Annotated[
        Path | None, typer.Option(help="An envelope to narrow: its clauses stay, learned ones are added.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write the envelope here.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Overwrite what is there.")] = False,
    name: Annotated[str, typer.Option(help="The agent's name.")] = "my-agent",
    task: Annotated[
        str, typer.Option(metavar="K", help="The field of a record that names its task.")
    ] = "task_id",
    folds: Annotated[
        int,
        typer.Option(help="Parts in which tasks are held out to measure coverage; 0: none.", min=0, max=50),
    ] = 5,
    principal_kind: Annotated[
        str | None, typer.Option(metavar="KIND", help="Whose text the user's is: operator or customer.")
    ] = None,
) -> int:
    """Propose an envelope, in monitor, from what good sessions did; it says what each line rests on."""
    if not name.strip() or len(name) > 200 or not name.isprintable():
        raise typer.BadParameter("--name: write 1 to 200 printable characters")
    chosen = list(_chosen(sessions, pairs_of(where or [])))
    found = infer(
        chosen,
        name=name,
        hints=_hints(tools),
        kind=kind_of(principal_kind),
        task_key=task,
        folds=folds,
        base=(read_text(base), str(base)) if base is not None else None,
    )
    if out is not None:
        _write(out, found.text, yes)
    if Output.json:
        emit({"path": str(out) if out else None, "envelope": found.text, "report": found.report})
    else:
        _tell(found, out)
    return 0


def _chosen(paths: Sequence[Path], where: Mapping[str, str]) -> Iterator[RecordedSession]:
    for session in read_sessions(paths):
        if fits(session, where):
            yield session


def _hints(tools: Path | None) -> list[ToolHint]:
    return tools_in(loads_strict(read_text(tools), where=str(tools)), str(tools)) if tools else []


def _write(place: Path, text: str, yes: bool) -> None:
    if place.exists() and not yes and read_text(place) != text:
        raise BadInput(str(place), "is there already and differs", "--yes overwrites it")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
    except OSError as error:
        told = f"cannot be written: {error.strerror}"
        raise BadInput(str(place), told, "check the folder's rights") from None


def _tell(found: Inferred, out: Path | None) -> None:
    """The envelope on stdout where no file is asked for; then what it rests on goes to stderr."""
    tell = say if out is not None else note
    if out is None:
        sys.stdout.write(found.text)
    for line in told(found.report):
        tell(safe(line, 400))
    if out is not None:
        say(
            f"\n{safe(out)} written. Next: read it, remit envelope lint {safe(out)}; after some days: remit readiness"
        )


def told(report: Mapping[str, Any]) -> Iterator[str]:
    """The account in sentences."""
    yield (
        f"learned from {counted(report['sessions'], 'session')} of {counted(report['tasks'], 'task')},"
        f" {counted(report['calls'], 'call')}"
    )
    if report["unreadable_calls"]:
        yield f"not learned from: {counted(report['unreadable_calls'], 'call')} with arguments that cannot be read"
    lists = (
        ("left_out", "left out"),
        ("unknown_effect", "effect unknown, taken as irreversible"),
        ("unguarded", "cannot be taken back, and nothing was learned that guards it"),
        ("never_called", "defined and never called, on the safe side"),
        ("seen_once", "seen in one task only"),
    )
    for key, words in lists:
        if report[key]:
            yield f"{words}: {_named(report[key])}"
    if "base" in report:
        yield from _about_base(report["base"])
    yield f"these sessions: {_coverage(report['training'])}"
    if report["held_out"] is None:
        yield "not measured: what it does to tasks that it has not seen (one task, or --folds 0)"
    else:
        yield f"tasks held out in turn: {_coverage(report['held_out'])}"
        yield from _refused(report["held_out"])


def _about_base(base: Mapping[str, Any]) -> Iterator[str]:
    yield f"added to the base: {_named(base['added']) or 'nothing'}"
    for one in base["refused"]:
        yield f"not added: {one['clause']}: {one['why']}"
    if base["not_in_base"]:
        yield f"called, and the base does not list them: {_named(base['not_in_base'])}"


def _coverage(part: Mapping[str, Any]) -> str:
    calls, sessions = part["calls"], part["sessions"]
    return (
        f"{part['allow']} of {counted(calls, 'call')} allowed ({_share(part['allow'], calls)}),"
        f" {part['hold']} held, {part['deny']} refused;"
        f" {part['untouched']} of {counted(sessions, 'session')} untouched ({_share(part['untouched'], sessions)})"
    )


def _refused(part: Mapping[str, Any]) -> Iterator[str]:
    for clause, times in list(part["clauses"].items())[:TOP_CLAUSES]:
        example: Mapping[str, Json] = part["examples"].get(clause, {})
        why = f", such as {example['session_id']}: {example['why']}" if example else ""
        yield f"  would stop {counted(times, 'call')} by {clause}{why}"


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "none"


def _named(names: Sequence[str] | Mapping[str, str]) -> str:
    shown = list(names)[:20]
    return ", ".join(shown) + (f" and {len(names) - 20} more" if len(names) > 20 else "")
