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


def violation(tool: str, kind: str) -> Violation:
    """A clause of that kind that was not met."""
    return Violation(f"{tool}.{kind}", kind, OnViolation.DENY, Severity.MEDIUM, "not met")


def case(
    *told: tuple[str, str],
    kind: str = HELD,
    tool: str = "pay",
    violated: str = "flow",
    customer: bool = False,
    effect: ToolEffect | None = ToolEffect.IRREVERSIBLE,
    **args: object,
) -> Case:
    """A call, held unless said, after some texts, each with its source; the user is an operator unless a customer."""
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
    return Case(
        "a-1",
        "s-1",
        "agent",
        kind,
        tool=tool,
        effect=effect,
        args=args,
        violations=(violation(tool, violated),) if tool else (),
        segments=tuple(segments),
        principal_kind=PrincipalKind.CUSTOMER if customer else PrincipalKind.OPERATOR,
    )
