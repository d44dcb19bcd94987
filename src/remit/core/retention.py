"""How long what was captured is kept, and in which steps it grows old.

What is kept for a limited time is encrypted under keys that are destroyed: one key for each subject, length of
retention and period. All that a period's key encrypts is older than its retention once the period's end is, so an
event is readable for `retain_s` at least, and for one period more at most.
"""

from __future__ import annotations

import math

LEAST_RETAIN_S = 3600.0
"""The shortest time for which an event can be kept."""
_LEAST_PERIOD_S, _MOST_PERIOD_S = 3600.0, 7 * 86400.0


def period_end(retain_s: float, at: float) -> float:
    """When the period ends that the instant *at* lies in; always later than *at*.

    A period is an eighth of the retention, from an hour to seven days. Periods of one length begin at the same
    instants for all subjects, so that what belongs to one of them grows old together.

    >>> period_end(90 * 86400.0, at=0.0) / 86400, period_end(8 * 3600.0, at=3600.0) / 3600
    (7.0, 2.0)
    """
    # Whole seconds, so that the end is exact.
    period = math.floor(min(max(retain_s / 8, _LEAST_PERIOD_S), _MOST_PERIOD_S))
    return float((at // period + 1) * period)
