from typing import Any

from remit.core.recorded import RecordedSession, session_from
from remit.core.trial.suite import AgentSpec, Design
from remit.core.trial.trial import TrialCall
from remit.core.trial.view import TrialView
from remit.testing import small_refunds
from remit.usecases.trials.against import Turns, drawn, effects_by, gates_against, suite_against


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
        Turns.NONE,
    )

    assert list(found.sessions) == ["whole"]
    assert sorted(found.dropped) == [
        "a call has no recorded result",
        "another session has the same id",
        "arguments of a call cannot be read",
        "no text of the user is recorded",
        "the user spoke more than once",
    ]


def test_all_turns_can_be_handed_over_at_once():
    found = drawn([session("long", {"role": "user", "content": "and O-2"})], GUESSED, Turns.AT_ONCE)
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
    assert [one.passed for one in loaded.judge.checked(TrialView(task, "done"))] == [True] * 2


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


def says(role: str, content: str) -> dict[str, Any]:
    return {"role": role, "content": content}


def test_what_a_user_says_turn_by_turn_is_read_from_the_record():
    talk = session(
        "talk",
        says("assistant", "Which order?"),
        says("user", "O-1."),
        says("user", "And hurry."),
        asks("get_order", order_id="O-1"),
        ANSWER,
        says("assistant", "It costs 40."),
        says("user", "###STOP###"),
        user="refund",
    )
    found = drawn([talk, WHOLE], GUESSED)
    loaded = suite_against(found, {"candidate": AgentSpec()}, Design(), name="n", deadline_s=10)

    assert [(one.said, len(one.calls), one.answer) for one in loaded.conversations["talk"].turns] == [
        ("refund", 0, "Which order?"),
        ("O-1.\n\nAnd hurry.", 1, "It costs 40."),
    ]
    tasks = loaded.suite.tasks
    assert (tasks["talk"].input, tasks["talk"].deadline_s) == ("refund", 20)
    assert (tasks["whole"].input, tasks["whole"].deadline_s) == ("refund O-1", 10)


TALK = session("s", says("assistant", "Sure?"), says("user", "Yes."), asks("refund", order_id="O-1"), ANSWER)
PAID = TrialCall("refund", {"order_id": "O-1"}, "", "done", "40")


def judged(turns: Turns, *by_turn: tuple[TrialCall, ...]) -> list[str]:
    """Checks of the two turns that do not hold, in short."""
    loaded = suite_against(drawn([TALK], GUESSED, turns), {"candidate": AgentSpec()}, Design(), name="n")
    made = tuple(call for calls in by_turn for call in calls)
    view = TrialView(loaded.suite.tasks["s"], "done", calls=made, by_turn=by_turn)
    return [one.check.rpartition("-")[2] for one in loaded.judge.checked(view) if not one.passed]


def test_whether_an_effect_is_missing_is_asked_of_sessions_that_had_one():
    read, both = (drawn(some, GUESSED) for some in ([WHOLE], [WHOLE, TALK]))

    assert [rule.id for rule in gates_against(0.1, 0.05, read, GUESSED)] == [
        "effects-as-recorded",
        "no-effect-added",
    ]
    assert len(gates_against(0.1, 0.05, both, GUESSED)) == 3


def test_each_turn_is_held_against_what_the_record_did_in_it():
    assert judged(Turns.EACH, (), (PAID,)) == []
    assert judged(Turns.EACH, (PAID,), ()) == ["recorded", "missing", "added"]
    assert judged(Turns.EACH, (PAID,), (PAID,)) == ["recorded", "added"]
    assert judged(Turns.EACH, (), ()) == ["recorded", "missing"]


def test_an_effect_of_a_later_turn_is_not_missing_where_a_free_conversation_ended_before():
    added = TrialCall("refund", {"order_id": "O-9"}, "", "failed", "LeftTheRecord: no recorded answer")

    assert judged(Turns.FREE, (added,)) == ["recorded", "added"]
    assert judged(Turns.FREE, (), (added,)) == ["recorded", "missing", "added"]
    assert judged(Turns.FREE, (), (PAID,)) == judged(Turns.FREE, (PAID,), ()) == []


def test_what_the_agent_goes_on_from_is_the_record_whole():
    long = session("s", asks("get_order", order_id="O-1"), {**ANSWER, "content": "x" * 9_000}, says("user", "b"),
                   asks("refund", order_id="O-1"), {**ANSWER, "error": "no"})  # fmt: skip
    first, second = (
        suite_against(drawn([long], GUESSED), {"candidate": AgentSpec()}, Design(), name="n")
        .conversations["s"]
        .turns
    )

    assert [step["role"] for step in first.steps] == ["assistant", "tool"]
    assert (len(str(first.steps[1]["content"])), first.steps[1]["tool_call_id"]) == (9_000, "c")
    assert "error" in second.steps[1]
