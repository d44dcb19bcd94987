"""Trials of recorded conversations: the agent is asked once for each turn, and sees what was before."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.usecases.trials.runs import launch, opened

from remit.core.recorded import RecordedSession, session_from
from remit.core.trial.suite import AgentSpec, Design
from remit.core.trial.trial import Status, Trial, TrialCall
from remit.ports import AgentTrial, Answered
from remit.testing import small_refunds
from remit.usecases.trials.against import Turns, drawn, effects_by, suite_against
from remit.usecases.trials.recorded_talk import conversation_of

EFFECT = effects_by(None)
ECHO = """
import json, sys
request = json.loads(sys.stdin.readline())
if request["turn"] == 0:
    print(json.dumps({"call": {"tool": "get_order", "args": {"id": "A-1"}}}), flush=True)
    sys.stdin.readline()
    print(json.dumps({"answer": "Shall I refund it?", "tokens": 1}))
else:
    print(json.dumps({"call": {"tool": "refund", "args": {"id": "A-1"}}}), flush=True)
    sys.stdin.readline()
    heard = "heard %s after %d steps" % (request["input"], len(request["conversation"]))
    print(json.dumps({"answer": heard, "tokens": 2}))
"""


def recorded() -> RecordedSession:
    def asks(name: str, tool: str) -> dict[str, Any]:
        return {"role": "assistant", "tool_calls": [{"id": name, "name": tool, "args": {"id": "A-1"}}]}

    def answers(name: str, text: str) -> dict[str, Any]:
        return {"role": "tool", "tool_call_id": name, "content": text}

    said = [
        ("user", "My clock is broken."),
        ("assistant", "Shall I refund it?"),
        ("user", "Yes."),
        ("assistant", "ok"),
    ]
    user, asked, yes, done = ({"role": role, "content": text} for role, text in said)
    steps = [
        user,
        asks("1", "get_order"),
        answers("1", "40"),
        asked,
        yes,
        asks("2", "refund"),
        answers("2", "R"),
        done,
    ]
    return session_from({"session_id": "s", "steps": steps}, "test")


def trial_of(
    folder: Path,
    agent: AgentSpec,
    function: Any = None,
    *,
    turns: Turns = Turns.EACH,
    governed: bool = False,
) -> Trial:
    """One run of the recorded conversation."""
    loaded = suite_against(
        drawn([recorded()], EFFECT, turns),
        {"agent": agent},
        Design("fixed", epochs=1),
        name="n",
        envelope=small_refunds() if governed else None,
        agents={"agent": function} if function else {},
    )
    with opened(folder) as store:
        (trial,) = launch(loaded, store).run.trials
    return trial


def polite(trial: AgentTrial) -> Answered:
    if trial.turn == 0:
        trial.call("get_order", {"id": "A-1"})
        return Answered("Do you want a refund?", tokens=3)
    trial.call("refund", {"id": "A-1"})
    kinds = [step["role"] for step in trial.conversation]
    return Answered(f"{trial.task.input} {trial.task.user_input} {kinds}", tokens=4)


@pytest.mark.parametrize("turns", [Turns.EACH, Turns.FREE])
def test_a_function_is_asked_once_for_each_turn(tmp_path: Path, turns: Turns) -> None:
    found = trial_of(tmp_path, AgentSpec(function=polite), polite, turns=turns)

    assert (found.status, found.tokens) == (Status.PASSED, 7)
    assert found.answer == "Yes. Yes. ['user', 'assistant', 'tool', 'assistant']"
    assert [call.tool for call in found.calls] == ["get_order", "refund"]


def test_a_session_in_which_the_user_sent_no_words_and_was_acted_upon_is_left_out() -> None:
    image = [{"type": "image_url", "image_url": {"url": "data:"}}]
    steps = [
        {"role": "user", "content": "Pay this."},
        {"role": "assistant", "content": "What?"},
        {"role": "user", "content": image},
        {"role": "assistant", "tool_calls": [{"id": "1", "name": "refund", "args": {}}]},
        {"role": "tool", "tool_call_id": "1", "content": "ok"},
    ]
    found = drawn([session_from({"session_id": "s", "steps": steps}, "test")], EFFECT)

    assert found.dropped == {"a turn of the user that was acted upon has no text": 1}


def test_what_the_system_said_between_two_turns_is_told(tmp_path: Path) -> None:
    steps = [
        {"role": "user", "content": "Pay."},
        {"role": "assistant", "content": "Who are you?"},
        {"role": "system", "content": "The user is Ann."},
        {"role": "user", "content": "Yes."},
        {"role": "assistant", "content": "ok"},
    ]
    (asked, _) = conversation_of(session_from({"session_id": "s", "steps": steps}, "test"), EFFECT).turns

    assert [(step["role"], step["content"]) for step in asked.steps] == [
        ("assistant", "Who are you?"),
        ("system", "The user is Ann."),
    ]


def test_a_command_is_started_once_for_each_turn(tmp_path: Path) -> None:
    path = tmp_path / "agent.py"
    path.write_text(ECHO)

    found = trial_of(tmp_path, AgentSpec(command=(sys.executable, str(path))))

    assert (found.status, found.answer, found.tokens) == (Status.PASSED, "heard Yes. after 4 steps", 3)


class _Chat(BaseHTTPRequestHandler):
    """An endpoint that makes its calls by itself, and reports them."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        tool, text = [("get_order", "Shall I refund it?"), ("refund", "done")][asked["turn"]]
        told = json.dumps({"answer": text, "calls": [{"tool": tool, "args": {"id": "A-1"}}]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def served() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _Chat)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/chat"
    finally:
        server.shutdown()
        server.server_close()


def test_an_endpoint_is_asked_once_for_each_turn(tmp_path: Path) -> None:
    with served() as url:
        found = trial_of(tmp_path, AgentSpec(http=url))

    assert (found.status, found.answer) == (Status.PASSED, "done")
    assert [call.tool for call in found.calls] == ["get_order", "refund"]


def test_what_an_agent_made_of_a_turn_does_not_follow_it_into_the_next(tmp_path: Path) -> None:
    """It refunds at once, and leaves the record by a call; in the next turn it stands where the record stood."""

    def hasty(trial: AgentTrial) -> str:
        with suppress(Exception):
            trial.call("get_order", {"id": "A-1" if trial.turn else "A-2"})
        with suppress(Exception):
            return str(trial.call("refund", {"id": "A-1"}))
        return "it could not be done"

    found = trial_of(tmp_path, AgentSpec(function=hasty), hasty)

    assert (found.status, found.answer) == (Status.FAILED, "R")
    assert [call.outcome for call in found.calls] == ["failed", "failed", "done", "done"]
    assert [one.passed for one in found.checks] == [False, True, False]
    assert "refund" in found.reason


def test_an_agent_goes_on_from_the_words_of_the_record(tmp_path: Path) -> None:
    def rude(trial: AgentTrial) -> str:
        if trial.turn == 0:
            return "What do you want?"
        trial.call("refund", {"id": "A-1"})
        return str([step["content"] for step in trial.conversation])

    found = trial_of(tmp_path, AgentSpec(function=rude), rude)

    assert (found.status, found.answer) == (
        Status.PASSED,
        "['My clock is broken.', '', '40', 'Shall I refund it?']",
    )


def test_an_agent_that_leaves_a_free_conversation_has_neither_succeeded_nor_failed(tmp_path: Path) -> None:
    def hasty(trial: AgentTrial) -> str:
        trial.call("refund", {"id": "A-1"})
        return "I refunded it."

    found = trial_of(tmp_path, AgentSpec(function=hasty), hasty, turns=Turns.FREE)

    assert (found.status, found.success, found.checks) == (Status.DIVERGED, None, ())
    assert "had not been done by then in the record" in found.reason


def test_an_effect_that_the_record_never_had_is_a_failure_whatever_the_user_would_have_said(
    tmp_path: Path,
) -> None:
    def wrong(trial: AgentTrial) -> str:
        with pytest.raises(Exception, match="not in the record"):
            trial.call("refund", {"id": "A-2"})
        return "I refunded it."

    found = trial_of(tmp_path, AgentSpec(function=wrong), wrong, turns=Turns.FREE)

    assert found.status is Status.FAILED
    assert [one.check for one in found.checks if not one.passed] == ["effects-as-recorded", "no-effect-added"]


@pytest.mark.parametrize(
    ("turns", "seen"), [(Turns.EACH, [("tool", "40"), ("assistant", "Shall I refund it?")]),
                        (Turns.FREE, [("assistant", "It is yours. Refund?")])]
)  # fmt: skip
def test_the_record_of_a_governed_trial_holds_what_the_agent_went_on_from(
    tmp_path: Path, turns: Turns, seen: list[tuple[str, str]]
) -> None:
    def agent(trial: AgentTrial) -> str:
        return "It is yours. Refund?" if trial.turn == 0 else "ok"

    trial_of(tmp_path, AgentSpec(function=agent), agent, turns=turns, governed=True)

    with opened(tmp_path) as store:
        said = [
            (stored.event.body.get("role"), stored.event.blobs.get("text"))
            for stored in store.events(kinds=("observed",))
        ]
    assert said == [("user", "My clock is broken."), *seen, ("user", "Yes.")]


def test_what_an_agent_sees_of_a_conversation_is_a_copy(tmp_path: Path) -> None:
    def rude(trial: AgentTrial) -> str:
        if trial.turn == 0:
            return "Shall I refund it?"
        trial.conversation[0]["content"] = "Give me money."  # type: ignore[index]
        return str(trial.conversation[0]["content"])

    assert trial_of(tmp_path, AgentSpec(function=rude), rude).answer == "My clock is broken."


def test_a_call_that_failed_stands_in_the_conversation_with_its_error() -> None:
    from remit.usecases.trials.attempt import _steps

    _, told = _steps(3, TrialCall("refund", {"id": "A-1"}, "write", "refused", "not more than 50"))

    assert (told["tool_call_id"], told["error"]) == ("c3", "not more than 50")
