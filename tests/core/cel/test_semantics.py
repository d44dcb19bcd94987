"""What conditions mean, above all where plain Python would differ."""

from __future__ import annotations

import pytest

from remit.core.cel import BOOL, DOUBLE, DYN, INT, STRING, ConditionError, ListOf, ObjectOf, compile_condition

TRUE = [
    "args.amount <= 500.0",
    "args.amount <= 500",
    "500 >= args.amount",
    "args.amount == 120",
    "args.amount in [120, 500]",
    "args.amount in [119.5, 120]",
    "args.count in [1, 7.0]",
    "args.count < args.amount",
    "args.currency in ['USD', 'EUR']",
    "!(args.currency in ['USD'])",
    "args.currency != 'USD'",
    "'a' < 'b'",
    "'Z' < 'a'",
    # arithmetic
    "7 / 2 == 3",
    "-7 / 2 == -3",
    "7 / -2 == -3",
    "-7 % 3 == -1",
    "7 % -3 == 1",
    "7 % 3 == 1",
    "6 / -3 == -2",
    "7.0 / 2.0 == 3.5",
    "1 + 2 * 3 == 7",
    "(1 + 2) * 3 == 9",
    "10 - 3 - 2 == 5",
    "-args.count == -7",
    "--args.count == 7",
    "-args.amount == -120.0",
    "args.amount * 2.0 == 240.0",
    "args.amount / 7.0 < 17.2",
    "double(args.count) * args.amount == 840.0",
    "'a' + 'b' == 'ab'",
    "[1] + [2] == [1, 2]",
    "-9223372036854775808 < 0",
    "9223372036854775807 > 0",
    "-5 + 3 == -2",
    "1.5e3 == 1500",
    "2 - -3 == 5",
    # booleans are not numbers
    "!(1 in session.flags)",
    "true in session.flags",
    "session.one == 1.0",
    "session.flags == [true]",
    "!(session.flags == session.ones)",
    "session.none == null",
    "null == null",
    "session.one != null",
    "!(args.order_id == null)",
    "!(null in args.to)",
    "[null] == [null]",
    # lists and strings
    "size(['a', 'a']) == 2",
    "['a', 'b'][1] == 'b'",
    "args.to[0] == 'a@corp.com'",
    "size(args.to) == 2",
    "size('h\u00e9') == 2",
    "args.order_id.startsWith('O-')",
    "args.order_id.endsWith('1')",
    "args.order_id.contains('-')",
    "args.order_id.matches('^O-[0-9]+$')",
    "!args.order_id.matches('^[0-9]+$')",
    r"args.order_id.matches(r'^O-\d$')",
    # macros
    "args.items.all(i, i.qty > 0)",
    "args.items.exists(i, i.qty == 3)",
    "args.items.exists_one(i, i.qty == 3)",
    "!args.items.exists_one(i, i.qty > 0)",
    "[].all(x, false)",
    "!([].exists(x, true))",
    "args.items.map(i, i.qty) == [2, 3]",
    "args.items.filter(i, i.qty > 2).map(i, i.sku) == ['y']",
    "args.items.map(i, i.qty * 2)[1] == 6",
    "args.items.all(i, args.items.exists(j, j.sku == i.sku))",
    "args.to.all(a, email_domain(a) == 'corp.com')",
    "[1, 2].map(x, double(x)) == [1.0, 2.0]",
    "args.items.all(i, i.sku in ['x', 'y'])",
    "args.items.all(i, i.sku in session.skus)",
    "session.ones.all(x, x + 1 == 2)",
    "session.numbers.map(x, x) == [1, 2.5]",
    "args.to.all(a, visible(a) && a + 'x' != a)",
    "args.to.all(a, domain_in('api.corp.com', session.domains))",
    "args.items.all(i, args.items == args.items)",
    "args.to.all(a, a.matches('@corp'))",
    "args.items == args.items",
    "args.items[0] == args.items[0]",
    "args.items[0] != args.items[1]",
    # logic
    "true ? true : false",
    "false || false || true",
    "true && true && true",
    "!(false && true)",
    "(args.urgent ? 'a' : 'b') == 'b'",
    "args.urgent ? false : args.count == 7 ? true : false",
    "false && args.to[9] == 'x' || true",
    "true || args.to[9] == 'x'",
    # dyn
    "session.one + 1 == 2",
    "session.half * 2.0 == 1.0",
    "session.name + 'x' == 'namex'",
    "session.nested.deep[0].x == 1",
    "session['name'] == 'name'",
    "'name' in session",
    "!('other' in session)",
    "has(session.name)",
    "!has(session.other)",
    "size(session.name) == 4",
    "session.ones[0] == 1",
    "session[args.currency] == 1",
    "-session.one == -1",
    "session.half > 0",
    "session.name < 'z'",
    "session.flag",
    "session.one in [1, 2]",
    "session.name in ['name']",
    "session.half in [0.5, 1]",
    "size(session) > 1",
    "(session.flag ? session.one : 2) == 1",
    "[session.one, 2] == [1, 2]",
    "session.ones + [2] == [1, 2]",
    "session.name in session",
    "fold(session.name) == 'name'",
    "session.one in args.items.map(i, i.qty - 1)",
]
SESSION = {
    "flags": [True],
    "ones": [1],
    "one": 1,
    "half": 0.5,
    "none": None,
    "name": "name",
    "flag": True,
    "nested": {"deep": [{"x": 1}]},
    "EUR": 1,
    "skus": ["x", "y"],
    "numbers": [1, 2.5],
    "domains": ["corp.com"],
}


