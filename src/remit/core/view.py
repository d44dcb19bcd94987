"""What one call's result would be judged and shown by, as a value that can be compared.

A first result that is given again was judged once, when it came back. It may be given again only where it would be
judged and shown alike: by the same clauses, with the same facts where they read any, and the same obligations.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from remit.core.cel import Condition
from remit.core.envelope import Cap, Clause, Obligation, Redact, Tool
from remit.core.obligations import due
from remit.core.types import Json


def view_of(
    tool: Tool, obligations: Sequence[str], session: Mapping[str, Json], acting: frozenset[str] | None
) -> Json:
    """None where nothing looks into the result, so that all see it alike.

    Args:
        tool: whose result it is.
        obligations: ids of those that apply to the call.
        session: the facts.
        acting: ids of the clauses that are acted upon while the envelope monitors; None where all are.
    """
    said, read = list[Json](), set[str]()
    for clause, words, conditions in _lines(tool, obligations):
        if acting is None or clause.id in acting:
            said.append([clause.id, clause.on_violation.value, words])
            read.update(path for one in conditions for path in one.reads)
    facts = {name: value for name, value in session.items() if _reads(read, name)}
    return {"clauses": said, "facts": facts} if said else None


def _lines(tool: Tool, obligations: Sequence[str]) -> Iterator[tuple[Clause, Json, tuple[Condition, ...]]]:
    if tool.output is not None:
        yield tool.output.clause, dict(tool.output.schema), ()
    for ensure in tool.ensure:
        yield ensure.clause, ensure.condition.text, (ensure.condition,)
    for scope in tool.scopes:
        if scope.of_output:
            yield scope.clause, [*scope.path, scope.allowed.text], (scope.allowed,)
    for one in due(tool, obligations):
        if (words := _duty(one)) is not None:
            yield one.clause, words, ()


def _duty(one: Obligation) -> Json:
    """What is done to the result; None where it is something else."""
    duty = one.duty
    if isinstance(duty, Redact):
        return {"fields": [list(path) for path in duty.fields], "patterns": list(duty.patterns)}
    if isinstance(duty, Cap) and duty.arg is None:
        return {"field": list(duty.field or ()), "items": duty.items, "characters": duty.characters}
    return None


def _reads(paths: set[str], name: str) -> bool:
    return any(
        path == "session" or path.split(".")[1:2] == [name.split("[", maxsplit=1)[0]] for path in paths
    )
