"""Whether the numbers of a trial report deserve their names: how often intervals cover, and how often gates are wrong.

python -m benchmarks.validity              # a minute
python -m benchmarks.validity --full       # the tables of docs/results.md
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from benchmarks import validity_coverage as coverage
from benchmarks import validity_exact as exact
from benchmarks import validity_gates as gates
from benchmarks import validity_pairs as pairs
from benchmarks.validity_coverage import Cell, Grid
from benchmarks.validity_gates import Found

SEED = 20_260_101
SHORT_SAMPLES, FULL_SAMPLES = 1_000, 10_000
PASS_HAT = Grid((10, 20, 50), (4, 8), (0.7, 0.9, 0.98), (0.0, 0.4, 1.0, coverage.RARE))


def main() -> None:
    """Print every table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.validity", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--full", action="store_true", help="the whole grid, ten times as many samples")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--only", default="", help="tables whose title contains this")
    options = parser.parse_args()
    samples = FULL_SAMPLES if options.full else SHORT_SAMPLES
    print(f"seed {options.seed}, {samples:,} samples of each cell; a tenth of them for display intervals\n")
    begun = time.perf_counter()
    for title, lines in parts(samples, options.seed, wide=options.full):
        if options.only not in title:
            continue
        print(f"### {title}\n")
        for line in lines:
            print(line, flush=True)
        print()
    print(f"{time.perf_counter() - begun:.0f} s")


def parts(samples: int, seed: int, *, wide: bool) -> Iterator[tuple[str, Iterable[str]]]:
    """Title and lines of each table."""
    yield "One rate, a fixed number of trials, exactly", one_rate()
    yield "Fixed designs", by_method(cells(samples, seed, wide=wide))
    yield "After a sequential gate has stopped, exactly", after_stopping()
    yield "Looked at after every trial, exactly", at_any_time()
    yield "Sequential gates: how often they are wrong", wrong(gates.cases(wide), samples, seed)
    yield "The same gates, fed or made as they are not to be", wrong(gates.traps(), samples, seed)
    yield "Two arms, looked at after every pair", two_arms(samples, seed)
    yield "What stopping early saves, exactly", saved()


def cells(samples: int, seed: int, *, wide: bool) -> Iterator[Cell]:
    """Every cell of the fixed designs."""
    grid = coverage.WIDE if wide else coverage.SHORT
    yield from coverage.of_uneven_tasks(grid, samples, seed)
    yield from coverage.of_weighted_tasks(samples, seed, (4, 10, 30) if wide else (10,))
    yield from coverage.of_drawn_tasks(grid, samples, seed)
    yield from coverage.of_strata(samples, seed, (4, 10, 30) if wide else (10,))
    yield from coverage.of_pass_hat(PASS_HAT, samples, seed)


def by_method(found: Iterable[Cell]) -> Iterator[str]:
    """Least and mean coverage of each method, and where it is least."""
    yield from head("95 % interval", "question", "cells", "least", "mean", "where it is least")
    groups: dict[tuple[str, str], list[Cell]] = defaultdict(list)
    for cell in found:
        if cell.covered == cell.covered:  # a display interval may be told of no sample at all
            groups[cell.method, cell.question].append(cell)
    for (method, question), some in groups.items():
        worst = min(some, key=lambda cell: cell.covered)
        mean = sum(cell.covered for cell in some) / len(some)
        where = f"{worst.tasks} tasks x {worst.epochs}, {worst.truth}"
        yield row(method, question, len(some), f"{worst.covered:.3f}", f"{mean:.3f}", where)


def one_rate() -> Iterator[str]:
    """Of one share."""
    yield from head("95 % interval", "trials", "least", "mean over rates from .80 to .995")
    for name, n, least, mean in exact.of_one_rate():
        yield row(name, n, f"{least:.3f}", f"{mean:.3f}")


def after_stopping() -> Iterator[str]:
    """Of the rate, by gate."""
    yield from head("gate", "95 % interval", "least", "mean over rates from .50 to .995")
    for gate, name, least, mean in exact.after_stopping():
        yield row(gate, name, f"{least:.3f}", f"{mean:.3f}")


def at_any_time(horizon: int = 1_000) -> Iterator[str]:
    """Of the confidence sequence."""
    yield from head("true rate", f"95 % confidence sequence, right at all of {horizon:,} looks")
    for p, share in exact.at_any_time(horizon):
        yield row(f"{p:g}", f"{share:.3f}")


def wrong(cases: Iterable[gates.Case], replications: int, seed: int) -> Iterator[str]:
    """False PASS at the bar, false BLOCK at the aim."""
    yield from head(
        "gate", "method", "true rate", "fed in", "workers", "a failure takes", "wrong", "99 % lower bound", "at most",
        "mean trials", "started by then",
    )  # fmt: skip
    for case in cases:
        yield told(gates.measured(case, replications, seed))


def told(found: Found) -> str:
    """One line of the table."""
    case = found.case
    order = {"start": "start order", "ends": "order of ends", "file": "file order"}[case.order]
    least = f"{found.least:.3f}" if found.holds else f"**{found.least:.3f}**"
    return row(
        f"{case.p0:.2f} / {case.p1:.2f}", case.method, f"{case.rate:.2f}", order, case.workers, f"x {case.slower:g}",
        f"{found.wrong / found.of:.3f}", least, f"{found.nominal:.2f}", f"{found.trials:.0f}", f"{found.started:.0f}",
    )  # fmt: skip


def two_arms(replications: int, seed: int) -> Iterator[str]:
    """PASS: not worse by .05. BLOCK: worse."""
    yield from head("pairs that end unequally", "true difference", "PASS", "BLOCK", "wrong: 99 % lower bound",
                    "at most", "mean pairs")  # fmt: skip
    for truth in pairs.truths():
        found = pairs.compared(truth, replications, seed)
        least, most = ("", "") if found.least is None else (f"{found.least:.3f}", f"{pairs.ALPHA:.2f}")
        shares = (f"{found.passed / found.of:.3f}", f"{found.blocked / found.of:.3f}")
        yield row(
            f"{truth.discordance:.2f}", f"{truth.difference:+.2f}", *shares, least, most, f"{found.pairs:.0f}"
        )


def saved() -> Iterator[str]:
    """Power, and trials saved against the fixed test; tokens are saved in the same shares."""
    yield from head(
        "gate", "fixed, need", "power, fixed", "power, sequential", "saved at bar - .15", "at the bar",
        "at the costliest rate", "as aimed", "never fails",
    )  # fmt: skip
    for name, fixed, power, sequential, shares in gates.saved():
        percents = [f"{share:.0%}" for share in shares]
        yield row(name, f"{fixed.n}, {fixed.needed}", f"{power:.3f}", f"{sequential:.3f}", *percents)


def head(*columns: str) -> Iterator[str]:
    """The first two lines of a table."""
    yield row(*columns)
    yield row(*("---" for _ in columns))


def row(*values: object) -> str:
    """A line of one.

    >>> row("a", 1)
    '| a | 1 |'
    """
    return "| " + " | ".join(map(str, values)) + " |"


def least(found: Sequence[Cell], method: str) -> float:
    """The least coverage of a method among cells."""
    return min(cell.covered for cell in found if cell.method == method)


if __name__ == "__main__":
    main()
