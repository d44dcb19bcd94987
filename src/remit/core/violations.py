"""How a clause that is not met, or cannot be evaluated, is said."""

from __future__ import annotations

from remit.core.envelope import Clause
from remit.core.types import OnViolation, Severity, Violation


def unmet(clause: Clause, kind: str, message: str) -> Violation:
    """The clause was evaluated and does not hold."""
    return Violation(clause.id, kind, clause.on_violation, clause.severity, message)


def failed(clause: Clause, kind: str, message: str) -> Violation:
    """The clause could not be evaluated, which denies whatever its `on_violation` says."""
    told = f"cannot be evaluated: {message}"
    return Violation(clause.id, kind, clause.on_violation, Severity.LOW, told, error=True)


def broken(
    clause: str, kind: str, message: str, severity: Severity = Severity.MEDIUM, *, error: bool = False
) -> Violation:
    """What the language itself asserts about every call does not hold; there is no clause in the file to say so."""
    return Violation(clause, kind, OnViolation.DENY, severity, message, error)
