"""`called`, `not_called`, `order`: which tools were called, how often, and one after another."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass

from remit.core.trial.judge import TrialCheck
from remit.core.trial.reach import Reach
from remit.core.trial.trial import Checked, TrialCall
from remit.core.trial.values import holds
from remit.core.trial.view import TrialView
from remit.core.trial.words import shown
from remit.core.types import Json
from remit.core.yamltext import Node

DONE, ATTEMPTS = "done", "attempts"
"""Which calls count: those that did their work, or also those that were refused, held or failed."""
KEYS = ("tool", "args", "times", "at_least", "at_most", "counts")


@dataclass(frozen=True, slots=True)
class WantedCalls:
    """Calls that are meant."""

    tool: str
    args: Mapping[str, Json]
    """That the arguments must have; others may stand beside them."""
    counts: str

    def fits(self, call: TrialCall) -> bool:
        """Whether it is such a call, however it ended."""
        return call.tool == self.tool and holds(call.args, dict(self.args))

    def surely(self, call: TrialCall) -> bool:
        """Whether it is one that counts."""
        return self.fits(call) and (self.counts == ATTEMPTS or call.outcome == "done")

    def maybe(self, call: TrialCall) -> bool:
        """Whether it is one that counts, or may: nobody knows how it ended."""
        return self.surely(call) or (self.fits(call) and call.outcome == "unknown")

    @property
    def told(self) -> str:
        """In a sentence."""
        return f"{self.tool} with {shown(dict(self.args))}" if self.args else self.tool


def called(id: str, node: Node, reach: Reach) -> TrialCheck:
    """A tool was called: `times` exactly, `at_least` (1 where nothing is said) or `at_most`.

    `args` are those that a call must have, others beside them. A call counts when it was done; with `counts: attempts`
    also one that was refused, held or failed. One of which nobody knows how it ended counts against `at_most` only.
    """
    keys = _keys(node, KEYS)
    wanted = _wanted(keys, reach, DONE)
    least, most = _bounds(node, keys)

    def check(view: TrialView) -> Checked:
        sure = sum(map(wanted.surely, view.calls))
        maybe = sum(map(wanted.maybe, view.calls))
        if sure >= least and (most is None or maybe <= most):
            return Checked(id, passed=True)
        bound = least if least == most or sure < least else most
        how = "" if least == most else "at least " if sure < least else "at most "
        found = str(sure) if sure == maybe else f"{sure} to {maybe}"
        return Checked(id, passed=False, told=f"calls of {wanted.told}: {found}, not {how}{bound}")

    return check


def not_called(id: str, node: Node, reach: Reach) -> TrialCheck:
    """A tool was not even asked for: a tool's name, or `{tool, args, counts}`; `counts: done` lets attempts pass."""
    keys = _keys(node, ("tool", "args", "counts"))
    wanted = _wanted(keys, reach, ATTEMPTS, must_exist=False)

    def check(view: TrialView) -> Checked:
        hits = [call for call in view.calls if wanted.maybe(call)]
        if not hits:
            return Checked(id, passed=True)
        return Checked(
            id, passed=False, told=f"{hits[0].tool}({shown(hits[0].args)}) was called: {hits[0].outcome}"
        )

    return check


def order(id: str, node: Node, reach: Reach) -> TrialCheck:
    """Tools were called in this order, others between them: a list of names, or of `{tool, args, counts}`."""
    steps = [_wanted(_keys(item, ("tool", "args", "counts")), reach, DONE) for item in node.items()]
    if len(steps) < 2:
        raise node.error(
            f"found {len(steps) or 'no'} step{'' if len(steps) == 1 else 's'}",
            "write two tools or more; for one use 'called'",
        )

    def check(view: TrialView) -> Checked:
        waiting = list(steps)
        for call in view.calls:
            if waiting and waiting[0].surely(call):
                waiting.pop(0)
        if not waiting:
            return Checked(id, passed=True)
        place = len(steps) - len(waiting)
        after = f" after {steps[place - 1].told}" if place else ""
        made = ", ".join(call.tool for call in view.calls) or "nothing"
        return Checked(
            id, passed=False, told=f"{waiting[0].told} was not called{after}; called were {shown(made)}"
        )

    return check


def _keys(node: Node, known: tuple[str, ...]) -> dict[str, Node]:
    if isinstance(node.value, str):
        return {"tool": node}
    return node.keys(known, required=("tool",))


def _wanted(keys: Mapping[str, Node], reach: Reach, counts: str, *, must_exist: bool = True) -> WantedCalls:
    tool = keys["tool"].text()
    if not tool:
        raise keys["tool"].error("an empty name", "name a tool")
    known = list(reach.envelope.tools if reach.envelope is not None else reach.tools)
    if must_exist and known and tool not in known:
        near = difflib.get_close_matches(tool, known, n=1)
        hint = f"did you mean '{near[0]}'? " if near else ""
        raise keys["tool"].error(f"no tool '{tool}'", f"{hint}known are {', '.join(known)}")
    if "args" in keys:
        keys["args"].mapping()
    return WantedCalls(
        tool,
        keys["args"].plain() if "args" in keys else {},
        keys["counts"].choice((DONE, ATTEMPTS)) if "counts" in keys else counts,
    )


def _bounds(node: Node, keys: Mapping[str, Node]) -> tuple[int, int | None]:
    if "times" in keys:
        if "at_least" in keys or "at_most" in keys:
            raise node.error("'times' beside 'at_least' or 'at_most'", "write one or the other")
        times = int(keys["times"].number(0, integer=True))
        return times, times
    most = int(keys["at_most"].number(0, integer=True)) if "at_most" in keys else None
    least = int(keys["at_least"].number(0, integer=True)) if "at_least" in keys else int(most is None)
    if most is not None and least > most:
        raise node.error(f"at least {least} and at most {most}", "no number of calls is both")
    if not least and most is None:
        raise keys["at_least"].error("any number of calls is at least 0", "write 1 or more, or 'at_most'")
    return least, most
