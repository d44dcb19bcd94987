"""What is refused while loading, word for word: these messages are the interface for authors."""

from __future__ import annotations

import pytest

from remit.core.cel import BOOL, DYN, FUNCTIONS, INT, STRING, ObjectOf, compile_condition
from remit.core.cel.checker import display
from remit.core.errors import BadInput

FIELDS = "amount, cc, count, currency, items, loose, order_id, reason, to, urgent, user-id"
KNOWN = display(["has", "size", *FUNCTIONS])

GOLDEN = [
    ("args.amuont <= 500.0", f"no field 'amuont'; has {FIELDS} (at 5)"),
    ("args['amuont'] <= 500.0", f"no field 'amuont'; has {FIELDS} (at 5)"),
    ("args.items.all(i, i.quantity > 0)", "no field 'quantity'; has note, price, qty, sku (at 20)"),
    ("args.amount <= '500'", "cannot compare double <= string (at 12)"),
    ("args.urgent == 1", "cannot compare bool == int (at 12)"),
    ("args.urgent < true", "cannot compare bool < bool (at 12)"),
    ("args.count == args.amount", "cannot compare int == double (at 11)"),
    ("args.to == 'x'", "cannot compare list == string (at 8)"),
    ("args.amount < null", "cannot compare double < null (at 12)"),
    ("1 < 2 < 3", "cannot compare bool < int (at 6)"),
    ("args.to.endsWith('@corp.com')", "string expected, got list (at 5)"),
    ("args.amount", "bool expected, got double (at 5)"),
    ("args.urgent && args.amount", "bool expected, got double (at 20)"),
    ("!args.amount", "bool expected, got double (at 6)"),
    ("-args.urgent == 1", "number expected, got bool (at 6)"),
    ("args.amount ? true : false", "bool expected, got double (at 5)"),
    ("__import__('os')", f"unknown function '__import__'; known: {KNOWN} (at 0)"),
    ("args.order_id.upper() == 'X'", "unknown method 'upper'"),
    ("args.to.size() > 0", "'size' is a function, not a method (at 8)"),
    ("matches(args.order_id, 'x')", "'matches' is a method (at 0)"),
    ("event.tool == 'x'", "'event' has no meaning here; known: args, session (at 0)"),
    ("arg.amount > 1", "unknown name 'arg'; known: args, session (at 0)"),
    ("args.reason == 'x'", "field 'reason' may be missing (at 5)"),
    ("args.amount.cents > 1", "double has no fields; cannot read 'cents' (at 12)"),
    ("args.order_id[0] == 'O'", "string cannot be indexed (at 13)"),
    ("args.to['0'] == 'x'", "a list is indexed by int, got string (at 8)"),
    ("args.to[-1] == 'x'", "negative index (at 8)"),
    ("args[args.order_id] == 'x'", "a record is indexed by a literal name (at 4)"),
    ("session[true] == 1", "an index is int or string, got bool (at 8)"),
    ("size(args.count) > 1", "string or list expected, got int (at 10)"),
    ("size(args.to, 1) > 1", "size takes 1 argument(s), got 2 (at 0)"),
    ("args.order_id.startsWith() ", "startsWith takes 1 argument(s), got 0 (at 14)"),
    ("3 in args.to", "cannot look for int in a list of string (at 2)"),
    ("'a' in args.order_id", "cannot look for something in a string (at 4)"),
    ("args.order_id in args", "cannot look for a value in a record (at 14)"),
    ("'amuont' in args", f"no field 'amuont'; has {FIELDS} (at 0)"),
    ("1 in 2", "list expected after in, got int (at 2)"),
    ("args.all(a, true)", "list expected, got record (at 0)"),
    ("args.to.all(args, true)", "variable 'args' hides another name (at 8)"),
    ("args.to.all(a, args.to.all(a, true))", "variable 'a' hides another name (at 23)"),
    ("args.to.all(a, a)", "bool expected, got string (at 15)"),
    ("args.to.all(true)", "all needs a variable and an expression (at 8)"),
    ("args.to.all('a', true)", "all needs a variable and an expression (at 8)"),
    ("args.count + 1.0 > 2.0", "no operation int + double (at 11)"),
    ("args.amount * 2 > 2.0", "no operation double * int (at 12)"),
    ("args.amount % 2.0 == 0.0", "no operation double % double (at 12)"),
    ("args.order_id - 'x' == ''", "no operation string - string (at 14)"),
    ("session.a + true == 1", "no operation dyn + bool (at 10)"),
    ("['a', 1] == []", "a list of string and int (at 6)"),
    ("(args.urgent ? 1 : 'a') == 1", "the branches of ?: are int and string (at 13)"),
    ("args.order_id.matches(args.currency)", "a pattern must be a literal string (at 27)"),
    ("args.order_id.matches('(?=a)')", "bad pattern: invalid perl operator: (?= (at 22)"),
    ("args.order_id.matches('(a')", "bad pattern: missing ): (a (at 22)"),
    ("args.order_id.matches('a{1001}')", "bad pattern: invalid repetition size: {1001} (at 22)"),
    ("has(args)", "has() needs one field (at 0)"),
    ("has(args.reason, args.cc)", "has() needs one field (at 0)"),
    ("has(args.amuont)", f"no field 'amuont'; has {FIELDS} (at 9)"),
    ("domain_in(args.order_id, ['com'])", "domain_in: 'com' is a public suffix"),
    ("domain_in(args.order_id, ['co.uk'])", "domain_in: 'co.uk' is a public suffix"),
    ("domain_in(args.order_id, ['*.corp.com'])", "domain_in: write 'corp.com'"),
    ("domain_in(args.order_id, ['corp.com.'])", "domain_in: write 'corp.com'"),
    ("domain_in(args.order_id, [''])", "domain_in: an entry is not a domain"),
    ("domain_in(args.order_id, ['a b.com'])", "not a host name"),
    ("domain_in(args.order_id, [])", "domain_in: the list is empty"),
    ("domain_in(args.order_id, 'corp.com')", "list expected, got string (at 25)"),
    ("path_within(args.order_id, '/')", "path_within: the root / contains everything"),
    ("path_within(args.order_id, 'data')", "path_within: not an absolute path"),
    ("email_domain('x') == 'y'", "email_domain: not a plain address"),
    ("cidr('10.0.0.0/33').containsIP(args.order_id)", "cidr: not a network such as 10.0.0.0/8 (at 0)"),
    ("", "unexpected end (at 0)"),
    ("args.", "unexpected end (at 5)"),
    ("args.in == 1", "unexpected 'in' (at 5)"),
    ("1 +", "unexpected end (at 3)"),
    ("1 == 1 1", "unexpected '1' (at 7)"),
    ("(1 == 1", "unexpected end (at 7)"),
    ("[1, 2", "unexpected end (at 5)"),
    ("[1,] == []", "unexpected ']' (at 3)"),
    ("in == 1", "unexpected 'in' (at 0)"),
    ("package == 1", "'package' is a reserved word (at 0)"),
    ("args.count = 7", "unexpected '=' (at 11)"),
    ("args.urgent and true", "unexpected 'and' (at 12)"),
    ("args.urgent & true", "unexpected '&' (at 12)"),
    ("{'a': 1} == 1", "unexpected '{' (at 0)"),
    ("0x10 == 16", "unexpected 'x' after 0 (at 0)"),
    ("12u == 12", "unexpected 'u' after 12 (at 0)"),
    ("1e3 == 1000.0", "unexpected 'e' after 1 (at 0)"),
    (".5 == 0.5", "unexpected '.' (at 0)"),
    ("007 == 7", "leading zero in 007 (at 0)"),
    ("9223372036854775808 == 1", "integer beyond 64 bits (at 0)"),
    ("1.0e999 == 1.0", "number overflows (at 0)"),
    ("b'x' == 'x'", "unknown string prefix 'b' (at 0)"),
    ("'''x''' == 'x'", "triple-quoted string (at 0)"),
    (r"'a\q' == 'a'", r"unknown escape \q (at 2)"),
    ("'abc", 'unexpected "\'" (at 0)'),
    ("'\u202e' == ''", "invisible character U+202E (at 1)"),
    ("'\ud800' == ''", "invisible character U+D800 (at 1)"),
    ("args.c\u043eunt == 7", "unexpected '\u043e' (at 6)"),
    ("ip('::ffff:1.2.3.4') == ip('::1')", "ip: write IPv4 as 1.2.3.4"),
]


