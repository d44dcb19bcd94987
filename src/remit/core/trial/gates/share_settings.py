"""The settings that gates on a share have in common."""

from __future__ import annotations

from remit.core.trial.gates.any_time import AnyTime
from remit.core.trial.gates.at_the_end import AtTheEnd
from remit.core.trial.gates.gate import Terms
from remit.core.trial.gates.settings import ALPHA, BETA, level, number, word, wrong
from remit.core.trial.gates.stopping import Mark, Stopping
from remit.core.trial.gates.truncated import Truncated
from remit.core.trial.suite import Question, Rule

SHARE_KEYS = ("aims_for", "alpha", "beta", "arm", "question")


def mark_of(rule: Rule, terms: Terms, key: str) -> Mark:
    """What the share is held against; *key* names the bar."""
    bar = number(rule, key, 0.0, 1.0)
    alpha = level(rule, "alpha", ALPHA)
    if rule.settings.get("aims_for") is None:
        # Without an aim, PASS and BLOCK speak of the same rate, and are wrong about it equally seldom.
        return Mark(bar, None, alpha, terms.share_of(level(rule, "beta", alpha)))
    aim = number(rule, "aims_for", bar, 1.0)
    return Mark(bar, aim, alpha, terms.share_of(level(rule, "beta", BETA)))


def stopping_of(rule: Rule, terms: Terms, mark: Mark) -> Stopping:
    """When the share is known well enough, by the design."""
    question = question_of(rule, terms)
    if terms.design.kind == "fixed":
        return AtTheEnd(mark, question, terms.weights)
    if "question" in rule.settings and question is not Question.SUITE:
        found = f"gate '{rule.id}' asks about tasks like these, and a sequential design draws from this suite alone"
        raise wrong(rule, "question", found, "write 'suite', or a fixed design")
    if mark.aim is None:
        return AnyTime(mark)
    return _truncated(rule, terms, mark, mark.aim)


def question_of(rule: Rule, terms: Terms) -> Question:
    """Which question the gate asks: its own, else the design's."""
    return Question(word(rule, "question", [q.value for q in Question], terms.design.question.value))


def _truncated(rule: Rule, terms: Terms, mark: Mark, aim: float) -> Truncated:
    from remit.core.stats.fixed_test import fixed_n

    try:
        fixed_n(mark.bar, aim, mark.alpha, mark.block)
    except ValueError as error:
        remedy = "set aims_for further away, or leave it out: then the gate looks without a second rate"
        raise wrong(rule, "aims_for", str(error), remedy) from None
    return Truncated(mark, terms.design.max_trials)
