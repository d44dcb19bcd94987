"""Types and guards, checked while loading, so that a mistake is found before the first call.

An optional field may only be read under ``has()``; see `guards`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from typing import Final, TypeAlias

from remit.core.cel import nodes as n
from remit.core.cel.errors import ConditionError, Flaw
from remit.core.cel.functions import FUNCTIONS, METHODS, Function
from remit.core.cel.guards import NO_FACTS, ProvenFacts, facts_if, key
from remit.core.cel.types import BOOL, DOUBLE, DYN, INT, NULL, NUMBERS, STRING, AnyOf, ListOf, ObjectOf, Type

ROOTS: Final = ("args", "session", "event", "output", "answer", "calls")

_NAMES_SHOWN: Final = 20

UNKNOWN: Final = object()
"""Stands for an argument whose value is not in the text."""


NodeTypes: TypeAlias = "dict[n.CelNode, Type]"


def check(tree: n.CelNode, env: Mapping[str, Type], result: Type) -> NodeTypes:
    """Type-check *tree*; return the type of every node. Raises Flaw."""
    checker = _Checker(env)
    found = checker.visit(tree, NO_FACTS)
    if not _accepts(result, found):
        raise Flaw(f"{result} expected, got {found}", tree.pos, _bool_remedy(result, found))
    return checker.types


def display(names: Mapping[str, object] | list[str]) -> str:
    """Return names for a message, sorted, the first twenty of them."""
    ordered = sorted(names)
    more = f" and {len(ordered) - _NAMES_SHOWN} more" if len(ordered) > _NAMES_SHOWN else ""
    return ", ".join(ordered[:_NAMES_SHOWN]) + more


class _Checker:
    def __init__(self, env: Mapping[str, Type]) -> None:
        self.roots = env
        self.variables: dict[str, Type] = {}
        self.types: NodeTypes = {}

    def visit(self, node: n.CelNode, facts: ProvenFacts) -> Type:
        found = _VISIT[type(node)](self, node, facts)
        self.types[node] = found
        return found

    def want(self, node: n.CelNode, facts: ProvenFacts, wanted: Type) -> Type:
        found = self.visit(node, facts)
        if not _accepts(wanted, found):
            raise Flaw(f"{wanted} expected, got {found}", node.pos, _bool_remedy(wanted, found))
        return found

    def literal(self, node: n.Literal, _facts: ProvenFacts) -> Type:
        return _LITERALS[type(node.value)]

    def items(self, node: n.Items, facts: ProvenFacts) -> Type:
        found = [self.visit(item, facts) for item in node.items]
        if not found:
            return ListOf(DYN)
        if all(part in NUMBERS for part in found) and all(isinstance(i, n.Literal) for i in node.items):
            return ListOf(found[0] if len(set(found)) == 1 else DYN)  # numbers keep their types, as in CEL
        for item, part in zip(node.items, found, strict=True):
            if not _alike(found[0], part):
                raise Flaw(f"a list of {found[0]} and {part}", item.pos, "use one type")
        return ListOf(DYN if DYN in found else reduce(_merge, found))

    def name(self, node: n.Name, _facts: ProvenFacts) -> Type:
        found = self.variables.get(node.name) or self.roots.get(node.name)
        if found is not None:
            return found
        known = display([*self.roots, *self.variables])
        if node.name in ROOTS:
            raise Flaw(f"{node.name!r} has no meaning here; known: {known}", node.pos)
        raise Flaw(f"unknown name {node.name!r}; known: {known}", node.pos)

    def select(self, node: n.Select, facts: ProvenFacts) -> Type:
        return self.field(node, node.pos, facts, node.base, node.name)

    def field(self, node: n.CelNode, pos: int, facts: ProvenFacts, base: n.CelNode, name: str) -> Type:
        owner = self.visit(base, facts)
        if owner == DYN:
            return DYN
        if not isinstance(owner, ObjectOf):
            raise Flaw(f"{owner} has no fields; cannot read {name!r}", pos)
        found = _known_field(owner, name, pos)
        if name not in owner.required and key(node) not in facts:
            guard = f"has({key(node)})" if name.isidentifier() else f"{name!r} in {key(base)}"
            remedy = "guard it with has() && .." if "(" in key(base) else f"guard it: {guard} && .."
            raise Flaw(f"field {name!r} may be missing", pos, remedy)
        return found

    def has(self, node: n.Has, facts: ProvenFacts) -> Type:
        self.types[node.field] = self.select(node.field, facts | {key(node.field)})
        return BOOL

    def index(self, node: n.Index, facts: ProvenFacts) -> Type:
        owner = self.visit(node.base, facts)
        if isinstance(owner, ObjectOf):
            if not (isinstance(node.index, n.Literal) and isinstance(node.index.value, str)):
                raise Flaw(
                    "a record is indexed by a literal name", node.pos, "write args.name or args['name']"
                )
            self.visit(node.index, facts)
            return self.field(node, node.index.pos, facts, node.base, node.index.value)
        inner = self.visit(node.index, facts)
        if isinstance(owner, ListOf):
            if inner not in (INT, DYN):
                raise Flaw(f"a list is indexed by int, got {inner}", node.index.pos)
            if (
                isinstance(node.index, n.Literal)
                and isinstance(node.index.value, int)
                and node.index.value < 0
            ):
                raise Flaw("negative index", node.index.pos, "count from 0")
            return owner.item
        if owner != DYN:
            raise Flaw(f"{owner} cannot be indexed", node.pos)
        if inner not in (INT, STRING, DYN):
            raise Flaw(f"an index is int or string, got {inner}", node.index.pos)
        return DYN

    def call(self, node: n.Call, facts: ProvenFacts) -> Type:
        if node.method:
            return self.method(node, facts)
        if node.name == "size":
            return self.size(node, facts)
        if node.name in FUNCTIONS:
            return self.apply(FUNCTIONS[node.name], node, facts)
        if node.name in METHODS or node.name == "matches":
            raise Flaw(f"{node.name!r} is a method", node.pos, f"write x.{node.name}(..)")
        raise Flaw(f"unknown function {node.name!r}; known: {display(['has', 'size', *FUNCTIONS])}", node.pos)

    def method(self, node: n.Call, facts: ProvenFacts) -> Type:
        if node.name == "matches":
            return self.matches(node, facts)
        if node.name in METHODS:
            return self.apply(METHODS[node.name], node, facts)
        if node.name in FUNCTIONS or node.name in {"size", "has"}:
            raise Flaw(f"{node.name!r} is a function, not a method", node.pos, f"write {node.name}(x)")
        raise Flaw(f"unknown method {node.name!r}; known: {display(['matches', *METHODS])}", node.pos)

    def matches(self, node: n.Call, facts: ProvenFacts) -> Type:
        _count(node, 2)
        self.want(node.args[0], facts, STRING)
        pattern = node.args[1]
        if not (isinstance(pattern, n.Literal) and isinstance(pattern.value, str)):
            raise Flaw("a pattern must be a literal string", pattern.pos, "write x.matches('^[a-z]+$')")
        self.visit(pattern, facts)
        return BOOL

    def size(self, node: n.Call, facts: ProvenFacts) -> Type:
        _count(node, 1)
        found = self.visit(node.args[0], facts)
        if found not in (STRING, DYN) and not isinstance(found, ListOf):
            raise Flaw(f"string or list expected, got {found}", node.args[0].pos)
        return INT

    def apply(self, function: Function, node: n.Call, facts: ProvenFacts) -> Type:
        _count(node, len(function.params))
        _load_extra(function, node)
        found = [self.want(arg, facts, want) for arg, want in zip(node.args, function.params, strict=True)]
        if function.alike and not all(_alike(found[0], other) for other in found[1:]):
            items = " and ".join(str(one.item) for one in found if isinstance(one, ListOf))
            raise Flaw(f"{node.name} of lists of {items}", node.pos, "use one type of element")
        try:
            known = [constant(arg) for arg in node.args]
            if function.check is not None:
                function.check(known)
            if not any(part is UNKNOWN or (isinstance(part, list) and UNKNOWN in part) for part in known):
                function.call(*known)
        except ConditionError as error:
            raise Flaw(str(error), node.pos) from None
        return function.returns

    def macro(self, node: n.Macro, facts: ProvenFacts) -> Type:
        over = self.visit(node.over, facts)
        if over != DYN and not isinstance(over, ListOf):
            raise Flaw(f"list expected, got {over}", node.over.pos)
        if node.var in ROOTS or node.var in self.roots or node.var in self.variables:
            raise Flaw(f"variable {node.var!r} hides another name", node.pos, "choose another name")
        self.variables[node.var] = over.item if isinstance(over, ListOf) else DYN
        try:
            if node.kind == "map":
                return ListOf(self.visit(node.body, facts))
            self.want(node.body, facts, BOOL)
        finally:
            del self.variables[node.var]
        return over if node.kind == "filter" else BOOL

    def unary(self, node: n.Unary, facts: ProvenFacts) -> Type:
        if node.op == "!":
            self.want(node.operand, facts, BOOL)
            return BOOL
        found = self.visit(node.operand, facts)
        if found not in (INT, DOUBLE, DYN):
            raise Flaw(f"number expected, got {found}", node.operand.pos)
        return found

    def logic(self, node: n.Logic, facts: ProvenFacts) -> Type:
        for item in node.items:
            self.want(item, facts, BOOL)
            facts |= facts_if(node.op == "&&", item)
        return BOOL

    def choice(self, node: n.Choice, facts: ProvenFacts) -> Type:
        self.want(node.test, facts, BOOL)
        then = self.visit(node.then, facts | facts_if(True, node.test))
        otherwise = self.visit(node.otherwise, facts | facts_if(False, node.test))
        if _alike(then, otherwise):
            return _merge(then, otherwise)
        raise Flaw(f"the branches of ?: are {then} and {otherwise}", node.pos, "give both one type")

    def binary(self, node: n.Binary, facts: ProvenFacts) -> Type:
        left, right = self.visit(node.left, facts), self.visit(node.right, facts)
        if node.op == "in":
            _check_in(node, left, right)
            return BOOL
        if node.op in {"==", "!="}:
            if not _comparable(node.left, left, node.right, right):
                raise Flaw(f"cannot compare {left} {node.op} {right}", node.pos, _compare_remedy(left, right))
            return BOOL
        if node.op in _ORDER:
            if not _ordered(left, right):
                raise Flaw(f"cannot compare {left} {node.op} {right}", node.pos, _compare_remedy(left, right))
            return BOOL
        return _arithmetic(node, left, right)


def constant(node: n.CelNode) -> object:
    """Return the value of a literal or of a list of literals; UNKNOWN parts for the rest."""
    if isinstance(node, n.Literal):
        return node.value
    if isinstance(node, n.Items):
        return [constant(item) for item in node.items]
    return UNKNOWN


def _accepts(wanted: Type, found: Type) -> bool:
    if isinstance(wanted, AnyOf):
        return found == DYN or found in wanted.options
    return DYN in (wanted, found) or _alike(wanted, found)


def _alike(left: Type, right: Type) -> bool:
    if isinstance(left, ListOf) and isinstance(right, ListOf):
        return _alike(left.item, right.item)
    return left == right or DYN in (left, right)


def _known_field(owner: ObjectOf, name: str, pos: int) -> Type:
    if name not in owner.fields:
        raise Flaw(f"no field {name!r}; has {display(owner.fields)}", pos)
    return owner.fields[name]


def _merge(left: Type, right: Type) -> Type:
    """Return the vaguer of two types that are alike."""
    if isinstance(left, ListOf) and isinstance(right, ListOf):
        return ListOf(_merge(left.item, right.item))
    return right if right == DYN else left


def _comparable(left_node: n.CelNode, left: Type, right_node: n.CelNode, right: Type) -> bool:
    if NULL in (left, right) or _alike(left, right):
        return True
    literal = isinstance(left_node, n.Literal) or isinstance(right_node, n.Literal)
    return literal and left in NUMBERS and right in NUMBERS


def _ordered(left: Type, right: Type) -> bool:
    if left in (*NUMBERS, DYN) and right in (*NUMBERS, DYN):
        return True
    return left in (STRING, DYN) and right in (STRING, DYN)


def _check_in(node: n.Binary, left: Type, right: Type) -> None:
    if isinstance(right, ListOf):
        literals = isinstance(node.right, n.Items) or isinstance(node.left, n.Literal)
        numbers = literals and left in NUMBERS and right.item in NUMBERS
        if not (numbers or left == NULL or _alike(left, right.item)):
            raise Flaw(f"cannot look for {left} in a list of {right.item}", node.pos)
    elif right == STRING:
        raise Flaw("cannot look for something in a string", node.pos, "write text.contains('..')")
    elif isinstance(right, ObjectOf):
        if not (isinstance(node.left, n.Literal) and isinstance(node.left.value, str)):
            raise Flaw("cannot look for a value in a record", node.pos, "write has(args.name)")
        _known_field(right, node.left.value, node.left.pos)
    elif right != DYN:
        raise Flaw(f"list expected after in, got {right}", node.pos)


def _arithmetic(node: n.Binary, left: Type, right: Type) -> Type:
    if DYN in (left, right):
        known = right if left == DYN else left
        if known in (*NUMBERS, DYN) or (node.op == "+" and (known == STRING or isinstance(known, ListOf))):
            return DYN
    elif left == right and left in NUMBERS and (node.op != "%" or left == INT):
        return left
    elif node.op == "+" and (left == right == STRING):
        return STRING
    elif node.op == "+" and isinstance(left, ListOf) and isinstance(right, ListOf) and _alike(left, right):
        return _merge(left, right)
    remedy = "write a double such as 2.0, or double(n)" if left in NUMBERS and right in NUMBERS else ""
    raise Flaw(f"no operation {left} {node.op} {right}", node.pos, remedy)


def _count(node: n.Call, wanted: int) -> None:
    # A method's receiver is its first argument, but nobody counts it.
    own = int(node.method)
    if len(node.args) != wanted:
        raise Flaw(f"{node.name} takes {wanted - own} argument(s), got {len(node.args) - own}", node.pos)


def _load_extra(function: Function, node: n.Call) -> None:
    if function.extra is None:
        return
    try:
        function.extra.load()
    except ImportError as error:
        found = f"{function.name} needs what is not installed: {error}"
        raise Flaw(found, node.pos, f"pip install 'remit[{function.extra.name}]'") from None


def _bool_remedy(wanted: Type, found: Type) -> str:
    return "compare it with something" if wanted == BOOL and found != BOOL else ""


def _compare_remedy(left: Type, right: Type) -> str:
    if STRING in (left, right) and (left in NUMBERS or right in NUMBERS):
        return "write numbers without quotes, strings with them"
    return ""


_ORDER: Final = frozenset({"<", "<=", ">", ">="})
_LITERALS: Final[dict[type, Type]] = {
    type(None): NULL,
    bool: BOOL,
    int: INT,
    float: DOUBLE,
    str: STRING,
}
_VISIT: Final[dict[type[n.CelNode], Callable[..., Type]]] = {
    n.Literal: _Checker.literal,
    n.Items: _Checker.items,
    n.Name: _Checker.name,
    n.Select: _Checker.select,
    n.Has: _Checker.has,
    n.Index: _Checker.index,
    n.Call: _Checker.call,
    n.Macro: _Checker.macro,
    n.Unary: _Checker.unary,
    n.Binary: _Checker.binary,
    n.Logic: _Checker.logic,
    n.Choice: _Checker.choice,
}
