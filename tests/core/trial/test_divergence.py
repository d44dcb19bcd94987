from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from remit.core.trial.divergence import compared, effects_of
from remit.core.trial.trial import TrialCall


def read(tool: str, **args: object) -> TrialCall:
    return TrialCall(tool, args, "read")


def write(tool: str, **args: object) -> TrialCall:
    return TrialCall(tool, args, "write")


LOOK, OTHER = read("look", id=1), read("other")
PAY = write("pay", amount=10)


def kinds(recorded: list[TrialCall], made: list[TrialCall]) -> list[str]:
    return [one.kind for one in compared(recorded, made).divergences]


def test_the_same_calls_do_not_diverge():
    found = compared([LOOK, PAY], [LOOK, PAY])

    assert (found.divergences, found.same, found.meets_again) == ((), 2, False)


def test_a_whole_number_is_the_same_one_however_it_is_written():
    found = compared([write("pay", amount=10, of=[2.5])], [write("pay", amount=10.0, of=[2.5])])

    assert not found.divergences and compared([PAY], [write("pay", amount=True)]).divergences


def test_a_changed_argument_is_named_with_its_path_and_both_values():
    found = compared([LOOK, PAY], [LOOK, write("pay", amount=90)])

    assert found.first is not None
    assert (found.first.kind, found.first.told, found.first.effect) == (
        "arguments",
        "pay: amount is 90, was 10",
        True,
    )


def test_two_calls_of_one_tool_with_other_arguments_are_not_the_same():
    assert kinds([write("delete", path="/a")], [write("delete", path="/prod")]) == ["arguments"]


def test_a_dropped_last_call_is_missing_and_an_added_one_extra():
    assert kinds([LOOK, PAY], [LOOK]) == ["missing"]
    assert kinds([LOOK], [LOOK, PAY]) == ["extra"]


def test_another_tool_in_its_place_is_another_choice():
    assert kinds([LOOK, PAY], [LOOK, write("escalate")]) == ["tool"]


def test_reads_in_another_order_are_told_as_that():
    (found,) = compared([LOOK, OTHER, PAY], [OTHER, LOOK, PAY]).divergences

    assert (found.kind, found.effect) == ("order", False)


def test_effects_in_another_order_are_not():
    assert "order" not in kinds([PAY, write("send")], [write("send"), PAY])


def test_runs_that_meet_again_are_told_from_those_that_do_not():
    assert compared([LOOK, OTHER, PAY], [LOOK, PAY]).meets_again
    assert not compared([LOOK, PAY], [LOOK, OTHER]).meets_again


def test_a_call_of_unknown_effect_counts_as_one():
    assert effects_of([TrialCall("what", {}), LOOK]).total() == 1


def test_what_was_refused_had_no_effect():
    assert not effects_of([TrialCall("pay", {}, "write", "refused")])


CALLS = st.lists(st.sampled_from([LOOK, OTHER, PAY, write("pay", amount=11)]), max_size=8)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(CALLS, CALLS)
def test_whatever_differs_is_told(recorded: list[TrialCall], made: list[TrialCall]):
    found = compared(recorded, made)

    assert (not found.divergences) == (recorded == made)
    effects = lambda calls: [call for call in calls if call.effect != "read"]  # noqa: E731
    if effects(recorded) != effects(made):
        assert found.first_effect is not None
