"""What evidence says afterwards, and what a pipeline does about it."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Verdict(StrEnum):
    """What a gate, or a whole run, comes to."""

    PASS = "PASS"  # noqa: S105 - a word, no password
    BLOCK = "BLOCK"
    INCONCLUSIVE = "INCONCLUSIVE"
    ERROR = "ERROR"

    @property
    def exit_code(self) -> int:
        """Of the command that says it: 0, 1, 4 and 3."""
        return _EXIT_CODES[self]


_EXIT_CODES = {Verdict.PASS: 0, Verdict.BLOCK: 1, Verdict.INCONCLUSIVE: 4, Verdict.ERROR: 3}
_WORST = (Verdict.ERROR, Verdict.BLOCK, Verdict.INCONCLUSIVE)


def together(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict over several: ERROR wins over BLOCK, BLOCK over INCONCLUSIVE; nothing at all is INCONCLUSIVE.

    >>> together([Verdict.PASS, Verdict.INCONCLUSIVE, Verdict.BLOCK]).value, together([]).value
    ('BLOCK', 'INCONCLUSIVE')
    """
    found = set(verdicts)
    if not found:
        return Verdict.INCONCLUSIVE
    return next((worst for worst in _WORST if worst in found), Verdict.PASS)
