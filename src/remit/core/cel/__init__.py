"""Conditions: a strict, typed subset of CEL, checked while loading and run as plain closures.

Three differences from CEL, all stricter:

1. No error absorption: ``&&`` and ``||`` go left to right, and an error on the way is an error. Macros visit
   every element.
2. Comparing unlike types is refused while loading, and is an error while running where a type is dyn.
   Numbers are one kind when compared for order, and so is a number literal in ``==`` and ``in``:
   ``args.amount <= 500`` holds for a double.
3. A field outside the schema's ``required`` is only read under a ``has()`` guard.

Left out, and so an error where only the value can tell: infinity and NaN, the order of booleans, macros and
``size`` over records (a dyn one has a size), a double as an index, conversions other than int to double, and
comparing a double with an int beyond 2^53, which CEL's specification and its implementations do differently.
What the text alone shows to fail (a negative index, a bad pattern) is refused while loading.

Where Python would differ quietly, CEL is followed: division truncates, integers have 64 bits, int and double
do not mix in arithmetic, a negative index is an error, true is not 1.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from remit.core.cel.checker import ROOTS, check
from remit.core.cel.closures import Compiler
from remit.core.cel.errors import ConditionError, Flaw
from remit.core.cel.explain import ExplainedValues, explain
from remit.core.cel.functions import FUNCTIONS, METHODS, Function
from remit.core.cel.lexer import MAX_TEXT
from remit.core.cel.nodes import CelNode
from remit.core.cel.parser import MAX_DEPTH, MAX_NODES, parse
from remit.core.cel.reads import reads
from remit.core.cel.steps import ANSWERS, MAX_STEPS, STEPS, Answers, Closure, Env, WorldQuestion
from remit.core.cel.types import (
    BOOL,
    CIDR,
    DOUBLE,
    DYN,
    INT,
    IP,
    NULL,
    QUANTITY,
    STRING,
    AnyOf,
    ListOf,
    ObjectOf,
    Scalar,
    Type,
    from_schema,
    record,
)
from remit.core.cel.world import MAX_ASKS, asks, refuse_world, world_call
from remit.core.errors import BadInput

__all__ = [
    "Condition",
    "ConditionError",
    "compile_condition",
    "from_schema",
    "BOOL",
    "CIDR",
    "DOUBLE",
    "DYN",
    "INT",
    "IP",
    "NULL",
    "QUANTITY",
    "STRING",
    "AnyOf",
    "ListOf",
    "record",
    "ObjectOf",
    "Scalar",
    "Type",
    "FUNCTIONS",
    "METHODS",
    "Function",
    "ANSWERS",
    "Answers",
    "WorldQuestion",
    "MAX_ASKS",
    "MAX_DEPTH",
    "MAX_NODES",
    "MAX_STEPS",
    "MAX_TEXT",
    "ROOTS",
]


@dataclass(frozen=True, slots=True)
class Condition:
    """A compiled condition; made by `compile_condition`."""

    text: str
    """The source, as written."""
    type: Type
    """Type of its answer; dyn when only the value can tell."""
    reads: tuple[str, ...]
    """What it reads, from every root: ``session.customer_id``, or ``args.items[].qty`` in a list."""
    worldly: bool
    """Whether it asks about the world, so that `asks` must be answered first."""
    _run: Closure = field(repr=False, compare=False)
    _visits: bool = field(repr=False, compare=False)
    _tree: CelNode = field(repr=False, compare=False)
    _compiler: Compiler = field(repr=False, compare=False)

    @property
    def tree(self) -> CelNode:
        """The checked syntax tree, for analysis."""
        return self._tree

    @property
    def types(self) -> Mapping[CelNode, Type]:
        """The type of each node of `tree`."""
        return self._compiler.types

    @property
    def paths(self) -> tuple[str, ...]:
        """The arguments among `reads`."""
        return tuple(path for path in self.reads if path == "args" or path.startswith("args."))

    def asks(self, roots: Mapping[str, object]) -> tuple[WorldQuestion, ...]:
        """Return what the enforcement point must answer before `evaluate`, for these roots.

        The answers go to `evaluate` as a mapping from question to answer, under the key `ANSWERS`.

        >>> inside = compile_condition("real_path_within(args.p, '/srv')", {"args": DYN}, where="doc", world=True)
        >>> inside.asks({"args": {"p": "/srv/a"}})
        (('real_path_within', '/srv/a', '/srv'),)
        >>> inside.evaluate({"args": {"p": "/srv/a"}, ANSWERS: {("real_path_within", "/srv/a", "/srv"): True}})
        True
        """
        return asks(self._tree, self._part, dict(roots)) if self.worldly else ()

    def evaluate(self, roots: Mapping[str, object]) -> object:
        """Return the answer for these roots.

        Args:
            roots: values by root name, such as ``{"args": {...}, "session": {...}}``; canonical values. Under
                `ANSWERS`, the answers to `asks`.

        Raises:
            ConditionError: for anything that goes wrong.
        """
        try:
            return self._run({**roots, STEPS: 0} if self._visits else roots)  # type: ignore[arg-type]
        except ConditionError:
            raise
        except Exception as error:
            raise ConditionError(f"{type(error).__name__}: {error}") from error

    def explain(self, roots: Mapping[str, object]) -> ExplainedValues:
        """Return the parts that were reached, each as (text, value or `ConditionError`), the whole first.

        >>> amount = compile_condition("args.amount <= 500", {"args": DYN}, where="doc")
        >>> amount.explain({"args": {"amount": 900}})
        [('args.amount <= 500', False), ('args.amount', 900)]
        """
        return explain(self._tree, self.text, self._part, dict(roots))

    def _part(self, node: CelNode, env: Env) -> Any:
        return self._compiler.compile(node)(env)


def compile_condition(
    text: str,
    env: Mapping[str, Type],
    *,
    where: str,
    result: Type = BOOL,
    world: bool = False,
    roots: Collection[str] = ROOTS,
) -> Condition:
    """Check and compile a condition.

    Args:
        text: the condition, at most 2,000 characters.
        env: type of each root that has a meaning here; see `ROOTS`.
        where: the place in the envelope, for the error message.
        result: the type that the answer must have; `DYN` for any.
        world: whether the caller has `Condition.asks` answered before it evaluates.
        roots: names that `env` may have; an envelope's are `ROOTS`.

    Raises:
        BadInput: the text is no condition over these roots.

    >>> env = {"args": ObjectOf({"amount": DOUBLE}, frozenset({"amount"}))}
    >>> compile_condition("args.amount <= 500", env, where="doc").evaluate({"args": {"amount": 120}})
    True
    >>> compile_condition("args.amuont <= 500", env, where="require[0]")
    Traceback (most recent call last):
    remit.core.errors.BadInput: require[0]: no field 'amuont'; has amount (at 5)
    """
    for name in env:
        if name not in roots:
            raise BadInput(where, f"no root {name!r}", f"use one of {', '.join(roots)}")
    if type(text) is not str:
        raise BadInput(where, f"found {text!r}", "write the condition as text, such as 'args.amount <= 500'")
    try:
        tree = parse(text)
        types = check(tree, env, result)
        if not world:
            refuse_world(tree)
        compiler = Compiler(text, types, env)
        run = compiler.compile(tree, result)
    except Flaw as flaw:
        raise BadInput(where, str(flaw), flaw.remedy) from None
    except Exception as error:
        raise BadInput(where, f"cannot be loaded: {type(error).__name__}: {error}") from error
    worldly = world and world_call(tree) is not None
    return Condition(text, types[tree], reads(tree), worldly, run, compiler.visits, tree, compiler)
