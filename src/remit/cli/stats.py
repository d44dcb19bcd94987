"""`remit stats FILE…`: how often runs that were recorded anywhere succeed, with intervals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Annotated, Any

import typer

from remit.cli.option_groups import grouped
from remit.cli.output import Output, counted, emit, note, safe, say, table
from remit.cli.report_options import MethodsOption
from remit.cli.results_read import Files, ResultOptions, read_results
from remit.cli.stats_methods import ArmOptions, Margin, Side, by_methods, show_methods
from remit.core.stats.proportion import wilson
from remit.core.trial.analysis.counts import counts
from remit.core.trial.analysis.estimates import curves, success
from remit.core.trial.analysis.merged import stopped_arms
from remit.core.trial.analysis.task_lines import task_lines
from remit.core.trial.report import Curve, Estimate, TaskLine
from remit.core.trial.run import Run
from remit.core.trial.suite import Question
from remit.usecases.trials.imported import Imported

app = typer.Typer(add_completion=False)
_NO_CURVES = (Curve("", "", ()), Curve("", "", ()))


@app.command()
@grouped
def stats(
    files: Files = None,
    *,
    k: Annotated[
        int | None,
        typer.Option("--k", help="pass^k and pass@k up to this k.", min=1, max=1000, show_default=False),
    ] = None,
    by_task: Annotated[bool, typer.Option("--by-task", help="A line for every task.")] = False,
    asked: ResultOptions,
    methods: MethodsOption = False,
    margin: Margin = None,
    baseline_arm: Side = "",
    candidate_arm: Side = "",
) -> None:
    """Success, pass^k and pass@k with intervals, of {"task_id", "trial", "success"} and other results.

    Reads plain lines, recorded sessions, results of tau-bench and tau2, logs of Inspect and remit's own runs.
    """
    sides = ArmOptions(baseline_arm, candidate_arm, margin)
    if sides.given and not methods:
        raise typer.BadParameter("--margin, --baseline-arm and --candidate-arm belong to --methods")
    found = read_results(files, asked)
    compared = by_methods(found.rated, sides) if methods else None
    if Output.json:
        emit(_document(found, k, by_task=by_task) | ({"compared": asdict(compared)} if compared else {}))
        return
    for name in found.run.info.arms:
        _show(found, name, k)
    if by_task:
        arms = ("arm",) if len(found.run.info.arms) > 1 else ()
        columns = ("task", *arms, "passed", "runs", "rate", "95 %, exact", "95 %, Wilson", "neither")
        table("", columns, _task_rows(found.rated))
    if compared is not None:
        show_methods(compared)
    if found.left_out:
        note(f"remit: --where left out {found.left_out} results")


@dataclass(frozen=True, slots=True)
class _Told:
    """What is said of one arm."""

    counts: Mapping[str, int]
    behind: int
    """Trials in no rate: behind the decision of a sequential run, and where a run was cut off, only quick ones ended."""
    pooled: float | None
    """The share of the others that passed."""
    unjudged: list[str]
    """Tasks without a judged run; they are in no rate."""
    success: list[Estimate]
    """For this suite: the exact interval, then Wilson's where there is one."""
    tasks_like_these: list[Estimate]
    pass_hat: tuple[Estimate, ...]
    pass_at: tuple[Estimate, ...]
    fewest: tuple[str, int]
    """The task with the fewest judged runs: no k goes beyond them."""


def _told(found: Imported, arm: str, k: int | None) -> _Told:
    run = found.rated
    tasks = run.by_task(arm)
    unjudged = [task for task in dict.fromkeys(trial.task for trial in run.of(arm)) if task not in tasks]
    ended, behind = counts(found.run)[arm], len(found.run.of(arm)) - len(run.of(arm))
    if not tasks:
        return _Told(ended, behind, None, unjudged, [], [], (), (), ("", 0))
    hat, at = (curve.points[:k] for curve in curves(run, arm) or _NO_CURVES)
    fewest = min(tasks, key=lambda task: len(tasks[task]))
    passes = [trial.success for trials in tasks.values() for trial in trials]
    pooled = sum(map(bool, passes)) / len(passes)
    told = success(run, arm), _like_these(run, arm), hat, at, (fewest, len(tasks[fewest]))
    return _Told(ended, behind, pooled, unjudged, *told)


def _like_these(run: Run, arm: str) -> list[Estimate]:
    """Of tasks like these; nothing of a run that drew this suite's tasks until a gate knew enough."""
    design = run.info.design
    if arm in stopped_arms(run.info):
        return []
    return success(
        replace(run, info=replace(run.info, design=replace(design, question=Question.POPULATION))), arm
    )


