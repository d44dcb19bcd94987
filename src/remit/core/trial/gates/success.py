"""`success`: at least so large a share of runs succeeds.

`{at_least: 0.90, aims_for: 0.97, alpha: 0.05, beta: 0.10}`. With `aims_for`, BLOCK means "not as good as aimed for";
without, "below `at_least`". In a sequential design it looks after every trial, in a fixed one at the end.
"""

from __future__ import annotations

from remit.core.trial.gates.gate import Terms
from remit.core.trial.gates.settings import arm_of, known
from remit.core.trial.gates.share import ShareGate
from remit.core.trial.gates.share_settings import SHARE_KEYS, mark_of, stopping_of
from remit.core.trial.gates.share_told import Said
from remit.core.trial.suite import Rule


def success(rule: Rule, terms: Terms) -> ShareGate:
    """The gate as the suite sets it.

    Raises:
        BadInput: a setting is missing, unknown or out of range.
    """
    known(rule, ("at_least", *SHARE_KEYS), ("at_least",))
    mark = mark_of(rule, terms, "at_least")
    said = Said("success", "right", "failed")
    return ShareGate(
        rule, arm_of(rule, terms), lambda trial: trial.success, said, stopping_of(rule, terms, mark)
    )
