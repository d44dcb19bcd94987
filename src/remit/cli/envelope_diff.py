"""`remit envelope diff`: what became allowed, held and refused; and whether the new envelope only narrows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from remit.cli.output import Output, counted, emit, note, safe, say, table
from remit.cli.replay import kind_of, pairs_of
from remit.core.diff import Difference, Effect, EnvelopeDifference, diff
from remit.core.errors import BadInput
from remit.core.narrow import Document, WiderPlace, read_document
from remit.core.recorded import RecordedSession
from remit.core.types import Json
from remit.usecases.diff_sessions import EnvelopeComparison, compare
from remit.usecases.replay import fits
from remit.usecases.sessions_files import lines, session_files, sessions_in
from remit.wiring import read_text

_HEADINGS = {
    Effect.MORE: "allows more",
    Effect.EITHER: "may allow more, may refuse more",
    Effect.LESS: "allows less",
    Effect.NONE: "no effect on decisions",
}
_INCONCLUSIVE = 4


def envelope_diff(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="The envelope as it was.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="The envelope as it would be.")],
    sessions: Annotated[
        list[Path] | None,
        typer.Option(metavar="F", help="Recorded sessions to judge by both; may be repeated."),
    ] = None,
    where: Annotated[
        list[str] | None, typer.Option(metavar="K=V", help="Only sessions with this field.")
    ] = None,
    principal_kind: Annotated[
        str | None, typer.Option(metavar="KIND", help="Whose text the user's is: operator or customer.")
    ] = None,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Count records that are no session, and go on.")
    ] = False,
    narrows: Annotated[
        bool, typer.Option("--narrows", help="Exit 1 unless it is shown that NEW only narrows OLD.")
    ] = False,
    child: Annotated[
        bool, typer.Option("--child", help="NEW is another agent's, so its name may differ.")
    ] = False,
) -> int:
    """What a change of envelope allows, holds and refuses, and whether it only narrows."""
    before, after = (read_document(read_text(path), str(path)) for path in (old, new))
    found = diff(before, after, child=child)
    compared, bad = None, 0
    if sessions:
        reading = _Reading(sessions, pairs_of(where or []), skip_bad)
        compared = compare(reading.sessions(), before.envelope, after.envelope, kind_of(principal_kind))
        bad = reading.bad
    if Output.json:
        emit(_report(before, after, found, compared, bad))
    else:
        _show(found, compared, bad)
    if narrows and found.not_shown:
        return 1
    return _INCONCLUSIVE if compared is not None and not compared.sessions else 0


class _Reading:
    """The recorded sessions that are asked for."""

    def __init__(self, paths: Sequence[Path], where: Mapping[str, str], skip_bad: bool) -> None:
        self._files = session_files(paths)
        self._where = where
        self._skip_bad = skip_bad
        self.bad = 0

    def sessions(self) -> Iterator[RecordedSession]:
        for file in self._files:
            for line in lines(file):
                try:
                    yield from (session for session in sessions_in(line) if fits(session, self._where))
                except BadInput:
                    if not self._skip_bad:
                        raise
                    self.bad += 1


def _report(
    old: Document, new: Document, found: Difference, compared: EnvelopeComparison | None, bad: int
) -> dict[str, Json]:
    return {
        "old": _described(old),
        "new": _described(new),
        "narrows": not found.not_shown,
        "not_shown": [asdict(place) for place in found.not_shown],
        "changes": [asdict(change) for change in found.changes],
        "sessions": None if compared is None else compared.summary() | {"bad": bad},
    }


def _described(document: Document) -> dict[str, Json]:
    envelope = document.envelope
    return {"name": envelope.name, "version": envelope.version, "hash": envelope.hash}


def _show(found: Difference, compared: EnvelopeComparison | None, bad: int) -> None:
    if not found.changes:
        say("no difference in what is allowed: the files say the same")
    for effect, heading in _HEADINGS.items():
        changes = [change for change in found.changes if change.effect is effect]
        if changes:
            rows = [(change.path, change.change, "\n".join(change.what), _why(change)) for change in changes]
            table(f"{heading} ({len(changes)})", ("where", "", "what", "because"), rows)
    _show_verdict(found.not_shown)
    if compared is not None:
        _show_calls(compared)
        if bad:
            note(f"remit: {counted(bad, 'record')} left out: no session")


def _why(change: EnvelopeDifference) -> str:
    return "\n".join(change.why) if change.why else "asks more" if change.effect is Effect.LESS else ""


def _show_verdict(places: Sequence[WiderPlace]) -> None:
    if not places:
        say("NEW only narrows OLD: whatever it allows, OLD allows too")
        return
    say(f"not shown that NEW only narrows OLD: {counted(len(places), 'place')}")
    for place in places:
        say(f"  {safe(place.path)}: {safe(place.why)}")


def _show_calls(compared: EnvelopeComparison) -> None:
    summary: dict[str, Any] = compared.summary()
    told = f"{counted(compared.sessions, 'session')}, {counted(compared.calls, 'call')}"
    if not summary["became"]:
        say(f"{told}: every call gets the same result from both")
        return
    rows = [
        (
            f"became {name}",
            part["calls"],
            ", ".join(f"{count} {was}" for was, count in part["before"].items()),
            ", ".join(f"{clause} ({count})" for clause, count in part["clauses"].items()),
        )
        for name, part in summary["became"].items()
    ]
    table(f"{told}, {compared.touched} sessions touched", ("", "calls", "before", "clauses"), rows)
    for name, part in summary["became"].items():
        for one in part["examples"]:
            side = "after" if name != "allowed" else "before"
            why = f"{one['tool']} {one['args']}: {one[side]['reason']}"
            say(f"  became {name}: {safe(one['session_id'])} step {one['step']}: {safe(why, 300)}")
