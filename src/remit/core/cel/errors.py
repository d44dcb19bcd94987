"""What can go wrong: a flaw in the text, found at load, and an error while a condition runs."""

from __future__ import annotations

from remit.core.errors import RemitError


class ConditionError(RemitError):
    """A condition could not be answered for these values; the clause that asked decides as for any error."""


class Flaw(Exception):
    """A mistake in the text of a condition; `compile_condition` turns it into `BadInput`."""

    def __init__(self, found: str, pos: int, remedy: str = "") -> None:
        super().__init__(f"{found} (at {pos})")
        self.remedy = remedy
