"""The judge of a suite: all its checks and invariants, compiled."""

from __future__ import annotations

from collections.abc import Iterable

from remit.core.canonical import encode
from remit.core.errors import BadInput
from remit.core.trial.checks.table import check_of
from remit.core.trial.invariants.table import invariant_of
from remit.core.trial.judge import Judge, TrialCheck
from remit.core.trial.reach import Reach
from remit.core.trial.suite import Rule, Suite


def judge_of(suite: Suite, reach: Reach) -> Judge:
    """Compile what a suite says of its trials.

    Args:
        suite: with its tasks and invariants.
        reach: what they may refer to.

    Raises:
        BadInput: a kind or a setting is none, or an id stands twice; with its place.
    """
    made: dict[object, TrialCheck] = {}
    checks: dict[str, tuple[TrialCheck, ...]] = {}
    for task in suite.tasks.values():
        unique(task.checks, "checks")
        asked: list[TrialCheck] = []
        for rule in task.checks:
            key = content_of(rule)  # tasks share those of the defaults, and often others word for word
            if key not in made:
                made[key] = check_of(rule, reach)
            asked.append(made[key])
        checks[task.id] = tuple(asked)
    unique(suite.invariants, "invariants")
    return Judge(checks, tuple(invariant_of(rule, reach) for rule in suite.invariants))


def content_of(rule: Rule) -> object:
    """What makes two rules compile to the same; their place does not."""
    try:
        return rule.id, rule.kind, encode(rule.settings)
    except BadInput:
        return id(rule)  # a function stands among its settings


def unique(rules: Iterable[Rule], what: str) -> None:
    """No two rules have one id."""
    seen: set[str] = set()
    for rule in rules:
        if rule.id in seen:
            where = rule.where or what
            raise BadInput(where, f"two {what} have the id '{rule.id}'", "give each its own: {id: …}")
        seen.add(rule.id)
