"""What must also be done where a call is allowed: which obligations a call has, and arguments that are lowered.

All of it is settled before the call: `when` reads arguments and facts only, so that an obligation nobody can judge
refuses the call instead of leaving an effect behind. What is done to the result is in `core.shown`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from remit.core.cel import ConditionError
from remit.core.envelope import Cap, Notify, Obligation, Tool
from remit.core.paths import Astray, changed, named, spelled_path
from remit.core.types import Json, OnViolation, Severity, Violation


@dataclass(frozen=True, slots=True)
class Obliged:
    """The arguments of one call as its obligations leave them, and which obligations it has."""

    args: Mapping[str, Json]
    ids: tuple[str, ...] = ()
    """Of the obligations that apply, in order; of an argument's cap only where it lowered something."""
    violations: tuple[Violation, ...] = ()
    """What could not be judged or met: such a call is refused."""


def oblige(
    tool: Tool, args: Mapping[str, Json], session: Mapping[str, Json], acting: frozenset[str] | None = None
) -> Obliged:
    """Lower what is capped, in the order of the envelope, and say which obligations the call has.

    An argument that is left out stays left out: who wants a bound on it makes it required.

    Args:
        tool: with its obligations.
        args: canonical, and fitting the schema.
        session: the facts.
        acting: ids of the clauses that are acted upon while the envelope monitors; the others are listed, and lower
            nothing. None where all are.
    """
    asked, ids, found = args, list[str](), list[Violation]()
    for one in tool.obligations:
        try:
            lowered = args
            if one.when is not None and one.when.evaluate({"args": args, "session": session}) is not True:
                continue
            if isinstance(one.duty, Cap) and one.duty.arg is not None:
                lowered = changed(dict(args), one.duty.arg, _lower(one.duty))
                if lowered == args:
                    continue
        except (ConditionError, Astray) as error:
            found.append(unmet(one, f"cannot be met: {error}"))
            continue
        args = lowered if acting is None or one.clause.id in acting else args
        ids.append(one.clause.id)
    if args is not asked and (problems := tool.schema_errors(args)):
        told = f"the lowered arguments do not fit the schema: {'; '.join(problems[:5])}"
        found += [unmet(one, told) for one in tool.obligations if one.clause.id in ids and _of_arg(one)]
    return Obliged(args, tuple(ids), tuple(found))


def due(tool: Tool, ids: Sequence[str]) -> tuple[Obligation, ...]:
    """The obligations of *tool* with these ids."""
    return tuple(one for one in tool.obligations if one.clause.id in ids)


def tells(tool: Tool | None, ids: Sequence[str], acting: frozenset[str] | None) -> tuple[Obligation, ...]:
    """The obligations of *tool* with these ids that are about telling people, and are acted upon."""
    found = due(tool, ids) if tool is not None else ()
    binds = (one for one in found if acting is None or one.clause.id in acting)
    return tuple(one for one in binds if isinstance(one.duty, Notify))


def unmet(one: Obligation, message: str) -> Violation:
    """An obligation that cannot be met, which withholds: an error, whatever the clause says."""
    told = f"{one.clause.message} ({message})" if one.clause.message else message
    return Violation(one.clause.id, "obligations", OnViolation.DENY, Severity.LOW, told, error=True)


def _of_arg(one: Obligation) -> bool:
    return isinstance(one.duty, Cap) and one.duty.arg is not None


def _lower(cap: Cap) -> Callable[[Json], Json]:
    def lower(value: Json) -> Json:
        if type(value) not in (int, float):
            raise Astray(f"{spelled_path(cap.arg or ())}: found {named(value)}, a number is lowered")
        if value <= cap.at:
            return value
        return math.floor(cap.at) if type(value) is int else float(cap.at)

    return lower
