"""The functions that Kubernetes names: addresses, networks, sets and quantities."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.core.cel import ConditionError
from remit.core.cel.functions.quantity import quantity
from remit.core.errors import BadInput

TRUE = [
    "isURL('https://corp.com/a')",
    "!isURL('https://corp.com@evil.io/')",
    "!isURL(args.order_id)",
    "isIP('10.0.0.1') && isIP('::1')",
    "!isIP('10.0.0') && !isIP('fe80::1%eth0') && !isIP('::ffff:1.2.3.4')",
    "isCIDR('10.0.0.0/8') && !isCIDR('10.0.0.0') && !isCIDR('10.0.0.1/8')",
    "ip.isCanonical('2001:db8::1') && !ip.isCanonical('2001:DB8::1')",
    "ip('10.0.0.1') == ip('10.0.0.1') && ip('::1') == ip('0:0:0:0:0:0:0:1')",
    "ip('10.0.0.1').family() == 4 && ip('::1').family() == 6",
    "ip('0.0.0.0').isUnspecified() && !ip('0.0.0.1').isUnspecified()",
    "ip('127.9.9.9').isLoopback() && ip('::1').isLoopback() && !ip('10.0.0.1').isLoopback()",
    "ip('224.0.0.251').isLinkLocalMulticast() && !ip('224.0.1.1').isLinkLocalMulticast()",
    "ip('ff02::1').isLinkLocalMulticast() && !ip('ff05::1').isLinkLocalMulticast()",
    "ip('169.254.1.1').isLinkLocalUnicast() && ip('fe80::1').isLinkLocalUnicast()",
    "ip('8.8.8.8').isGlobalUnicast() && ip('10.0.0.1').isGlobalUnicast() && ip('240.0.0.1').isGlobalUnicast()",
    "!ip('255.255.255.255').isGlobalUnicast() && !ip('224.0.0.1').isGlobalUnicast()",
    "cidr('10.0.0.0/8').containsIP('10.1.2.3') && cidr('10.0.0.0/8').containsIP(ip('10.1.2.3'))",
    "!cidr('10.0.0.0/8').containsIP('11.0.0.1') && !cidr('10.0.0.0/8').containsIP('::1')",
    "cidr('10.0.0.0/8').containsCIDR('10.0.0.0/8') && cidr('10.0.0.0/8').containsCIDR(cidr('10.2.0.0/16'))",
    "!cidr('10.2.0.0/16').containsCIDR('10.0.0.0/8') && !cidr('10.0.0.0/8').containsCIDR('::/0')",
    "cidr('10.0.0.0/8').prefixLength() == 8 && cidr('10.0.0.0/8').ip() == ip('10.0.0.0')",
    "cidr('10.0.0.0/8').masked() == cidr('10.0.0.0/8')",
    "sets.contains(args.to, ['a@corp.com']) && !sets.contains(args.to, ['x@corp.com'])",
    "sets.contains(['a@corp.com', 'b@corp.com', 'c@corp.com'], args.to)",
    "sets.equivalent(args.to, ['b@corp.com', 'a@corp.com', 'a@corp.com'])",
    "sets.intersects(args.to, ['a@corp.com', 'x']) && !sets.intersects(args.to, [])",
    "sets.contains([1, 2], [2]) && sets.contains(args.items.map(i, i.qty), [3, 2])",
    "sets.contains([1.5, 2.0], [2.0]) && sets.equivalent([[1], [2]], [[2], [1]])",
    "args.to.all(sets, sets.startsWith('a') || sets.startsWith('b'))",
    "args.to.exists(ip, ip.contains('@'))",
    "quantity('12.50') == quantity('12.5') && quantity('1') == quantity('1000m')",
    "quantity('1.5Gi').isGreaterThan(quantity('1.5G')) && quantity('99.99').isLessThan(quantity('1e2'))",
    "quantity('0.1').add(quantity('0.2')) == quantity('0.3') && quantity('1').sub(quantity('2')).sign() == -1",
    "quantity('5').compareTo(quantity('5.000')) == 0 && quantity('4').compareTo(quantity('5')) == -1",
    "quantity('1.5k').asInteger() == 1500 && quantity('1.5k').isInteger() && !quantity('1.5').isInteger()",
    "quantity('12.50').asApproximateFloat() == 12.5 && quantity('0').sign() == 0",
    "isQuantity('12.50') && !isQuantity('12,50') && !isQuantity('')",
    "quantity(args.order_id).isLessThan(quantity('500.00'))",
]


@pytest.mark.parametrize("text", TRUE)
def test_what_holds(answer, text):
    assert answer(text, order_id="499.99") is True


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sets.contains(args.to, [1])", "sets.contains of lists of string and int (at 0)"),
        ("sets.contains(args.items, args.to)", "sets.contains of lists of record and string"),
        ("sets.contains(args.to)", "sets.contains takes 2 argument(s), got 1 (at 0)"),
        ("sets.contains(args.to, 'a')", "list expected, got string"),
        ("sets.union(args.to, args.to) == []", "unknown method 'union'"),
        ("args.to.all(sets, sets.contains('a'))", "sets.contains takes 2 argument(s), got 1"),
        ("cidr('10.0.0.0/8').containsIP(1)", "string or ip expected, got int"),
        ("ip('10.0.0.1') == '10.0.0.1'", "cannot compare ip == string"),
        ("quantity('1') < quantity('2')", "cannot compare quantity < quantity"),
        ("quantity('1') + quantity('2') == quantity('3')", "no operation quantity + quantity"),
        ("quantity('1').add(1).isInteger()", "quantity expected, got int"),
        ("quantity('+1').isInteger()", "quantity: not a number"),
        ("ip('10.0.0.1').masked() == cidr('10.0.0.0/8')", "cidr expected, got ip"),
        ("args.order_id.family() == 4", "ip expected, got string"),
    ],
)
def test_what_is_refused_at_load(load, text, message):
    with pytest.raises(BadInput) as caught:
        load(text)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "sets.intersects(session.a, args.to)",
        "!sets.intersects(session.a, args.to)",
        "sets.contains([session.a[0], 'x'], args.to)",
        "session.s.family() == 4",
        "cidr('10.0.0.0/8').containsIP(session.a)",
        "cidr('10.0.0.0/8').containsCIDR(session.a)",
        "session.s.containsIP('10.0.0.1')",
        "session.s.isInteger()",
        "quantity('1').add(session.s).isInteger()",
        "quantity(session.s).isInteger()",
        "ip.isCanonical(session.s)",
    ],
)
def test_values_of_another_type_are_errors_while_running(answer, text):
    with pytest.raises(ConditionError):
        answer(text, session={"a": [1, 2], "s": "x"})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", "0"),
        ("-0.5", "-0.5"),
        ("100m", "0.1"),
        ("1n", "0.000000001"),
        ("5u", "0.000005"),
        ("2k", "2000"),
        ("1E", "1000000000000000000"),
        ("1E3", "1000"),
        ("15e-1", "1.5"),
        ("0.5Ki", "512"),
        ("1.5Gi", "1610612736"),
        ("9223372036854775807", "9223372036854775807"),
        ("-7Ei", "-8070450532247928832"),
        ("0.000000001", "0.000000001"),
    ],
)
def test_quantities_are_exact(text, value):
    assert str(quantity(text)) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1,5",
        "1 ",
        "+1",
        ".5",
        "5.",
        "01",
        "1e",
        "1e+3",
        "1e100",
        "--1",
        "0x10",
        "1_000",
        "NaN",
        "Infinity",
        "1KI",
        "1ki",
        "1mi",
        "1g",
        "1K i",
        "1Mi5",
        "١",
        "１",
        "1\n",
        "9223372036854775808",
        "8Ei",
        "0.0000000001",
        "1e-10",
        "0.1n",
        "$5",
        "5%",
        "1e999",
        "1" * 65,
    ],
)
def test_what_is_no_quantity_is_refused(text):
    with pytest.raises(ConditionError):
        quantity(text)


@given(st.decimals(-(10**12), 10**12, places=9), st.decimals(-(10**12), 10**12, places=9))
def test_quantities_agree_with_decimals(one, other):
    left, right = (
        quantity(f"{one:f}".replace("-0.000000000", "0")),
        quantity(f"{other:f}".replace("-0.000000000", "0")),
    )

    assert Decimal(left.nanos + right.nanos) == (one + other) * 10**9
    assert (left == right) == (one == other)


@given(st.text(alphabet="0123456789.-+eEkKmMGiTPnu ", max_size=12))
def test_a_quantity_is_read_or_refused_and_its_print_reads_the_same(text):
    try:
        found = quantity(text)
    except ConditionError:
        return
    assert quantity(str(found)) == found
