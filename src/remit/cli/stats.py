"""`remit stats FILE…`: how often runs that were recorded anywhere succeed, with intervals."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from remit.cli.output import Output, emit, note, safe, say, table
from remit.cli.results_read import (
    Arm,
    ArmBy,
    AtLeast,
    CountErrors,
    Files,
    Success,
    TaskBy,
    Where,
    read_results,
    reading_of,
)
from remit.core.trial import rates
from remit.core.trial.report import Curve, Estimate, TaskLine
from remit.core.trial.run import Run
from remit.usecases.trials.imported import Imported

app = typer.Typer(add_completion=False)


@app.command()
def stats(
    files: Files = None,
    k: Annotated[
        int | None,
        typer.Option("--k", help="pass^k and pass@k up to this k.", min=1, max=1000, show_default=False),
    ] = None,
    by_task: Annotated[bool, typer.Option("--by-task", help="A line for every task.")] = False,
    arm: Arm = None,
    arm_by: ArmBy = "",
    task_by: TaskBy = "",
    where: Where = None,
    success: Success = "",
    at_least: AtLeast = None,
    count_errors: CountErrors = False,
) -> None:
    """Success, pass^k and pass@k with intervals, of {"task_id", "trial", "success"} and other results.

    Reads plain lines, recorded sessions, results of tau-bench and tau2, logs of Inspect and remit's own runs.
    """
    reading = reading_of(success, at_least, count_errors=count_errors)
    found = read_results(files, arm, arm_by, task_by, where, reading)
    if Output.json:
        emit(_document(found, k, by_task=by_task))
        return
    for name in found.run.info.arms:
        _show(found.run, name, k, by_task=by_task)
    if found.left_out:
        note(f"remit: --where left out {found.left_out} results")


def _document(found: Imported, k: int | None, *, by_task: bool) -> dict[str, Any]:
    run = found.run
    document: dict[str, Any] = {
        "suite": run.info.suite,
        "formats": found.formats,
        "arms": {arm: _arm(run, arm, k) for arm in run.info.arms},
        "left_out": found.left_out,
        "passed_over": found.passed_over,
    }
    if by_task:
        document["tasks"] = [line for arm in run.info.arms for line in rates.lines(run, arm)]
    return document


def _arm(run: Run, arm: str, k: int | None) -> dict[str, Any]:
    tally = rates.tally(run, arm)
    hat, at = rates.curves(tally, arm, k)
    suite, others = (*rates.success(tally), None)[:2]
    return {
        "counts": rates.counts(run, arm),
        "unjudged": tally.unjudged,
        "success": suite,
        "tasks_like_these": others,
        "pass_hat": hat.points,
        "pass_at": at.points,
    }


def _show(run: Run, arm: str, k: int | None, *, by_task: bool) -> None:
    tally, counts = rates.tally(run, arm), rates.counts(run, arm)
    name = f"{run.info.suite}, {arm}" if arm != _only(run) else run.info.suite
    say(f"{safe(name, 200)}: {_ended(counts)}")
    rows = [(one.name, _value(one), _interval(one), _how(one)) for one in rates.success(tally)]
    table("", ("", "rate", "95 % interval", "how"), rows)
    hat, at = rates.curves(tally, arm, k)
    table("", ("k", "pass^k", "95 % interval", "pass@k", "95 % interval"), _curve_rows(hat, at), right=(0,))
    if hat.points and hat.points[-1].value is None:
        say(f"pass^{len(hat.points)} {safe(hat.points[-1].method, 300)}")
    if tally.unjudged:
        say(f"without a judged run, so left out: {safe(', '.join(tally.unjudged), 500)}")
    listed = rates.lines(run, arm)
    if by_task:
        table(
            "", ("task", "passed", "runs", "rate", "95 % interval (Wilson)", "broken off"), _task_rows(listed)
        )


def _only(run: Run) -> str:
    """The only arm of a run; empty where there are several."""
    return run.info.arms[0] if len(run.info.arms) == 1 else ""


def _ended(counts: Any) -> str:
    broken, late = counts["infrastructure"], counts["timeout"]
    told = f"{counts['trials']:,} runs of {counts['tasks']:,} tasks: {counts['passed']:,} passed, "
    told += f"{counts['failed'] + late:,} failed" + (f" ({late:,} of them timeouts)" if late else "")
    return told + (f"; {broken:,} count neither way (broken off, or not judged)" if broken else "")


def _curve_rows(hat: Curve, at: Curve) -> Iterator[tuple[str, ...]]:
    for number, (one, other) in enumerate(zip(hat.points, at.points, strict=True), 1):
        yield str(number), _value(one), _interval(one), _value(other), _interval(other)


def _task_rows(listed: tuple[TaskLine, ...]) -> Iterator[tuple[object, ...]]:
    for line in listed:
        rate = f"{line.passes / line.n:.3f}" if line.n else "-"
        interval = f"{line.low:.3f} to {line.high:.3f}" if line.n else "-"
        yield line.task, line.passes, line.n, rate, interval, line.infrastructure or ""


def _value(one: Estimate) -> str:
    return "-" if one.value is None else f"{one.value:.3f}"


def _interval(one: Estimate) -> str:
    return "-" if one.low is None or one.high is None else f"{one.low:.3f} to {one.high:.3f}"


def _how(one: Estimate) -> str:
    return f"{one.method}; {one.n:,} {one.unit}" if one.value is not None else one.method
