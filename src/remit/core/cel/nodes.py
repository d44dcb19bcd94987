"""The tree of a condition. Nodes compare by identity, so that facts about one can be kept beside it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, eq=False)
class CelNode:
    """One expression: `pos` is where an error points, `start` and `end` bound its text."""

    pos: int
    start: int
    end: int

    def children(self) -> tuple[CelNode, ...]:
        return ()


@dataclass(frozen=True, slots=True, eq=False)
class Literal(CelNode):
    """A value written in the text."""

    value: bool | int | float | str | None


@dataclass(frozen=True, slots=True, eq=False)
class Items(CelNode):
    """A list written in the text."""

    items: tuple[CelNode, ...]

    def children(self) -> tuple[CelNode, ...]:
        return self.items


@dataclass(frozen=True, slots=True, eq=False)
class Name(CelNode):
    """A root or a macro variable."""

    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Select(CelNode):
    """``base.name``; `pos` is that of the name."""

    base: CelNode
    name: str

    def children(self) -> tuple[CelNode, ...]:
        return (self.base,)


@dataclass(frozen=True, slots=True, eq=False)
class Has(CelNode):
    """``has(base.name)``."""

    field: Select

    def children(self) -> tuple[CelNode, ...]:
        return (self.field,)


@dataclass(frozen=True, slots=True, eq=False)
class Index(CelNode):
    """``base[index]``."""

    base: CelNode
    index: CelNode

    def children(self) -> tuple[CelNode, ...]:
        return (self.base, self.index)


@dataclass(frozen=True, slots=True, eq=False)
class Call(CelNode):
    """``name(args)``, or ``args[0].name(args[1], ...)`` when `method` is set."""

    name: str
    args: tuple[CelNode, ...]
    method: bool = False

    def children(self) -> tuple[CelNode, ...]:
        return self.args


@dataclass(frozen=True, slots=True, eq=False)
class Macro(CelNode):
    """``over.kind(var, body)``."""

    kind: str
    over: CelNode
    var: str
    body: CelNode

    def children(self) -> tuple[CelNode, ...]:
        return (self.over, self.body)


@dataclass(frozen=True, slots=True, eq=False)
class Unary(CelNode):
    """``!operand`` or ``-operand``."""

    op: str
    operand: CelNode

    def children(self) -> tuple[CelNode, ...]:
        return (self.operand,)


@dataclass(frozen=True, slots=True, eq=False)
class Binary(CelNode):
    """Comparison, membership or arithmetic; `pos` is that of the operator."""

    op: str
    left: CelNode
    right: CelNode

    def children(self) -> tuple[CelNode, ...]:
        return (self.left, self.right)


@dataclass(frozen=True, slots=True, eq=False)
class Logic(CelNode):
    """``a && b && ...`` or ``a || b || ...``, flat, so that a long chain is not a deep tree."""

    op: str
    items: tuple[CelNode, ...]

    def children(self) -> tuple[CelNode, ...]:
        return self.items


@dataclass(frozen=True, slots=True, eq=False)
class Choice(CelNode):
    """``test ? then : otherwise``."""

    test: CelNode
    then: CelNode
    otherwise: CelNode

    def children(self) -> tuple[CelNode, ...]:
        return (self.test, self.then, self.otherwise)
