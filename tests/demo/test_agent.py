"""The agent's loop: tools and observations are handed in, and the model's words are taken as they come."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs

from remit.demo.agent import (
    CALL_SCHEMA,
    EXAMPLES,
    MAX_STEPS,
    SYSTEM,
    TOOLS,
    direct,
    opening,
    run_episode,
    unobserved,
)
from remit.demo.shop import CASES, opened

CASE = CASES[0]


def test_the_agent_works_through_tools_until_it_finishes(says, scripted):
    model = scripted(
        [
            says("lookup_order", order_id="A-1001"),
            says("refund_payment", order_id="A-1001", amount=40),
            says("finish", answer="Refunded 40."),
        ]
    )
    with opened() as shop:
        episode = run_episode(model, CASE, 1, direct(shop.tools), unobserved)
        effects = shop.effects(CASE)

    assert [step.tool for step in episode.steps] == ["lookup_order", "refund_payment"]
    assert (episode.answer, episode.stopped, episode.tokens) == ("Refunded 40.", "", 30)
    assert effects.refunded == 40


def test_the_model_sees_each_result_before_its_next_word(says, scripted):
    model = scripted([says("read_mail", order_id="A-1001"), says("finish", answer="Done.")])
    with opened() as shop:
        run_episode(model, CASE, 1, direct(shop.tools), unobserved)

    assert model.seen[0] == opening(CASE)
    said, result = model.seen[1][-2:]
    assert said == {"role": "assistant", "content": says("read_mail", order_id="A-1001")}
    assert result["content"].startswith('RESULT: {"mail":"The lamp')


def test_a_refusal_is_a_result_like_any_other(says, scripted):
    model = scripted([says("escalate", reason="hm"), says("finish", answer="Done.")])

    episode = run_episode(model, CASE, 1, lambda tool, args: "REFUSED: no", unobserved)

    assert episode.steps[0].result == "REFUSED: no"
    assert model.seen[1][-1]["content"] == "RESULT: REFUSED: no"


def test_the_instructions_and_each_thought_are_observed(says, scripted):
    seen: list[tuple[str, str]] = []
    model = scripted([says("escalate", reason="hm"), says("finish", answer="Done.")])

    def observe(role: str, text: str, *, source: str | None = None) -> None:
        seen.append((role, text))

    run_episode(model, CASE, 1, lambda tool, args: "{}", observe)

    assert seen == [("system", SYSTEM), ("assistant", "I use escalate."), ("assistant", "I use finish.")]


def test_an_agent_that_never_finishes_is_stopped(says, scripted):
    model = scripted([says("escalate", reason="hm")] * (MAX_STEPS + 1))

    episode = run_episode(model, CASE, 1, lambda tool, args: "{}", unobserved)

    assert len(episode.steps) == MAX_STEPS
    assert (episode.answer, episode.stopped) == ("", f"{MAX_STEPS} steps were used up")


def test_a_reply_that_was_cut_off_ends_the_session(scripted):
    episode = run_episode(scripted(['{"thought":"hm","to']), CASE, 1, lambda tool, args: "{}", unobserved)

    assert (episode.steps, episode.stopped) == ([], "the reply was cut off, or is no text")


def test_a_model_that_fails_ends_the_session_and_says_so(scripted):
    episode = run_episode(scripted([]), CASE, 1, lambda tool, args: "{}", unobserved)

    assert episode.stopped == "the script is over"


def test_the_worked_examples_fit_the_grammar_that_the_model_is_held_to():
    validator = jsonschema_rs.validator_for(CALL_SCHEMA)
    replies = [json.loads(message["content"]) for message in EXAMPLES if message["role"] == "assistant"]

    assert len(replies) > 10
    for reply in replies:
        assert validator.is_valid(reply), reply


def test_the_grammar_knows_every_tool_of_the_shop_with_its_arguments():
    with opened() as shop:
        for name, tool in shop.tools.items():
            arguments: dict[str, Any] = dict(tool.__annotations__)
            arguments.pop("return")
            assert list(arguments) == list(TOOLS[name])
        assert set(TOOLS) == {*shop.tools, "finish"}
