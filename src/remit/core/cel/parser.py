"""Tokens to tree, by recursive descent along this grammar:

    expr    = or [ "?" or ":" expr ]
    or      = and { "||" and }            and = rel { "&&" rel }
    rel     = add { ( "<" | "<=" | ">" | ">=" | "==" | "!=" | "in" ) add }
    add     = mul { ( "+" | "-" ) mul }   mul = unary { ( "*" | "/" | "%" ) unary }
    unary   = { "!" | "-" } postfix
    postfix = primary { "." name [ "(" args ")" ] | "[" expr "]" }
    primary = literal | name [ "(" args ")" ] | "(" expr ")" | "[" args "]"

Depth is counted twice: here, to bound our own recursion, and on the finished tree, since ``1+1+1+...``
nests in the tree although it does not in the text.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from remit.core.cel.errors import Flaw
from remit.core.cel.functions import FUNCTIONS
from remit.core.cel.lexer import Token, tokens
from remit.core.cel.nodes import (
    Binary,
    Call,
    CelNode,
    Choice,
    Has,
    Index,
    Items,
    Literal,
    Logic,
    Macro,
    Name,
    Select,
    Unary,
)

MAX_DEPTH: Final = 32
"""Levels of the tree below its root, and of parentheses: as many as CEL asks of everyone."""
MAX_NODES: Final = 500
"""Nodes of the tree."""
MACROS: Final = ("all", "exists", "exists_one", "filter", "map")

_COMPARISONS: Final = frozenset({"<", "<=", ">", ">=", "==", "!=", "in"})
_WORDS: Final[dict[str, bool | None]] = {"true": True, "false": False, "null": None}
_KEYWORDS: Final = frozenset({*_WORDS, "in"})
# Reserved by CEL; a field may have such a name, a variable may not.
_RESERVED: Final = frozenset(
    {
        "as",
        "break",
        "const",
        "continue",
        "else",
        "for",
        "function",
        "if",
        "import",
        "let",
        "loop",
        "package",
        "namespace",
        "return",
        "var",
        "void",
        "while",
    }
)
_SPELLINGS: Final = {
    "and": "write &&",
    "or": "write ||",
    "not": "write !",
    "True": "write true",
    "=": "write ==",
}


def parse(text: str) -> CelNode:
    """Return the tree of *text*; raises Flaw."""
    parser = _Parser(tokens(text))
    tree = parser.expression()
    parser.finish()
    _measure(tree)
    return tree


def _measure(tree: CelNode) -> None:
    count = 0
    waiting = [(tree, 0)]
    while waiting:
        node, depth = waiting.pop()
        count += 1
        if depth > MAX_DEPTH:
            raise Flaw("nested too deeply", node.start, f"at most {MAX_DEPTH} levels; split the condition")
        if count > MAX_NODES:
            raise Flaw("too many parts", node.start, f"at most {MAX_NODES}; split the condition")
        waiting.extend((child, depth + 1) for child in node.children())


class _Parser:
    def __init__(self, words: list[Token]) -> None:
        self.words = words
        self.at = 0
        self.depth = -1

    @property
    def word(self) -> Token:
        return self.words[self.at]

    @property
    def end(self) -> int:
        return self.words[self.at - 1].end

    def sees(self, *ops: str) -> bool:
        return self.word.text in ops and self.word.kind in {"op", "name"}

    def accept(self, op: str) -> Token | None:
        if not self.sees(op):
            return None
        self.at += 1
        return self.words[self.at - 1]

    def expect(self, op: str) -> None:
        if not self.accept(op):
            raise self.surprise(f"expected {op!r}")

    def surprise(self, remedy: str = "") -> Flaw:
        word = self.word
        found = "unexpected end" if word.kind == "end" else f"unexpected {word.text!r}"
        return Flaw(found, word.pos, _SPELLINGS.get(word.text, remedy))

    def finish(self) -> None:
        if self.word.kind != "end":
            raise self.surprise()

    def enter(self) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise Flaw("nested too deeply", self.word.pos, f"at most {MAX_DEPTH} levels; split the condition")

    def expression(self) -> CelNode:
        self.enter()
        start = self.word.pos
        test = self.truth()
        if mark := self.accept("?"):
            then = self.truth()
            if self.sees("?"):
                raise self.surprise("put the inner ?: in parentheses")
            self.expect(":")
            otherwise = self.expression()
            test = Choice(mark.pos, start, self.end, test, then, otherwise)
        self.depth -= 1
        return test

    def truth(self) -> CelNode:
        return self.logic("||", lambda: self.logic("&&", self.relation))

    def logic(self, op: str, part: Callable[[], CelNode]) -> CelNode:
        start = self.word.pos
        items = [part()]
        pos = self.word.pos
        while self.accept(op):
            items.append(part())
        return items[0] if len(items) == 1 else Logic(pos, start, self.end, op, tuple(items))

    def chain(self, ops: frozenset[str], part: Callable[[], CelNode]) -> CelNode:
        start = self.word.pos
        left = part()
        while self.sees(*ops):
            mark = self.word
            self.at += 1
            right = part()
            left = Binary(mark.pos, start, self.end, mark.text, left, right)
        return left

    def relation(self) -> CelNode:
        return self.chain(_COMPARISONS, self.sum)

    def sum(self) -> CelNode:
        return self.chain(frozenset({"+", "-"}), self.product)

    def product(self) -> CelNode:
        return self.chain(frozenset({"*", "/", "%"}), self.unary)

    def unary(self) -> CelNode:
        mark = self.word
        if not self.sees("!", "-"):
            return self.postfix()
        self.at += 1
        if mark.text == "-" and self.word.kind in {"int", "double"}:
            return self.postfix(mark)
        self.enter()
        operand = self.unary()
        self.depth -= 1
        return Unary(mark.pos, mark.pos, self.end, mark.text, operand)

    def postfix(self, minus: Token | None = None) -> CelNode:
        start = self.word.pos if minus is None else minus.pos
        node = self.number(minus) if minus else self.primary()
        while True:
            if self.accept("."):
                node = self.member(node, start)
            elif mark := self.accept("["):
                index = self.expression()
                self.expect("]")
                node = Index(mark.pos, start, self.end, node, index)
            else:
                return node

    def member(self, base: CelNode, start: int) -> CelNode:
        name = self.word
        if name.kind != "name" or name.text in _KEYWORDS:
            raise self.surprise("expected a name after '.'")
        self.at += 1
        if not self.accept("("):
            return Select(name.pos, start, self.end, base, name.text)
        args = self.arguments(")")
        if name.text in MACROS:
            return self.macro(name, base, args, start)
        # As in CEL, a function `sets.contains` wins over a method of something called `sets`.
        if isinstance(base, Name) and (dotted := f"{base.name}.{name.text}") in FUNCTIONS:
            return Call(base.pos, start, self.end, dotted, args)
        return Call(name.pos, start, self.end, name.text, (base, *args), method=True)

    def macro(self, name: Token, over: CelNode, args: tuple[CelNode, ...], start: int) -> CelNode:
        if len(args) != 2 or not isinstance(args[0], Name):
            raise Flaw(
                f"{name.text} needs a variable and an expression", name.pos, f"list.{name.text}(x, ..)"
            )
        return Macro(name.pos, start, self.end, name.text, over, args[0].name, args[1])

    def arguments(self, close: str) -> tuple[CelNode, ...]:
        if self.accept(close):
            return ()
        args = [self.expression()]
        while self.accept(","):
            args.append(self.expression())
        self.expect(close)
        return tuple(args)

    def primary(self) -> CelNode:
        word = self.word
        if word.kind in {"int", "double"}:
            return self.number(None)
        if word.kind == "string":
            self.at += 1
            return Literal(word.pos, word.pos, self.end, word.value)
        if self.accept("("):
            inner = self.expression()
            self.expect(")")
            return inner
        if self.accept("["):
            items = self.arguments("]")
            return Items(word.pos, word.pos, self.end, items)
        if word.kind != "name" or word.text == "in":
            raise self.surprise("expected a value")
        self.at += 1
        return self.named(word)

    def named(self, word: Token) -> CelNode:
        if word.text in _WORDS:
            return Literal(word.pos, word.pos, self.end, _WORDS[word.text])
        if word.text in _RESERVED:
            raise Flaw(f"{word.text!r} is a reserved word", word.pos)
        if not self.accept("("):
            return Name(word.pos, word.pos, self.end, word.text)
        args = self.arguments(")")
        if word.text != "has":
            return Call(word.pos, word.pos, self.end, word.text, args)
        if len(args) != 1 or not isinstance(args[0], Select):
            raise Flaw("has() needs one field", word.pos, "write has(args.name)")
        return Has(word.pos, word.pos, self.end, args[0])

    def number(self, minus: Token | None) -> Literal:
        word = self.word
        self.at += 1
        start = word.pos if minus is None else minus.pos
        digits = word.text if minus is None else "-" + word.text
        value = float(digits) if word.kind == "double" else int(digits)
        if word.kind == "int" and not -(2**63) <= value < 2**63:
            raise Flaw("integer beyond 64 bits", start)
        if value in (float("inf"), float("-inf")):
            raise Flaw("number overflows", start)
        return Literal(start, start, self.end, value)
