"""The reference is the tables, and its examples say what evaluation says."""

from __future__ import annotations

from pathlib import Path

import pytest

from remit.core.cel import DYN, FUNCTIONS, METHODS, ConditionError, compile_condition, from_schema
from remit.core.cel.examples import (
    ERROR,
    FUNCTION_EXAMPLES,
    METHOD_EXAMPLES,
    REFUSED,
    SCHEMA,
    SYNTAX,
    VALUES,
    NotAnswered,
)
from remit.core.cel.macros import MACROS
from remit.core.cel.reference import reference
from remit.core.cel.steps import ANSWERS
from remit.core.envelope_reference import keys_reference
from remit.core.errors import BadInput

PAGE = Path(__file__).parents[3] / "docs/language.md"
ENV = {"args": from_schema(SCHEMA), "session": DYN}
WORLD = {("real_path_within", "/data/a", "/data"): True, ("real_path_within", "/data/link", "/data"): False}
ALL = {
    **{f"{name}()": examples for name, examples in FUNCTION_EXAMPLES.items()},
    **{f".{name}()": examples for name, examples in METHOD_EXAMPLES.items()},
    **{form: examples for form, (_, examples) in SYNTAX.items()},
}


def said(text: str) -> object:
    try:
        condition = compile_condition(text, ENV, where="w", result=DYN, world=True)
    except BadInput:
        return REFUSED
    try:
        return condition.evaluate({**VALUES, ANSWERS: WORLD})
    except ConditionError:
        return ERROR


def test_the_page_is_what_the_tables_say():
    written = reference() + "\n" + keys_reference()
    assert PAGE.read_text("utf-8") == written, "run: remit envelope reference > docs/language.md"


def test_every_key_has_a_meaning():
    assert [line for line in keys_reference().splitlines() if line.endswith("|  |")] == []


def test_every_function_method_and_macro_has_examples_and_nothing_else_has():
    assert FUNCTION_EXAMPLES.keys() == FUNCTIONS.keys()
    assert METHOD_EXAMPLES.keys() == METHODS.keys()
    for macro in MACROS:
        assert f"a.{macro}(x, ..)" in SYNTAX


@pytest.mark.parametrize(("text", "answer"), [pair for examples in ALL.values() for pair in examples])
def test_an_example_answers_what_the_reference_says(text, answer):
    assert repr(said(text)) == repr(answer)


@pytest.mark.parametrize("name", ALL)
def test_what_is_documented_does_something(name):
    """It has an answer, and another one or none for other values: what does nothing cannot have both."""
    answers = [answer for _, answer in ALL[name]]

    assert any(not isinstance(answer, NotAnswered) for answer in answers)
    assert len({repr(answer) for answer in answers}) > 1


@pytest.mark.parametrize("name", [*FUNCTION_EXAMPLES, *METHOD_EXAMPLES])
def test_the_examples_of_a_function_call_it(name):
    calls = FUNCTION_EXAMPLES.get(name, ()) if name in FUNCTION_EXAMPLES else METHOD_EXAMPLES[name]

    assert all(f"{name}(" in text for text, _ in calls)
