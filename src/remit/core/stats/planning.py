"""How many trials a question costs, and how small a difference a design can see: told before any money is spent.

Gates on a rate are planned by `fixed_test` and `sprt`; here stand the other questions.
"""

from __future__ import annotations

from math import ceil, floor, inf, log, sqrt

from remit.core.stats.smallest import smallest


def without_failure(p: float, confidence: float = 0.95) -> int:
    """Trials that must all succeed before one may claim a rate of *p* or more.

    The same number of trials must have ended before the slowest is an upper bound of the latency's quantile *p*: a bound
    exists once it is unlikely that all fell below the quantile.

    Args:
        p: rate, or quantile, in (0, 1).
        confidence: in (0, 1).

    >>> [without_failure(p) for p in (0.80, 0.90, 0.95, 0.99, 0.999)]
    [14, 29, 59, 299, 2995]

    Source: the exact binomial interval at zero failures; Hanley and Lippman-Hand, JAMA 249 (1983) 1743-1745. Quantiles:
    Wilks, Annals of Mathematical Statistics 12 (1941) 91-96.
    """
    _shares(p=p, confidence=confidence)
    return ceil(log(1 - confidence) / log(p) - 1e-9)


def pairs(drop: float, discordance: float, alpha: float = 0.05, power: float = 0.90) -> int:
    """Pairs of trials of the same task that find a drop, by a one-sided McNemar test.

    Args:
        drop: of the success rate, in (0, *discordance*].
        discordance: share of pairs in which exactly one of both succeeds, in (0, 1].
        alpha: level.
        power: probability of finding it.

    >>> [pairs(0.10, share) for share in (0.1, 0.2, 0.3)]
    [82, 168, 254]

    Source: Connor, Biometrics 43 (1987) 207-211.
    """
    _shares(alpha=alpha, power=power)
    if not 0 < drop <= discordance <= 1:
        raise ValueError(f"needs 0 < drop <= discordance <= 1, found {drop:g} and {discordance:g}")
    reach = _z(1 - alpha) * sqrt(discordance) + _z(power) * sqrt(discordance - drop * drop)
    return ceil((reach / drop) ** 2)


def detectable(
    tasks: int,
    epochs: int,
    *,
    rate: float = 0.8,
    icc: float = 0.45,
    task_sd: float | None = None,
    alpha: float = 0.05,
    power: float = 0.90,
) -> float | None:
    """About the smallest drop of the success rate that a fixed design finds with probability *power*.

    Args:
        tasks: that both arms run.
        epochs: of each task, in each arm.
        rate: at which the baseline succeeds, in (0, 1).
        icc: share of the variance of a trial that lies between tasks, in [0, 1); measured on airline tasks: .4 to .45.
        task_sd: standard deviation of the true difference from task to task, for *tasks like these*; .05 is what a
            changed prompt did. None asks about *this suite*, whose tasks are given.
        alpha: level, one-sided.
        power: in (0, 1).

    Returns:
        In (0, *rate*]; None where even an agent that always fails may be missed.

    Twenty tasks, five times each; and so few tasks that no result of theirs is surprising:

    >>> round(detectable(20, 5) or 0, 3), round(detectable(20, 5, task_sd=0.05) or 0, 3), detectable(4, 50, task_sd=0.05)
    (0.163, 0.171, None)

    Source: Miller, Adding error bars to evals, arXiv:2411.00640 (2024), section 5, to which it comes for many trials. Few
    ones need what that leaves out: trials vary more at the lower rate, exact tests count in steps, and the spread between
    tasks is not known but estimated.
    """
    _shares(rate=rate, alpha=alpha, power=power)
    if tasks < 1 or epochs < 1 or not 0 <= icc < 1 or (task_sd is not None and task_sd < 0):
        raise ValueError(f"{tasks} tasks, {epochs} epochs, icc {icc:g}, task_sd {task_sd}")
    runs, between = tasks * epochs, (task_sd or 0.0) ** 2 / tasks
    over_tasks = task_sd is not None and epochs > 1
    reach = _over_tasks(tasks, alpha, power) if over_tasks else 0.0

    def found(drop: float) -> bool:
        start, half, end = (_variance(rate, rate - part * drop, icc) for part in (0.0, 0.5, 1.0))
        apart = sqrt((start + end) / runs + between)
        pooled = sqrt(2 * half / runs + between)
        needs = reach * apart if over_tasks else _z(1 - alpha) * pooled + _z(power) * apart
        return drop - _STEP / runs >= needs

    return smallest(found, rate)


def _variance(rate: float, at: float, icc: float) -> float:
    """Of one trial about its task's rate, once the mean went from *rate* to *at*: what that adds may fall anywhere."""
    here, there = rate * (1 - rate), at * (1 - at)
    return min(there, here * (1 - icc) + max(0.0, there - here))


def _over_tasks(tasks: int, alpha: float, power: float) -> float:
    """Standard errors between 0 and what a test on the differences of so many tasks finds."""
    from scipy.special import stdtrit

    ways = floor(alpha * 2**tasks) if tasks < _MANY_TASKS else _MANY_TASKS
    if not ways:
        return inf
    t = float(stdtrit(tasks - 1, 1 - alpha) + stdtrit(tasks - 1, power)) if tasks > 1 else inf
    # With so few that only a loss in every single task is surprising, each has to lose.
    return max(t, sqrt(tasks) * _z(power ** (1 / tasks))) if ways == 1 else t


_STEP = 1.5
"""Trials by which a test that counts asks for more than a smooth one."""
_MANY_TASKS = 15
"""From so many on, a t-test takes the place of counting signs."""


def _z(share: float) -> float:
    from scipy.special import ndtri

    return float(ndtri(share))


def _shares(**named: float) -> None:
    for name, value in named.items():
        if not 0 < value < 1:
            raise ValueError(f"needs {name} between 0 and 1, found {value:g}")
