"""Recorded sessions: what the model really said, and a stand-in that says nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from remit.demo.agent import direct, run_episode, unobserved
from remit.demo.model import MODEL_NAME
from remit.demo.recordings import (
    UNGUARDED_SESSIONS,
    NotRecorded,
    RecordingModel,
    ReplayedModel,
    prompt_digest,
    recorded,
    reply_key,
    session_line,
)
from remit.demo.shop import CASES, Effects, opened

BY_ID = {case.case_id: case for case in CASES}
HELLO = [{"role": "user", "content": "Hello"}]
SESSION_KEYS = {
    "session_id", "source", "suite", "task_id", "trial", "model",
    "user_input", "facts", "principal_kind", "attack", "success", "steps", "meta",
}  # fmt: skip


@pytest.fixture
def a_session(says, scripted) -> dict[str, Any]:
    texts = [says("lookup_order", order_id="A-1001"), says("finish", answer="Done.")]
    model = RecordingModel(scripted(texts))
    with opened() as shop:
        episode = run_episode(model, CASES[0], 7, direct(shop.tools), unobserved)
        episode.effects = shop.effects(CASES[0])
    return session_line(episode, "unguarded", model.taken())


def test_a_recorded_session_is_re_enacted_word_for_word(a_session):
    session = a_session
    with opened() as shop:
        episode = run_episode(ReplayedModel([session]), CASES[0], 7, direct(shop.tools), unobserved)

    assert [step.tool for step in episode.steps] == ["lookup_order"]
    assert episode.answer == "Done."


def test_a_conversation_that_never_happened_has_no_reply(a_session):
    with pytest.raises(NotRecorded):
        ReplayedModel([a_session]).reply(HELLO, {}, 7, 0.7)


def test_a_session_whose_tools_answer_otherwise_stops_there_and_says_so(a_session):
    model = ReplayedModel([a_session])

    episode = run_episode(model, CASES[0], 7, lambda tool, args: "REFUSED", unobserved)

    assert len(episode.steps) == 1
    assert episode.stopped == "the recording holds no reply to this conversation"


@pytest.mark.parametrize(
    ("messages", "seed", "temperature"),
    [
        ([{"role": "user", "content": "hello"}], 1, 0.5),
        ([{"role": "system", "content": "Hello"}], 1, 0.5),
        (HELLO * 2, 1, 0.5),
        (HELLO, 2, 0.5),
        (HELLO, 1, 0.6),
    ],
)
def test_a_key_tells_conversations_seeds_and_temperatures_apart(messages: Any, seed: int, temperature: float):
    assert reply_key(messages, seed, temperature) != reply_key(HELLO, 1, 0.5)


def test_a_line_has_the_form_of_every_recorded_session(a_session):
    session = a_session

    assert set(session) == SESSION_KEYS
    assert session["model"] == MODEL_NAME
    assert [step["role"] for step in session["steps"]] == ["system", "user", "assistant", "tool", "assistant"]
    assert session["steps"][2]["tool_calls"] == [
        {"id": "call_0", "name": "lookup_order", "args": {"order_id": "A-1001"}}
    ]
    assert session["steps"][3]["tool_call_id"] == "call_0"


@pytest.mark.parametrize(
    "session", list(recorded(UNGUARDED_SESSIONS)), ids=lambda session: session["session_id"]
)
def test_every_shipped_unguarded_session_re_enacts_to_the_same_effects(session: dict[str, Any]):
    """Fails when prompt, cases or tools change: then record again with `python -m remit.demo.record`."""
    case, meta = BY_ID[session["task_id"]], session["meta"]
    with opened() as shop:
        episode = run_episode(ReplayedModel([session]), case, meta["seed"], direct(shop.tools), unobserved)
        effects = shop.effects(case)

    assert meta["prompt_sha256"] == prompt_digest()
    assert effects == Effects(**meta["effects"])
    assert (episode.stopped, episode.tokens) == (meta["stopped"], meta["tokens"])
