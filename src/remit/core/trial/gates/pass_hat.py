"""`pass_hat`: the chance that all of k runs of a task succeed is at least so large.

`{k: 4, at_least: 0.6, alpha: 0.05}`. It counts the subsets of k runs of every task (see `core/stats/pass_hat.py`), so
every task needs k runs: a fixed design.
"""

from __future__ import annotations

from collections.abc import Mapping

from remit.core.stats.pass_hat import pass_hat as pass_hat_of
from remit.core.trial.gates.bounded import Bounded
from remit.core.trial.gates.end_gate import EndGate, Found, passes_of
from remit.core.trial.gates.gate import Terms
from remit.core.trial.gates.settings import ALPHA, arm_of, fixed_only, known, level, number, whole, wrong
from remit.core.trial.gates.stopping import Mark
from remit.core.trial.run import ByTask
from remit.core.trial.suite import Rule

MOST_K = 1_000


def pass_hat(rule: Rule, terms: Terms) -> EndGate:
    """The gate as the suite sets it.

    Raises:
        BadInput: a setting is missing, unknown or out of range, or the design has too few runs of each task.
    """
    known(rule, ("k", "at_least", "alpha", "beta", "arm"), ("k", "at_least"))
    k = whole(rule, "k", 1, MOST_K)
    fixed_only(rule, terms, f"needs {k} runs of every task")
    if terms.design.epochs < k:
        found = f"k is {k}, and the design has {terms.design.epochs} epochs"
        raise wrong(rule, "k", found, f"write 'epochs: {k}' or more")
    alpha = level(rule, "alpha", ALPHA)
    mark = Mark(number(rule, "at_least", 0.0, 1.0), None, alpha, terms.share_of(level(rule, "beta", alpha)))
    runs = f"all of {k} runs of a task succeed" if k > 1 else "a run of a task succeeds"
    bounded = Bounded(f"pass^{k}", f"the chance that {runs}", mark)
    arm = arm_of(rule, terms)

    def judge(trials: Mapping[str, ByTask]) -> Found:
        enough = {task: counts for task, counts in passes_of(trials[arm]).items() if counts[1] >= k}
        found = bounded.judged(
            [pass_hat_of(hits, n, k) for hits, n in enough.values()],
            [terms.weights.get(task, 1.0) for task in enough],
        )
        details = {**found.details, "k": k, "arm": arm, "left_out": len(trials[arm]) - len(enough)}
        return Found(found.verdict, found.sentence, found.would_change, found.estimates, details)

    return EndGate(rule, (arm,), judge)
