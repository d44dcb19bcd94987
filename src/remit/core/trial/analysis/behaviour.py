"""Does the candidate do the same things? Its tools, their order, their arguments, and what its answers claim."""

from __future__ import annotations

from remit.core.stats.arguments import argument_test
from remit.core.stats.dealing import Permuted
from remit.core.stats.ngrams import moved, tool_test
from remit.core.stats.sequences import sequence_test
from remit.core.stats.sign_flip import sign_flip
from remit.core.trial.alike import ends_alike
from remit.core.trial.analysis.draft import LEVEL, Draft
from remit.core.trial.analysis.pair import Pair
from remit.core.trial.percent import percent
from remit.core.trial.report import Comparison, Estimate
from remit.core.trial.signature import claim_test

WITHIN = "runs dealt out anew within tasks"


def less_alike(pair: Pair) -> Draft | None:
    """Whether runs of one task end alike as often as before."""
    values = []
    for task in pair.run.info.tasks:
        arms = [
            [t for t in pair.trials if t.task == task and t.arm == arm]
            for arm in (pair.baseline, pair.candidate)
        ]
        before, after = ends_alike(arms[0]), ends_alike(arms[1])
        if before is not None and after is not None:
            values.append((before, after))
    if not values:
        return None
    p = sign_flip([after - before for before, after in values], seed=pair.seed).p_two_sided
    n, means = len(values), [sum(v[side] for v in values) / len(values) for side in (0, 1)]
    base, candidate = (
        Estimate("agreement", mean, method="mean over tasks", n=n, unit="tasks") for mean in means
    )
    change = Estimate("difference", means[1] - means[0], method="mean over tasks", n=n, unit="tasks")
    rates = f"Two runs of a task end alike in {percent(means[1])} of cases, {percent(means[0])} before"
    comparison = Comparison(
        "agreement",
        "signs flipped over tasks",
        "tasks like these",
        "tasks",
        n,
        base,
        candidate,
        change,
        p,
        None,
    )
    return Draft(comparison, f"{rates}: it changed.", f"{rates}: no change found.")


def tools(pair: Pair) -> Draft | None:
    """Which tool follows which."""
    trials, candidate, tasks = pair.rows()
    if not any(trial.calls for trial in trials):
        return None
    used = [[call.tool for call in trial.calls] for trial in trials]
    found = tool_test(used, candidate, tasks, seed=pair.seed)
    steps = [
        f"{' → '.join(step)} {percent(before)} before, {percent(after)} now"
        for step, before, after in moved(used, candidate)
    ]
    most = f"; most changed: {', '.join(steps)}" if steps and found.p is not None and found.p <= LEVEL else ""
    return _permuted(
        "tools", f"Jensen-Shannon on pairs of tools, {WITHIN}", found, "Which tool follows which", most
    )


def sequences(pair: Pair) -> Draft | None:
    """Whether runs take the same steps, in the same places."""
    trials, candidate, tasks = pair.rows()
    if not any(trial.calls for trial in trials):
        return None
    used = [[call.tool for call in trial.calls] for trial in trials]
    found = sequence_test(used, candidate, tasks, seed=pair.seed)
    return _permuted("sequences", f"energy distance of edit distances, {WITHIN}", found, "The order of steps")


def arguments(pair: Pair) -> Draft | None:
    """Whether tools are called with the same values."""
    trials, candidate, tasks = pair.rows()
    if not any(trial.calls for trial in trials):
        return None
    calls = [[(call.tool, call.args) for call in trial.calls] for trial in trials]
    found = argument_test(calls, candidate, tasks, seed=pair.seed)
    some = [f"{one.path}: {one.told}" for one in found.paths if one.adjusted <= LEVEL][:3]
    most = f": {'; '.join(some)}" if some else ""
    method = f"smallest p of all arguments, {WITHIN}"
    return _permuted("arguments", method, found.result, "What tools are called with", most)


def claims(pair: Pair) -> Draft | None:
    """Whether answers claim the same: numbers, ids, what was done and what was not."""
    trials, candidate, tasks = pair.rows(lambda trial: trial.answer is not None)
    if not trials:
        return None
    found = claim_test([trial.answer or "" for trial in trials], candidate, tasks, seed=pair.seed)
    denied = (
        f"; {percent(found.denies_after)} of answers deny something, {percent(found.denies_before)} before"
    )
    method = f"energy distance of numbers, ids and claims, {WITHIN}"
    return _permuted("claims", method, found.result, "What answers claim", both=denied)


def _permuted(
    metric: str, method: str, found: Permuted, what: str, changed: str = "", both: str = ""
) -> Draft:
    """*changed* is said of a change only, *both* in any case."""
    n = found.n + found.m
    change = Estimate("distance", found.statistic, method=method, n=n, unit="runs")
    told = f"{what} cannot be compared: {found.told}." if found.p is None else ""
    comparison = Comparison(
        metric, method, "this suite", "runs", n, None, None, change, found.p, None, None, told
    )
    return Draft(comparison, f"{what} changed{changed}{both}.", f"{what}: no change found{both}.")
