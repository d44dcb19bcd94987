"""Hostile sizes: long texts, deep trees, big lists. Each is refused, and soon."""

from __future__ import annotations

import contextlib

import pytest
from tests.core.soon import soon

from remit.core.cel import DYN, FUNCTIONS, MAX_STEPS, METHODS, STRING, ConditionError, ListOf
from remit.core.cel.closures import _charged
from remit.core.cel.steps import STEPS
from remit.core.errors import BadInput


@pytest.mark.parametrize(
    "text",
    [
        "true" + " " * 2_000,
        "(" * 990 + "1" + ")" * 990,
        "(" * 1_000_000,
        "[" * 1_900,
        "!" * 1_900 + "true",
        "-" * 1_900 + "1",
        "+".join("1" * 900),
        "args" + ".a" * 900,
        "session" + ".a" * 900 + " == 1",
        "session" + "[0]" * 600 + " == 1",
        "args.to" + ".map(x, 1)" * 190,
        "true ? " * 270 + "true" + " : true" * 10,
        "true ? true : " * 140 + "true",
        "has(" * 400 + "args.reason" + ")" * 400,
        "[" + ",".join(["1"] * 900) + "] == []",
        "size(" * 300 + "args.to" + ")" * 300,
        "&&".join(["1==1"] * 250),
        "'" + "a" * 3_000,
        "9" * 1_999,
        "1." + "9" * 1_900 + " == 1.0 + 'a'",
    ],
    ids=range(20),
)
def test_hostile_text_is_refused_while_loading(load, text):
    with soon(), pytest.raises(BadInput):
        load(text)


def test_long_flat_conditions_load(load):
    assert load(" && ".join(["true"] * 200)).evaluate({}) is True
    assert load("args.order_id in [" + ",".join(["'x'"] * 400) + "]")
    assert load("(" * 31 + "true" + ")" * 31).evaluate({}) is True


def test_a_full_stack_is_bad_input_while_loading_and_an_error_while_running(load):
    condition = load("1 + (2 + (3 + (4 + (5 + 6)))) == 21")
    seen: set[type] = set()

    def down() -> None:
        with contextlib.suppress(RecursionError):
            down()
        for attempt in (lambda: load(condition.text), lambda: condition.evaluate({})):
            if not {BadInput, ConditionError} <= seen:
                try:
                    attempt()
                except (BadInput, ConditionError, RecursionError) as error:
                    seen.add(type(error))

    down()

    assert {BadInput, ConditionError} <= seen


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("args.to.all(a, a != '')", MAX_STEPS + 1),
        ("args.to.all(a, args.to.all(b, a == b || a != b))", 2_000),
        ("args.to.exists(a, args.to.exists(b, args.to.exists(c, c == 'y')))", 100),
        ("args.to.map(a, args.to.map(b, args.to.filter(c, true))) == []", 100),
        ("args.to.all(a, a in args.to)", 9_000),
        ("args.to.all(a, args.to == args.to)", 9_000),
        ("args.to.all(a, session.deep == session.deep)", 9_000),
        ("args.to.all(a, session.big.contains('y'))", 9_000),
        ("args.to.all(a, session.big.matches('y'))", 9_000),
        ("args.to.all(a, size(session.big + 'y') > 1)", 9_000),
        ("args.to.all(a, size(args.to + args.to) > 1)", 9_000),
        ("args.to.all(a, visible(args.order_id))", 9_000),
        ("args.to.all(a, domain_in('corp.com', session.hosts))", 9_000),
        ("args.to.all(a, session.deep[0] in session.deep)", 9_000),
    ],
)
def test_the_step_budget_ends_hungry_conditions(answer, text, size):
    session = {"big": "x" * 900_000, "deep": [[0] * 50_000], "hosts": ["corp.com"] * 1_000, "one": 1}
    with soon(), pytest.raises(ConditionError, match="more than 10000 steps"):
        answer(text, session, to=["x"] * size, order_id="x" * 900_000)


def test_the_budget_is_per_evaluation(load):
    condition = load("args.to.all(a, a == 'x')")

    for _ in range(3):
        assert condition.evaluate({"args": {"to": ["x"] * MAX_STEPS}}) is True


def test_values_that_contain_themselves_are_an_error(answer):
    loop: list[object] = []
    loop.append(loop)

    with pytest.raises(ConditionError, match="RecursionError"):
        answer("session.a == session.b", {"a": loop, "b": [loop]})


@pytest.mark.parametrize("function", [*FUNCTIONS.values(), *METHODS.values()], ids=lambda f: f.name)
def test_every_function_pays_for_long_texts_and_lists_inside_a_macro(function):
    """A list of 9,000 costs less than the budget; what each element does with a long value must end it."""
    long = {STRING: "x" * 900_000, DYN: ["x"] * 100_000}
    calls: list[int] = []

    def counted(*args: object) -> object:
        calls.append(1)
        return True

    values = [long.get(param, long[DYN] if isinstance(param, ListOf) else 1) for param in function.params]
    run = _charged(counted, [lambda env, value=value: value for value in values])
    env = {STEPS: 0}
    if all(value == 1 for value in values):
        return  # numbers, addresses, quantities: of bounded size

    with pytest.raises(ConditionError, match="steps"):
        for _ in range(9_000):
            run(env)

    assert len(calls) <= 10
