"""Clauses that can never refuse, or always do: by the schema, or by what another clause has refused already.

Only comparisons of one argument with written values are looked at, and equal conditions; where nothing can be shown,
nothing is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from remit.core.cel import Condition
from remit.core.envelope import Envelope, Require, Tool
from remit.core.lint.finding import Finding, found_at, tools_of
from remit.core.narrow.clauses import WEIGHT, facts_of
from remit.core.narrow.conditions import (
    SchemaFacts,
    TypedNode,
    conjuncts,
    contradicts,
    implied,
    refuted,
    whole,
)
from remit.core.types import OnViolation
from remit.core.yamltext import Node


def conditions_never_true(envelope: Envelope, spec: Node) -> Iterator[Finding]:
    """A condition that the schema, or another condition of the tool, rules out: no call meets it, or both."""
    for tool, keys in tools_of(envelope, spec):
        known = facts_of(tool)
        for at, rule in enumerate(tool.require):
            node = keys["require"].items()[at]
            if refuted(whole(rule.condition), known):
                told = f"{rule.clause.id} is never met: the schema admits no value for which it is true"
                yield found_at("never-met", node, told)
                continue
            other = next((one for one in _asked(tool.require[:at]) if _contradict(one, rule)), None)
            if other is not None and rule.clause.on_violation is OnViolation.DENY:
                told = f"{rule.clause.id} contradicts {other.clause.id}: no call meets both"
                yield found_at("never-met", node, told)


def _asked(rules: Sequence[Require]) -> list[Require]:
    """Those that refuse by themselves."""
    return [rule for rule in rules if rule.clause.on_violation is OnViolation.DENY]


def _contradict(one: Require, other: Require) -> bool:
    return any(
        contradicts(mine, theirs)
        for mine in conjuncts(whole(one.condition))
        for theirs in conjuncts(whole(other.condition))
    )


def conditions_always_true(envelope: Envelope, spec: Node) -> Iterator[Finding]:
    """A condition that the schema, or a tighter one beside it, makes true for every call that gets so far."""
    for tool, keys in tools_of(envelope, spec):
        known = facts_of(tool)
        for at, rule in enumerate(tool.require):
            if not rule.condition.reads:
                continue  # constant-condition says so
            by = _made_true_by(tool, at, rule, known)
            if by:
                told = f"{rule.clause.id} never refuses: {by} leaves only calls that meet it"
                yield found_at("always-met", keys["require"].items()[at], told)


def _made_true_by(tool: Tool, at: int, rule: Require, known: SchemaFacts) -> str:
    if implied([], whole(rule.condition), known):
        return "the schema"
    text = " ".join(rule.condition.text.split())
    for place, other in enumerate(tool.require):
        if place == at or other not in _asked(tool.require):
            continue
        if " ".join(other.condition.text.split()) == text:
            continue  # duplicate-condition says so
        if WEIGHT[other.clause.severity] < WEIGHT[rule.clause.severity]:
            continue  # the looser one counts for more: that is a difference
        mutual = implied([whole(rule.condition)], whole(other.condition), known) and place > at
        if implied([whole(other.condition)], whole(rule.condition), known) and not mutual:
            return other.clause.id
    return ""


def approvals_never_asked(envelope: Envelope, spec: Node) -> Iterator[Finding]:
    """An approval whose `when` is true only for calls that the schema or a condition refuses anyway."""
    for tool, keys in tools_of(envelope, spec):
        for at, approve in enumerate(tool.approve):
            by = _ruled_out_by(tool, approve.when)
            if by:
                told = f"{approve.clause.id} is never asked: {by} refuses every call for which it would be"
                yield found_at("approval-never-asked", keys["approve"].items()[at], told)


def _ruled_out_by(tool: Tool, condition: Condition | None) -> str:
    """What refuses every call for which *condition* is true."""
    if condition is None:
        return ""
    if refuted(whole(condition), facts_of(tool)):
        return "the schema"
    wanted = conjuncts(whole(condition))
    for rule in _asked(tool.require):
        asked = conjuncts(whole(rule.condition))
        if any(contradicts(mine, theirs) for mine in asked for theirs in wanted):
            return rule.clause.id
    return ""


def unless_always(envelope: Envelope, spec: Node) -> Iterator[Finding]:
    """A flow clause that is lifted for every call that gets so far, or whose `unless` never lifts it."""
    for tool, keys in tools_of(envelope, spec):
        given: list[TypedNode] = [whole(rule.condition) for rule in _asked(tool.require)]
        for at, flow in enumerate(tool.flow):
            if flow.unless is None:
                continue
            node = keys["flow"].items()[at]
            if not flow.unless.reads:
                told = f"the 'unless' of {flow.clause.id} reads no argument and no fact"
                yield found_at("unless-constant", node, told)
            elif implied(given, whole(flow.unless), facts_of(tool)):
                told = f"{flow.clause.id} never applies: 'unless' is true for every call that is not refused before"
                yield found_at("unless-constant", node, told)
            elif by := _ruled_out_by(tool, flow.unless):
                told = f"'unless' never lifts {flow.clause.id}: {by} refuses every call for which it is true"
                yield found_at("unless-constant", node, told)


def history_never_met(envelope: Envelope, spec: Node) -> Iterator[Finding]:
    """A call that must have been made before it can be made: the first one is refused, and so are all."""
    for tool, keys in tools_of(envelope, spec):
        for at, history in enumerate(tool.history):
            refuses = history.clause.on_violation is OnViolation.DENY
            if refuses and history.operator in ("formerly", "since") and history.event.tool == tool.name:
                told = f"{history.clause.id} asks for an earlier call of {tool.name} itself: the first is refused"
                yield found_at("history-never-met", keys["history"].items()[at], told)
