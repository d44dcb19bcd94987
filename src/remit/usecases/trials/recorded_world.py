"""A world whose tools answer from the record of a session, and do nothing: no effect is possible through it.

A call is matched by tool, canonical arguments and how often it was made before, so that the same question gets its
second answer the second time. A call that the record does not hold ends what the record can say: from there on every
call is answered with that. Guessing an answer would make up evidence.
"""

from __future__ import annotations

import copy
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, cast

from remit.core.canonical import canonical, loads_strict
from remit.core.errors import BadInput
from remit.core.recorded import RecordedCall, RecordedSession
from remit.core.trial.divergence import READ, signature
from remit.core.trial.trial import TrialCall
from remit.core.types import Json


class LeftTheRecord(Exception):
    """The call, or an earlier one, is not in the record: nobody knows what its tool would have answered."""


class RecordedFailure(Exception):
    """The tool failed in the record, and so it does here, with the same words."""


class RecordedWorld:
    """The tools of one recorded session.

    Args:
        session: the record.
        tools: names that can be called beside those of the record.
    """

    def __init__(self, session: RecordedSession, tools: Iterable[str] = ()) -> None:
        self._answers = _answers(session)
        # by name: in the order of the calls, they would tell an agent what the record does, and when
        self._names = tuple(sorted({*(call.tool for call in _calls(session)), *tools}))
        self._asked: defaultdict[bytes, int] = defaultdict(int)
        self._served: list[str] = []
        self._left = ""
        self._tools = {name: self._answering(name) for name in self._names}

    @property
    def tools(self) -> Mapping[str, Callable[..., Any]]:
        """By name; each answers from the record."""
        return self._tools

    def snapshot(self) -> Json:
        """`{"served": […], "left": …}`: tools that were answered from the record, and the call that left it."""
        return {"served": list(self._served), "left": self._left}

    def copy(self) -> RecordedWorld:
        """The same place in the same record."""
        other = copy.copy(self)
        other._asked, other._served = defaultdict(int, self._asked), list(self._served)
        other._tools = {name: other._answering(name) for name in other._names}
        return other

    def after(self, calls: Iterable[TrialCall]) -> None:
        """Go on as if just these calls had been made, whatever was.

        A read that is made again gets the answer that it had last, unless the record did something since: who is asked
        turn by turn looks up again what he was told turns ago.
        """
        self._left, asked, still = "", Counter[bytes](), set[bytes]()
        for call in calls:
            asked[signature(call)] += 1
            if call.effect == READ:
                still.add(signature(call))
            elif call.outcome != "refused":
                still.clear()
        self._asked = defaultdict(int, asked - Counter(still))

    def _answering(self, tool: str) -> Callable[..., Any]:
        def answer(**args: Any) -> Any:
            return self._answer(tool, args)

        return answer

    def _answer(self, tool: str, args: dict[str, Any]) -> Any:
        key = _key(tool, canonical(args))
        found = self._answers.get(key, [])
        place = self._asked[key]
        if not self._left and place >= len(found):
            self._left = tool
        if self._left:
            told = (
                "this call"
                if self._left == tool and place >= len(found)
                else f"an earlier call of {self._left}"
            )
            raise LeftTheRecord(f"no recorded answer for {tool}: {told} is not in the record")
        self._asked[key] = place + 1
        self._served.append(tool)
        text, failed = found[place]
        if failed:
            raise RecordedFailure(text)
        return _value(text)


def _answers(session: RecordedSession) -> Mapping[bytes, list[tuple[str, bool]]]:
    """What each call got, in the order in which it was made; one without an answer ends what is known of it."""
    told = {id(step.answers): (step.text, step.failed) for step in session.steps if step.answers is not None}
    found: defaultdict[bytes, list[tuple[str, bool]]] = defaultdict(list)
    closed: set[bytes] = set()
    for call in _calls(session):
        try:
            key = _key(call.tool, canonical(call.args))
        except BadInput:
            continue  # it cannot be made here either
        answer = told.get(id(call))
        if answer is None:
            closed.add(key)
        elif key not in closed:
            found[key].append(answer)
    return found


def _calls(session: RecordedSession) -> Iterator[RecordedCall]:
    return (call for step in session.steps for call in step.calls)


def _key(tool: str, args: Json) -> bytes:
    return signature(TrialCall(tool, cast("dict[str, Json]", args)))


def _value(text: str) -> Any:
    """A result as its tool gave it: the JSON value where its text is one."""
    if text[:1] not in ("{", "["):
        return text
    try:
        return loads_strict(text)
    except BadInput:
        return text
