"""Clauses about the past, about results and about duties: each must stand as it was, with these few ways to be stricter.

What they keep between calls is kept under their id, so no other clause can answer for them. A new one of them only
adds something to meet; but an argument that is lowered before it is checked is another call.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from remit.core.envelope import Envelope, History, Idempotency, Tool
from remit.core.limits import spoken
from remit.core.narrow.clauses import Sides, short_id, weaker
from remit.core.narrow.place import Document, WiderPlace, equal
from remit.core.types import Enforcement

KINDS = ("history", "monotonic", "scopes", "ensure", "obligations")
_ABOUT_VIOLATIONS = frozenset(
    {"on_violation", "severity", "message", "accept_risk", "expires", "people", "hold_by"}
)
_REPEAT = {"return_first": 2, "hold": 1, "refuse": 0}
_AFTER_ERROR = {"retry": 2, "hold": 1, "refuse": 0}
_OTHER_TYPES = "the types that its conditions read changed"


def line_places(sides: Sides, at: str, typed: bool) -> Iterator[WiderPlace]:
    """What may be wider about these clauses of one tool.

    Args:
        sides: the tool in both envelopes.
        at: its path.
        typed: whether facts, arguments and results have the same types in both envelopes.
    """
    for kind in KINDS:
        mine, theirs = (sides.old_plain.get(kind) or [], sides.new_plain.get(kind) or [])
        before, after = _by_id(_lines(sides.old, kind), mine), _by_id(_lines(sides.new, kind), theirs)
        for name, (line, plain) in before.items():
            path = f"{at}.{kind}[{name}]"
            yield from (WiderPlace(path, told) for told in _gaps(line, plain, after.get(name), typed))
        if kind == "obligations":
            yield from _new_duties(at, [plain for name, (_, plain) in after.items() if name not in before])
    yield from (WiderPlace(f"{at}.idempotency", told) for told in _repeat_gaps(sides, typed))


def _lines(tool: Tool, kind: str) -> Sequence[Any]:
    found: Sequence[Any] = getattr(tool, kind)
    return found


def _by_id(
    lines: Sequence[Any], plain: Sequence[Mapping[str, Any]]
) -> dict[str, tuple[Any, Mapping[str, Any]]]:
    return {short_id(line.clause): (line, told) for line, told in zip(lines, plain, strict=True)}


def _gaps(
    old: Any, plain: Mapping[str, Any], new: tuple[Any, Mapping[str, Any]] | None, typed: bool
) -> Iterator[str]:
    if new is None:
        yield "the clause is gone"
        return
    line, told = new
    yield from weaker(old.clause, line.clause)
    if not equal(_rest(plain, old), _rest(told, line)):
        yield "what it says changed, and no rule says in which direction"
    elif isinstance(old, History) and line.within_s < old.within_s:
        yield f"it looks back {spoken(line.within_s)} now, it looked back {spoken(old.within_s)}"
    if not typed:
        yield _OTHER_TYPES


def _rest(plain: Mapping[str, Any], line: Any) -> dict[str, Any]:
    """What a clause says, without what happens where it is not met; of `never` also without its window."""
    # `by` is who approves, except where it is the key of a quantity.
    beside = _ABOUT_VIOLATIONS if "value" in plain or "of" in plain else _ABOUT_VIOLATIONS | {"by"}
    rest = {key: value for key, value in plain.items() if key not in beside}
    if isinstance(line, History) and line.operator == "never":
        rest["never"] = {key: value for key, value in rest["never"].items() if key != "within"}
    return rest


def _new_duties(at: str, added: Sequence[Mapping[str, Any]]) -> Iterator[WiderPlace]:
    for plain in added:
        if "arg" in (plain.get("cap") or {}):
            yield WiderPlace(
                f"{at}.obligations[{plain['id']}]", "an argument is lowered, so that another call is checked"
            )
        elif "redact" not in plain and "cap" not in plain:
            yield WiderPlace(f"{at}.obligations[{plain['id']}]", "somebody is told who was not")


def _repeat_gaps(sides: Sides, typed: bool) -> Iterator[str]:
    old, new = sides.old.idempotency, sides.new.idempotency
    if old is None:
        if new is not None and new.on_repeat == "return_first":
            yield "a repeat gets the result of the first call, which it did not ask for"
        return
    if new is None:
        yield "a repeat is not noticed any more"
        return
    yield from weaker(old.clause, new.clause)
    yield from _looser_repeat(old, new)
    beside = {"on_repeat", "after_error", "within", "by"} | _ABOUT_VIOLATIONS
    mine, theirs = (
        {key: value for key, value in plain["idempotency"].items() if key not in beside}
        for plain in (sides.old_plain, sides.new_plain)
    )
    if not equal(mine, theirs):
        yield "what makes a repeat changed"
    if not typed:
        yield _OTHER_TYPES


def _looser_repeat(old: Idempotency, new: Idempotency) -> Iterator[str]:
    if _REPEAT[new.on_repeat] > _REPEAT[old.on_repeat]:
        yield f"on_repeat is {new.on_repeat} now, it was {old.on_repeat}"
    if _AFTER_ERROR[new.after_error] > _AFTER_ERROR[old.after_error]:
        yield f"after_error is {new.after_error} now, it was {old.after_error}"
    if new.on_repeat == "return_first" and new.within_s > old.within_s:
        # Such a repeat is allowed without limits and approvals being asked.
        yield f"a repeat gets the first result for {spoken(new.within_s)} now, it was for {spoken(old.within_s)}"
    if new.within_s < old.within_s:
        yield f"a repeat is noticed for {spoken(new.within_s)} now, it was for {spoken(old.within_s)}"


def session_ensure_places(old: Document, new: Document, typed: bool) -> Iterator[WiderPlace]:
    """What may be wider about the final answer against the effects."""
    before, after = (
        _by_id(side.envelope.session_ensure, side.spec.get("session_ensure") or []) for side in (old, new)
    )
    for name, (line, plain) in before.items():
        yield from (
            WiderPlace(f"session_ensure[{name}]", told) for told in _gaps(line, plain, after.get(name), typed)
        )


def promoted_places(old: Envelope, new: Envelope) -> Iterator[WiderPlace]:
    """While the envelope only monitors, what was promoted stays so, for no fewer sessions."""
    if new.enforcement is Enforcement.ENFORCE:
        return
    for clause, share in old.promoted.items():
        if (now := new.promoted.get(clause, 0.0)) < share:
            yield WiderPlace(
                "enforced", f"{clause} binds for {now:.0%} of the sessions now, it was {share:.0%}"
            )
