"""`remit replay policy`: judge recorded sessions by an envelope. Nothing runs, no model is asked."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from remit.cli.output import Output, console, emit, emit_encoded, note, safe, say, table
from remit.cli.variadic import Variadic
from remit.core.types import Json, PrincipalKind
from remit.usecases.replay import Tally
from remit.usecases.replay_many import RecordBatch, ReplayPart, ReplayPlan, batches, judged
from remit.usecases.sessions_files import session_files
from remit.wiring import read_text

app = typer.Typer(add_completion=False, no_args_is_help=True)

TOP_CLAUSES = 12
_SUITE = re.compile(r"[A-Za-z0-9_.-]{1,64}=")


@app.callback()
def replay() -> None:
    """Judge recorded sessions by an envelope."""


@app.command(cls=Variadic)
def policy(
    *,
    envelope: Annotated[
        list[str],
        typer.Option(metavar="E|SUITE=E", help="The envelope, or one for each suite; may be repeated."),
    ],
    sessions: Annotated[
        list[Path],
        typer.Option(metavar="F", help="File or folder of recorded sessions, - for stdin; may be repeated."),
    ],
    where: Annotated[
        list[str] | None,
        typer.Option(metavar="K=V", help="Only sessions with this field; attack.succeeded=true reads below."),
    ] = None,
    principal_kind: Annotated[
        str | None, typer.Option(metavar="KIND", help="Whose text the user's is: operator or customer.")
    ] = None,
    jobs: Annotated[int, typer.Option(help="Processes.", min=1, max=256)] = 1,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Count records that are no session, and go on.")
    ] = False,
    fail_on: Annotated[
        str, typer.Option(help="Exit 1 when a call gets this: deny, hold (or a refusal), never.")
    ] = "never",
) -> int:
    """What an envelope says about every recorded call."""
    if fail_on not in ("never", "deny", "hold"):
        raise typer.BadParameter(f"--fail-on: found '{fail_on}', use deny, hold or never")
    plan = ReplayPlan(
        envelopes=envelopes_of(envelope),
        where=pairs_of(where or []),
        principal_kind=kind_of(principal_kind),
        skip_bad=skip_bad,
        write_lines=Output.json,
    )
    files = session_files(sessions)
    whole, started = ReplayPart(), time.perf_counter()
    for part in _with_bar(judged(batches(files), plan, jobs), files):
        whole.merge(part)
        if Output.json:
            emit_encoded(b"".join(part.lines))
    summary = summary_of(whole, time.perf_counter() - started)
    if Output.json:
        emit({"summary": summary})
    else:
        _show(whole, summary)
    return _exit_code(whole.total, fail_on)


def envelopes_of(given: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Envelope texts with their files by suite; the empty suite for one that is for all.

    Raises:
        BadInput: a file cannot be read.
        UsageError: two for one suite.
    """
    found: dict[str, tuple[str, str]] = {}
    for text in given:
        named = _SUITE.match(text) if not Path(text).exists() else None
        suite, file = (text[: named.end() - 1], text[named.end() :]) if named else ("", text)
        if suite in found:
            told = f"suite '{suite}'" if suite else "every suite (write SUITE=FILE for several)"
            raise typer.BadParameter(f"--envelope: two for {told}")
        found[suite] = (read_text(Path(file)), file)
    return found


def kind_of(text: str | None) -> PrincipalKind | None:
    """The principal's kind as an option gives it."""
    if text is not None and text not in tuple(PrincipalKind):
        raise typer.BadParameter(f"--principal-kind: found '{text}', use operator or customer")
    return PrincipalKind(text) if text else None


def pairs_of(given: Sequence[str]) -> dict[str, str]:
    """`key=value` options by key."""
    for text in given:
        if "=" not in text:
            raise typer.BadParameter(f"--where: found '{text}', write key=value")
    return {key: value for key, _, value in (text.partition("=") for text in given)}


def _exit_code(total: Tally, fail_on: str) -> int:
    if fail_on != "never" and total.sessions == 0:
        return 4  # a gate that saw nothing has not passed
    refused, held = total.results["deny"], total.results["hold"]
    if (fail_on == "deny" and refused) or (fail_on == "hold" and refused + held):
        return 1
    return 0


def summary_of(whole: ReplayPart, seconds: float) -> dict[str, Json]:
    """The last line of `--json`: totals, and each suite where there is more than one."""
    total = whole.total
    summary = total.summary() | {
        "seconds": round(seconds, 3),
        "calls_per_s": round(total.calls / seconds) if seconds > 0 else 0,
        "skipped": sum(whole.skipped.values()),
        "skipped_why": dict(whole.skipped.most_common()),
        "bad": len(whole.bad),
    }
    if len(whole.tallies) > 1:
        summary["suites"] = {suite: whole.tallies[suite].summary() for suite in sorted(whole.tallies)}
    return summary


def _with_bar(work: Iterator[tuple[RecordBatch, ReplayPart]], files: Sequence[Path]) -> Iterator[ReplayPart]:
    """The parts, with a bar over the bytes of the files on stderr where that is a terminal."""
    if not sys.stderr.isatty():
        for _, part in work:
            yield part
        return
    from rich.progress import Progress

    sizes = {file: file.stat().st_size if file.is_file() else 0 for file in files}
    done = dict.fromkeys(files, 0)
    with Progress(console=console(stderr=True), transient=True) as bar:
        task = bar.add_task("judging", total=sum(sizes.values()) or None)
        for batch, part in work:
            bar.advance(task, batch.read_to - done[batch.file])
            done[batch.file] = batch.read_to
            yield part


def _show(whole: ReplayPart, summary: Mapping[str, Json]) -> None:
    rows = [_row(suite or "(none)", tally.summary()) for suite, tally in sorted(whole.tallies.items())]
    if len(rows) > 1:
        rows.append(_row("all", summary))
    columns = ("suite", "sessions", "untouched", "calls", "allow", "hold", "deny", "flag", "holds/1,000")
    table("", columns, rows, empty="no session was judged; check --where and the suites of --envelope")
    total = whole.total
    top = [
        (clause, count, _example(total.examples.get(clause)))
        for clause, count in total.clauses.most_common(TOP_CLAUSES)
    ]
    if top:
        table("", ("clause", "calls", "for example"), top)
    if total.unlisted:
        named = ", ".join(f"{tool} ({count})" for tool, count in total.unlisted.most_common(20))
        say(f"tools that no envelope lists: {safe(named)}")
    say(f"{summary['calls']} calls in {summary['seconds']} s ({summary['calls_per_s']} a second)")
    for why, count in whole.skipped.most_common():
        note(f"remit: {count} sessions skipped: {safe(why)}")
    if whole.bad:
        place, found, _ = whole.bad[0]
        told = f"the first at {safe(place)}: {safe(found, 300)}"
        note(f"remit: {len(whole.bad)} records are no session, {told}")


def _row(name: str, s: Mapping[str, Json]) -> tuple[Any, ...]:
    keys = ("sessions", "untouched", "calls", "allow", "hold", "deny", "flag", "holds_per_1000_calls")
    return (name, *(s[key] for key in keys))


def _example(example: Mapping[str, Json] | None) -> str:
    if example is None:
        return ""
    return safe(f"{example['session_id']} step {example['step']}: {example['why']}", 240)
