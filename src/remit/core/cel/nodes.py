"""The tree of a condition. Nodes compare by identity, so that facts about one can be kept beside it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One expression: `pos` is where an error points, `start` and `end` bound its text."""

    pos: int
    start: int
    end: int

    def children(self) -> tuple[Node, ...]:
        return ()


@dataclass(frozen=True, slots=True, eq=False)
class Literal(Node):
    """A value written in the text."""

    value: bool | int | float | str | None


@dataclass(frozen=True, slots=True, eq=False)
class Items(Node):
    """A list written in the text."""

    items: tuple[Node, ...]

    def children(self) -> tuple[Node, ...]:
        return self.items


@dataclass(frozen=True, slots=True, eq=False)
class Name(Node):
    """A root or a macro variable."""

    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Select(Node):
    """``base.name``; `pos` is that of the name."""

    base: Node
    name: str

    def children(self) -> tuple[Node, ...]:
        return (self.base,)


@dataclass(frozen=True, slots=True, eq=False)
class Has(Node):
    """``has(base.name)``."""

    field: Select

    def children(self) -> tuple[Node, ...]:
        return (self.field,)


@dataclass(frozen=True, slots=True, eq=False)
class Index(Node):
    """``base[index]``."""

    base: Node
    index: Node

    def children(self) -> tuple[Node, ...]:
        return (self.base, self.index)


@dataclass(frozen=True, slots=True, eq=False)
class Call(Node):
    """``name(args)``, or ``args[0].name(args[1], ...)`` when `method` is set."""

    name: str
    args: tuple[Node, ...]
    method: bool = False

    def children(self) -> tuple[Node, ...]:
        return self.args


@dataclass(frozen=True, slots=True, eq=False)
class Macro(Node):
    """``over.kind(var, body)``."""

    kind: str
    over: Node
    var: str
    body: Node

    def children(self) -> tuple[Node, ...]:
        return (self.over, self.body)


@dataclass(frozen=True, slots=True, eq=False)
class Unary(Node):
    """``!operand`` or ``-operand``."""

    op: str
    operand: Node

    def children(self) -> tuple[Node, ...]:
        return (self.operand,)


@dataclass(frozen=True, slots=True, eq=False)
class Binary(Node):
    """Comparison, membership or arithmetic; `pos` is that of the operator."""

    op: str
    left: Node
    right: Node

    def children(self) -> tuple[Node, ...]:
        return (self.left, self.right)


@dataclass(frozen=True, slots=True, eq=False)
class Logic(Node):
    """``a && b && ...`` or ``a || b || ...``, flat, so that a long chain is not a deep tree."""

    op: str
    items: tuple[Node, ...]

    def children(self) -> tuple[Node, ...]:
        return self.items


@dataclass(frozen=True, slots=True, eq=False)
class Choice(Node):
    """``test ? then : otherwise``."""

    test: Node
    then: Node
    otherwise: Node

    def children(self) -> tuple[Node, ...]:
        return (self.test, self.then, self.otherwise)
