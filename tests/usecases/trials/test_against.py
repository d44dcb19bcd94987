from typing import Any

from remit.core.recorded import RecordedSession, session_from
from remit.core.trial.suite import AgentSpec, Design
from remit.core.trial.trial import TrialCall
from remit.core.trial.view import TrialView
from remit.testing import small_refunds
from remit.usecases.trials.against import drawn, effects_by, suite_against


def session(name: str, *steps: dict[str, Any], user: str = "refund O-1") -> RecordedSession:
    return session_from({"session_id": name, "steps": [{"role": "user", "content": user}, *steps]}, "test")


def asks(tool: str, **args: Any) -> dict[str, Any]:
    return {"role": "assistant", "tool_calls": [{"id": "c", "name": tool, "args": args}]}


ANSWER = {"role": "tool", "tool_call_id": "c", "content": "40"}
WHOLE = session("whole", asks("get_order", order_id="O-1"), ANSWER)
GUESSED = effects_by(None)


def test_what_cannot_be_run_again_is_dropped_and_the_reason_told():
    found = drawn(
        [
            WHOLE,
            WHOLE,
            session("mute", user=""),
            session("long", {"role": "user", "content": "and O-2"}),
            session("open", asks("get_order", order_id="O-1")),
            session(
                "odd", {"role": "assistant", "tool_calls": [{"id": "c", "name": "a", "args": "{"}]}, ANSWER
            ),
        ],
        GUESSED,
    )

    assert list(found.sessions) == ["whole"]
    assert sorted(found.dropped) == [
        "a call has no recorded result",
        "another session has the same id",
        "arguments of a call cannot be read",
        "no text of the user is recorded",
        "the user spoke more than once (--turns hands over all turns at once)",
    ]


def test_all_turns_can_be_handed_over_at_once():
    found = drawn([session("long", {"role": "user", "content": "and O-2"})], GUESSED, turns=True)
    loaded = suite_against(found, {"candidate": AgentSpec()}, Design(), name="n")

    assert loaded.suite.tasks["long"].input == {"turns": ["refund O-1", "and O-2"]}


def test_an_effect_is_what_the_envelope_says_and_without_it_a_cautious_guess():
    assert effects_by(small_refunds())("note") == "write"
    assert (GUESSED("get_order"), GUESSED("frobnicate")) == ("read", "irreversible")


def test_a_session_becomes_a_task_whose_tools_answer_from_its_record():
    loaded = suite_against(drawn([WHOLE], GUESSED), {"candidate": AgentSpec()}, Design(), name="n")
    task = loaded.suite.tasks["whole"]
    assert loaded.world_of is not None
    world = loaded.world_of(task, 0)

    assert (task.input, world.tools["get_order"](order_id="O-1")) == ("refund O-1", "40")
    assert [one.passed for one in loaded.judge.checked(TrialView(task, "done"))] == [True] * 3


def test_a_suite_of_other_sessions_has_another_hash():
    def hashed(*sessions: RecordedSession) -> str:
        return suite_against(drawn(sessions, GUESSED), {}, Design(), name="n").suite.hash

    other = session("whole", asks("get_order", order_id="O-1"), {**ANSWER, "content": "41"})
    assert hashed(WHOLE) == hashed(WHOLE) != hashed(other)


def test_a_call_that_was_refused_had_no_effect_and_has_none_again():
    refused = {**ANSWER, "content": "refused: not more than 50", "error": "refused: not more than 50"}
    loaded = suite_against(
        drawn([session("s", asks("refund", amount=90), refused)], GUESSED),
        {"candidate": AgentSpec()},
        Design(),
        name="n",
    )
    task = loaded.suite.tasks["s"]
    again = TrialCall("refund", {"amount": 90}, "", "failed", "RecordedFailure: refused: not more than 50")
    for calls in ((), (again,)):
        assert all(one.passed for one in loaded.judge.checked(TrialView(task, "done", calls=calls)))
