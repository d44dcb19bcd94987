"""Whatever the text and whatever the values: two kinds of error, and no others."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remit.core.cel import DYN, ConditionError, compile_condition, from_schema
from remit.core.errors import BadInput

from .conftest import SCHEMA

WORDS = st.sampled_from(
    [
        "args",
        "session",
        ".",
        ".amount",
        ".to",
        ".items",
        ".reason",
        "[",
        "]",
        "(",
        ")",
        ",",
        "'a'",
        "r'\\d'",
        "0",
        "1",
        "2.5",
        "-",
        "!",
        "+",
        "*",
        "/",
        "%",
        "<",
        "<=",
        "==",
        "!=",
        "in",
        "&&",
        "||",
        "?",
        ":",
        "has(",
        "size(",
        "host(",
        "null",
        "true",
        "false",
        ".all(x,",
        ".map(x,",
        ".filter(x,",
        "x",
        ".x",
        ".matches('",
        "')",
        "domain_in(",
        "\\",
        "\u200b",
        "'",
    ]
)
LEAVES = st.sampled_from(
    [
        "args.amount",
        "args.count",
        "args.order_id",
        "args.urgent",
        "args.to",
        "args.items",
        "session.a",
        "session.b",
        "session.c[0]",
        "1",
        "-3",
        "2.5",
        "'x'",
        "''",
        "true",
        "null",
        "[]",
        "[1, 2]",
        "['x']",
        "args.items[0].qty",
        "args.to[0]",
        "args.items.map(i, i.qty)",
        "9223372036854775807",
    ]
)


def combined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    ops = st.sampled_from(["+", "-", "*", "/", "%", "<", "<=", ">", ">=", "==", "!=", "in", "&&", "||"])
    calls = st.sampled_from(
        ["size", "url", "host", "email_domain", "visible", "fold", "ip", "cidr", "public_address"]
    )
    macros = st.sampled_from(["all", "exists", "exists_one", "filter", "map"])
    names = st.sampled_from(["p", "q", "r"])
    return (
        st.builds("({} {} {})".format, inner, ops, inner)
        | st.builds("!({})".format, inner)
        | st.builds("{}({})".format, calls, inner)
        | st.builds("({} ? {} : {})".format, inner, inner, inner)
        | st.builds(lambda a, m, n, b: f"{a}.{m}({n}, {n} == {b})", inner, macros, names, inner)
        | st.builds("{}[{}]".format, inner, inner)
        | st.builds("{}.startsWith({})".format, inner, inner)
        | st.builds("path_within({}, '/data')".format, inner)
    )


CONDITIONS = st.recursive(LEAVES, combined, max_leaves=8)
LEAF_VALUES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["x", 1, 2.5, 0])
)
VALUES = st.recursive(
    LEAF_VALUES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "qty"]), inner, max_size=3)
    ),
    max_leaves=5,
)
ENV = {"args": from_schema(SCHEMA), "session": DYN}


def ask(text: str, roots: dict[str, object]) -> object:
    return compile_condition(text, ENV, where="w", result=DYN).evaluate(roots)


@given(st.text() | st.lists(WORDS).map("".join) | st.lists(WORDS).map(" ".join))
@settings(max_examples=400, deadline=None)
def test_any_text_loads_or_is_bad_input(text):
    try:
        compile_condition(text, ENV, where="w")
    except BadInput as error:
        assert error.where == "w"


@given(
    CONDITIONS,
    st.fixed_dictionaries(
        {
            "args": st.fixed_dictionaries({}, optional=dict.fromkeys(SCHEMA["properties"], VALUES)),
            "session": st.fixed_dictionaries({}, optional={"a": VALUES, "b": VALUES, "c": VALUES}) | VALUES,
        }
    ),
)
@settings(max_examples=400, deadline=None)
def test_any_values_give_an_answer_or_a_condition_error(text, roots):
    try:
        condition = compile_condition(text, ENV, where="w", result=DYN)
    except BadInput:
        return
    try:
        first = condition.evaluate(roots)
    except ConditionError:
        first = ConditionError
    explained = condition.explain(roots)
    if explained and first is not ConditionError and type(first) in (bool, int, str):
        assert explained[0][1] == first
    elif explained and first is ConditionError:
        assert isinstance(explained[0][1], ConditionError)


@given(st.integers(-(2**53), 2**53), st.integers(-1000, 1000).filter(bool))
def test_division_truncates_and_the_rest_has_the_sign_of_the_dividend(a, b):
    roots = {"session": {"a": a, "b": b}}
    quotient, rest = ask("session.a / session.b", roots), ask("session.a % session.b", roots)

    assert quotient * b + rest == a
    assert abs(rest) < abs(b)
    assert rest == 0 or (rest < 0) == (a < 0)


@given(st.sampled_from([("<=", ">"), ("<", ">="), ("==", "!=")]), LEAF_VALUES, LEAF_VALUES)
def test_a_comparison_and_its_opposite_are_never_both_true(ops, a, b):
    roots = {"session": {"a": a, "b": b}}
    try:
        one, other = (ask(f"session.a {op} session.b", roots) for op in ops)
    except ConditionError:
        return
    assert one is not other


@given(st.text(max_size=50))
@settings(deadline=None)
def test_a_condition_never_takes_the_process_with_it(text):
    for name in ("host", "email_domain", "visible", "fold", "ip", "cidr", "public_address"):
        with contextlib.suppress(ConditionError):
            ask(f"{name}(args.order_id)", {"args": {"order_id": text}})


def test_the_schema_of_the_tests_is_understood():
    with pytest.raises(BadInput):
        ask("args.nothing == 1", {})
