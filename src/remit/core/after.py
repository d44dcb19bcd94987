"""What an envelope says about what came back: evaluated before the agent sees it.

The clauses look at the result as it came back, the agent gets it as the obligations leave it, and the journal keeps what
the agent got:

    result ──► as JSON ──► output schema, ensure, scopes, monotonic, deadline ──► violations
                   └─────► redact, then cap ──► what the agent sees and the journal keeps

Where a clause looks into a result, the agent gets the copy that was looked at, never the object (`core.results`). What
cannot be read or evaluated is a violation with `error`, which withholds the result whatever the clause says. The
messages quote nothing of the result, since the agent reads them in its place. A tool's own exception is no
result: of it only the deadline is asked.

In monitor nothing is changed: violations, and what the obligations would have done, are recorded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from remit.core.cel import ConditionError
from remit.core.envelope import (
    Cap,
    Clause,
    DataScope,
    Ensure,
    Monotonic,
    Obligation,
    OutputRule,
    Redact,
    Tool,
)
from remit.core.errors import BadInput
from remit.core.obligations import due, unmet
from remit.core.prepare import Facts
from remit.core.results import plain_result, why_not
from remit.core.scopes import scope_problem
from remit.core.shown import Unmet, show
from remit.core.types import Decision, Json, Outcome, Violation

UNREDACTED = "[not kept: it could not be redacted]"
"""Stands in the journal for a result that an obligation should have redacted and could not."""


def judge(
    outcome: Outcome,
    tool: Tool | None,
    decision: Decision,
    facts: Facts,
    binding: frozenset[str] | None = None,
) -> Outcome:
    """The outcome with every violation, its value as the agent sees it.

    Args:
        outcome: what came back.
        tool: None where it is not listed.
        decision: of the call, with the arguments that ran and the obligations that apply.
        facts: of the session.
        binding: ids of the clauses that are acted upon while the envelope monitors; None where all are.
    """
    if tool is None:
        return outcome
    found = list[Violation]()
    if outcome.error is None:
        duties = [one for one in due(tool, decision.obligations) if _of_result(one)]
        scopes = [scope for scope in tool.scopes if scope.of_output]
        if duties or scopes or tool.ensure or tool.output or any(rule.after for rule in tool.monotonic):
            outcome, found = _looked_into(outcome, tool, decision, facts, duties, binding)
    if tool.deadline is not None and tool.deadline_s is not None and outcome.elapsed_s > tool.deadline_s:
        took = f"took {outcome.elapsed_s:.3f} s, at most {tool.deadline_s:g} s are allowed"
        found.append(_violation(tool.deadline, "deadline", tool.deadline.message or took))
    return replace(outcome, violations=(*outcome.violations, *found)) if found else outcome


def _looked_into(
    outcome: Outcome,
    tool: Tool,
    decision: Decision,
    facts: Facts,
    duties: Sequence[Obligation],
    binding: frozenset[str] | None,
) -> tuple[Outcome, list[Violation]]:
    redacts = [one for one in duties if isinstance(one.duty, Redact)]
    try:
        plain = plain_result(outcome.value)
    except BadInput as refused:
        found = _unreadable(tool, duties, why_not(refused))
        hidden = any(_acts(one.clause, binding) for one in redacts)
        return (replace(outcome, value=UNREDACTED) if hidden else outcome), found
    outcome = replace(outcome, raw=plain)
    found = _schema(tool.output, plain) if tool.output is not None else []
    roots = {"args": decision.canonical, "output": plain, "session": facts.values}
    scopes = [scope for scope in tool.scopes if scope.of_output]
    found += ensured(tool.ensure, roots, "ensure")
    found += _scoped(scopes, plain, facts)
    acting = [one for one in duties if _acts(one.clause, binding)]
    value, done, missed = _shown(plain, acting)
    if len(acting) < len(duties):  # what would have been done, for the record
        _, done, also = _shown(plain, duties)
        missed += [one for one in also if one not in missed]
    looks: list[Ensure | DataScope | Monotonic] = [
        *tool.ensure,
        *scopes,
        *(m for m in tool.monotonic if m.after),
    ]
    asking = [one.clause for one in looks] + ([tool.output.clause] if tool.output is not None else [])
    copied = acting or any(_acts(clause, binding) for clause in asking)
    return replace(outcome, value=value if copied else outcome.value, done=done), found + missed


def _shown(plain: Json, duties: Sequence[Obligation]) -> tuple[Json, tuple[str, ...], list[Violation]]:
    try:
        value, done = show(plain, duties)
    except Unmet as error:
        return UNREDACTED, (), [unmet(error.obligation, str(error))]
    return value, done, []


def _of_result(one: Obligation) -> bool:
    return isinstance(one.duty, Redact) or (isinstance(one.duty, Cap) and one.duty.arg is None)


def _acts(clause: Clause, binding: frozenset[str] | None) -> bool:
    return binding is None or clause.id in binding


def _unreadable(tool: Tool, duties: Sequence[Obligation], told: str) -> list[Violation]:
    """One violation for each clause that asked about a result that has no form in JSON."""
    message = f"cannot be checked: {told}"
    found = [_violation(tool.output.clause, "output", message)] if tool.output is not None else []
    found += [_violation(one.clause, "ensure", message, error=True) for one in tool.ensure]
    found += [_violation(s.clause, "scope", message, error=True) for s in tool.scopes if s.of_output]
    return found + [unmet(one, message) for one in duties]


def _schema(output: OutputRule, value: Json) -> list[Violation]:
    """What the schema says, in the schema's own words."""
    problems = _problems(output, value)
    if not problems:
        return []
    told = "; ".join(dict.fromkeys(problems[:5]))
    return [_violation(output.clause, "output", output.clause.message or told)]


def _problems(output: OutputRule, value: Json) -> list[str]:
    try:
        return output.schema_errors(value)
    except Exception as error:  # noqa: BLE001 - what came back may be any object; the call ran and must be settled
        return [f"cannot be checked: {type(error).__name__}"]


def ensured(clauses: Sequence[Ensure], roots: Mapping[str, Json], kind: str) -> list[Violation]:
    """One violation for each condition that is not true of *roots*, or cannot be evaluated."""
    found: list[Violation] = []
    for one in clauses:
        clause, text = one.clause, one.condition.text
        try:
            if one.condition.evaluate(roots) is not True:
                found.append(_violation(clause, kind, clause.message or f"{text} is not true"))
        except ConditionError as error:
            found.append(_violation(clause, kind, f"cannot be evaluated: {error}", error=True))
    return found


def _scoped(scopes: Sequence[DataScope], value: Json, facts: Facts) -> list[Violation]:
    found: list[Violation] = []
    for scope in scopes:
        clause = scope.clause
        try:
            if problem := scope_problem(scope, value, facts.values):
                told = f"{clause.message} ({problem})" if clause.message else problem
                found.append(_violation(clause, "scope", told))
        except ConditionError as error:
            found.append(_violation(clause, "scope", f"cannot be evaluated: {error}", error=True))
    return found


def _violation(clause: Clause, kind: str, message: str, *, error: bool = False) -> Violation:
    return Violation(clause.id, kind, clause.on_violation, clause.severity, message, error)
