"""Do the two arms call their tools with the same values? One test for each `tool.path`, and one for all together.

Numbers are compared by the mean square difference of their distributions (Cramér and von Mises) or the greatest one
(Kolmogorov and Smirnov), everything else by Jensen-Shannon divergence of its kinds. The usual p-values of these
statistics take every value for independent; a run that calls a tool five times gives five values, and tasks bring
their own. So runs are dealt out anew, within tasks.

All paths share the same deals. Each path's statistic is put on the scale of what it is in all deals, and the largest
of all paths is compared with the largest of each deal: exact however the paths depend on each other.

Source: Kolmogorov, Giornale dell'Istituto Italiano degli Attuari 4 (1933) 83-91; Anderson, Annals of Mathematical
Statistics 33 (1962) 1148-1159; Westfall and Young, Resampling-Based Multiple Testing, Wiley 1993, section 2.6
(single-step maxT).
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from typing import Any

import numpy as np

from remit.core.stats.dealing import PERMUTATIONS, Deals, Permuted, deals, judged, tallies
from remit.core.stats.ngrams import jensen_shannon
from remit.core.types import Json

MOST_KINDS = 512
"""Different values of one path: of more, numbers are put into as many groups, and the rarest other values together."""
MOST_PATHS = 200
"""The paths that most runs have."""
MOST_DEPTH = 6
ToolArguments = tuple[str, Json]
"""A tool and its arguments."""


@dataclass(frozen=True, slots=True)
class ArgumentMoved:
    """What is said of the values of one argument."""

    path: str
    """`tool.path`, such as `refund_payment.amount` or `send.to[]`."""
    kind: str
    """`number` or `category`."""
    statistic: float
    p: float
    """Of this path alone."""
    adjusted: float
    """The same, corrected for all paths."""
    runs: int
    """That have it."""
    told: str
    """Median of numbers, or the value whose share differs most: baseline's and candidate's."""


@dataclass(frozen=True, slots=True)
class ArgumentsMoved:
    """What is said of all arguments together."""

    result: Permuted
    """Its statistic is the number of paths that were compared."""
    paths: tuple[ArgumentMoved, ...] = ()
    """The most surprising first."""
    left_out: int = 0
    """Paths beyond `MOST_PATHS`."""


def argument_test(
    runs: Sequence[Sequence[ToolArguments]],
    candidate: Sequence[bool],
    tasks: Sequence[Hashable],
    *,
    numbers: str = "cvm",
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> ArgumentsMoved:
    """Whether the candidate calls its tools with the values that the baseline does, task by task.

    Args:
        runs: the calls of each run, in order. candidate: whether a run is the candidate's, shape (runs,). tasks: of
        the runs, shape (runs,). numbers: the statistic of numbers: `cvm`, or `ks`, which finds less (of a shift by
        half the spread within tasks, 36 %
            instead of 75 %).
        permutations: random deals.
        seed: of the deals.

    >>> runs = [[("pay", {"amount": amount})] for amount in (10, 11, 12, 13, 90, 91, 92, 93)]
    >>> found = argument_test(runs, [False] * 4 + [True] * 4, ["t"] * 8, numbers="ks")
    >>> found.paths[0].path, found.paths[0].statistic, found.paths[0].told
    ('pay.amount', 1.0, 'median 11.5 before, 91.5 after')
    """
    if numbers not in ("ks", "cvm"):
        raise ValueError(f"statistic of numbers {numbers!r}: ks or cvm")
    dealt = deals(candidate, tasks, permutations, seed)
    by_path = _by_path(runs, dealt)
    if not dealt.tasks or not by_path:
        told = "no call has an argument" if dealt.tasks else "no task has runs in both arms"
        return ArgumentsMoved(Permuted(None, None, dealt.n, dealt.m, dealt.tasks, told=told))
    most = sorted(by_path, key=lambda path: (-len({run for run, _ in by_path[path]}), path))[:MOST_PATHS]
    paths = {path: _Path(by_path[path], len(runs)) for path in most}
    statistics = np.stack([one.statistics(dealt, numbers) for one in paths.values()])
    scaled = _scaled(statistics)
    together = judged(scaled.max(axis=0), dealt, rounding=1e-9)
    found = _found(paths, statistics, scaled, candidate)
    result = Permuted(float(len(found)), together.p, dealt.n, dealt.m, dealt.tasks, permutations)
    return ArgumentsMoved(result, found, len(by_path) - len(most))


def _found(
    paths: Mapping[str, _Path], statistics: Any, scaled: Any, candidate: Sequence[bool]
) -> tuple[ArgumentMoved, ...]:
    alone, largest = _each_p(statistics), scaled.max(axis=0)
    found = []
    for at, (path, one) in enumerate(paths.items()):
        p = float(alone[at])
        adjusted = max(p, float((largest >= scaled[at, 0] - 1e-9).mean()))
        told = one.told(candidate)
        found.append(ArgumentMoved(path, one.kind, float(statistics[at, 0]), p, adjusted, one.runs, told))
    return tuple(sorted(found, key=lambda one: (one.adjusted, one.p, one.path)))


def _each_p(statistics: Any) -> Any:
    """The p-value of each path alone, shape (paths,)."""
    return (statistics >= statistics[:, :1] - 1e-12).mean(axis=1)


def _scaled(statistics: Any) -> Any:
    """How far each deal stands out, path by path, shape (paths, deals): roots, since the statistics are squares."""
    roots = np.sqrt(statistics)
    error = roots.std(axis=1, keepdims=True)
    return (roots - roots.mean(axis=1, keepdims=True)) / np.where(error > 1e-9, error, np.inf)


def flat(args: Json, prefix: str = "", depth: int = 0) -> Iterator[tuple[str, Json]]:
    """The values of some arguments with their paths.

    >>> list(flat({"to": ["a", "b"], "card": {"last": 7}}))
    [('to[]', 'a'), ('to[]', 'b'), ('card.last', 7)]
    """
    if depth < MOST_DEPTH and isinstance(args, dict):
        for key, value in args.items():
            yield from flat(value, f"{prefix}.{key}" if prefix else str(key), depth + 1)
    elif depth < MOST_DEPTH and isinstance(args, list):
        for value in args:
            yield from flat(value, f"{prefix}[]", depth + 1)
    else:
        yield prefix, args


def _by_path(runs: Sequence[Sequence[ToolArguments]], dealt: Deals) -> dict[str, list[tuple[int, Json]]]:
    found: dict[str, list[tuple[int, Json]]] = defaultdict(list)
    for run in dealt.members.tolist():
        for tool, args in runs[run]:
            for path, value in flat(args):
                if path:
                    found[f"{tool}.{path}"].append((run, value))
    return found


class _Path:
    """The values of one path, as counts by run and kind."""

    def __init__(self, values: list[tuple[int, Json]], n_runs: int) -> None:
        self.values = values
        self.runs = len({run for run, _ in values})
        is_number = all(_is_number(value) for _, value in values)
        self.kind = "number" if is_number else "category"
        codes = self._numbers() if is_number else self._categories()
        self.counts = np.zeros((n_runs, int(codes.max()) + 1))
        np.add.at(self.counts, (np.array([run for run, _ in values]), codes), 1.0)

    def _numbers(self) -> Any:
        found = np.array([_float(value) for _, value in self.values])
        different, codes = np.unique(found, return_inverse=True)
        return codes if len(different) <= MOST_KINDS else codes * MOST_KINDS // len(different)

    def _categories(self) -> Any:
        texts = [_text(value) for _, value in self.values]
        order = [text for text, _ in sorted(Counter(texts).items(), key=lambda item: (-item[1], item[0]))]
        place = {text: min(at, MOST_KINDS - 1) for at, text in enumerate(order)}
        return np.array([place[text] for text in texts])

    def statistics(self, dealt: Deals, numbers: str) -> Any:
        """Of each deal, shape (deals,)."""
        before, after = tallies(self.counts, dealt)
        return _distance(before, after, numbers) if self.kind == "number" else jensen_shannon(before, after)

    def told(self, candidate: Sequence[bool]) -> str:
        """Baseline's and candidate's, in short."""
        sides = [[v for run, v in self.values if bool(candidate[run]) is side] for side in (False, True)]
        if not all(sides):
            return "only before" if sides[0] else "only after"
        if self.kind == "number":
            before, after = (float(np.median([_float(v) for v in side])) for side in sides)
            return f"median {before:g} before, {after:g} after"
        counts = [Counter(map(_text, side)) for side in sides]
        shares = [
            {text: n / len(side) for text, n in own.items()} for own, side in zip(counts, sides, strict=True)
        ]
        most = max(
            sorted(counts[0] | counts[1]), key=lambda t: abs(shares[0].get(t, 0) - shares[1].get(t, 0))
        )
        return f"{most[:60]}: {shares[0].get(most, 0):.0%} before, {shares[1].get(most, 0):.0%} after"


def _distance(before: Any, after: Any, numbers: str) -> Any:
    """Between two distributions of numbers whose kinds are in order; 0 where one arm has none."""
    n, m = before.sum(axis=1), after.sum(axis=1)
    some = (n > 0) & (m > 0)
    gap = (
        np.cumsum(after, axis=1) / np.maximum(m, 1)[:, None]
        - np.cumsum(before, axis=1) / np.maximum(n, 1)[:, None]
    )
    if numbers == "ks":
        return np.where(some, np.abs(gap).max(axis=1), 0.0)
    weight = (before + after) * (n * m / np.maximum(n + m, 1) ** 2)[:, None]
    return np.where(some, (weight * gap * gap).sum(axis=1), 0.0)


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and not isnan(_float(value))


def _float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def _text(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
