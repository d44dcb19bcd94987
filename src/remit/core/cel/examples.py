"""One table of examples for everything in the language: the reference shows them, and a test asks each.

An example says what the condition answers; `REFUSED` when it does not load and `ERROR` when it fails while
running. Every function has one that holds and one that does not, or is refused.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class NotAnswered(NamedTuple):
    """No answer."""

    text: str


REFUSED: Final = NotAnswered("refused while loading")
ERROR: Final = NotAnswered("an error while running")

VALUES: Final[dict[str, object]] = {
    "args": {
        "amount": 120.0,
        "count": 7,
        "to": ["ann@corp.com", "bob@corp.com"],
        "items": [{"sku": "A-1", "qty": 2}, {"sku": "B-7", "qty": 1}],
        "note": "Zoë",
    },
    "session": {"customer": "C-1", "limit": None},
}
"""What the examples read; the arguments are typed, and `note` is optional."""

SCHEMA: Final[dict[str, object]] = {
    "type": "object",
    "required": ["amount", "count", "to", "items"],
    "properties": {
        "amount": {"type": "number"},
        "count": {"type": "integer"},
        "to": {"type": "array", "items": {"type": "string"}},
        "items": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["sku", "qty"],
                "properties": {"sku": {"type": "string"}, "qty": {"type": "integer"}},
            },
        },
        "note": {"type": "string"},
    },
}

Examples = tuple[tuple[str, object], ...]

SYNTAX: Final[dict[str, tuple[str, Examples]]] = {
    "literals": (
        "`true`, `false`, `null`, integers of 64 bits, doubles with a fraction, strings in one or two quotes, raw "
        "strings, lists. Escapes are `\\n \\t \\r \\\\ \\' \\\"`.",
        (
            ("[1, 2.5, -3]", [1, 2.5, -3]),
            ("'it\\'s'", "it's"),
            ("r'\\d+'", "\\d+"),
            ("1.5e3", 1500.0),
            ("0xff", REFUSED),
            ("{'a': 1}", REFUSED),
        ),
    ),
    "a.name, a['name']": (
        "A field. One that the schema does not require is read under `has()` only; a field that is not in the schema is "
        "refused while loading, and one that is missing in a dyn record is an error.",
        (("args.amount", 120.0), ("args['count']", 7), ("args.amuont", REFUSED), ("session.nothing", ERROR)),
    ),
    "a[i]": (
        "An element of a list, counted from 0.",
        (("args.to[0]", "ann@corp.com"), ("args.to[-1]", REFUSED), ("args.to[args.count]", ERROR)),
    ),
    "has(a.name)": (
        "Whether a field is there. What is to the right of `has(x) &&`, `!has(x) ||` or `has(x) ?` may read it.",
        (
            ("has(args.note) && args.note == 'Zoë'", True),
            ("has(session.nothing)", False),
            ("args.note == 'Zoë'", REFUSED),
        ),
    ),
    "== !=": (
        "Deep equality of two values of one type; anything may be compared with `null`, and a number with a number that "
        "is written out.",
        (
            ("args.amount == 120", True),
            ("session.limit == null", True),
            ("[1, 2] != [2, 1]", True),
            ("args.count == '7'", REFUSED),
            ("session.customer == 1", ERROR),
        ),
    ),
    "< <= > >=": (
        "The order of two numbers, also of an int and a double, or of two strings by code point.",
        (
            ("args.amount <= 500", True),
            ("'a' < 'b'", True),
            ("args.count > 7.5", False),
            ("true < false", REFUSED),
            ("args.to < 1", REFUSED),
        ),
    ),
    "in": (
        "Whether a list has an element, or a record a field.",
        (
            ("'ann@corp.com' in args.to", True),
            ("args.count in [1, 2]", False),
            ("'note' in args", True),
            ("'a' in 'abc'", REFUSED),
        ),
    ),
    "+ - * / %": (
        "Arithmetic within int or within double; `+` also joins strings and lists. Division truncates, the rest has the "
        "sign of the dividend, and leaving 64 bits or the finite doubles is an error.",
        (
            ("7 / 2", 3),
            ("-7 % 3", -1),
            ("'a' + 'b'", "ab"),
            ("[1] + [2]", [1, 2]),
            ("1 / 0", ERROR),
            ("9223372036854775807 + 1", ERROR),
            ("args.count + 0.5", REFUSED),
        ),
    ),
    "-a": ("The negated number.", (("-args.count", -7), ("-'a'", REFUSED))),
    "!a": ("Not.", (("!true", False), ("!args.count", REFUSED))),
    "&& ||": (
        "And, or: from left to right, and only as far as needed. An error on the way is an error.",
        (
            ("true || 1 / 0 == 1", True),
            ("1 / 0 == 1 || true", ERROR),
            ("args.count > 1 && args.amount > 500", False),
        ),
    ),
    "a ? b : c": (
        "Choice; both branches have one type, and an inner choice stands in parentheses.",
        (("args.count > 1 ? 'many' : 'one'", "many"), ("true ? 1 : 'a'", REFUSED)),
    ),
    "size(a)": (
        "Characters of a string, elements of a list.",
        (("size(args.to)", 2), ("size('Zoë')", 3), ("size(7)", REFUSED)),
    ),
    "a.matches('..')": (
        "Whether an RE2 pattern, a literal, is found; write `^..$` for the whole text.",
        (
            ("args.items[0].sku.matches(r'^[A-Z]-\\d+$')", True),
            ("'xA-1'.matches('^A')", False),
            ("'a'.matches('(?=a)')", REFUSED),
        ),
    ),
    "a.all(x, ..)": (
        "Whether the condition holds for every element; true for none. Each element is visited.",
        (
            ("args.items.all(i, i.qty > 0)", True),
            ("[1, 0].all(x, x > 0)", False),
            ("[1, 0].all(x, 1 / x == 2)", ERROR),
        ),
    ),
    "a.exists(x, ..)": (
        "Whether it holds for one element at least. Each element is visited.",
        (
            ("args.items.exists(i, i.sku == 'B-7')", True),
            ("[].exists(x, true)", False),
            ("[1, 0].exists(x, 1 / x == 1)", ERROR),
        ),
    ),
    "a.exists_one(x, ..)": (
        "Whether it holds for exactly one.",
        (("args.items.exists_one(i, i.qty == 2)", True), ("[1, 1].exists_one(x, x == 1)", False)),
    ),
    "a.filter(x, ..)": (
        "The elements for which it holds.",
        (("args.to.filter(t, t.startsWith('b'))", ["bob@corp.com"]), ("[1].filter(x, x)", REFUSED)),
    ),
    "a.map(x, ..)": (
        "The list of what the expression gives for each element.",
        (("args.items.map(i, i.qty * 10)", [20, 10]), ("[0].map(x, 1 / x)", ERROR)),
    ),
}
"""Form: what it means, examples."""

FUNCTION_EXAMPLES: Final[dict[str, Examples]] = {
    "url": (
        ("url('https://API.corp.com/v1?q=1').host", "api.corp.com"),
        ("url('http://corp.com').port == 80", True),
        ("url('https://corp.com@evil.io/').host == 'corp.com'", REFUSED),
    ),
    "isURL": (("isURL('https://corp.com/v1')", True), ("isURL('https://corp.com@evil.io/')", False)),
    "host": (("host('https://api.corp.com:8443/x')", "api.corp.com"), ("host('https://127.1/')", REFUSED)),
    "domain_in": (
        ("domain_in('api.corp.com', ['corp.com'])", True),
        ("domain_in('evilcorp.com', ['corp.com'])", False),
        ("domain_in('corp.com', ['com'])", REFUSED),
    ),
    "public_address": (("public_address('8.8.8.8')", True), ("public_address('169.254.169.254')", False)),
    "ip": (("ip('10.0.0.1') == ip('10.0.0.1')", True), ("ip('127.1') == ip('127.0.0.1')", REFUSED)),
    "isIP": (("isIP('10.0.0.1')", True), ("isIP('127.1')", False)),
    "ip.isCanonical": (("ip.isCanonical('2001:db8::1')", True), ("ip.isCanonical('2001:DB8::1')", False)),
    "cidr": (
        ("cidr('10.0.0.0/8') == cidr('10.0.0.0/8')", True),
        ("cidr('10.0.0.1/8').containsIP('10.0.0.1')", REFUSED),
    ),
    "isCIDR": (("isCIDR('10.0.0.0/8')", True), ("isCIDR('10.0.0.1/8')", False)),
    "path_within": (
        ("path_within('/data/reports/q1.txt', '/data')", True),
        ("path_within('/data-old/x', '/data')", False),
        ("path_within('/data/../etc', '/data')", REFUSED),
    ),
    "real_path_within": (
        ("real_path_within('/data/a', '/data')", True),
        ("real_path_within('/data/link', '/data')", False),
        ("real_path_within('/data/../etc', '/data')", REFUSED),
    ),
    "email_domain": (
        ("args.to.all(t, email_domain(t) == 'corp.com')", True),
        ("email_domain('x@corp.com.evil.io') == 'corp.com'", False),
        ("email_domain('Ann <ann@corp.com>') == 'corp.com'", REFUSED),
    ),
    "visible": (
        ("visible('Zoë Müller')", True),
        ("visible(args.to[0] + '\\n')", False),
    ),
    "fold": (("fold('PAY') == fold('pay')", True), ("fold('pay') == fold('say')", False)),
    "mime": (
        ("mime('JVBERi0xLjQKJSVFT0YK') == 'application/pdf'", True),
        ("mime('???') == 'application/pdf'", REFUSED),
    ),
    "text_mime": (
        ("text_mime('Dear all') == 'text/plain'", True),
        ("text_mime('<!doctype html><p>x') == 'text/plain'", False),
    ),
    "quantity": (
        ("quantity('1.5Gi').isLessThan(quantity('2G'))", True),
        ("quantity('1,5').sign() == 1", REFUSED),
    ),
    "isQuantity": (("isQuantity('12.50')", True), ("isQuantity('1,5')", False)),
    "sets.contains": (
        ("sets.contains(['a', 'b'], ['b'])", True),
        ("sets.contains(['a'], ['a', 'b'])", False),
    ),
    "sets.equivalent": (
        ("sets.equivalent([1, 2], [2, 1, 1])", True),
        ("sets.equivalent([1], [1, 2])", False),
    ),
    "sets.intersects": (
        ("sets.intersects(['a', 'b'], ['b'])", True),
        ("sets.intersects(['a'], ['b'])", False),
    ),
    "sql": (
        ("sql('SELECT name FROM crm.users', 'postgres').tables == ['crm.users']", True),
        ("sql('SELECT 1; DROP TABLE t', 'postgres').kind == 'read'", False),
        ("sql('SELECT 1', 'nosuch').kind == 'read'", REFUSED),
    ),
    "sql_readonly": (
        ("sql_readonly('SELECT count(*) FROM t', 'postgres')", True),
        ("sql_readonly('DELETE FROM t', 'postgres')", False),
    ),
    "shell_argv": (
        ("shell_argv('ls -l /data')[0] in ['ls', 'cat']", True),
        ("shell_argv('rm -r /data')[0] in ['ls', 'cat']", False),
        ("shell_argv('ls $(id)')[0] == 'ls'", REFUSED),
    ),
    "double": (
        ("double(args.count) / 2.0", 3.5),
        ("double(args.count) == 7.5", False),
        ("double('7')", REFUSED),
    ),
}
"""Function: what it answers."""

METHOD_EXAMPLES: Final[dict[str, Examples]] = {
    "startsWith": (("args.items[0].sku.startsWith('A-')", True), ("'B-7'.startsWith('A-')", False)),
    "endsWith": (("'q1.txt'.endsWith('.txt')", True), ("'q1.txt.exe'.endsWith('.txt')", False)),
    "contains": (("'hello'.contains('ell')", True), ("'hello'.contains('L')", False)),
    "containsIP": (
        ("cidr('10.0.0.0/8').containsIP('10.1.2.3')", True),
        ("cidr('10.0.0.0/8').containsIP('11.0.0.1')", False),
    ),
    "containsCIDR": (
        ("cidr('10.0.0.0/8').containsCIDR('10.1.0.0/16')", True),
        ("cidr('10.1.0.0/16').containsCIDR('10.0.0.0/8')", False),
    ),
    "ip": (
        ("cidr('10.0.0.0/8').ip() == ip('10.0.0.0')", True),
        ("cidr('10.0.0.0/8').ip() == ip('10.0.0.1')", False),
    ),
    "masked": (
        ("cidr('10.0.0.0/8').masked() == cidr('10.0.0.0/8')", True),
        ("cidr('10.0.0.0/8').masked() == cidr('10.0.0.0/9')", False),
    ),
    "prefixLength": (
        ("cidr('10.0.0.0/8').prefixLength()", 8),
        ("cidr('10.0.0.0/8').prefixLength() > 8", False),
    ),
    "family": (("ip('::1').family()", 6), ("ip('::1').family() == 4", False)),
    "isUnspecified": (("ip('0.0.0.0').isUnspecified()", True), ("ip('::1').isUnspecified()", False)),
    "isLoopback": (("ip('127.1.2.3').isLoopback()", True), ("ip('10.0.0.1').isLoopback()", False)),
    "isLinkLocalMulticast": (
        ("ip('224.0.0.1').isLinkLocalMulticast()", True),
        ("ip('224.0.1.1').isLinkLocalMulticast()", False),
    ),
    "isLinkLocalUnicast": (
        ("ip('169.254.169.254').isLinkLocalUnicast()", True),
        ("ip('10.0.0.1').isLinkLocalUnicast()", False),
    ),
    "isGlobalUnicast": (
        ("ip('10.0.0.1').isGlobalUnicast()", True),
        ("ip('255.255.255.255').isGlobalUnicast()", False),
    ),
    "isGreaterThan": (
        ("quantity('1Gi').isGreaterThan(quantity('1G'))", True),
        ("quantity('1G').isGreaterThan(quantity('1Gi'))", False),
    ),
    "isLessThan": (
        ("quantity('99.99').isLessThan(quantity('100'))", True),
        ("quantity('100').isLessThan(quantity('100'))", False),
    ),
    "compareTo": (
        ("quantity('1').compareTo(quantity('1000m'))", 0),
        ("quantity('1').compareTo(quantity('2')) == 0", False),
    ),
    "add": (
        ("quantity('0.1').add(quantity('0.2')) == quantity('0.3')", True),
        ("quantity('0.1').add(quantity('0.2')) == quantity('0.4')", False),
    ),
    "sub": (
        ("quantity('1').sub(quantity('0.01')) == quantity('0.99')", True),
        ("quantity('1').sub(quantity('0.01')) == quantity('1')", False),
    ),
    "isInteger": (("quantity('1.5k').isInteger()", True), ("quantity('1.5').isInteger()", False)),
    "asInteger": (("quantity('1.5k').asInteger()", 1500), ("quantity('1.5').asInteger() == 1", ERROR)),
    "asApproximateFloat": (
        ("quantity('12.50').asApproximateFloat()", 12.5),
        ("quantity('1').asApproximateFloat() > 1", False),
    ),
    "sign": (("quantity('-0.01').sign()", -1), ("quantity('0').sign() == 1", False)),
}
"""Method: what it answers."""
