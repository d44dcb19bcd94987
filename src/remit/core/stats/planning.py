"""How many trials a question costs, and how small a difference a design can see: told before any money is spent.

Gates on a rate are planned by `fixed_test` and `sprt`; here stand the other questions.
"""

from __future__ import annotations

from math import ceil, log, sqrt


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
    task_sd: float = 0.0,
    alpha: float = 0.05,
    power: float = 0.90,
) -> float:
    """The smallest true difference between two arms that a fixed design finds with probability *power*.

    Args:
        tasks: that both arms run.
        epochs: of each task, in each arm.
        rate: about at which they succeed, in (0, 1).
        icc: share of the variance of a trial that lies between tasks, in [0, 1); measured on airline tasks: .4 to .45.
        task_sd: standard deviation of the true difference from task to task. 0 asks about *this suite*; .05 is what a
            changed prompt did, for *tasks like these*.
        alpha: level, one-sided.
        power: in (0, 1).

    Twenty tasks, five times each:

    >>> round(detectable(20, 5), 3), round(detectable(20, 5, task_sd=0.05), 3)
    (0.123, 0.127)

    Source: Miller, Adding error bars to evals, arXiv:2411.00640 (2024), section 5.
    """
    _shares(rate=rate, alpha=alpha, power=power)
    if tasks < 1 or epochs < 1 or not 0 <= icc < 1 or task_sd < 0:
        raise ValueError(f"{tasks} tasks, {epochs} epochs, icc {icc:g}, task_sd {task_sd:g}")
    within = 2 * rate * (1 - rate) * (1 - icc) / (tasks * epochs)
    return (_z(1 - alpha) + _z(power)) * sqrt(within + task_sd * task_sd / tasks)


def _z(share: float) -> float:
    from scipy.special import ndtri

    return float(ndtri(share))


def _shares(**named: float) -> None:
    for name, value in named.items():
        if not 0 < value < 1:
            raise ValueError(f"needs {name} between 0 and 1, found {value:g}")
