"""Limits that refuse every call, and limits that never do."""

from __future__ import annotations

import re
from collections.abc import Iterator

from remit.core.envelope import Envelope, Limit, Tool
from remit.core.lint.finding import Finding, found_at, tools_of
from remit.core.narrow.clauses import facts_of
from remit.core.narrow.conditions import conjuncts, spelled, test_of, whole
from remit.core.types import OnViolation
from remit.core.yamltext import Node


def limits_that_refuse_all(envelope: Envelope, spec: Node) -> Iterator[Finding]:
    """A maximum below what one call takes: no call ever passes."""
    for tool, keys in tools_of(envelope, spec):
        for at, limit in enumerate(tool.limits):
            least = _least(tool, limit)
            if least is not None and limit.max < least:
                node = keys["limits"].items()[at]
                told = f"{limit.clause.id} refuses every call: one takes at least {least:g}, of at most {limit.max:g}"
                yield found_at("limit-refuses-all", node, told)


def _least(tool: Tool, limit: Limit) -> float | None:
    """The least that one call takes, where the schema says."""
    if limit.sum is None:
        return 1.0
    match = re.fullmatch(r"args\.([A-Za-z_][A-Za-z0-9_]*)", limit.sum.text.strip())
    field = tool.schema.get("properties", {}).get(match[1], {}) if match else {}
    least = field.get("minimum") if isinstance(field, dict) else None
    return float(least) if isinstance(least, int | float) else None


_STRICT = {OnViolation.FLAG: 0, OnViolation.HOLD: 1, OnViolation.DENY: 2}


def limits_that_never_bind(envelope: Envelope, spec: Node) -> Iterator[Finding]:
    """Another limit on the same amount is at least as tight, over as long a window and as coarse a key."""
    for tool, keys in tools_of(envelope, spec):
        for at, limit in enumerate(tool.limits):
            for other_at, other in enumerate(tool.limits):
                if other_at == at or not _covers(other, limit) or (_covers(limit, other) and other_at > at):
                    continue
                node = keys["limits"].items()[at]
                told = f"{limit.clause.id} never binds: {other.clause.id} always binds first"
                yield found_at("limit-never-binds", node, told)
                break
            else:
                if told := _out_of_reach(tool, limit):
                    yield found_at("limit-never-binds", keys["limits"].items()[at], told)


def _covers(tight: Limit, loose: Limit) -> bool:
    same = (tight.sum.text if tight.sum else "") == (loose.sum.text if loose.sum else "")
    coarser = {c.text for c in tight.by} <= {c.text for c in loose.by}
    strict = _STRICT[tight.clause.on_violation] >= _STRICT[loose.clause.on_violation]
    return same and coarser and strict and tight.within_s >= loose.within_s and tight.max <= loose.max


def _out_of_reach(tool: Tool, limit: Limit) -> str:
    """Why as many calls as another limit admits cannot add up to this one's maximum."""
    most = _most(tool, limit)
    if most is None:
        return ""
    for other in tool.limits:
        counts = other.sum is None and other.clause.id != limit.clause.id
        coarser = {c.text for c in other.by} <= {c.text for c in limit.by}
        strict = _STRICT[other.clause.on_violation] >= _STRICT[limit.clause.on_violation]
        if (
            counts
            and coarser
            and strict
            and other.within_s >= limit.within_s
            and other.max * most <= limit.max
        ):
            reached = f"{other.max:g} calls of at most {most:g}"
            return f"{limit.clause.id} never binds: {other.clause.id} admits {reached}, together {other.max * most:g}"
    return ""


def _most(tool: Tool, limit: Limit) -> float | None:
    """The most that one call adds, where the schema or a condition that refuses says."""
    if limit.sum is None:
        return None
    wanted = spelled(limit.sum.tree)
    said = [(op, value) for op, value in facts_of(tool).get(wanted, ())]
    for rule in tool.require:
        if rule.clause.on_violation is OnViolation.DENY:
            tests = (test_of(part) for part in conjuncts(whole(rule.condition)))
            said += [(t.op, t.value) for t in tests if t is not None and spelled(t.operand.node) == wanted]
    bounds = [value for op, value in said if op in ("<", "<=", "==")]
    bounds += [max(value) for op, value in said if op == "in" and value]
    numbers = [float(one) for one in bounds if isinstance(one, int | float) and not isinstance(one, bool)]
    return min(numbers, default=None)
