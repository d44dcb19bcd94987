"""The checked tree as nested closures: each node becomes one small function of the environment.

The environment maps roots and macro variables to values; under `STEPS` it counts macro visits. A value read
from it is checked against its static type, since the caller may hold facts that no schema has seen; a value
of type dyn is checked where it is used.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final

from remit.core.cel import nodes as n
from remit.core.cel.checker import UNKNOWN, constant
from remit.core.cel.errors import ConditionError, Flaw
from remit.core.cel.functions import FUNCTIONS, METHODS, Function
from remit.core.cel.macros import MACROS
from remit.core.cel.operators import (
    DOUBLE_OPS,
    EXACT,
    INT_OPS,
    arithmetic,
    comparable,
    equal,
    equal_top,
    kind,
    negative,
)
from remit.core.cel.patterns import searcher
from remit.core.cel.reading import field, narrowed, narrowing
from remit.core.cel.steps import Closure, Env, charge, recorded
from remit.core.cel.types import BOOL, DOUBLE, DYN, INT, NULL, NUMBERS, STRING, ListOf, Scalar, Type

_ORDER: Final = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
_TEXT_SHIFT: Final = 8
_LIST_SHIFT: Final = 4


class Compiler:
    """Turns nodes of one checked tree into closures, each on demand."""

    def __init__(self, text: str, types: Mapping[n.CelNode, Type], roots: Collection[str]) -> None:
        self.text = text
        self.roots = roots
        self.types = types
        self.closures: dict[n.CelNode, Closure] = {}
        self.loops = 0
        """Macros around the node that is being compiled."""
        self.visits = False
        """Whether some closure counts visits, so that the environment needs `STEPS`."""

    def compile(self, node: n.CelNode, wanted: Type = DYN) -> Closure:
        """Return the closure of *node*; a dyn value is checked to be *wanted*."""
        closure = self.closures.get(node)
        if closure is None:
            closure = self.closures[node] = _COMPILE[type(node)](self, node)
        if wanted != DYN and self.types[node] == DYN:
            return narrowed(closure, wanted, self.source(node))
        return closure

    def source(self, node: n.CelNode) -> str:
        return self.text[node.start : node.end]

    def literal(self, node: n.Literal) -> Closure:
        value = node.value
        return lambda _: value

    def items(self, node: n.Items) -> Closure:
        parts = [self.compile(item) for item in node.items]
        return lambda env: [part(env) for part in parts]

    def name(self, node: n.Name) -> Closure:
        wanted = self.types[node]
        get: Closure = itemgetter(node.name)
        # A macro has checked its variable already.
        return narrowed(get, wanted, node.name) if node.name in self.roots else get

    def select(self, node: n.Select) -> Closure:
        return field(self.base(node.base), node.name, self.types[node], self.source(node))

    def base(self, node: n.CelNode) -> Closure:
        # A root that is only looked into needs no check of its own.
        return itemgetter(node.name) if isinstance(node, n.Name) else self.compile(node)

    def has(self, node: n.Has) -> Closure:
        base, name, label = self.base(node.field.base), node.field.name, self.source(node.field.base)

        def has(env: Env) -> bool:
            owner = base(env)
            if isinstance(owner, Mapping):
                return name in owner
            raise ConditionError(f"{label}: record expected, got {kind(owner)}")

        return has

    def index(self, node: n.Index) -> Closure:
        wanted, label = self.types[node], self.source(node)
        if isinstance(node.index, n.Literal) and isinstance(node.index.value, str):
            return field(self.base(node.base), node.index.value, wanted, label)
        base, index = self.compile(node.base), self.compile(node.index)

        def element(env: Env) -> Any:
            owner, at = base(env), index(env)
            if type(owner) is list and type(at) is int:
                if 0 <= at < len(owner):
                    return owner[at]
                raise ConditionError(f"{label}: no element {at} in a list of {len(owner)}")
            if isinstance(owner, Mapping) and type(at) is str and at in owner:
                return owner[at]
            raise ConditionError(f"{label}: cannot index {kind(owner)} with {kind(at)}, or it is missing")

        return narrowed(element, wanted, label)

    def call(self, node: n.Call) -> Closure:
        if node.name == "size":
            return _size(self.compile(node.args[0]), self.source(node))
        if node.method and node.name == "matches":
            return self.matches(node)
        function = METHODS[node.name] if node.method else FUNCTIONS[node.name]
        args = [self.argument(arg, want) for arg, want in zip(node.args, function.params, strict=True)]
        if function.world:
            return recorded(function.name, function.call, args)
        return _charged(function.call, args) if self.loops else _applied(function, args)

    def argument(self, node: n.CelNode, wanted: Type) -> Closure:
        value = constant(node)
        if isinstance(value, list) and UNKNOWN not in value:
            return lambda _: value  # functions do not change their arguments
        return self.compile(node, wanted)

    def matches(self, node: n.Call) -> Closure:
        text, pattern = self.compile(node.args[0], STRING), node.args[1]
        assert isinstance(pattern, n.Literal) and isinstance(pattern.value, str)  # noqa: S101 - the checker looked
        try:
            search = searcher(pattern.value)
        except ValueError as error:
            raise Flaw(
                f"bad pattern: {error}", pattern.pos, "RE2 syntax: no look-around, no back-references"
            ) from None
        return _charged(search, [text]) if self.loops else lambda env: search(text(env))

    def unary(self, node: n.Unary) -> Closure:
        if node.op == "!":
            test = self.compile(node.operand, BOOL)
            return lambda env: not test(env)
        operand = self.compile(node.operand)
        return lambda env: negative(operand(env))

    def logic(self, node: n.Logic) -> Closure:
        return _LOGIC[node.op]([self.compile(item, BOOL) for item in node.items])

    def choice(self, node: n.Choice) -> Closure:
        test = self.compile(node.test, BOOL)
        then, otherwise = self.compile(node.then), self.compile(node.otherwise)
        return lambda env: then(env) if test(env) else otherwise(env)

    def binary(self, node: n.Binary) -> Closure:
        if node.op == "in":
            return self.membership(node)
        if node.op in {"==", "!="}:
            return self.equality(node)
        if node.op in _ORDER:
            return self.order(node)
        return self.arithmetic(node)

    def order(self, node: n.Binary) -> Closure:
        left, right, compare = self.compile(node.left), self.compile(node.right), _ORDER[node.op]
        if DYN in (self.types[node.left], self.types[node.right]) or self.may_round(node):
            op = node.op

            def checked(env: Env) -> bool:
                a, b = left(env), right(env)
                comparable(a, b, op)
                return bool(compare(a, b))

            return checked
        if isinstance(node.right, n.Literal):
            limit: Any = node.right.value
            return lambda env: compare(left(env), limit)
        return lambda env: compare(left(env), right(env))

    def equality(self, node: n.Binary) -> Closure:
        left, right, positive = self.compile(node.left), self.compile(node.right), node.op == "=="
        types = (self.types[node.left], self.types[node.right])
        known = all(isinstance(part, Scalar) and part not in (DYN, NULL) for part in types)
        if known and not self.may_round(node):
            compare = operator.eq if positive else operator.ne
            if isinstance(node.right, n.Literal):
                value = node.right.value
                return lambda env: compare(left(env), value)
            return lambda env: compare(left(env), right(env))
        charger = self.charger()
        return lambda env: equal_top(left(env), right(env), charger(env)) is positive

    def may_round(self, node: n.Binary) -> bool:
        """Whether an int is compared with a double, and neither is a literal of a size that settles it."""
        if (self.types[node.left], self.types[node.right]) not in ((INT, DOUBLE), (DOUBLE, INT)):
            return False
        return not any(isinstance(part, n.Literal) and _small(part.value) for part in node.children())

    def charger(self) -> Callable[[Env], Callable[[int], None]]:
        """Return what makes a charge; outside macros the work is bounded by the size of the values."""
        return (lambda env: lambda steps: charge(env, steps)) if self.loops else lambda _: _free

    def membership(self, node: n.Binary) -> Closure:
        left, wanted = self.compile(node.left), self.types[node.left]
        values = constant(node.right)
        if (
            isinstance(values, list)
            and wanted in (STRING, *NUMBERS)
            and UNKNOWN not in values
            and all(_small(value) for value in values)
        ):
            known = frozenset(values)
            return lambda env: left(env) in known
        right, loops, charger, label = (
            self.compile(node.right),
            self.loops,
            self.charger(),
            self.source(node.right),
        )

        def member(env: Env) -> bool:
            value, owner = left(env), right(env)
            if type(owner) is list:
                if loops:
                    charge(env, len(owner) >> _LIST_SHIFT)
                if type(value) is str:
                    return value in owner
                paid = charger(env)
                return any(equal(value, item, paid) for item in owner)
            if isinstance(owner, Mapping) and type(value) is str:
                return value in owner
            raise ConditionError(f"{label}: cannot look for {kind(value)} in {kind(owner)}")

        return member

    def arithmetic(self, node: n.Binary) -> Closure:
        left, right, op = self.compile(node.left), self.compile(node.right), node.op
        found = self.types[node]
        compute: Callable[[Any, Any], Any]
        if found in NUMBERS:
            compute = (INT_OPS if found == INT else DOUBLE_OPS)[op]
        elif found == DYN:
            compute = lambda a, b: arithmetic(op, a, b)  # noqa: E731
        else:
            compute = operator.add
        if not self.loops or found in NUMBERS:
            return lambda env: compute(left(env), right(env))

        def charged(env: Env) -> Any:
            result = compute(left(env), right(env))
            if isinstance(result, str | list):
                charge(env, len(result) >> _TEXT_SHIFT)
            return result

        return charged

    def macro(self, node: n.Macro) -> Closure:
        over_type = self.types[node.over]
        over = self.compile(node.over, ListOf(DYN))
        self.loops += 1
        self.visits = True
        body = self.compile(node.body, DYN if node.kind == "map" else BOOL)
        self.loops -= 1
        item = over_type.item if isinstance(over_type, ListOf) else DYN
        return MACROS[node.kind](
            over, node.var, body, narrowing(item, f"an element of {self.source(node.over)}")
        )


def _small(value: object) -> bool:
    """Whether comparing a constant with any number needs no care about rounding."""
    return type(value) not in (int, float) or -EXACT < value < EXACT  # type: ignore[operator]


def _free(steps: int) -> None:
    """Charge nothing."""


def _size(get: Closure, label: str) -> Closure:
    def size(env: Env) -> int:
        value = get(env)
        if type(value) in (str, list, dict):
            return len(value)
        raise ConditionError(f"{label}: string or list expected, got {kind(value)}")

    return size


def _applied(function: Function, args: Sequence[Closure]) -> Closure:
    call = function.call
    if len(args) == 1:
        only = args[0]
        return lambda env: call(only(env))
    first, second = args
    return lambda env: call(first(env), second(env))


def _charged(call: Callable[..., Any], args: Sequence[Closure]) -> Closure:
    def run(env: Env) -> Any:
        values = [arg(env) for arg in args]
        for value in values:
            if type(value) is str:
                if len(value) >> _TEXT_SHIFT:
                    charge(env, len(value) >> _TEXT_SHIFT)
            elif type(value) is list:
                charge(env, len(value) >> _LIST_SHIFT)
        return call(*values)

    return run


def _and(parts: Sequence[Closure]) -> Closure:
    if len(parts) == 2:
        first, second = parts
        return lambda env: first(env) and second(env)

    def every(env: Env) -> bool:
        for part in parts:  # noqa: SIM110 - a generator would cost as much as the parts
            if not part(env):
                return False
        return True

    return every


def _or(parts: Sequence[Closure]) -> Closure:
    if len(parts) == 2:
        first, second = parts
        return lambda env: first(env) or second(env)

    def some(env: Env) -> bool:
        for part in parts:  # noqa: SIM110 - a generator would cost as much as the parts
            if part(env):
                return True
        return False

    return some


_LOGIC: Final = {"&&": _and, "||": _or}
_COMPILE: Final[dict[type[n.CelNode], Callable[..., Closure]]] = {
    n.Literal: Compiler.literal,
    n.Items: Compiler.items,
    n.Name: Compiler.name,
    n.Select: Compiler.select,
    n.Has: Compiler.has,
    n.Index: Compiler.index,
    n.Call: Compiler.call,
    n.Macro: Compiler.macro,
    n.Unary: Compiler.unary,
    n.Binary: Compiler.binary,
    n.Logic: Compiler.logic,
    n.Choice: Compiler.choice,
}
