"""A comparison before it is known how many others there are: what it would say if it counts as a change, and if not."""

from __future__ import annotations

from dataclasses import dataclass, replace

from remit.core.trial.report import Comparison

LEVEL = 0.05


@dataclass(frozen=True, slots=True)
class Draft:
    """One metric, compared but not yet corrected."""

    comparison: Comparison
    """Without `adjusted`; `told` stands where it cannot be tested."""
    change: str = ""
    """The sentence where it changed."""
    same: str = ""
    """The sentence where no change was found."""
    by_itself: bool = True
    """Whether it is told where only the number of metrics keeps it from being a change."""

    def corrected(self, adjusted: float | None, among: int) -> Comparison:
        """The comparison as the report has it.

        Args:
            adjusted: its p-value, corrected.
            among: so many metrics.
        """
        p = self.comparison.p
        if adjusted is None or p is None:
            return self.comparison
        told = self.change if adjusted <= LEVEL else self.same
        if self.by_itself and p <= LEVEL < adjusted:
            told += (
                f" By itself it would look like a change (p = {p:.2g}), among {among} metrics it does not."
            )
        return replace(self.comparison, adjusted=adjusted, told=told)
