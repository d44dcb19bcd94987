"""Conditions, evaluated a second time: a plain interpreter of the language as `docs/envelope.md` tells it.

Written from the documentation alone. It types nothing and walks the tree at every evaluation; what it cannot answer
is `Wrong`. It shares no line with `remit.core.cel`.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import re2

TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+(?:[eE][-+]?\d+)?)?)|(?P<text>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")"
    r"|(?P<name>[A-Za-z_]\w*)|(?P<sign>&&|\|\||[=!<>]=|[-+*/%!<>?:.,()\[\]]))"
)
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", '"': '"'}
LARGEST, SMALLEST = 2**63 - 1, -(2**63)
LEVELS = (("||",), ("&&",), ("==", "!=", "<", "<=", ">", ">=", "in"), ("+", "-"), ("*", "/", "%"))


class Wrong(Exception):
    """An error on the way to an answer."""


def evaluate(source: str, roots: dict[str, Any]) -> Any:
    """The value of the condition *source*; `Wrong` where there is none."""
    return _value(_tree(source), roots)


@lru_cache(maxsize=4096)
def _tree(source: str) -> Any:
    return _Parser(source).whole()


class _Parser:
    def __init__(self, source: str) -> None:
        self.tokens: list[tuple[str, str]] = []
        at, source = 0, source.strip()
        while at < len(source):
            match = TOKEN.match(source, at)
            assert match, source[at:]
            self.tokens.append((str(match.lastgroup), match.group(match.lastgroup or 0)))
            at = match.end()
        self.tokens.append(("end", ""))
        self.at = 0

    def whole(self) -> Any:
        tree = self.choice()
        assert self.tokens[self.at][0] == "end", self.tokens[self.at]
        return tree

    def take(self, *signs: str) -> str:
        kind, text = self.tokens[self.at]
        if text in signs and kind != "text":
            self.at += 1
            return text
        return ""

    def need(self, sign: str) -> None:
        assert self.take(sign), (sign, self.tokens[self.at])

    def choice(self) -> Any:
        test = self.binary(0)
        if not self.take("?"):
            return test
        yes = self.choice()
        self.need(":")
        return ("?", test, yes, self.choice())

    def binary(self, level: int) -> Any:
        if level == len(LEVELS):
            return self.unary()
        tree = self.binary(level + 1)
        while sign := self.take(*LEVELS[level]):
            tree = (sign, tree, self.binary(level + 1))
        return tree

    def unary(self) -> Any:
        if sign := self.take("!", "-"):
            return ("not" if sign == "!" else "minus", self.unary())
        tree = self.primary()
        while True:
            if self.take("."):
                name = self.tokens[self.at][1]
                self.at += 1
                tree = ("call", name, tree, *self.several(")")) if self.take("(") else (".", tree, name)
            elif self.take("["):
                tree = ("[]", tree, self.choice())
                self.need("]")
            else:
                return tree

    def several(self, closing: str) -> list[Any]:
        found: list[Any] = []
        while not self.take(closing):
            found.append(self.choice())
            self.take(",")
        return found

    def primary(self) -> Any:
        if self.take("("):
            tree = self.choice()
            self.need(")")
            return tree
        if self.take("["):
            return ("list", *self.several("]"))
        kind, text = self.tokens[self.at]
        self.at += 1
        if kind == "number":
            return ("is", float(text) if "." in text else int(text))
        if kind == "text":
            return ("is", re.sub(r"\\(.)", lambda m: ESCAPES[m.group(1)], text[1:-1], flags=re.DOTALL))
        assert kind == "name", (kind, text)
        if text in ("true", "false", "null"):
            return ("is", {"true": True, "false": False, "null": None}[text])
        return ("call", text, None, *self.several(")")) if self.take("(") else ("name", text)


def _value(tree: Any, roots: dict[str, Any]) -> Any:
    kind, *rest = tree
    if kind == "is":
        return rest[0]
    if kind == "name":
        return roots[rest[0]]
    if kind == "list":
        return [_value(item, roots) for item in rest]
    if kind == "?":
        return _value(rest[1] if _truth(rest[0], roots) else rest[2], roots)
    if kind == "&&":
        return _truth(rest[0], roots) and _truth(rest[1], roots)
    if kind == "||":
        return _truth(rest[0], roots) or _truth(rest[1], roots)
    if kind == "not":
        return not _truth(rest[0], roots)
    if kind == "minus":
        return _number(-_value(rest[0], roots))
    if kind == ".":
        return _field(_value(rest[0], roots), rest[1])
    if kind == "[]":
        return _item(_value(rest[0], roots), _value(rest[1], roots))
    if kind == "call":
        return _call(rest[0], rest[1], rest[2:], roots)
    return _operator(kind, _value(rest[0], roots), _value(rest[1], roots))


def _truth(tree: Any, roots: dict[str, Any]) -> bool:
    value = _value(tree, roots)
    if value is not True and value is not False:
        raise Wrong(f"{value!r} is no boolean")
    return value


def _number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Wrong(f"{value!r} is no number")
    if isinstance(value, int) and not SMALLEST <= value <= LARGEST:
        raise Wrong("beyond 64 bits")
    return value


def _field(value: Any, name: str) -> Any:
    if not isinstance(value, dict) or name not in value:
        raise Wrong(f"no field {name}")
    return value[name]


def _item(value: Any, at: Any) -> Any:
    if not isinstance(value, list) or type(at) is not int or not 0 <= at < len(value):
        raise Wrong(f"no item {at!r}")
    return value[at]


def _kind(value: Any) -> str:
    return "number" if type(value) in (int, float) else type(value).__name__


def _operator(sign: str, left: Any, right: Any) -> Any:
    if sign in ("==", "!="):
        return same(left, right) == (sign == "==")
    if sign == "in":
        if not isinstance(right, list):
            raise Wrong("in what is no list")
        return any(same(left, one) for one in right)
    if sign in ("<", "<=", ">", ">="):
        if _kind(left) != _kind(right) or _kind(left) not in ("number", "str"):
            raise Wrong("unlike things have no order")
        return {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[sign]
    if sign == "+" and type(left) is type(right) and isinstance(left, str | list):
        return left + right
    return _arithmetic(sign, _number(left), _number(right))


def same(left: Any, right: Any) -> bool:
    """Equal, and of one kind: `true` is not `1`."""
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return _kind(left) == _kind(right) and bool(left == right)


def _arithmetic(sign: str, left: Any, right: Any) -> Any:
    if sign in "/%" and right == 0:
        raise Wrong("division by zero")
    if sign == "+":
        return _number(left + right)
    if sign == "-":
        return _number(left - right)
    if sign == "*":
        return _number(left * right)
    cut = abs(left) // abs(right) * (1 if (left < 0) == (right < 0) else -1)  # toward zero, as CEL divides
    return _number(cut if sign == "/" else left - cut * right)


def _call(name: str, on: Any, args: list[Any], roots: dict[str, Any]) -> Any:
    if name == "has":
        _, below, field = args[0]
        value = _value(below, roots)
        return isinstance(value, dict) and field in value
    if name in ("all", "exists", "exists_one", "filter", "map"):
        return _over(name, _value(on, roots), args[0][1], args[1], roots)
    values = [_value(arg, roots) for arg in args]
    if name == "size":
        return len(values[0] if on is None else _value(on, roots))
    value = _value(on, roots)
    if not isinstance(value, str):
        raise Wrong(f"{name} of what is no text")
    if name == "matches":
        if any("\ud800" <= char <= "\udfff" for char in value):
            raise Wrong("half a character, of which no pattern can be asked")
        return re2.search(values[0], value) is not None
    found = {"startsWith": value.startswith, "endsWith": value.endswith, "contains": value.__contains__}
    return bool(found[name](values[0]))


def _over(name: str, items: Any, variable: str, body: Any, roots: dict[str, Any]) -> Any:
    if not isinstance(items, list):
        raise Wrong(f"{name} over what is no list")
    inner = [roots | {variable: item} for item in items]
    if name == "map":
        return [_value(body, one) for one in inner]
    if name == "all":
        return all(_truth(body, one) for one in inner)  # left to right, and no further than the answer
    if name == "exists":
        return any(_truth(body, one) for one in inner)
    kept = [item for item, one in zip(items, inner, strict=True) if _truth(body, one)]
    return kept if name == "filter" else len(kept) == 1