def _document(found: Imported, k: int | None, *, by_task: bool) -> dict[str, Any]:
    run = found.run
    document: dict[str, Any] = {
        "suite": run.info.suite,
        "formats": found.formats,
        "arms": {arm: _arm(_told(found, arm, k)) for arm in run.info.arms},
        "left_out": found.left_out,
        "passed_over": found.passed_over,
    }
    if by_task:
        document["tasks"] = [
            asdict(line) | {"wilson": _wilson(line)} for line in task_lines(found.rated, None)
        ]
    return document


def _arm(told: _Told) -> dict[str, Any]:
    exact, shown = ([*told.success, None, None])[:2]
    return {
        "counts": told.counts,
        "behind": told.behind,
        "unjudged": told.unjudged,
        "success": exact,
        "success_shown": shown,
        "tasks_like_these": told.tasks_like_these[0] if told.tasks_like_these else None,
        "pass_hat": told.pass_hat,
        "pass_at": told.pass_at,
    }


def _wilson(line: TaskLine) -> tuple[float, float] | None:
    return wilson(line.passes, line.n) if line.n else None


def _show(found: Imported, arm: str, k: int | None) -> None:
    run = found.run
    told = _told(found, arm, k)
    name = run.info.suite if len(run.info.arms) == 1 else f"{run.info.suite}, {arm}"
    say(f"{safe(name, 200)}: {_ended(told.counts)}")
    if told.behind:
        say(f"{counted(told.behind, 'run')} of them ended behind the decision{_BEHIND}")
    if told.success:
        asked = _ASKED if len(told.success) > 1 else (_ASKED[0], _ASKED[2])
        ones = (*told.success, *told.tasks_like_these)
        rows = [(of, _value(one), _interval(one), _how(one)) for of, one in zip(asked, ones, strict=False)]
        table("", ("success", "rate", "95 % interval", "how"), rows)
        _say_of_weights(told)
    if told.pass_hat:
        say(
            "All of k runs of a task succeed (pass^k), or at least one of them does (pass@k); for tasks like these:"
        )
        table("", ("k", "pass^k", "95 % interval", "pass@k", "95 % interval"), _curve_rows(told), right=(0,))
    if k is not None and k > len(told.pass_hat) and told.success:
        task, runs = told.fewest
        say(f"k ends at {len(told.pass_hat)}: the task '{safe(task, 100)}' has {counted(runs, 'judged run')}")
    if told.unjudged:
        say(f"in no rate, since none of their runs was judged: {safe(', '.join(told.unjudged), 500)}")


_ASKED = ("of these tasks", "  the same, narrower: to look at", "of tasks like these")
"""What each row is about: the exact interval, Wilson's where there is one, and the one that has tasks as its unit."""


_BEHIND = ", or behind one that had not ended: only quick ones are among those, so they are in no rate"


def _say_of_weights(told: _Told) -> None:
    rate, pooled = told.success[0].value, told.pooled
    if rate is not None and pooled is not None and abs(pooled - rate) > _SEEN:
        say(f"each task counts alike, however often it ran; of all runs together, {pooled:.3f} passed")


_SEEN = 5e-4
"""Differences of rates that are seen in what is printed."""


def _ended(ended: Mapping[str, int]) -> str:
    broken, late = ended["infrastructure"], ended["timeout"]
    told = f"{counted(ended['trials'], 'run')} of {counted(ended['tasks'], 'task')}: "
    told += f"{ended['passed']:,} passed, {ended['failed'] + late:,} failed"
    told += f" ({counted(late, 'timeout')})" if late else ""
    broken += ended["diverged"]
    return told + (f"; {broken:,} neither (broken off, or not judged)" if broken else "")


def _curve_rows(told: _Told) -> Iterator[tuple[str, ...]]:
    for number, (one, other) in enumerate(zip(told.pass_hat, told.pass_at, strict=True), 1):
        yield str(number), _value(one), _interval(one), _value(other), _interval(other)


def _task_rows(run: Run) -> Iterator[tuple[object, ...]]:
    for line in task_lines(run, None):
        arm = (line.arm,) if len(run.info.arms) > 1 else ()
        found = _wilson(line)
        rate = f"{line.passes / line.n:.3f}" if line.n else "-"
        exact = f"{line.low:.3f} to {line.high:.3f}" if line.n else "-"
        shown = f"{found[0]:.3f} to {found[1]:.3f}" if found else "-"
        yield line.task, *arm, line.passes, line.n, rate, exact, shown, line.infrastructure or ""


def _value(one: Estimate) -> str:
    return "-" if one.value is None else f"{one.value:.3f}"


def _interval(one: Estimate) -> str:
    return "-" if one.low is None or one.high is None else f"{one.low:.3f} to {one.high:.3f}"


def _how(one: Estimate) -> str:
    method = one.method.removesuffix(", for tasks like these")
    return f"{method}; {counted(one.n, one.unit.removesuffix('s'))}"
