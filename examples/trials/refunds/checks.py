"""Checks that no table can say."""

from __future__ import annotations

import re

from remit.core.trial.view import TrialView


def names_the_amount(trial: TrialView) -> tuple[bool, str]:
    """An answer that speaks of a refund names what was paid back."""
    paid = [call.args["amount"] for call in trial.calls if call.tool == "refund_payment"]
    told = [round(float(number) * 100) for number in re.findall(r"\d+\.\d\d", trial.text)]
    missing = [amount for amount in paid if amount not in told]
    return not missing, f"the answer does not name {missing}" if missing else ""
