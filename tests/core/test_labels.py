"""How far a text may steer, by its source."""

from __future__ import annotations

import pytest

from remit.core.labels import label_of
from remit.core.types import Confidentiality, Integrity, Label, PrincipalKind
from remit.testing import one_tool

OPERATOR, CUSTOMER = PrincipalKind.OPERATOR, PrincipalKind.CUSTOMER
SOURCES = "  sources:\n    user: {integrity: %s, confidentiality: pii}\n    act: {integrity: trusted}\n"


def integrity(listed: str | None, kind: PrincipalKind | None) -> str:
    rules = one_tool(rest=SOURCES % listed if listed else "")
    return label_of(rules, "user", kind).integrity.value


@pytest.mark.parametrize(
    ("listed", "kind", "expected"),
    [
        (None, OPERATOR, "trusted"),
        (None, CUSTOMER, "principal"),
        (None, None, "principal"),
        ("trusted", None, "trusted"),
        ("trusted", CUSTOMER, "principal"),
        ("trusted", OPERATOR, "trusted"),
        ("principal", OPERATOR, "principal"),
        ("untrusted", OPERATOR, "untrusted"),
        ("untrusted", CUSTOMER, "untrusted"),
    ],
)
def test_the_envelope_can_lower_the_label_of_a_known_principal_and_never_raise_it(
    listed: str | None, kind: PrincipalKind | None, expected: str
) -> None:
    assert integrity(listed, kind) == expected


def test_the_envelope_says_who_may_see_the_users_text() -> None:
    assert (
        label_of(one_tool(rest=SOURCES % "trusted"), "user", CUSTOMER).confidentiality is Confidentiality.PII
    )


def test_a_source_that_is_not_listed_is_untrusted() -> None:
    assert label_of(one_tool(), "act", OPERATOR) == Label()
    assert label_of(one_tool(rest=SOURCES % "trusted"), "act", None).integrity is Integrity.TRUSTED
    assert label_of(one_tool(rest=SOURCES % "trusted"), "web", OPERATOR).integrity is Integrity.UNTRUSTED


def test_the_system_prompt_is_trusted_unless_the_envelope_says_otherwise() -> None:
    assert label_of(one_tool(), "system", None).integrity is Integrity.TRUSTED
    lowered = one_tool(rest="  sources:\n    system: {integrity: untrusted}\n")
    assert label_of(lowered, "system", OPERATOR).integrity is Integrity.UNTRUSTED
