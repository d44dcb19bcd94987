"""Draws and rulings of gates, in a line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from random import Random

from remit.core.trial.gates.gate import Gate
from remit.core.trial.gates.lost import Unmoved
from remit.core.trial.gates.table import gates_of
from remit.core.trial.report import Ruling
from remit.core.trial.run import Run, RunInfo, TaskInfo
from remit.core.trial.suite import Design, Question, Rule
from remit.core.trial.trial import Status, Trial
from remit.core.trial.verdict import Verdict


def trial(draw: int, ok: bool | None, arm: str = "agent", tasks: int = 10, **more: object) -> Trial:
    status = Status.INFRASTRUCTURE if ok is None else Status.PASSED if ok else Status.FAILED
    return Trial(draw, arm, f"t{draw % tasks}", draw // tasks, status, **more)  # type: ignore[arg-type]


def draws(results: Iterable[bool | None], tasks: int = 10) -> list[Mapping[str, Trial]]:
    return [{"agent": trial(draw, ok, tasks=tasks)} for draw, ok in enumerate(results)]


def mixed(right: int, of: int, seed: int = 1) -> list[bool]:
    found = [True] * right + [False] * (of - right)
    Random(seed).shuffle(found)
    return found


def gate(
    kind: str,
    settings: Mapping[str, object],
    design: str = "fixed",
    arms: Sequence[str] = ("agent",),
    **more: object,
) -> Gate:
    """A gate of its kind alone, which leaves lost trials out."""
    return minding_lost(kind, settings, design, arms, **more).gate


def minding_lost(
    kind: str,
    settings: Mapping[str, object],
    design: str = "fixed",
    arms: Sequence[str] = ("agent",),
    **more: object,
) -> Unmoved:
    """A gate as runs have it."""
    rule = Rule("gate", kind, settings, "suite.yaml:3: gates[0]")  # type: ignore[arg-type]
    made = gates_of(Design(design, gates=(rule,), **more), arms)[0]  # type: ignore[arg-type]
    assert isinstance(made, Unmoved)
    return made


def fed(one: Gate, results: Iterable[Mapping[str, Trial]]) -> Verdict | None:
    decided = None
    for draw in results:
        decided = one.step(draw)
    return decided


def ruled(one: Gate, results: Sequence[Mapping[str, Trial]]) -> Ruling:
    fed(one, results)
    trials = tuple(t for draw in results for t in draw.values())
    arms = tuple(dict.fromkeys(t.arm for t in trials)) or ("agent",)
    tasks = {t.task: TaskInfo() for t in trials}
    return one.ruling(Run(RunInfo("r", "shop", "h", Design(), arms, tasks), trials))


__all__ = ["Question", "draws", "fed", "gate", "minding_lost", "mixed", "ruled", "trial"]
