"""What keeps the word of the gates from being a verdict, where runs are held against recorded sessions.

Trials that left a recorded conversation are in no rate, since nobody knows how they would have gone on. Leaving them out
is fair only as far as it happens to both arms alike: a candidate that leaves the record wherever a task is hard would be
judged by the easy ones. So a PASS needs that the candidate does not leave it more often than the baseline, by the margin
of the gates and at their level; and where more than half of an arm's trials left it, the gates say nothing of the rest.

And where the baseline's own re-run hardly ever does what its sessions did, a candidate that never does is not worse by
the margin either: such a PASS says nothing. No more does one where no session did anything. A broken invariant blocks
all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from remit.core.stats.compare_rates import POPULATION, compare_rates
from remit.core.trial.against import MISSING, SAME
from remit.core.trial.gates.of_check import KEY, by_check
from remit.core.trial.gates.settings import ALPHA
from remit.core.trial.pairs import paired
from remit.core.trial.percent import bar, count, percent, points
from remit.core.trial.run import Run
from remit.core.trial.suite import BASELINE, CANDIDATE
from remit.core.trial.trial import Status, Trial
from remit.core.trial.verdict import Verdict

MOST = 0.5
"""Share of an arm's trials beyond which nothing is said of the rest."""
MARGIN = 0.1
"""Where no gate names one."""


def diverged_share(trials: Sequence[Trial]) -> float:
    """Of the trials whose world did not fail, those that left the recorded conversation."""
    ended = [trial for trial in trials if trial.status is not Status.INFRASTRUCTURE]
    return sum(trial.status is Status.DIVERGED for trial in ended) / len(ended) if ended else 0.0


def without_verdict(run: Run, verdict: Verdict) -> tuple[str, str] | None:
    """Why what the gates say is no verdict, and what would change that; None where it is one.

    Args:
        run: all of it.
        verdict: what its gates come to.
    """
    if verdict is Verdict.ERROR:
        return None
    for arm in run.info.arms:
        share = diverged_share(run.of(arm))
        if share > MOST:
            told = (
                f"In {percent(share)} of {count(len(run.of(arm)))} of {arm} the conversation left the record"
            )
            return (
                f"{told}, more than {bar(MOST)}: nobody knows what their users would have said, and the rest says too"
                " little.",
                "Sessions that can be followed further, such as those of one turn; or a suite with a world of its own.",
            )
    return (_nothing_to_lose(run) or _more_often(run)) if verdict is Verdict.PASS else None


def _nothing_to_lose(run: Run) -> tuple[str, str] | None:
    """Where the baseline re-run hardly ever has all effects of a session that had some, or no session had any."""
    rules = {one.settings.get(KEY): one for one in run.info.design.gates}
    rule = rules.get(MISSING)
    if rule is None and SAME in rules:
        return (
            "None of these sessions had an effect, so a candidate that does nothing at all, and says nothing, would have"
            " passed.",
            "Sessions in which something was done; or a suite with checks of what the agent says.",
        )
    seen = [by_check(trial, MISSING) for trial in run.of(BASELINE)]
    ended = [trial for trial in seen if trial.success is not None]
    if rule is None or not ended:
        return None
    rate = sum(trial.success is True for trial in ended) / len(ended)
    margin = _setting(rule.settings.get("margin"), MARGIN)
    if rate > margin:
        return None
    return (
        f"The baseline itself, run again, does what its sessions did in {percent(rate)} of runs of those that had an"
        f" effect, and a loss of {points(margin)} is allowed: no candidate could be found worse.",
        "A baseline that can be run again: see why its runs were no success, and whether it reads `conversation`.",
    )


def _more_often(run: Run) -> tuple[str, str] | None:
    """Where it is not shown that the candidate leaves the record no more often than the baseline."""
    if not {BASELINE, CANDIDATE} <= set(run.info.arms) or not diverged_share(run.of(CANDIDATE)):
        return None
    rule = next((one for one in run.info.design.gates if one.kind == "not_worse"), None)
    margin = _setting(rule.settings.get("margin") if rule else None, MARGIN)
    alpha = _setting(rule.settings.get("alpha") if rule else None, ALPHA)
    both = paired(_stayed(run), BASELINE, CANDIDATE)
    found = compare_rates(
        both.baseline,
        both.candidate,
        POPULATION,
        weights=both.weights,
        margin=margin,
        seed=run.info.design.seed,
    )
    if found.p_not_worse is not None and found.p_not_worse <= alpha:
        return None
    return (
        f"The conversation left the record in {percent(1 - found.candidate)} of the candidate's runs and in "
        f"{percent(1 - found.baseline)} of the baseline's. It is not shown that this is less than {points(margin)} more,"
        " and where it left, nobody knows what would have come of it.",
        "More sessions, or a wider margin; see where it leaves them.",
    )


def _stayed(run: Run) -> Run:
    """The run, where staying with the record is the success."""
    stayed = {Status.INFRASTRUCTURE: Status.INFRASTRUCTURE, Status.DIVERGED: Status.FAILED}
    trials = (replace(one, status=stayed.get(one.status, Status.PASSED)) for one in run.trials)
    return replace(run, trials=tuple(trials))


def _setting(value: object, default: float) -> float:
    return float(value) if isinstance(value, int | float) and 0 < value < 1 else default
