"""Questions about the world: collected before the decision, answered outside, looked up while evaluating."""

from __future__ import annotations

import pytest

from remit.core.cel import ANSWERS, DYN, MAX_ASKS, STRING, Condition, ConditionError, ListOf, ObjectOf
from remit.core.cel import compile_condition as compile_plain
from remit.core.errors import BadInput

ENV = {
    "args": ObjectOf({"p": STRING, "q": STRING, "all": ListOf(STRING)}, frozenset({"p", "all"})),
    "session": DYN,
}


def load(text: str) -> Condition:
    return compile_plain(text, ENV, where="w", world=True)


def roots(answers: dict[tuple[str, ...], bool | str] | None = None, **args: object) -> dict[str, object]:
    given = {"args": {"p": "/srv/a", "all": [], **args}, "session": {}}
    return given if answers is None else {**given, ANSWERS: answers}


def ask(path: str, root: str = "/srv") -> tuple[str, str, str]:
    return ("real_path_within", path, root)


def test_a_condition_says_what_it_asks_and_takes_the_answer():
    condition = load("real_path_within(args.p, '/srv')")

    assert condition.asks(roots()) == (ask("/srv/a"),)
    assert condition.evaluate(roots({ask("/srv/a"): True})) is True
    assert condition.evaluate(roots({ask("/srv/a"): False})) is False


@pytest.mark.parametrize("answers", [None, {}, {ask("/srv/b"): True}, {ask("/srv/a", "/"): True}])
def test_a_question_without_an_answer_is_an_error(answers):
    with pytest.raises(ConditionError, match="not answered by the enforcement point"):
        load("!real_path_within(args.p, '/srv')").evaluate(roots(answers))


def test_why_there_is_no_answer_is_the_error():
    with pytest.raises(ConditionError, match="a loop of links"):
        load("real_path_within(args.p, '/srv')").evaluate(roots({ask("/srv/a"): "a loop of links"}))


@pytest.mark.parametrize("answer", ["", 1, 0, None, "true"])
def test_only_true_and_false_are_answers(answer):
    with pytest.raises(ConditionError):
        load("real_path_within(args.p, '/srv')").evaluate(roots({ask("/srv/a"): answer}))


def test_all_questions_are_asked_that_any_answers_could_lead_to():
    condition = load(
        "args.p == '/x' || real_path_within(args.p, '/srv') && !real_path_within('/etc/a', args.p) "
        "|| args.all.exists(p, real_path_within(p, '/srv'))"
    )

    assert condition.asks(roots(all=["/srv/b", "/srv/c", "/srv/b"])) == (
        ask("/srv/a"),
        ask("/etc/a", "/srv/a"),
        ask("/srv/b"),
        ask("/srv/c"),
    )


def test_what_is_refused_by_its_text_is_not_asked():
    condition = load("args.all.all(p, real_path_within(p, '/srv'))")
    paths = ["srv", "/srv/../etc", "/srv/\u200b", "/srv/%2e%2e/x", ""]

    assert condition.asks(roots(all=paths)) == ()
    for path in paths:
        with pytest.raises(ConditionError):
            condition.evaluate(roots({ask(path): True}, all=[path]))


def test_a_field_that_is_missing_asks_nothing():
    condition = load("has(args.q) && real_path_within(args.q, '/srv')")

    assert condition.asks(roots()) == ()
    assert condition.evaluate(roots()) is False
    assert load("real_path_within(session.x, '/srv')").asks(roots()) == ()


def test_the_number_of_questions_is_bounded():
    condition = load("args.all.all(p, real_path_within(p, '/srv'))")
    paths = [f"/srv/{i}" for i in range(MAX_ASKS + 1)]
    asked = condition.asks(roots(all=paths))

    assert len(asked) == MAX_ASKS
    with pytest.raises(ConditionError, match="not answered"):
        condition.evaluate(roots(dict.fromkeys(asked, True), all=paths))


def test_nested_lists_end_with_the_budget():
    condition = load("args.all.all(a, args.all.all(b, args.all.all(c, real_path_within(a + b + c, '/srv'))))")

    assert len(condition.asks(roots(all=[f"/srv/{i}" for i in range(100)]))) == MAX_ASKS


def test_a_condition_that_asks_nothing_costs_nothing():
    assert load("args.p == '/x'").asks({}) == ()


def test_where_nobody_answers_the_function_is_refused_at_load():
    with pytest.raises(BadInput, match="'real_path_within' has no meaning here") as caught:
        compile_plain("args.p == '' || real_path_within(args.p, '/srv')", ENV, where="w")

    assert caught.value.remedy == "use it in require, approve.when or flow.unless"


def test_a_literal_root_is_checked_at_load():
    with pytest.raises(BadInput, match="the root / contains everything"):
        load("real_path_within(args.p, '/')")


def test_an_explanation_shows_the_recorded_answer():
    condition = load("real_path_within(args.p, '/srv')")

    assert condition.explain(roots({ask("/srv/a"): False}))[0] == ("real_path_within(args.p, '/srv')", False)