@pytest.mark.parametrize(("text", "message"), GOLDEN, ids=[text[:40] for text, _ in GOLDEN])
def test_a_mistake_is_refused_with_place_and_reason(load, text, message):
    with pytest.raises(BadInput) as caught:
        load(text, BOOL)

    assert caught.value.where == "w"
    assert caught.value.found.startswith(message), caught.value.found


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("args.reason == 'x'", "guard it: has(args.reason) && .."),
        ("args['user-id'] == 'x'", "guard it: 'user-id' in args && .."),
        ("args.items[0].note == 'x'", "guard it with has() && .."),
        ("args.count = 7", "compare with =="),
        ("args.urgent and true", "write &&"),
        ("args.amount * 2 > 2.0", "write a double such as 2.0, or double(n)"),
        ("args.amount <= '500'", "write numbers without quotes, strings with them"),
        ("args.urgent", ""),
    ],
)
def test_the_remedy_says_what_would_do(load, text, remedy):
    try:
        load(text, BOOL)
    except BadInput as error:
        assert error.remedy == remedy
    else:
        assert remedy == ""


def test_history_rules_see_the_fields_of_the_event():
    env = {
        "event": ObjectOf(
            {"args": ObjectOf({"order_id": STRING}, frozenset({"order_id"}))}, frozenset({"args"})
        ),
        "args": ObjectOf({"order_id": STRING}, frozenset({"order_id"})),
    }

    with pytest.raises(BadInput, match=r"no field 'order'; has order_id \(at 11\)"):
        compile_condition("event.args.order == args.order_id", env, where="w")
    same = compile_condition("event.args.order_id == args.order_id", env, where="w")
    assert same.evaluate({"event": {"args": {"order_id": "O"}}, "args": {"order_id": "O"}}) is True


def test_a_root_that_does_not_exist_is_refused():
    with pytest.raises(BadInput, match="no root 'now'"):
        compile_condition("true", {"now": INT}, where="w")


def test_a_wanted_type_is_held_to(env):
    assert compile_condition("args.count + 1", env, where="w", result=INT).type == INT
    with pytest.raises(BadInput, match="string expected, got int"):
        compile_condition("args.count + 1", env, where="w", result=STRING)


def test_long_lists_of_names_are_cut():
    many = ObjectOf({f"f{i:02}": DYN for i in range(25)})

    with pytest.raises(BadInput, match="f19 and 5 more"):
        compile_condition("args.x == 1", {"args": many}, where="w")


@pytest.mark.parametrize("text", [True, 1, None, ["true"]], ids=str)
def test_what_yaml_did_not_read_as_text_is_refused(env, text):
    with pytest.raises(BadInput, match="write the condition as text"):
        compile_condition(text, env, where="w")
