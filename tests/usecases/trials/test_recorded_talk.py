"""What a captured session did: a call that was refused did nothing, and one without an answer may have done anything."""

from __future__ import annotations

from typing import Any

import pytest

from remit.core.recorded import session_from
from remit.usecases.captured import REFUSED
from remit.usecases.trials.recorded_talk import calls_of


def outcome(*answer: dict[str, Any]) -> tuple[str, str]:
    """Of the one call of a session, with what came back of it."""
    asked = {"role": "assistant", "content": "", "tool_calls": [{"id": "1", "name": "pay", "args": {"n": 1}}]}
    told = [{"role": "tool", "tool_call_id": "1", "tool_name": "pay", **one} for one in answer]
    steps = [{"role": "user", "content": "Pay, please."}, asked, *told]
    (call,) = calls_of(session_from({"session_id": "s", "steps": steps}, "test"), lambda _: "write")
    assert (call.tool, dict(call.args), call.effect) == ("pay", {"n": 1}, "write")
    return call.outcome, call.result


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ((), ("unknown", "")),
        (({"content": "R-1"},), ("done", "R-1")),
        (({"content": "no money", "error": "no money"},), ("failed", "no money")),
        (({"content": f"{REFUSED}too much", "error": f"{REFUSED}too much"},), ("refused", f"{REFUSED}too much")),
        (({"content": f"{REFUSED}by the bank"},), ("done", f"{REFUSED}by the bank")),  # the tool's own word, and it ran
    ],
)  # fmt: skip
def test_what_became_of_a_recorded_call(answer: tuple[dict[str, Any], ...], found: tuple[str, str]):
    assert outcome(*answer) == found
