"""`remit trial sample`: a suite from captured sessions, stratified and weighted, with what it covers of them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from remit.cli.opened import StoreOption, opened
from remit.cli.output import Output, counted, emit, note, safe, say, table
from remit.cli.replay import pairs_of
from remit.cli.trial_import import check_new, write_whole
from remit.cli.variadic import Variadic
from remit.core.errors import BadInput
from remit.core.types import Json
from remit.usecases.trials.agent_named import agent_named

if TYPE_CHECKING:
    from remit.core.recorded import RecordedSession
    from remit.usecases.trials.sample import Sampled, SessionSource, WantedSample

TASKS_ONLY = ".jsonl"


def add(app: typer.Typer) -> None:
    """Make it a command of *app*."""
    app.command("sample", cls=Variadic)(sample)


def sample(
    *,
    sessions: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="F", help="Captured sessions, files or folders; without it, those of the store."
        ),
    ] = None,
    tasks: Annotated[int, typer.Option(min=1, max=100_000, metavar="N", help="Tasks to draw.")],
    out: Annotated[
        Path,
        typer.Option(
            "--out", "-o", metavar="SUITE.yaml", help="Where the suite goes; F.jsonl: only its tasks."
        ),
    ],
    agent: Annotated[
        str, typer.Option(metavar="A", help="The agent under test: file.py:function, a URL, or a command.")
    ] = "",
    by: Annotated[
        str, typer.Option(metavar="TRAIT,…", help="What makes the strata; see docs/trials.md.")
    ] = "suite,tools,outcome",
    seed: Annotated[int, typer.Option(min=0, max=2**53 - 1, help="Another seed draws others.")] = 0,
    floor: Annotated[int, typer.Option(min=0, max=1000, help="Tasks of each stratum at least.")] = 1,
    keep_duplicates: Annotated[
        bool, typer.Option("--keep-duplicates", help="Do not merge sessions that were asked the same.")
    ] = False,
    turns: Annotated[
        bool, typer.Option("--turns", help="Also sessions of several turns, handed over all at once.")
    ] = False,
    no_checks: Annotated[
        bool, typer.Option("--no-checks", help="Do not ask for the effects of the record.")
    ] = False,
    where: Annotated[
        list[str] | None, typer.Option(metavar="K=V", help="Only sessions with this field.")
    ] = None,
    envelope: Annotated[
        Path | None, typer.Option(metavar="E", help="What every trial runs under; it says what tools do.")
    ] = None,
    name: Annotated[str, typer.Option(metavar="NAME", help="Of the suite; default: the file's.")] = "",
    epochs: Annotated[int, typer.Option(min=1, max=1000, metavar="N", help="Runs of each task.")] = 5,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
    store: StoreOption = None,
) -> None:
    """Draw a suite from captured sessions: stratified, weighted, and with what it does not cover."""
    from remit.usecases.trials.against import effects_by
    from remit.usecases.trials.sample import WantedSample, sampled
    from remit.wiring import read_envelope_file

    if not agent and out.suffix != TASKS_ONLY:
        raise typer.BadParameter("--agent: a suite needs one; or write only its tasks, -o tasks.jsonl")
    paths = [out] if out.suffix == TASKS_ONLY else [out, out.with_name(f"{out.stem}.tasks.jsonl")]
    for path in paths:
        check_new(path, force=force)
    judge = read_envelope_file(envelope) if envelope is not None else None
    traits = tuple(dict.fromkeys(part.strip() for part in by.split(",") if part.strip()))
    wanted = WantedSample(tasks, traits, seed, floor, not keep_duplicates, turns, not no_checks)
    if floor > tasks:
        raise typer.BadParameter(f"--floor: {floor} tasks of each stratum are more than --tasks {tasks}")
    with _source(sessions, where or [], store) as source:
        found = sampled(source, wanted, effects_by(judge), judge)
    written = _written(found, wanted, out, agent, name or out.stem, epochs, envelope)
    _tell(found, out, written)


@contextmanager
def _source(sessions: list[Path] | None, where: list[str], store: str | None) -> Iterator[SessionSource]:
    """The sessions, as often as they are asked for."""
    from remit.usecases.captured import CapturedSessions
    from remit.usecases.replay import fits
    from remit.usecases.sessions_files import read_sessions

    wanted = pairs_of(where)

    def chosen(read: SessionSource) -> SessionSource:
        def chosen_ones() -> Iterable[RecordedSession]:
            return (session for session in read() if fits(session, wanted))

        return chosen_ones

    if sessions is None:
        with opened(store) as at:
            stored = CapturedSessions(at.store)
            yield chosen(lambda: stored)
        return
    if any(str(path) == "-" for path in sessions):
        raise BadInput(
            "--sessions", "standard input is read once, and sessions are read twice", "name a file"
        )
    yield chosen(lambda: read_sessions(sessions))


def _written(
    found: Sampled, wanted: WantedSample, out: Path, agent: str, name: str, epochs: int, envelope: Path | None
) -> list[Path]:
    """Write the files, and read the suite as `remit trial run` will.

    Raises:
        BadInput: a file cannot be written, or the agent is not there.
    """
    from remit.usecases.trials.sample_suite import suite_files, tasks_bytes
    from remit.usecases.trials.suite_file import read_suite

    if out.suffix == TASKS_ONLY:
        write_whole(out, iter([tasks_bytes(found)]))
        return [out]
    there = os.path.relpath(envelope, out.parent) if envelope is not None else ""
    spec = agent_spec(agent)
    files = dict(
        suite_files(found, out, name=name, agent=spec, seed=wanted.seed, epochs=epochs, envelope=there)
    )
    for path, data in files.items():
        write_whole(path, iter([data]))
    try:
        read_suite(out)
    except BadInput:
        for path in files:
            path.unlink(missing_ok=True)
        raise
    return list(files)


def agent_spec(text: str) -> Mapping[str, Json]:
    """An agent as a suite says it.

    Raises:
        BadInput: it names none, or a program that is not there.

    >>> agent_spec("agent.py:answer"), agent_spec("http://127.0.0.1:8080/run")
    ({'python': 'agent.py:answer'}, {'http': 'http://127.0.0.1:8080/run'})
    """
    found = agent_named(text, "--agent")
    said = {"python": found.python, "http": found.http, "command": list(found.command)}
    return {kind: value for kind, value in said.items() if value}


def _tell(found: Sampled, out: Path, written: list[Path]) -> None:
    coverage: Mapping[str, Any] = found.coverage
    if Output.json:
        emit({"files": [str(path) for path in written], "unchecked": found.unchecked, "coverage": coverage})
        return
    drawn, usable = counted(coverage["tasks"], "task"), counted(coverage["usable"], "session")
    say(f"{drawn} of {counted(coverage['requests'], 'request')} in {usable} stand in {safe(out)}")
    rows = [(one["stratum"], one["sessions"], one["tasks"]) for one in coverage["strata"]]
    table("", ("stratum", "sessions", "tasks"), rows, right=(1, 2))
    strata, tools, pairs = (
        _percent(coverage[f"share_{what}"]) for what in ("in_sampled_strata", "of_tool_uses", "of_bigrams")
    )
    say(
        f"{strata} of the sessions lie in strata that have a task; {tools} of their tool uses and {pairs} of their"
    )
    say("bigrams (which tool follows which) occur in some task")
    _tell_kinds(coverage)
    _tell_missing(coverage)
    if found.unchecked:
        tasks = counted(found.unchecked, "task")
        say(f"{tasks} without a check succeed by ending: their sessions failed, or no tool acts")
    if out.suffix != TASKS_ONLY:
        note(
            f"remit: set your bar: 'gates:' is a comment in {safe(out)}; without a gate a run passes nothing"
        )
    note("remit: the files hold texts of users and results of tools; treat them as you treat the sessions")


def _tell_kinds(coverage: Mapping[str, Any]) -> None:
    for one in coverage["strata"]:
        if one["kinds"] > 1:
            have = one["kinds_with_a_task"]
            say(
                f"{one['kinds']:,} kinds of session, too rare for a stratum each, are one: {have:,} of them have a task, "
                f"{one['kinds'] - have:,} have none;"
            )
            share = _percent(coverage["share_of_sampled_kinds"])
            say(f"{share} of the sessions are of a kind that has a task")


def _tell_missing(coverage: Mapping[str, Any]) -> None:
    lost = coverage["not_covered"]
    for why, count in coverage["left_out"].items():
        say(f"left out: {counted(count, 'session')}: {safe(why)}")
    for what in ("strata", "tools", "bigrams"):
        if lost[what]:
            say(f"in no task: {what}: {safe(', '.join(lost[what]), 300)}")


def _percent(share: float) -> str:
    from remit.core.trial.percent import percent

    return percent(share, 1)
