"""A world of declared answers: each tool says what the suite wrote down for it, and does nothing."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from remit.core.trial.values import copied, holds
from remit.core.trial.words import shown
from remit.core.types import Json
from remit.core.yamltext import Node

KEYS = ("tool", "args", "result", "error", "times")


class NoAnswer(Exception):
    """No declared answer fits the call: the agent is told so, and nothing is made up."""


class DeclaredFailure(Exception):
    """The tool fails, as the suite says."""


@dataclass(frozen=True, slots=True)
class DeclaredAnswer:
    """What a tool says to calls that have these arguments."""

    tool: str
    args: Mapping[str, Json]
    result: Json = None
    error: str = ""
    """What it fails with; empty where it returns."""
    times: int | None = None
    """How often it can be given; None where it does not run out."""


def read_answers(node: Node) -> tuple[DeclaredAnswer, ...]:
    """A list of `{tool, args?, result | error, times?}`; the first that fits a call, and has not run out, is given."""
    found = tuple(_answer(item) for item in node.items())
    if not found:
        raise node.error("no answer", "write at least one: {tool: …, result: …}")
    return found


def _answer(node: Node) -> DeclaredAnswer:
    keys = node.keys(KEYS, required=("tool",))
    if ("result" in keys) == ("error" in keys):
        raise node.error("needs one of result, error", "write what the tool returns, or what it fails with")
    if "args" in keys:
        keys["args"].mapping()
    if not keys["tool"].text() or ("error" in keys and not keys["error"].text()):
        raise node.error("an empty text", "name the tool, and what it says")
    return DeclaredAnswer(
        keys["tool"].text(),
        keys["args"].plain() if "args" in keys else {},
        keys["result"].plain() if "result" in keys else None,
        keys["error"].text() if "error" in keys else "",
        int(keys["times"].number(1, integer=True)) if "times" in keys else None,
    )


class AnsweredWorld:
    """The tools that declared answers speak for.

    Args:
        answers: those of the task first, then those of the suite.
    """

    def __init__(self, answers: Sequence[DeclaredAnswer]) -> None:
        self._answers = tuple(answers)
        self._given = [0] * len(self._answers)
        self._calls: list[dict[str, Json]] = []
        self._unanswered: list[dict[str, Json]] = []

    @property
    def tools(self) -> Mapping[str, Callable[..., Any]]:
        """By name."""
        return {name: self._tool(name) for name in dict.fromkeys(one.tool for one in self._answers)}

    def snapshot(self) -> Json:
        """`{"answered": […], "unanswered": […]}`: the calls, each with tool and arguments."""
        return copied({"answered": self._calls, "unanswered": self._unanswered})

    def copy(self) -> AnsweredWorld:
        """The same answers, as far as they were given."""
        other = AnsweredWorld(self._answers)
        other._given = list(self._given)
        other._calls, other._unanswered = list(self._calls), list(self._unanswered)
        return other

    def _tool(self, name: str) -> Callable[..., Any]:
        def answer(**args: Any) -> Json:
            return self._answer(name, args)

        return answer

    def _answer(self, tool: str, args: dict[str, Json]) -> Json:
        made = copied({"tool": tool, "args": args})
        for at, one in enumerate(self._answers):
            if one.tool == tool and self._left(at) and holds(args, dict(one.args)):
                self._given[at] += 1
                self._calls.append(made)
                if one.error:
                    raise DeclaredFailure(one.error)
                return copied(one.result)
        self._unanswered.append(made)
        raise NoAnswer(f"the suite declares no answer for {tool}({shown(args)}){self._near(tool, args)}")

    def _left(self, at: int) -> bool:
        times = self._answers[at].times
        return times is None or self._given[at] < times

    def _near(self, tool: str, args: dict[str, Json]) -> str:
        told = [shown(dict(one.args)) for one in self._answers if one.tool == tool]
        near = difflib.get_close_matches(shown(args), told, n=1, cutoff=0.3)
        return f"; it declares one for {near[0]}" if near else ""
