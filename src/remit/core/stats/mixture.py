"""Evidence about a rate that may be looked at after every trial, for ever, and stopped at any moment.

The theory. If the rate is p, then for any prior the ratio

    E = integral of q ** s * (1 - q) ** f d prior(q) / (p ** s * (1 - p) ** f)

after s successes and f failures is a fair bet against p: its expectation is 1 at every step, and it ever exceeds
1 / alpha with probability alpha at most (Ville). With a Beta prior the integral has a closed form. Cut to the rates
above p0 (or below p1), the bet is against every rate on the other side at once. The rates against which no bet has won
1 / alpha so far are an interval that contains the true one at all moments together with probability 1 - alpha.

Nothing is carried over from earlier runs: feeding yesterday's 90 of 100 in lets an agent that always fails pass.

Source: Robbins, Annals of Mathematical Statistics 41 (1970) 1397-1409; Ville, Étude critique de la notion de collectif
(1939); Ramdas et al., Game-theoretic statistics and safe anytime-valid inference, Statistical Science 38 (2023) 576-601.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf, log, log1p

A, B = 0.5, 0.5
"""The prior: Jeffreys', which loses little wherever the rate lies."""


def log_e_pass(successes: int, failures: int, p0: float, a: float = A, b: float = B) -> float:
    """Evidence that the rate is above *p0*, as a logarithm: PASS at `log(1 / alpha)`.

    Args:
        successes: so far, 0 or more.
        failures: so far, 0 or more.
        p0: the rate that does not suffice, in (0, 1).
        a: of the Beta prior, which is cut to (p0, 1).
        b: of the Beta prior.

    One success against .5, uniform prior on (.5, 1): the mean of q is .75, so the bet pays .75 / .5:

    >>> from math import exp
    >>> round(exp(log_e_pass(1, 0, 0.5, 1, 1)), 9)
    1.5
    """
    from scipy.special import betaincc

    _check(successes, failures, p0)
    inside = float(betaincc(successes + a, failures + b, p0))
    return _log_mixed(successes, failures, a, b, inside, float(betaincc(a, b, p0))) - _log_likelihood(
        successes, failures, p0
    )


def log_e_block(successes: int, failures: int, p1: float, a: float = A, b: float = B) -> float:
    """Evidence that the rate is below *p1*, as a logarithm: BLOCK at `log(1 / beta)`; arguments as of `log_e_pass`.

    >>> from math import exp
    >>> round(exp(log_e_block(0, 1, 0.5, 1, 1)), 9)
    1.5
    """
    return log_e_pass(failures, successes, 1 - p1, b, a)


def log_e(successes: int, failures: int, p: float, a: float = A, b: float = B) -> float:
    """Evidence that the rate is not *p*, as a logarithm; arguments as of `log_e_pass`, the prior is not cut.

    Two successes against .5, uniform prior: (1 / 3) / (1 / 4):

    >>> from math import exp
    >>> round(exp(log_e(2, 0, 0.5, 1, 1)), 9)
    1.333333333
    """
    _check(successes, failures, p)
    return _log_mixed(successes, failures, a, b, 1.0, 1.0) - _log_likelihood(successes, failures, p)


def interval(successes: int, failures: int, confidence: float = 0.95) -> tuple[float, float]:
    """The confidence sequence: the rates that no bet has won against.

    It contains the true rate at *all* moments at once with probability *confidence*: stop when you like. A gate may rest
    on it; where the number of trials was fixed beforehand, Clopper-Pearson is narrower.

    Args:
        successes: so far, 0 or more.
        failures: so far, 0 or more.
        confidence: in (0, 1).

    Returns:
        Low and high, in [0, 1]; (0, 1) before the first trial.

    >>> [round(bound, 3) for bound in interval(95, 5)]
    [0.844, 0.993]
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence {confidence}")
    _check(successes, failures, 0.5)
    n, limit = successes + failures, -log1p(-confidence)
    if n == 0:
        return 0.0, 1.0
    share = successes / n

    def won(p: float) -> bool:
        return log_e(successes, failures, p) >= limit

    return _edge(won, 0.0, share), _edge(won, 1.0, share)


def _edge(won: Callable[[float], bool], outside: float, inside: float) -> float:
    if outside == inside:
        return outside
    for _ in range(60):
        middle = (outside + inside) / 2
        if not 0 < middle < 1:
            break
        outside, inside = (middle, inside) if won(middle) else (outside, middle)
    return outside


def _log_mixed(successes: int, failures: int, a: float, b: float, inside: float, before: float) -> float:
    from scipy.special import betaln

    if inside <= 0:
        return -inf
    return float(betaln(successes + a, failures + b) - betaln(a, b)) + log(inside) - log(before)


def _log_likelihood(successes: int, failures: int, p: float) -> float:
    return successes * log(p) + failures * log1p(-p)


def _check(successes: int, failures: int, p: float) -> None:
    if successes < 0 or failures < 0 or not 0 < p < 1:
        raise ValueError(f"{successes} successes and {failures} failures at rate {p}")
