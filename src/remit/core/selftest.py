"""An envelope's own `tests`, run at load: an envelope whose examples do not hold is not loaded."""

from __future__ import annotations

from dataclasses import dataclass

from remit.core.after import judge
from remit.core.canonical import digest
from remit.core.decide import decide
from remit.core.envelope import Envelope, Expectation
from remit.core.errors import BadInput
from remit.core.history import Caller
from remit.core.labels import label_of
from remit.core.past import look_back
from remit.core.prepare import facts_for, prepare
from remit.core.provenance import SessionText
from remit.core.reader import WITHHELD, read_envelope
from remit.core.recollection import Exchange, Recollection
from remit.core.seen import append_facts, append_result
from remit.core.types import Decision, OnViolation, Outcome, PrincipalKind, Result, Role, Segment, ToolCall
from remit.core.world import without_links

TESTED = Caller("test", "test")
"""Whose session every test is."""


@dataclass(frozen=True, slots=True)
class TestResult:
    """One of the envelope's tests and what the envelope said."""

    __test__ = False  # not a test class of pytest

    expectation: Expectation
    decision: Decision
    problem: str
    """Empty when the test holds."""


def load_envelope(text: str, file: str) -> Envelope:
    """Read *text* and run its tests.

    Raises:
        BadInput: the envelope is malformed, or one of its tests fails.
    """
    return check_tests(read_envelope(text, file), file)


def check_tests(envelope: Envelope, file: str) -> Envelope:
    """The same envelope, its tests passed.

    Raises:
        BadInput: one of them fails.
    """
    for result in run_tests(envelope):
        if result.problem:
            where = f"{file}:{result.expectation.line}: spec.tests"
            raise BadInput(where, result.problem, "mend the envelope or the test")
    return envelope


def run_tests(envelope: Envelope) -> list[TestResult]:
    """Each test decided on a fresh session, nothing used of any limit, after the `earlier` calls that it names."""
    return [_run(envelope, test) for test in envelope.tests]


def _run(envelope: Envelope, test: Expectation) -> TestResult:
    session = SessionText()
    facts = facts_for(envelope, test.session, TESTED)
    append_facts(session, envelope, facts.values)
    if test.user is not None:
        label = label_of(envelope, "user", PrincipalKind.OPERATOR)
        session.append(Segment(len(session.segments), Role.USER, "user", test.user, label))
    for source, text in test.observed:
        append_result(session, envelope, source, text, ())
    prepared = prepare(ToolCall(test.tool, test.args), envelope, facts)
    earlier = Recollection(facts.caller, [Exchange(**call) for call in test.earlier]).recall(prepared)
    past = look_back(prepared, session, (0,) * len(prepared.claims), earlier, without_links(prepared, facts))
    decision = decide(prepared, envelope, facts, past)
    if decision.result is not Result.ALLOW or test.returns is None:
        return TestResult(test, decision, _problem(test, decision))
    outcome = judge(Outcome(test.returns[0]), prepared.tool, decision, facts)
    return TestResult(test, decision, _problem(test, decision, outcome))


def _problem(test: Expectation, decision: Decision, outcome: Outcome | None = None) -> str:
    shown = f"{test.tool} {dict(test.args)}"[:120]
    found = outcome.violations if outcome is not None else ()
    stopping = [v for v in found if v.error or v.on_violation is not OnViolation.FLAG]
    result = WITHHELD if stopping else decision.result.value
    if result != test.result:
        told = "; ".join(f"{v.clause}: {v.message}" for v in stopping) or decision.reason
        return f"{shown}: expected {test.result}, got {result}{f' ({told})' if told != result else ''}"
    if test.shows is not None and (outcome is None or digest([outcome.value]) != digest([*test.shows])):
        seen = outcome.value if outcome is not None else None
        return f"{shown}: expected the agent to see {test.shows[0]!r}, it sees {seen!r}"
    if test.clause is None:
        return ""
    named = (*decision.clauses, *decision.flags, *(v.clause for v in found))
    if test.clause in named or f"{test.tool}.{test.clause}" in named:
        return ""
    return f"{shown}: expected clause '{test.clause}', got {', '.join(named) or 'none'}"
