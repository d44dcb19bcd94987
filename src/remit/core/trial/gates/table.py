"""Kinds of gates. To add one: write its file, add its line."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence

from remit.core.errors import BadInput
from remit.core.trial.gates.budget import cost, latency, tokens
from remit.core.trial.gates.gate import Gate, Terms
from remit.core.trial.gates.lost import Unmoved
from remit.core.trial.gates.not_worse import not_worse
from remit.core.trial.gates.of_check import KEY, of_check
from remit.core.trial.gates.pass_hat import pass_hat
from remit.core.trial.gates.settings import arm_of
from remit.core.trial.gates.stable import stable
from remit.core.trial.gates.success import success
from remit.core.trial.suite import BASELINE, CANDIDATE, Design, Rule

Build = Callable[[Rule, Terms], Gate]

KINDS: Mapping[str, Build] = {
    "success": success,
    "not_worse": not_worse,
    "pass_hat": pass_hat,
    "stable": stable,
    "latency": latency,
    "tokens": tokens,
    "cost": cost,
}

ON_SUCCESS = ("success", "not_worse", "pass_hat")
"""Kinds that can be about one check, `{check: ID}`, instead of all of them."""

TOLD_BY_AGENTS = ("tokens", "cost")
"""Kinds that ask for what a trial has of this name only where its agent tells it."""


def gates_of(design: Design, arms: Sequence[str], weights: Mapping[str, float] | None = None) -> list[Gate]:
    """The gates of a run, none of them fed yet; a suite is checked by making them.

    Args:
        design: with its gates.
        arms: of the run.
        weights: of its tasks; all alike by default.

    Raises:
        BadInput: a kind or a setting is none, with its place.
    """
    terms = Terms(design, tuple(arms), dict(weights or {}))
    seen: set[str] = set()
    for rule in design.gates:
        if rule.id in seen:
            raise BadInput(
                rule.where or f"gates: {rule.id}", f"two gates are named '{rule.id}'", "rename one"
            )
        seen.add(rule.id)
    return [_built(rule, terms) for rule in design.gates]


def _built(rule: Rule, terms: Terms) -> Gate:
    build = KINDS.get(rule.kind)
    if build is None:
        near = difflib.get_close_matches(rule.kind, KINDS, n=1)
        hint = f"did you mean '{near[0]}'? " if near else ""
        where = rule.where or f"gates: {rule.id}"
        raise BadInput(where, f"unknown kind of gate '{rule.kind}'", f"{hint}known here: {', '.join(KINDS)}")

    def made() -> Gate:
        if KEY in rule.settings and rule.kind in ON_SUCCESS:
            return of_check(rule, terms, build)
        return build(rule, terms)

    gate = made()
    return Unmoved(
        gate,
        CANDIDATE if rule.kind == "not_worse" or "margin" in rule.settings else arm_of(rule, terms),
        BASELINE if rule.kind == "not_worse" else "",
        str(rule.settings[KEY]) if KEY in rule.settings and rule.kind in ON_SUCCESS else "",
        made if terms.design.kind == "fixed" else None,
        rule.kind if rule.kind in TOLD_BY_AGENTS else "",
    )