@pytest.mark.parametrize("text", TRUE)
def test_it_holds(answer, text):
    assert answer(text, SESSION) is True


ERRORS = [
    ("1 / 0 == 1", "division by zero"),
    ("1 % 0 == 1", "modulo by zero"),
    ("1.0 / 0.0 == 1.0", "division by zero"),
    ("9223372036854775807 + 1 > 0", "integer overflow"),
    ("-9223372036854775808 - 1 < 0", "integer overflow"),
    ("9223372036854775807 * 2 > 0", "integer overflow"),
    ("-9223372036854775808 / -1 > 0", "integer overflow"),
    ("-(-9223372036854775808) > 0", "integer overflow"),
    ("1.0e308 * 10.0 > 0.0", "not a finite number"),
    ("args.to[2] == 'x'", "no element 2 in a list of 2"),
    ("args.to[0 - 1] == 'x'", "no element -1"),
    ("session.none + 1 == 1", "no operation null + int"),
    ("session.half % 0.5 == 0.0", "no operation double % double"),
    ("session.one + 1.0 == 2.0", "no operation int + double"),
    ("session.flag + 1 == 2", "no operation bool + int"),
    ("session.one == 'x'", "cannot compare int == string"),
    ("session.flag == 1", "cannot compare bool == int"),
    ("session.flag < 2", "cannot compare bool < int"),
    ("session.none <= 500", "cannot compare null <= int"),
    ("session.nan <= 500", "NaN"),
    ("session.missing <= 500", "session.missing is missing"),
    ("!(session.missing > 500)", "session.missing is missing"),
    ("session.name.first == 'x'", "session.name.first is missing"),
    ("session['a b'] == 'x'", "is missing"),
    ("session[args.order_id] == 'x'", "cannot index record with string"),
    ("session.name[0] == 'n'", "cannot index string with int"),
    ("session.ones[0.0 == 0.0 ? session.half : 1] == 1", "cannot index list with double"),
    ("has(session.name.first)", "session.name: record expected, got string"),
    ("size(session.one) == 1", "string or list expected, got int"),
    ("session.one.startsWith('x')", "session.one: string expected, got int"),
    ("session.one && true", "session.one: bool expected, got int"),
    ("session.one ? true : false", "session.one: bool expected, got int"),
    ("!session.one", "session.one: bool expected, got int"),
    ("-session.name == 1", "number expected, got string"),
    ("session.name.all(x, true)", "session.name: list expected, got string"),
    ("'x' in session.one", "cannot look for string in int"),
    ("1 in session", "cannot look for int in record"),
    ("session.ones.all(x, x == 'y')", "cannot compare int == string"),
    ("session.one", "session.one: bool expected, got int"),
    # No error absorption: the other side is true, and still.
    ("session.missing <= 500 || true", "is missing"),
    ("[0, 1].exists(x, 1 / x == 1)", "division by zero"),
    ("[1, 0].exists(x, 1 / x == 1)", "division by zero"),
    ("[1, 0].all(x, 1 / x == 2)", "division by zero"),
    ("domain_in(args.order_id + '!', ['corp.com'])", "not a host name"),
    ("domain_in('a.corp.com', session.ones)", "an entry is not a domain"),
    ("domain_in('a.corp.com', ['corp.com', session.one])", "an entry is not a domain"),
]


