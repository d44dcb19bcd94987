"""A gate on one check instead of on all: how often *this* holds, whatever else does not."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from remit.core.trial.gates.gate import Gate, Terms
from remit.core.trial.gates.settings import wrong
from remit.core.trial.report import Boundary, Ruling
from remit.core.trial.run import Run
from remit.core.trial.suite import Rule, Task
from remit.core.trial.trial import Status, Trial
from remit.core.trial.verdict import Verdict

KEY = "check"
MOST_KNOWN = 20
"""Ids of checks that an error names."""


@dataclass(slots=True)
class OfCheck:
    """A gate that sees a trial as passed where one check of it has."""

    rule: Rule
    check: str
    gate: Gate

    def step(self, draw: Mapping[str, Trial]) -> Verdict | None:
        """Take the next draw; see `Gate.step`."""
        return self.gate.step({arm: by_check(trial, self.check) for arm, trial in draw.items()})

    def ruling(self, run: Run) -> Ruling:
        """What it says in the end. Where no trial has such a check, nothing is known."""
        if not any(one.check == self.check for trial in run.trials for one in trial.checks):
            return Ruling(self.rule.id, Verdict.INCONCLUSIVE, *_unseen(self.check, run))
        seen = replace(run, trials=tuple(by_check(trial, self.check) for trial in run.trials))
        found = self.gate.ruling(seen)
        if self.check == self.rule.id:
            return found  # named already
        return replace(found, sentence=f"By the check '{self.check}' alone: {found.sentence}")

    def boundary(self) -> Boundary | None:
        """How it went; see `Gate.boundary`."""
        return self.gate.boundary()


def _unseen(check: str, run: Run) -> tuple[str, str]:
    """Why no trial has the check, and what would."""
    judged = [trial for trial in run.trials if trial.success is not None]
    if judged and not any(trial.checks or trial.success for trial in judged):
        told = f"No trial came as far as its checks, so nothing is known of '{check}'."
        return told, "An agent that ends: see why its runs were no success."
    told = f"No trial has a check named '{check}', so nothing is known of it."
    return told, f"A check with the id '{check}', or another name in the gate."


def by_check(trial: Trial, check: str) -> Trial:
    """The trial as this check sees it. One of a task without it counts for nothing; one that broke down has failed it."""
    if trial.success is None:
        return trial
    found = [one.passed for one in trial.checks if one.check == check]
    if found:
        return replace(trial, status=_status(trial, all(found)))
    broke_down = not trial.checks and not trial.success
    return replace(trial, status=trial.status if broke_down else Status.INFRASTRUCTURE)


def _status(trial: Trial, passed: bool) -> Status:
    if passed:
        return Status.PASSED
    return Status.TIMEOUT if trial.status is Status.TIMEOUT else Status.FAILED


def of_check(rule: Rule, terms: Terms, build: Callable[[Rule, Terms], Gate]) -> Gate:
    """The gate that *build* makes, on the check that the rule names.

    Raises:
        BadInput: it names none.
    """
    check = rule.settings[KEY]
    if not isinstance(check, str) or not check:
        raise wrong(rule, KEY, f"found {check!r}", "write the id of a check")
    settings = {key: value for key, value in rule.settings.items() if key != KEY}
    terms = replace(terms, does=f"meets '{check}'")
    return OfCheck(rule, check, build(replace(rule, settings=settings), terms))


def find_checks(gates: Sequence[Rule], tasks: Iterable[Task]) -> None:
    """Some task has the check of each gate that names one: told before a run is paid for that could show nothing.

    Raises:
        BadInput: none has.
    """
    named = [rule for rule in gates if isinstance(rule.settings.get(KEY), str)]
    known = dict.fromkeys(check.id for task in tasks for check in task.checks) if named else {}
    for rule in named:
        check = str(rule.settings[KEY])
        if check not in known:
            near = difflib.get_close_matches(check, known, n=1)
            hint = f"did you mean '{near[0]}'? " if near else ""
            shown = ", ".join(list(known)[:MOST_KNOWN]) or "none"
            raise wrong(rule, KEY, f"no task has a check '{check}'", f"{hint}checks are: {shown}")
