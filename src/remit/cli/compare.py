"""`remit compare`: a candidate against the baseline on captured sessions, with every tool answered from the record.

The baseline is run again under the same rules, beside the candidate: what both leave of the record is the agent's own
noise, and the verdict is about what the candidate leaves beyond it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from remit.cli.opened import StoreOption, opened
from remit.cli.option_groups import grouped
from remit.cli.output import note, safe
from remit.cli.replay import pairs_of
from remit.cli.report_options import ReportOptions, RunOption
from remit.cli.stdout_kept import stdout_kept
from remit.cli.trial_launch import begun, worked, write_run
from remit.cli.trial_opened import report_of
from remit.cli.trial_run import INTERRUPTED
from remit.cli.trial_shown import show
from remit.cli.variadic import Variadic
from remit.core.errors import BadInput
from remit.core.trial.against import NEW_EFFECT
from remit.core.trial.conversation import EffectOf
from remit.core.trial.gates.table import gates_of
from remit.core.trial.suite import BASELINE, CANDIDATE, AgentSpec, Design, Question
from remit.usecases.trials.against import (
    Drawn,
    Turns,
    against_record,
    drawn,
    gates_against,
    some_of,
    suite_against,
)
from remit.usecases.trials.against_told import with_record
from remit.usecases.trials.agent_named import agent_named
from remit.usecases.trials.runner import End

if TYPE_CHECKING:
    from remit.core.recorded import RecordedSession

app = typer.Typer(add_completion=False)
MARGIN, ALPHA, TASKS, EPOCHS = 0.10, 0.05, 200, 1


@app.command(cls=Variadic)
@grouped
def compare(
    *,
    baseline: Annotated[
        list[Path],
        typer.Option(metavar="SESSIONS", help="Captured sessions: files, folders, or a store's .db file."),
    ],
    candidate: Annotated[
        str, typer.Option(metavar="TARGET", help="The new agent: file.py:function, http://…, or a command.")
    ],
    rerun: Annotated[
        str, typer.Option(metavar="TARGET", help="The agent as it is: it is run again, to see its own noise.")
    ],
    envelope: Annotated[
        Path | None, typer.Option(metavar="E", help="That both run under; it says which tools are reads.")
    ] = None,
    where: Annotated[
        list[str] | None, typer.Option(metavar="K=V", help="Only sessions with this field.")
    ] = None,
    tasks: Annotated[
        int, typer.Option(min=1, metavar="N", help="Sessions at most, drawn at random.")
    ] = TASKS,
    epochs: Annotated[int, typer.Option(min=1, metavar="N", help="Runs of each session and arm.")] = EPOCHS,
    turns: Annotated[
        Turns,
        typer.Option(
            metavar="each|free|at-once|none",
            help="Sessions in which the user spoke more than once: ask each turn after the recorded ones, let the agent"
            " go on from its own, hand all over at once, or leave them out.",
        ),
    ] = Turns.EACH,
    margin: Annotated[
        float, typer.Option(min=0.0, max=1.0, metavar="X", help="How much less is still not worse.")
    ] = MARGIN,
    alpha: Annotated[
        float, typer.Option(min=0.0, max=0.5, metavar="A", help="How often a worse one may pass.")
    ] = ALPHA,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Of the draw and the order.")] = 0,
    deadline: Annotated[
        float, typer.Option(min=0.1, metavar="S", help="Seconds for one turn of an agent.")
    ] = 120.0,
    concurrency: Annotated[int, typer.Option(min=1, max=10_000, metavar="N", help="Runs at a time.")] = 8,
    new: Annotated[bool, typer.Option("--new", help="Begin anew, whatever was cut off.")] = False,
    out: RunOption = None,
    asked: ReportOptions,
    store: StoreOption = None,
) -> int:
    """Whether a candidate does what the baseline does on captured sessions, with no effect possible. Exit code 0: not
    worse by more than the margin, 1: worse, or a new kind of effect, 4: neither is shown, 3: something is wrong."""
    from remit.usecases.envelope_file import read_envelope_file
    from remit.usecases.trials.against import effects_by

    outputs = asked.outputs()
    rules = read_envelope_file(envelope) if envelope else None
    effect = effects_by(rules)
    found = _drawn(baseline, where, effect, turns, tasks, seed)
    arms = {BASELINE: agent_named(rerun, "--rerun"), CANDIDATE: agent_named(candidate, "--candidate")}
    gates = gates_against(margin, alpha, found, effect)
    design = Design("fixed", epochs=epochs, seed=seed, question=Question.POPULATION, gates=gates)
    gates_of(design, tuple(arms))  # what is wrong with an option is told before a run is in the record
    with stdout_kept():
        functions = _functions(arms)
    loaded = suite_against(
        found,
        arms,
        design,
        name=f"against {len(found.sessions)} sessions",
        envelope=rules,
        envelope_path=str(envelope or ""),
        agents=functions,
        deadline_s=deadline,
        concurrency=concurrency,
    )
    with opened(store, create=True) as at:
        log = begun(at, loaded, anew=new)
        try:
            run, end = worked(at, loaded, log)
            if end is End.PAUSED:
                log.pause(run.stopped).result()
                note(f"remit: {safe(run.stopped)}: the same command goes on")
                return INTERRUPTED
            run = against_record(run, found.recorded, effect)
            if out is not None:
                write_run(run, out)
            report = with_record(report_of(run, asked.embedder), run, found)
            broken = [
                (trial.arm, trial.draw, breach)
                for trial in run.trials
                for breach in trial.breaches
                if breach.invariant == NEW_EFFECT
            ]
            log.end(run.stopped, report.verdict.value, broken=broken, watched=(NEW_EFFECT,)).result()
        finally:
            log.close()
    return show(report, outputs)


def _drawn(
    baseline: Sequence[Path],
    where: Sequence[str] | None,
    effect: EffectOf,
    turns: Turns,
    most: int,
    seed: int,
) -> Drawn:
    """The sessions that are run again: at most so many, drawn at random."""
    lost: Counter[str] = Counter()
    found = drawn(_sessions(baseline, pairs_of(where or ()), lost), effect, turns)
    if not found.sessions:
        told = "; ".join(f"{n} x {reason}" for reason, n in (Counter(found.dropped) + lost).items())
        raise BadInput(
            "--baseline", f"no session that can be run again ({told or 'none at all'})", "see docs/trials.md"
        )
    some = some_of(found, most, seed)
    return replace(some, dropped={**some.dropped, **lost})


def _sessions(
    paths: Sequence[Path], where: Mapping[str, str], lost: Counter[str]
) -> Iterator[RecordedSession]:
    """Of files and folders, and of stores, whose trials are left out."""
    from remit.usecases.replay import fits
    from remit.usecases.sessions_files import read_sessions

    for path in paths:
        source = _captured(path, lost) if _is_store(path) else read_sessions([path])
        yield from (session for session in source if fits(session, where))


def _is_store(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(16) == b"SQLite format 3\x00"
    except OSError:
        return False  # it is told where it is read


def _captured(path: Path, lost: Counter[str]) -> Iterator[RecordedSession]:
    from remit.usecases.captured import CapturedSessions

    with opened(f"sqlite:///{path}") as at:
        found = CapturedSessions(at.store)
        yield from found
        lost.update(found.dropped)


def _functions(arms: Mapping[str, AgentSpec]) -> dict[str, Callable[..., Any]]:
    """The functions of the agents that are Python."""
    from remit.core.trial.reach import node_of
    from remit.usecases.trials.functions import Functions

    functions, options = Functions(Path.cwd()), {BASELINE: "--rerun", CANDIDATE: "--candidate"}
    return {
        arm: functions.load(node_of(agent.python, options[arm]))
        for arm, agent in arms.items()
        if agent.python
    }
