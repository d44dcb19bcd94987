"""Does the candidate do the same things? Its tools, their order, their arguments, and what its answers claim."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from remit.core.stats.arguments import argument_test
from remit.core.stats.dealing import Permuted
from remit.core.stats.ngrams import END, START, moved, tool_test
from remit.core.stats.planted import PERMUTATIONS, Test, detectable_share
from remit.core.stats.sequences import sequence_test
from remit.core.trial.analysis.draft import LEVEL, Draft
from remit.core.trial.analysis.pair import Pair, Rows
from remit.core.trial.percent import percent
from remit.core.trial.report import Comparison, Estimate
from remit.core.trial.signature import claim_test
from remit.core.types import Json

WITHIN = "runs dealt out anew within tasks"
NEW = "\x00another"
"""The name of a tool that nobody has, and a value that nobody passes."""
DENIAL = "It could not be done."

Row = TypeVar("Row")
CallSequence = list[tuple[str, Json]]

_ENDS = {START: "(start)", END: "(end)"}


def tools(pair: Pair) -> Draft | None:
    """Which tool follows which."""
    rows = pair.rows()
    if not any(trial.calls for trial in rows.trials):
        return None
    used = _tools(rows)
    found = tool_test(used, rows.candidate, rows.tasks, seed=pair.seed)
    steps = [
        f"{' → '.join(_ENDS.get(tool, tool) for tool in step)} {percent(before)} before, {percent(after)} now"
        for step, before, after in moved(used, rows.candidate)
    ]

    def test(tried: Sequence[list[str]], candidate: Sequence[bool], tasks: Sequence[str]) -> float | None:
        return tool_test(tried, candidate, tasks, permutations=PERMUTATIONS, seed=pair.seed).p

    least = _least(found, test, used, rows, _one_more, pair.seed)
    told = DistributionSentence(
        "Which tool follows which", f": {', '.join(steps)}" if steps else "", would="called one more tool"
    )
    return _draft("tools", f"Jensen-Shannon on pairs of tools, {WITHIN}", found, told, least)


def sequences(pair: Pair) -> Draft | None:
    """Whether runs take the same steps, in the same places."""
    rows = pair.rows()
    if not any(trial.calls for trial in rows.trials):
        return None
    used = _tools(rows)
    found = sequence_test(used, rows.candidate, rows.tasks, seed=pair.seed)

    def test(tried: Sequence[list[str]], candidate: Sequence[bool], tasks: Sequence[str]) -> float | None:
        return sequence_test(tried, candidate, tasks, permutations=PERMUTATIONS, seed=pair.seed).p

    least = _least(found, test, used, rows, _one_more, pair.seed)
    told = DistributionSentence("The order of steps", would="called one more tool")
    return _draft("sequences", f"energy distance of edit distances, {WITHIN}", found, told, least)


def arguments(pair: Pair) -> Draft | None:
    """Whether tools are called with the same values."""
    rows = pair.rows()
    if not any(trial.calls for trial in rows.trials):
        return None
    calls: list[CallSequence] = [[(call.tool, call.args) for call in trial.calls] for trial in rows.trials]
    found = argument_test(calls, rows.candidate, rows.tasks, seed=pair.seed)

    def test(tried: Sequence[CallSequence], candidate: Sequence[bool], tasks: Sequence[str]) -> float | None:
        return argument_test(tried, candidate, tasks, permutations=PERMUTATIONS, seed=pair.seed).result.p

    least = _least(found.result, test, calls, rows, _other_values, pair.seed)
    some = [f"{one.path}: {one.told}" for one in found.paths if one.adjusted <= LEVEL][:3]
    told = DistributionSentence(
        "What tools are called with", f": {'; '.join(some)}" if some else "", would="passed other values"
    )
    return _draft("arguments", f"the argument that stands out most, {WITHIN}", found.result, told, least)


def claims(pair: Pair) -> Draft | None:
    """Whether answers claim the same: numbers, ids, what was done and what was not."""
    rows = pair.rows(lambda trial: trial.answer is not None)
    if not rows.trials:
        return None
    answers = [trial.answer or "" for trial in rows.trials]
    found = claim_test(answers, rows.candidate, rows.tasks, seed=pair.seed)

    def test(tried: Sequence[str], candidate: Sequence[bool], tasks: Sequence[str]) -> float | None:
        return claim_test(tried, candidate, tasks, permutations=PERMUTATIONS, seed=pair.seed).result.p

    least = _least(found.result, test, answers, rows, lambda _: DENIAL, pair.seed)
    denied = (
        f"; {percent(found.denies_after)} of answers deny something, {percent(found.denies_before)} before"
    )
    told = DistributionSentence("What answers claim", always=denied, would="said that nothing could be done")
    return _draft(
        "claims", f"energy distance of numbers, ids and claims, {WITHIN}", found.result, told, least
    )


@dataclass(frozen=True, slots=True)
class DistributionSentence:
    """The parts of a sentence about a test of whole distributions."""

    what: str
    """Was compared."""
    changed: str = ""
    """Is said of a change only."""
    always: str = ""
    would: str = ""
    """What runs do in which a change was planted: `called one more tool`."""


def _draft(
    metric: str, method: str, found: Permuted, told: DistributionSentence, least: float | None
) -> Draft:
    n = found.n + found.m
    distance = Estimate("distance", found.statistic, method=method, n=n, unit="runs")
    flaw = f"{told.what} cannot be compared: {found.told}." if found.p is None else ""
    comparison = Comparison(
        metric, method, "this suite", "runs", n, None, None, distance, found.p, None, least, flaw
    )
    return Draft(
        comparison,
        f"{told.what} changed{told.changed}{told.always}.",
        f"{told.what}: no change found{told.always}{planted_told(found.p, least, told.would)}.",
    )


def planted_told(p: float | None, least: float | None, would: str) -> str:
    """How small a change would have been found; nothing where one nearly was.

    >>> planted_told(0.4, 0.15, "called one more tool")
    '; had 15 % of runs called one more tool, that would be found nine times in ten'
    """
    if p is None or p <= LEVEL:
        return ""
    if least is None:
        return f"; this would hardly show it, even had all of them {would}"
    return f"; had {percent(least)} of runs {would}, that would be found nine times in ten"


def _least(
    found: Permuted, test: Test[Row], seen: Sequence[Row], rows: Rows, plant: Callable[[Row], Row], seed: int
) -> float | None:
    return detectable_share(found.p, test, seen, rows.candidate, rows.tasks, plant, seed)


def _tools(rows: Rows) -> list[list[str]]:
    return [[call.tool for call in trial.calls] for trial in rows.trials]


def _one_more(tools_of_a_run: list[str]) -> list[str]:
    return [*tools_of_a_run, NEW]


def _other_values(calls: CallSequence) -> CallSequence:
    return [(tool, _other(args)) for tool, args in calls]


def _other(value: Json) -> Json:
    if isinstance(value, dict):
        return {key: _other(own) for key, own in value.items()}
    return NEW if not isinstance(value, bool | int | float) else -1e9
