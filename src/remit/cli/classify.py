"""`remit classify`: where anomalies came from, with the evidence; of a store, or of recorded sessions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from remit.cli.classify_report import show_report
from remit.cli.classify_rerun import Asking
from remit.cli.opened import Opened, StoreOption, opened, short_ids
from remit.cli.output import Output, counted, emit, note, safe, say, table
from remit.cli.replay import envelopes_of, kind_of, pairs_of
from remit.cli.variadic import Variadic
from remit.core.classify.case import Case
from remit.core.classify.classification import Classification
from remit.core.classify.told import classification_body, said
from remit.core.errors import BadInput, Unavailable
from remit.core.notice import visible
from remit.core.recorded import RecordedSession
from remit.core.types import Json

if TYPE_CHECKING:
    from remit.cli.classify_log import IncidentLog

app = typer.Typer(add_completion=False)
MOST_SHOWN = 40
"""Anomalies shown to people; `--json` prints all."""


@app.command(cls=Variadic)
def classify(
    *,
    sessions: Annotated[
        list[Path] | None,
        typer.Option(metavar="F", help="Recorded sessions instead of a store: files, folders, -."),
    ] = None,
    envelope: Annotated[
        list[str] | None,
        typer.Option(
            metavar="E|SUITE=E",
            help="With --sessions: what judges them. Without it, see docs/classification.md.",
        ),
    ] = None,
    changes: Annotated[
        Path | None,
        typer.Option(
            metavar="C.jsonl", help="What was deployed, one change a line; of a store it is recorded."
        ),
    ] = None,
    where: Annotated[
        list[str] | None, typer.Option(metavar="K=V", help="With --sessions: only those with this field.")
    ] = None,
    principal_kind: Annotated[
        str | None, typer.Option(metavar="KIND", help="With --sessions: operator or customer.")
    ] = None,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="With --sessions: pass over records that are no session.")
    ] = False,
    rerun: Annotated[
        str | None,
        typer.Option(
            metavar="CMD", help="Ask this agent for suspicious calls again; see docs/counterfactual.md."
        ),
    ] = None,
    rerun_old: Annotated[
        str | None, typer.Option(metavar="CMD", help="With --rerun: the agent as it was before a change.")
    ] = None,
    runs: Annotated[
        int | None, typer.Option(metavar="K", help="With --rerun: runs with the text and without it; 7.")
    ] = None,
    anomaly: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="Of a store, with --rerun: about which anomaly to ask."),
    ] = None,
    again: Annotated[
        str | None,
        typer.Option(metavar="SINCE", help="Of a store: also what was captured since, once more; 24h."),
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", help="Go on until it is stopped: the worker of a store.")
    ] = False,
    report: Annotated[
        bool, typer.Option("--report", help="How the classifier compares with people's labels.")
    ] = False,
    store: StoreOption = None,
) -> int:
    """Say of each anomaly where it came from: security, sre, both or undetermined, and why."""
    given = [
        n
        for n, v in (
            *(("--follow", follow), ("--report", report), ("--again", again)),
            *(("--sessions", sessions), ("--anomaly", anomaly)),
        )
        if v
    ]
    if len(given) > 1 and given != ["--follow", "--again"]:
        raise typer.BadParameter(f"{given[0]} does not go with {given[1]}")
    if rerun is None and (rerun_old or runs is not None or anomaly):
        raise typer.BadParameter("--rerun-old, --runs and --anomaly go with --rerun")
    if rerun is not None and bool(anomaly) == bool(sessions):
        raise typer.BadParameter("--rerun goes with --sessions, or with --anomaly of a store")
    ask = Asking.of(rerun, rerun_old, runs) if rerun is not None else None
    if sessions is None:
        if envelope or where or principal_kind or skip_bad:
            raise typer.BadParameter(
                "--envelope, --where, --principal-kind and --skip-bad go with --sessions"
            )
        if changes is not None:
            _record(store, changes)
        if ask is not None:
            return _asked_of_a_store(store, anomaly or [], ask)
        return _of_a_store(store, again, follow=follow, report=report)
    found = _recorded(
        sessions,
        envelope or [],
        changes,
        pairs_of(where or []),
        principal_kind,
        skip_bad=skip_bad,
        ask=ask,
    )
    return _shown(found)


# ------------------------------------------------------------------------------------------------ recorded sessions
def _recorded(
    paths: Sequence[Path],
    envelope: Sequence[str],
    changes: Path | None,
    where: dict[str, str],
    principal_kind: str | None,
    *,
    skip_bad: bool,
    ask: Asking | None,
) -> Iterator[tuple[Case, Classification]]:
    from remit.core.selftest import load_envelope
    from remit.usecases.changes import read_changes
    from remit.usecases.classify_sessions import Judging, classified, judged

    loaded = {suite: load_envelope(text, file) for suite, (text, file) in envelopes_of(envelope).items()}
    told = read_changes(changes) if changes is not None else []
    rerun = ask.of_sessions(loaded) if ask is not None else None
    by = Judging(loaded, kind_of(principal_kind), told, rerun=rerun)
    read = _read(paths, where, skip_bad=skip_bad)
    stream = judged(rerun.keeping(read) if rerun is not None else read, by)
    if stream.skipped:
        note(f"remit: {counted(stream.skipped, 'session')} of a suite that no --envelope is for")
    for one in classified(stream, by):
        yield one.case, one.found


def _read(paths: Sequence[Path], where: dict[str, str], *, skip_bad: bool) -> Iterator[RecordedSession]:
    from remit.usecases.replay import fits
    from remit.usecases.sessions_files import lines, session_files, sessions_in

    bad = 0
    for path in session_files(paths):
        for line in lines(path):
            try:
                found = list(sessions_in(line))
            except BadInput:
                if not skip_bad:
                    raise
                bad += 1
                continue
            yield from (session for session in found if fits(session, where))
    if bad:
        note(f"remit: {counted(bad, 'record')} passed over: no session")


def _shown(found: Iterable[tuple[Case, Classification]], at: Opened | None = None) -> int:
    """Print what was found; of a store *at*, ids as short as they may be."""
    tally: Counter[str] = Counter()
    rows: list[tuple[Any, ...]] = []
    for case, one in found:
        tally[one.label.value] += 1
        if Output.json:
            emit(line_of(case, one))
        elif len(rows) < MOST_SHOWN:
            rows.append(_row(case, one))
    if not Output.json:
        if at is not None:
            short = short_ids(at, "event", [row[0] for row in rows])
            rows = [(short[row[0]], *row[1:]) for row in rows]
        table("", ("anomaly", "class", "call", "because"), rows, empty="no anomalies")
        more = tally.total() - len(rows)
        say(f"{_counts(tally)}{f'; {more} more with --json' if more else ''}")
    return 0


def line_of(case: Case, found: Classification) -> dict[str, Json]:
    """One anomaly as `--json` prints it."""
    number = case.anomaly.rpartition("#")[2].partition(".")[0]
    step = {"step": int(number)} if number.isdigit() and "#" in case.anomaly else {}
    return {
        **classification_body(found),
        "session_id": case.session,
        **step,
        "agent": case.agent,
        "kind": case.kind,
        "severity": case.severity.value,
        "clauses": list(case.clauses),
        "tool": case.tool,
        "consequential": case.consequential,
        "ran": case.ran,
        "at": case.at,
    }


def _row(case: Case, found: Classification) -> tuple[Any, ...]:
    why = (
        found.evidence[0].told
        if found.evidence
        else "no evidence; `anomalies show` says what nobody looked at"
    )
    call = case.tool or case.kind
    return (
        safe(case.anomaly, 60),
        said(found.label, found.confidence),
        visible(call, 60),
        safe(why, 300),
    )


def _counts(tally: Counter[str]) -> str:
    told = ", ".join(f"{count} {name}" for name, count in tally.most_common())
    return f"{counted(tally.total(), 'anomaly').replace('anomalys', 'anomalies')}: {told or 'none'}"


# ------------------------------------------------------------------------------------------------ a store
def _record(store: str | None, path: Path) -> None:
    """Record the changes of a file in the store, before anything is classified; the same file twice adds nothing."""
    from remit.usecases.changes import change_event, read_changes, recordable

    told = read_changes(path)
    with opened(store) as at:
        for one in [recordable(line, at.now, at.who()) for line in told]:
            if at.store.event(one.id) is None:
                at.store.append_now(change_event(one))


def _of_a_store(store: str | None, again: str | None, *, follow: bool, report: bool) -> int:
    from remit.wiring import desk_of

    with opened(store) as at:
        if report:
            return show_report(at)
        if again is not None:
            _look_again(at, again)
        if follow:
            return _follow(at)
        return _shown(((done.case, done.found) for done in desk_of(at.store, at.settings).once()), at)


def _asked_of_a_store(store: str | None, anomalies: Sequence[str], ask: Asking) -> int:
    from remit.cli.anomalies import found_by
    from remit.store.triage_work import SqliteTriageWork
    from remit.wiring import desk_of

    with opened(store) as at:
        chosen = [found_by(at, given) for given in anomalies]
        return _shown(ask.of_store(desk_of(at.store, at.settings), SqliteTriageWork(at.store), chosen), at)


def _follow(at: Opened) -> int:
    """The worker, until somebody ends it: by Ctrl-C, or as a service is ended."""
    import logging
    import signal

    from remit.cli.classify_log import IncidentLog
    from remit.wiring import start_worker

    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    log = IncidentLog(at.store)
    worker = start_worker(at.store, at.settings)
    before = signal.signal(signal.SIGTERM, lambda *_: worker.end())
    note(f"remit: classifying what {safe(at.store.path)} captures; end with Ctrl-C")
    try:
        while not worker.wait(1.0):
            _told(log)
    except KeyboardInterrupt:
        note("remit: ending; what is due is delivered first")
    finally:
        worker.close()
        signal.signal(signal.SIGTERM, before)
    _told(log)
    note("remit: ended")
    return 0


def _told(log: IncidentLog) -> None:
    """What happened since; a store that is away for a while is the worker's to tell."""
    with suppress(Unavailable):
        for line in log.lines():
            note(line)


def _look_again(at: Opened, since: str) -> None:
    from remit.cli.opened import instant_of
    from remit.store.triage_work import SqliteTriageWork

    began = instant_of(since, "--again", at.now)
    tenants = at.store.read(
        lambda db: [str(row[0]) for row in db.execute("SELECT DISTINCT tenant FROM classified")]
    )
    work = SqliteTriageWork(at.store)
    for tenant in tenants:
        work.look_again(tenant, "", began, "asked")
