"""Whether one condition says at least as much as another: the same tree, a tighter number, a shorter list, more `&&`.

Conditions are compared as trees with the types that the checker gave them, never as text, and never by trying values.
What cannot be shown is not claimed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from remit.core.cel import Condition
from remit.core.cel import nodes as n
from remit.core.cel.types import DYN, INT, NULL, NUMBERS, STRING, ListOf, ObjectOf, Scalar, Type

_ORDER = ("<", "<=", ">", ">=")
_TESTS = (*_ORDER, "==", "!=", "in")
_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
_NOTHING = object()


@dataclass(frozen=True, slots=True)
class TypedNode:
    """One node with the types of its tree."""

    node: n.CelNode
    types: Mapping[n.CelNode, Type]

    def of(self, node: n.CelNode) -> TypedNode:
        """Another node of the same tree."""
        return TypedNode(node, self.types)


@dataclass(frozen=True, slots=True)
class LiteralTest:
    """`operand op value`, where the value is written in the condition."""

    operand: TypedNode
    op: str
    value: Any


SchemaFacts = Mapping[str, Sequence[tuple[str, Any]]]
"""What a schema says of an argument that is always there: path such as `args.amount`, and (op, value) that hold."""


def whole(condition: Condition) -> TypedNode:
    """The condition as a part."""
    return TypedNode(condition.tree, condition.types)


def same(one: TypedNode, other: TypedNode) -> bool:
    """The same tree over the same types: equal answers, and equal errors, for all values."""
    return spelled(one.node) == spelled(other.node) and all(
        alike(one.types.get(a), other.types.get(b))
        for a, b in zip(_walk(one.node), _walk(other.node), strict=True)
    )


def same_condition(one: Condition | None, other: Condition | None) -> bool:
    """The same of two conditions, either of which may be missing."""
    if one is None or other is None:
        return one is other
    return same(whole(one), whole(other))


def spelled(node: n.CelNode) -> str:
    """One spelling of a tree: no spaces, all brackets.

    >>> from remit.core.cel.parser import parse
    >>> spelled(parse("args.a  <= -5&&has(args.b)"))
    '&&(<=(args.a,-5),has(args.b))'
    """
    match node:
        case n.Literal(value=value):
            return "true" if value is True else "false" if value is False else repr(value)
        case n.Name(name=name):
            return name
        case n.Select(base=base, name=name):
            return f"{spelled(base)}.{name}"
        case n.Has(field=field):
            return f"has({spelled(field)})"
        case n.Items():
            head = "list"
        case n.Index():
            head = "index"
        case n.Call(name=name, method=method):
            head = f".{name}" if method else f"{name} "
        case n.Macro(kind=kind, var=var):
            head = f"{kind}:{var}"
        case n.Unary(op=op) | n.Binary(op=op) | n.Logic(op=op):
            head = op
        case _:
            head = type(node).__name__
    return f"{head}({','.join(spelled(child) for child in node.children())})"


def _walk(node: n.CelNode) -> Iterator[n.CelNode]:
    yield node
    for child in node.children():
        yield from _walk(child)


def alike(one: Type | None, other: Type | None) -> bool:
    """Types under which a value is read in the same way; which fields a record has beside is no matter."""
    if isinstance(one, ObjectOf) and isinstance(other, ObjectOf):
        return all(
            alike(kind, other.fields[name]) for name, kind in one.fields.items() if name in other.fields
        )
    if isinstance(one, ListOf) and isinstance(other, ListOf):
        return alike(one.item, other.item)
    return one == other


def conjuncts(part: TypedNode) -> list[TypedNode]:
    """What must all be true where *part* is."""
    if isinstance(part.node, n.Logic) and part.node.op == "&&":
        return [inner for item in part.node.items for inner in conjuncts(part.of(item))]
    return [part]


def implied(given: Iterable[TypedNode], wanted: TypedNode, known: SchemaFacts | None = None) -> bool:
    """Whether *wanted* is true, without an error, whenever all of *given* are and *known* holds."""
    assumed = [inner for part in given for inner in conjuncts(part)]
    return all(
        _always(item, known or {}) or any(_entails(one, item) for one in assumed)
        for item in conjuncts(wanted)
    )


def _always(wanted: TypedNode, known: SchemaFacts) -> bool:
    test = test_of(wanted)
    if test is None or not _is_path(test.operand.node):
        return False
    return any(follows(op, value, test) for op, value in known.get(spelled(test.operand.node), ()))


def _is_path(node: n.CelNode) -> bool:
    return isinstance(node, n.Select) and (isinstance(node.base, n.Name) or _is_path(node.base))


def _entails(given: TypedNode, wanted: TypedNode) -> bool:
    """Whether *wanted* is true, without an error, whenever *given* is true."""
    if same(given, wanted):
        return True
    ours, theirs = _alternatives(wanted), _alternatives(given)
    if len(ours) > 1 or len(theirs) > 1:
        # In this order, so that what stands before the true one is evaluated on the way and is no error.
        return len(theirs) <= len(ours) and all(keeps(a, b) for a, b in zip(theirs, ours, strict=False))
    test, asked = test_of(given), test_of(wanted)
    return (
        test is not None
        and asked is not None
        and same(test.operand, asked.operand)
        and follows(test.op, test.value, asked)
    )


def _alternatives(part: TypedNode) -> list[TypedNode]:
    logic = part.node if isinstance(part.node, n.Logic) and part.node.op == "||" else None
    return [part.of(item) for item in logic.items] if logic else [part]


def keeps(given: TypedNode, wanted: TypedNode) -> bool:
    """As `_entails`; besides, where one of them is an error, so is the other."""
    if same(given, wanted):
        return True
    test, asked = test_of(given), test_of(wanted)
    if test is None or asked is None or not same(test.operand, asked.operand):
        return False
    typed = test.operand.types.get(test.operand.node) not in (DYN, None)
    ordered = test.op in _ORDER and asked.op in _ORDER and _kind(test.value) == _kind(asked.value)
    return (typed or ordered) and follows(test.op, test.value, asked)


def test_of(part: TypedNode) -> LiteralTest | None:
    """The part as a comparison with a written value; None where it is something else."""
    node = part.node
    if not isinstance(node, n.Binary) or node.op not in _TESTS:
        return None
    right = _value(node.right)
    if right is not _NOTHING and isinstance(right, list) is (node.op == "in"):
        return LiteralTest(part.of(node.left), node.op, right)
    left = _value(node.left)
    if left is _NOTHING or isinstance(left, list) or node.op == "in":
        return None
    return LiteralTest(part.of(node.right), _TURNED[node.op], left)


def _value(node: n.CelNode) -> Any:
    if isinstance(node, n.Literal):
        return node.value
    if isinstance(node, n.Unary) and node.op == "-" and isinstance(node.operand, n.Literal):
        value = node.operand.value
        return -value if isinstance(value, int | float) and not isinstance(value, bool) else _NOTHING
    if isinstance(node, n.Items):
        values = [_value(item) for item in node.items]
        return _NOTHING if any(value is _NOTHING or isinstance(value, list) for value in values) else values
    return _NOTHING


def follows(op: str, value: Any, asked: LiteralTest) -> bool:
    """Whether every `v` with `v op value` meets *asked*.

    >>> operand = TypedNode(n.Name(0, 0, 0, "x"), {})
    >>> follows("<=", 100, LiteralTest(operand, "<=", 500)), follows("in", ["a", "b"], LiteralTest(operand, "==", "a"))
    (True, False)
    """
    if op in ("==", "in"):
        return all(meets(one, asked.op, asked.value) for one in (value if op == "in" else [value]))
    if op == "!=" or asked.op in ("==", "in") or _kind(value) != _kind(asked.value) or _kind(value) == "":
        return op == asked.op == "!=" and _kind(value) == _kind(asked.value) and bool(value == asked.value)
    below = op in ("<", "<=")
    if asked.op in _ORDER and (asked.op in ("<", "<=")) is not below:
        return False
    strict = asked.op == "!=" or asked.op in ("<", ">")
    met = value < asked.value if below else value > asked.value
    # x < 5 is enough for x < 5; x <= 5 is not.
    return bool(met or (value == asked.value and (not strict or op in ("<", ">"))))


def meets(value: Any, op: str, bound: Any) -> bool:
    """Whether one value meets a test, and is of a kind that can be compared so."""
    if op == "in":
        return any(meets(value, "==", one) for one in bound)
    alike = _kind(value) == _kind(bound) != ""
    if op in ("==", "!="):
        alike = alike or type(value) is type(bound)
        return alike and bool((value == bound) is (op == "=="))
    return alike and bool(
        value < bound or (op == "<=" and value == bound)
        if op in ("<", "<=")
        else value > bound or (op == ">=" and value == bound)
    )


def _kind(value: Any) -> str:
    """`number` or `string`, which can be ordered; empty for the rest."""
    if isinstance(value, bool):
        return ""
    return "number" if isinstance(value, int | float) else "string" if isinstance(value, str) else ""


_OPPOSITE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}


def contradicts(one: TypedNode, other: TypedNode) -> bool:
    """Whether two comparisons of the same thing with written values are never both true."""
    mine, theirs = test_of(one), test_of(other)
    if mine is None or theirs is None or not same(mine.operand, theirs.operand):
        return False
    return _rules_out(mine.op, mine.value, theirs) or _rules_out(theirs.op, theirs.value, mine)


def _rules_out(op: str, value: Any, asked: LiteralTest) -> bool:
    """Whether no `v` with `v op value` meets *asked*."""
    if asked.op == "in":
        return all(_rules_out(op, value, LiteralTest(asked.operand, "==", one)) for one in asked.value)
    return follows(op, value, LiteralTest(asked.operand, _OPPOSITE[asked.op], asked.value))


def refuted(part: TypedNode, known: SchemaFacts) -> bool:
    """Whether *part* is never true where *known* holds: some of what must be true together is ruled out."""
    items = conjuncts(part)
    for at, item in enumerate(items):
        test = test_of(item)
        if test is not None and _is_path(test.operand.node):
            said = known.get(spelled(test.operand.node), ())
            if any(_rules_out(op, value, test) for op, value in said):
                return True
        if any(contradicts(item, earlier) for earlier in items[:at]):
            return True
    return False


def total(part: TypedNode) -> bool:
    """Whether it has an answer for all arguments and facts that fit their schemas: no error is possible."""
    node, types = part.node, part.types
    match node:
        case n.Literal() | n.Name():
            return True
        case n.Has(field=field):
            return isinstance(types.get(field.base), ObjectOf) and total(part.of(field.base))
        case n.Select(base=base):
            return types.get(node) != DYN and total(part.of(base))
        case n.Unary(operand=operand):
            return isinstance(operand, n.Literal) or (node.op == "!" and _all_total(part, [operand]))
        case n.Logic() | n.Choice():
            return _all_total(part, node.children())
        case _:
            return isinstance(node, n.Binary) and _total_test(part, node)


def _all_total(part: TypedNode, nodes: Sequence[n.CelNode]) -> bool:
    return all(part.types.get(node) not in (DYN, None) and total(part.of(node)) for node in nodes)


def _total_test(part: TypedNode, node: n.Binary) -> bool:
    left, right = part.types.get(node.left), part.types.get(node.right)
    if node.op not in _TESTS or not _comparable(node.op, left, right, _value(node.right)):
        return False
    return all(total(part.of(side)) or isinstance(_value(side), list) for side in (node.left, node.right))


def _comparable(op: str, left: Type | None, right: Type | None, value: Any) -> bool:
    if op == "in":
        return isinstance(value, list) and left in (STRING, INT, *NUMBERS)
    if op in _ORDER:
        return (left in NUMBERS and right in NUMBERS) or (left == STRING == right)
    plain = isinstance(left, Scalar) and isinstance(right, Scalar) and DYN not in (left, right)
    return plain and (left == right or (left in NUMBERS and right in NUMBERS)) and left != NULL


def known_of(schema: Mapping[str, Any], path: str = "args") -> dict[str, list[tuple[str, Any]]]:
    """What a schema says of numbers and listed values that are always there.

    >>> known_of({"properties": {"n": {"type": "integer", "maximum": 5}}, "required": ["n"]})
    {'args.n': [('<=', 5)]}
    """
    found: dict[str, list[tuple[str, Any]]] = {}
    for name in schema.get("required", ()):
        inner = schema.get("properties", {}).get(name)
        if not isinstance(inner, Mapping):
            continue
        if inner.get("type") == "object":
            found |= known_of(inner, f"{path}.{name}")
        elif said := _said(inner):
            found[f"{path}.{name}"] = said
    return found


_BOUNDS = (("minimum", ">="), ("maximum", "<="), ("exclusiveMinimum", ">"), ("exclusiveMaximum", "<"))


def _said(schema: Mapping[str, Any]) -> list[tuple[str, Any]]:
    listed = [schema["const"]] if "const" in schema else schema.get("enum")
    if isinstance(listed, list) and all(_kind(value) for value in listed):
        return [("in", listed)]
    if schema.get("type") in ("integer", "number"):
        return [(op, schema[key]) for key, op in _BOUNDS if key in schema]
    return []
