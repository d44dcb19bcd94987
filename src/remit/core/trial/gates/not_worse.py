"""`not_worse`: the candidate is not worse than the baseline, but for a margin.

`{margin: 0.05, alpha: 0.05}`. PASS says "not worse by more than the margin", BLOCK says "worse". That no difference was
found says neither: of candidates that are ten points worse, half show no significant difference in 50 tasks.
"""

from __future__ import annotations

from remit.core.trial.gates.gate import Gate, Terms
from remit.core.trial.gates.not_worse_fixed import NotWorse
from remit.core.trial.gates.not_worse_sequential import BetGate
from remit.core.trial.gates.settings import ALPHA, known, level, number, pair_of, wrong
from remit.core.trial.gates.share_settings import question_of
from remit.core.trial.gates.stopping import Mark
from remit.core.trial.suite import Question, Rule


def not_worse(rule: Rule, terms: Terms) -> Gate:
    """The gate as the suite sets it.

    Raises:
        BadInput: a setting is missing, unknown or out of range, or there are no two arms.
    """
    known(rule, ("margin", "alpha", "beta", "question"), ("margin",))
    arms, alpha = pair_of(rule, terms), level(rule, "alpha", ALPHA)
    mark = Mark(number(rule, "margin", 0.0, 1.0), None, alpha, terms.share_of(level(rule, "beta", alpha)))
    question = question_of(rule, terms)
    if terms.design.kind == "fixed":
        return NotWorse(rule, arms, mark, question, terms.weights, terms.design.seed, terms.does).gate()
    if "question" in rule.settings and question is not Question.SUITE:
        found = f"gate '{rule.id}' asks about tasks like these, and a sequential design draws from this suite alone"
        raise wrong(rule, "question", found, "write 'suite', or a fixed design")
    return BetGate(rule, arms, mark)
