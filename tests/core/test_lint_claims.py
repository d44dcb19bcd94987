"""What lint says of a clause is so for every call: a claim that one call refutes is a defect."""

from __future__ import annotations

import random
from collections import Counter

from drawn_envelopes import case_of, decided, drawn, text_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from remit.core.lint import Finding, lint
from remit.core.narrow import Document
from remit.core.types import Decision, Result

CLAIMS = ("never-met", "always-met", "approval-never-asked", "limit-never-binds")


def claims(envelope: Document) -> list[Finding]:
    found = lint(envelope.envelope, text_of(dict(envelope.spec)), "e")
    return [finding for finding in found if finding.rule in CLAIMS]


def refuted(finding: Finding, decision: Decision) -> bool:
    clause = next(word for word in finding.message.split() if word.startswith("pay."))
    others = [violation for violation in decision.violations if violation.clause != clause]
    if decision.tool != "pay":
        return False
    kinds = {violation.kind for violation in decision.violations}
    if finding.rule == "never-met" and "contradicts" in finding.message:
        return decision.result is not Result.DENY
    broken = clause in [violation.clause for violation in decision.violations]
    errs = any(violation.clause == clause and violation.error for violation in decision.violations)
    if finding.rule == "never-met":
        return not broken and not kinds & {"schema", "canonical"}
    if finding.rule == "approval-never-asked":
        return broken and not errs and decision.result is not Result.DENY
    return broken and not errs and not others


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**48))
def test_no_call_refutes_what_lint_claims(seed: int) -> None:
    rng = random.Random(seed)
    for envelope in drawn(rng):
        found = claims(envelope)
        for _ in range(40 if found else 0):
            case = case_of(rng)
            decision = decided(envelope.envelope, case)
            assert [one for one in found if refuted(one, decision)] == [], (case, envelope.spec)


def test_claims_are_made_in_number() -> None:
    rng = random.Random(3)
    seen = Counter(
        finding.rule for _ in range(150) for envelope in drawn(rng) for finding in claims(envelope)
    )

    assert seen["always-met"] >= 10, seen
    assert seen["never-met"] >= 1, seen