@pytest.mark.parametrize(("text", "message"), ERRORS, ids=[text for text, _ in ERRORS])
def test_it_is_an_error(load, text, message):
    session = {**SESSION, "nan": float("nan")}
    condition = load(text, BOOL)
    args = {"order_id": "O-1", "to": ["a", "b"], "currency": "EUR"}

    with pytest.raises(ConditionError) as caught:
        condition.evaluate({"args": args, "session": session})

    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ("args.amount <= 500", "amount", "120"),
        ("args.amount <= 500", "amount", True),
        ("args.amount <= 500", "amount", None),
        ("!(args.amount > 500)", "amount", float("nan")),
        ("args.amount > 500", "amount", float("inf")),
        ("args.count == 1", "count", 1.0),
        ("args.count == 1", "count", True),
        ("args.urgent", "urgent", 1),
        ("args.order_id == ''", "order_id", None),
        ("size(args.to) == 1", "to", "x"),
        ("args.to.all(a, a == 'x')", "to", [1]),
        ("args.to.all(a, true)", "to", [None]),
        ("args.items.all(i, i.qty > 0)", "items", ["x"]),
        ("args.items.all(i, i.qty > 0)", "items", [{"qty": True}]),
        ("args.to[0] == 'x'", "to", [1]),
        ("args.to[0] == 'x'", "to", {"0": "x"}),
    ],
)
def test_a_value_unlike_its_schema_is_an_error(answer, text, field, value):
    with pytest.raises(ConditionError):
        answer(text, **{field: value})


def test_whole_roots_can_be_asked():
    amount = compile_condition("output > 3", {"output": DOUBLE}, where="w")
    assert amount.evaluate({"output": 4}) is True
    with pytest.raises(ConditionError, match="output: double expected, got string"):
        amount.evaluate({"output": "4"})
    with pytest.raises(ConditionError):
        amount.evaluate({})
    anything = compile_condition("output == 'x'", {"output": DYN}, where="w")
    assert anything.evaluate({"output": "x"}) is True
    words = compile_condition("output.all(w, size(w) == 1)", {"output": ListOf(STRING)}, where="w")
    assert words.evaluate({"output": ["x"]}) is True


def test_doubles_in_lists_are_doubles_whatever_json_wrote():
    total = compile_condition(
        "output.map(x, x / 2.0)", {"output": ListOf(DOUBLE)}, where="w", result=ListOf(DOUBLE)
    )
    assert total.evaluate({"output": [3, 1.0]}) == [1.5, 0.5]


def test_numbers_in_a_list_keep_the_types_they_are_written_with():
    mixed = compile_condition("[1, 2.5]", {}, where="w", result=DYN)
    assert [type(x) for x in mixed.evaluate({})] == [int, float]
    assert compile_condition("[1, 2.5].all(x, x < 3)", {}, where="w").evaluate({}) is True
    with pytest.raises(ConditionError, match=r"int \+ double"):
        compile_condition("[1, 2.5][0] + 1.0 == 2.0", {}, where="w").evaluate({})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r"'a\n\t\r\\\'\"'", "a\n\t\r\\'\""),
        (r'"it\'s"', "it's"),
        (r"r'\\d'", "\\\\d"),
        ("'h\u00e9'", "h\u00e9"),
        ("''", ""),
        ("1.5e3", 1500.0),
        ("-1.5e-3", -0.0015),
    ],
)
def test_literals(load, text, value):
    assert load(text).evaluate({}) == value


def test_addresses_compare_across_families(answer):
    assert answer("ip('10.0.0.1') == ip('10.0.0.1')") is True
    assert answer("ip('10.0.0.1') == ip('::1')") is False
    assert answer("cidr('10.0.0.0/8').containsIP('10.1.2.3')") is True
    assert answer("cidr('10.0.0.0/8').containsIP('11.1.2.3')") is False
    assert answer("cidr('10.0.0.0/8').containsIP('::1')") is False


def test_it_lists_the_arguments_that_it_reads(load):
    text = (
        "args.items.filter(i, i.qty > 1).all(j, j.sku == args.order_id) && session.a.b == 1 "
        "&& args['to'][0] == 'x' && has(args.reason) && args.items.map(i, i.sku)[0] == 'x' "
        "&& url('http://a.b/').port == 80"
    )

    condition = load(text)

    assert set(condition.paths) == {
        "args.items",
        "args.items[].qty",
        "args.items[].sku",
        "args.order_id",
        "args.to[]",
        "args.reason",
    }
    assert "session.a.b" in condition.reads


def test_the_type_of_an_answer_is_known(load):
    assert load("args.count").type == INT
    assert load("session.x").type == DYN
    assert load("has(args.cc) ? args.cc : []").type == ListOf(DYN)
    assert load("url('http://corp.com/')").type == load("url('http://corp.com/x')").type
    assert isinstance(load("args.items[0]").type, ObjectOf)
    assert load("[session.a, 1]").type == ListOf(DYN)


def test_answers_cannot_change_what_is_remembered(load):
    parts = load("url('https://corp.com/')")
    parts.evaluate({})["host"] = "evil.io"

    assert load("url('https://corp.com/').host").evaluate({}) == "corp.com"


def test_evaluation_leaves_the_roots_alone(load):
    roots = {"args": {"to": ["a", "b"]}}

    load("args.to.all(a, a != '')").evaluate(roots)

    assert roots == {"args": {"to": ["a", "b"]}}
