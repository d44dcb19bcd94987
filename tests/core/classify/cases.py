"""Cases for the tests of the classifier, in a line each."""

from remit.core.classify.case import HELD, Case
from remit.core.types import (
    Integrity,
    Label,
    OnViolation,
    PrincipalKind,
    Role,
    Segment,
    Severity,
    ToolEffect,
    Violation,
)

TRUSTED, PRINCIPAL, UNTRUSTED = (
    Label(i) for i in (Integrity.TRUSTED, Integrity.PRINCIPAL, Integrity.UNTRUSTED)
)
ROLES = ("user", "system", "assistant")


def case(
    *told: tuple[str, str],
    tool: str = "pay",
    violated: str = "flow",
    customer: bool = False,
    effect: ToolEffect | None = ToolEffect.IRREVERSIBLE,
    **args: object,
) -> Case:
    """A held call after some texts, each with its source; the user is an operator unless a customer."""
    user = PRINCIPAL if customer else TRUSTED
    segments = [
        Segment(
            number,
            Role(source) if source in ROLES else Role.TOOL,
            source,
            text,
            user if source == "user" else TRUSTED if source == "system" else UNTRUSTED,
        )
        for number, (source, text) in enumerate(told)
    ]
    violation = Violation(f"{tool}.{violated}", violated, OnViolation.DENY, Severity.MEDIUM, "not met")
    return Case(
        "a-1",
        "s-1",
        "agent",
        HELD,
        tool=tool,
        effect=effect,
        args=args,
        violations=(violation,),
        segments=tuple(segments),
        principal_kind=PrincipalKind.CUSTOMER if customer else PrincipalKind.OPERATOR,
    )
