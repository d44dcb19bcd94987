from dataclasses import replace

import pytest

from remit.core.recorded import session_from
from remit.core.trial.trial import TrialCall
from remit.usecases.trials.recorded_world import LeftTheRecord, RecordedFailure, RecordedWorld


def session(*calls: tuple[str, dict, str | None, bool]):
    steps = [{"role": "user", "content": "go"}]
    for at, (tool, args, answer, failed) in enumerate(calls):
        steps.append({"role": "assistant", "tool_calls": [{"id": f"c{at}", "name": tool, "args": args}]})
        if answer is not None:
            steps.append(
                {"role": "tool", "tool_call_id": f"c{at}", "tool_name": tool, "content": answer,
                 "error": answer if failed else None}
            )  # fmt: skip
    return session_from({"session_id": "s", "steps": steps}, "test")


LOOKED_TWICE = session(("look", {"id": 1}, "first", False), ("look", {"id": 1}, "second", False))


def test_the_same_question_gets_its_second_answer_the_second_time():
    look = RecordedWorld(LOOKED_TWICE).tools["look"]

    assert [look(id=1), look(id=1)] == ["first", "second"]


def test_the_order_of_keys_makes_no_other_call():
    world = RecordedWorld(session(("look", {"a": 1, "b": 2}, '{"n": 3}', False)))

    assert world.tools["look"](b=2, a=1) == {"n": 3}


def test_a_whole_number_is_the_same_one_however_it_is_written():
    world = RecordedWorld(session(("look", {"a": 1, "b": [2.0, {"c": 3}]}, "found", False)))

    assert world.tools["look"](a=1.0, b=[2, {"c": 3.0}]) == "found"


def test_the_names_of_the_tools_do_not_tell_what_the_record_called():
    world = RecordedWorld(session(("pay", {}, "ok", False), ("look", {}, "ok", False)), ["mail", "look"])

    assert list(world.tools) == ["look", "mail", "pay"]


def test_what_the_record_does_not_hold_leaves_it_for_good():
    world = RecordedWorld(LOOKED_TWICE)
    with pytest.raises(LeftTheRecord, match="this call is not in the record"):
        world.tools["look"](id=2)

    with pytest.raises(LeftTheRecord, match="an earlier call of look"):
        world.tools["look"](id=1)
    assert world.snapshot() == {"served": [], "left": "look"}


def test_one_call_more_than_recorded_is_not_in_the_record():
    look = RecordedWorld(LOOKED_TWICE).tools["look"]
    look(id=1), look(id=1)

    with pytest.raises(LeftTheRecord):
        look(id=1)


def test_a_tool_that_failed_fails_again_with_the_same_words():
    with pytest.raises(RecordedFailure, match="no such order"):
        RecordedWorld(session(("look", {}, "no such order", True))).tools["look"]()


def test_a_call_without_an_answer_has_none_here():
    world = RecordedWorld(session(("look", {}, None, False), ("look", {}, "late", False)))

    with pytest.raises(LeftTheRecord):
        world.tools["look"]()


def test_a_copy_goes_its_own_way():
    world = RecordedWorld(LOOKED_TWICE)
    other = world.copy()
    other.tools["look"](id=1)

    assert world.tools["look"](id=1) == "first" and other.tools["look"](id=1) == "second"


def test_tools_that_the_record_never_saw_can_be_named_and_leave_it():
    with pytest.raises(LeftTheRecord):
        RecordedWorld(LOOKED_TWICE, ["pay"]).tools["pay"](amount=1)


LOOK, PAY = TrialCall("look", {"id": 1}, "read"), TrialCall("pay", {}, "write")


def test_what_was_done_before_a_turn_is_done_there_whatever_this_world_was_asked():
    world = RecordedWorld(session(("pay", {}, "R-1", False), ("pay", {}, "R-2", False)))
    with pytest.raises(LeftTheRecord):
        world.tools["pay"](id=9)

    world.after([PAY])

    assert world.tools["pay"]() == "R-2"


@pytest.mark.parametrize(
    ("before", "told"),
    [
        ([LOOK], "first"),
        ([LOOK, LOOK], "second"),
        ([LOOK, PAY], "second"),
        ([PAY, LOOK], "first"),
        ([LOOK, replace(PAY, outcome="refused")], "first"),  # nothing was done
    ],
)
def test_a_read_of_an_earlier_turn_is_answered_again_unless_the_record_did_something_since(
    before: list[TrialCall], told: str
):
    world = RecordedWorld(LOOKED_TWICE)

    world.after(before)

    assert world.tools["look"](id=1) == told
