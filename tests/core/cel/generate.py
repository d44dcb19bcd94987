"""Random conditions over every part of the language, mostly well typed, and random values for them."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

_RECORD = {
    "type": "object",
    "properties": {"q": {"type": "integer"}, "o": {"type": "integer"}},
    "required": ["q"],
}
PROPERTIES: dict[str, dict[str, object]] = {
    **{name: {"type": "integer"} for name in ("n", "m")},
    **{name: {"type": "number"} for name in ("d", "e")},
    **{name: {"type": "string"} for name in ("s", "t")},
    **{name: {"type": "boolean"} for name in ("f", "g")},
    "li": {"type": "array", "items": {"type": "integer"}},
    "ld": {"type": "array", "items": {"type": "number"}},
    "ls": {"type": "array", "items": {"type": "string"}},
    "rs": {"type": "array", "items": _RECORD},
    "rec": _RECORD,
    "nul": {"type": "null"},
    "opt": {"type": "string"},
    "num": {"type": "integer"},
    "lis": {"type": "array", "items": {"type": "integer"}},
    "sub": _RECORD,
}
OPTIONAL = ("opt", "num", "lis", "sub")
SCHEMA = {
    "type": "object",
    "properties": PROPERTIES,
    "required": [name for name in PROPERTIES if name not in OPTIONAL],
}

INTS = (*(0, 1, 1, 1, 2, 2, 3, 3, 4, 7, -1, -3, 255) * 2, 2**31, 2**53, 2**53 + 1, 2**63 - 1, -(2**63))
DOUBLES = ("0.0", "1.0", "2.0", "2.5", "-0.5", "0.1", "1.5e3", "1.0e308", "5.0e-324", "9007199254740992.0")
TEXTS = (
    "''",
    "'a'",
    "'b'",
    '"ab"',
    "'A'",
    "'é'",
    "'\\n'",
    "'it\\'s'",
    "'\\\\'",
    "r'\\d+'",
    "'\U0001f600'",
    "'aab'",
    "'\\t\\r\\\"'",
)
PATTERNS = (
    "'a'",
    "'^a+$'",
    "'^(a|b)*$'",
    "r'\\d'",
    "'(?i)AB'",
    "'.'",
    "'^$'",
    "'[[:alpha:]]{2}'",
    "r'\\pL'",
    "'a('",
    "'(?=a)'",
    "r'\\z'",
    "''",
    "'^.a'",
    "r'(?s)^.$'",
)
STRINGS = ("", "a", "b", "ab", "A", "é", "aab", "\n", "7", "\U0001f600", "it's", "\\")
SCALARS = ("bool", "int", "double", "string")
LISTS = ("list int", "list double", "list string")


class Generator:
    """Makes conditions; the same seed makes the same ones."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.variables: list[tuple[str, str]] = []

    def condition(self) -> str:
        """Return an expression: a truth value two times in three."""
        self.variables = []
        wanted = "bool" if self.random.random() < 0.67 else self.random.choice((*SCALARS, *LISTS))
        return self.of(wanted, self.random.choice((1, 2, 3, 3, 4, 5)))

    def of(self, wanted: str, depth: int) -> str:
        """Return an expression of a type; now and then of another one, since authors slip."""
        if self.random.random() < 0.015:
            wanted = self.random.choice((*SCALARS, *LISTS, "null", "dyn", "list rec", "rec"))
        elif self.random.random() < 0.04:
            return self.dyn(depth)
        local = [name for name, kind in self.variables if kind == wanted]
        if local and self.random.random() < 0.45:
            return self.random.choice(local)
        makers = self.leaves(wanted) if depth <= 0 else (*self.leaves(wanted), *self.parts(wanted, depth - 1))
        return self.random.choice(makers)()

    def pick(self, *texts: str) -> Callable[[], str]:
        return lambda: self.random.choice(texts)

    def leaves(self, wanted: str) -> list[Callable[[], str]]:
        records = [name for name, kind in self.variables if kind == "rec"]
        match wanted:
            case "bool":
                return [self.pick("true", "false", "args.f", "args.g", "has(args.opt)", "has(args.n)")]
            case "int":
                fields = [f"{name}.q" for name in records] * 3
                return [self.pick(str(self.random.choice(INTS)), "args.n", "args.m", "args.rec.q", *fields)]
            case "double":
                return [self.pick(self.random.choice(DOUBLES), "args.d", "args.e")]
            case "string":
                return [self.pick(self.random.choice(TEXTS), "args.s", "args.t", "args['s']")]
            case "null":
                return [self.pick("null", "args.nul")]
            case "list rec":
                return [self.pick("args.rs")]
            case "rec":
                return [self.pick("args.rec", *records)]
            case "dyn":
                return [lambda: self.dyn(0)]
        field = {"list int": "args.li", "list double": "args.ld", "list string": "args.ls"}[wanted]
        return [self.pick(field), lambda: self.literal_list(wanted[5:])]

    def literal_list(self, item: str) -> str:
        if item in {"int", "double"} and self.random.random() < 0.1:
            return f"[{self.random.choice(INTS)}, {self.random.choice(DOUBLES)}]"
        return "[" + ", ".join(self.of(item, 0) for _ in range(self.random.choice((0, 1, 2, 2, 3)))) + "]"

    def parts(self, wanted: str, depth: int) -> list[Callable[[], str]]:
        def of(kind: str) -> str:
            return self.of(kind, depth)

        choice = [lambda: f"({of('bool')} ? {of(wanted)} : {of(wanted)})"]
        if wanted in SCALARS:
            choice.append(
                lambda: f"{of('list ' + wanted)}[{self.index(depth)}]" if wanted != "bool" else of(wanted)
            )
        match wanted:
            case "bool":
                return choice + self.truths(depth)
            case "int":
                return [
                    *choice,
                    *[lambda: f"({of('int')} {self.random.choice('+-*/%')} {of('int')})"] * 2,
                    lambda: f"size({of(self.random.choice(('string', *LISTS, 'list rec')))})",
                    lambda: f"-({of('int')})",
                    lambda: f"args.rs[{self.index(depth)}].q",
                    lambda: f"(has(args.num) ? args.num : {of('int')})",
                ]
            case "double":
                return [
                    *choice,
                    *[lambda: f"({of('double')} {self.random.choice('+-*/')} {of('double')})"] * 2,
                    lambda: f"-({of('double')})",
                    lambda: f"double({of('int')})",
                ]
            case "string":
                return [
                    *choice,
                    lambda: f"({of('string')} + {of('string')})",
                    lambda: f"(has(args.opt) ? args.opt : {of('string')})",
                ]
        if wanted in LISTS:
            return [
                *choice,
                lambda: f"({of(wanted)} + {of(wanted)})",
                lambda: self.macro("filter", wanted, "bool", depth),
                lambda: self.macro("map", self.random.choice((*LISTS, "list rec")), wanted[5:], depth),
            ]
        if wanted == "list rec":
            return [lambda: self.macro("filter", "list rec", "bool", depth), lambda: "(args.rs + args.rs)"]
        return choice if wanted != "rec" else [lambda: f"args.rs[{self.index(depth)}]"]

    def truths(self, depth: int) -> list[Callable[[], str]]:
        def of(kind: str) -> str:
            return self.of(kind, depth)

        def logic() -> str:
            op = self.random.choice(("&&", "||"))
            return "(" + f" {op} ".join(of("bool") for _ in range(self.random.choice((2, 2, 3)))) + ")"

        def order() -> str:
            left = self.random.choice(("int", "double", "string"))
            right = left if left == "string" or self.random.random() < 0.7 else "double"
            return f"({of(left)} {self.random.choice(('<', '<=', '>', '>='))} {of(right)})"

        def equality() -> str:
            kind = self.random.choice((*SCALARS, *LISTS, "dyn", "null", "rec", "list rec"))
            other = "null" if self.random.random() < 0.1 else kind
            return f"({of(kind)} {self.random.choice(('==', '!='))} {of(other)})"

        def guarded() -> str:
            field, test = self.random.choice(
                (
                    ("num", "args.num > 1"),
                    ("opt", "args.opt == 'a'"),
                    ("lis", "args.lis[0] == 1"),
                    ("sub", "args.sub.q < 3"),
                )
            )
            return self.random.choice(
                (f"(has(args.{field}) && {test})", f"(!has(args.{field}) || {test})", test)
            )

        return [
            *[logic] * 3,
            *[order] * 2,
            *[equality] * 2,
            guarded,
            lambda: f"!({of('bool')})",
            lambda: self.membership(depth),
            lambda: (
                f"{of('string')}.{self.random.choice(('startsWith', 'endsWith', 'contains'))}({of('string')})"
            ),
            lambda: f"{of('string')}.matches({self.random.choice(PATTERNS)})",
            *[
                lambda: self.macro(
                    self.random.choice(("all", "exists", "exists_one")), self.collection(), "bool", depth
                )
            ]
            * 3,
            lambda: self.optional_item(depth),
        ]

    def membership(self, depth: int) -> str:
        if self.random.random() < 0.1:
            return self.random.choice(
                ("'num' in args", "'opt' in args && args.opt == 'a'", "'q' in args.rec")
            )
        kind = self.random.choice(("int", "double", "string"))
        return f"({self.of(kind, depth)} in {self.of('list ' + kind, depth)})"

    def optional_item(self, depth: int) -> str:
        test = self.random.choice(("has(w.o) && w.o > 1", "!has(w.o) || w.o == w.q", "w.o == 1"))
        return f"args.rs.{self.random.choice(('all', 'exists', 'exists_one'))}(w, {test})"

    def collection(self) -> str:
        return self.random.choice((*LISTS, "list rec"))

    def index(self, depth: int) -> str:
        return (
            self.of("int", depth - 1)
            if self.random.random() < 0.3
            else self.random.choice(("0", "0", "1", "2", "-1"))
        )

    def macro(self, kind: str, over: str, body: str, depth: int) -> str:
        """Return a macro over a list of type *over*, with a variable of its own."""
        source = self.of(over, depth - 1)
        name = "xyzuvk"[len(self.variables)] if len(self.variables) < 6 else "last"
        self.variables.append((name, over[5:]))
        text = self.of(body, depth)
        self.variables.pop()
        return f"{source}.{kind}({name}, {text})"

    def dyn(self, depth: int) -> str:
        """Return something from the session, of which nobody knows the type."""
        base = f"session.{self.random.choice('aaabbbccclllrrrz')}"
        if depth > 0 and self.random.random() < 0.4:
            return base + self.random.choice((".q", "[0]", "['q']", f"[{self.index(depth)}]"))
        return base

    def values(self) -> dict[str, dict[str, object]]:
        """Return values for the roots; the arguments fit `SCHEMA`."""
        args = {name: self.value(part) for name, part in PROPERTIES.items()}
        for name in OPTIONAL:
            if self.random.random() < 0.5:
                del args[name]
        kinds = (
            {"type": "integer"},
            {"type": "number"},
            {"type": "string"},
            {"type": "boolean"},
            {"type": "null"},
        )
        session = {
            name: self.value(self.random.choice(kinds)) for name in "abc" if self.random.random() < 0.95
        }
        session["l"] = self.value({"type": "array", "items": self.random.choice((*kinds[:4], _RECORD))})
        session["r"] = self.value(_RECORD)
        return {"args": args, "session": session}

    def value(self, schema: dict[str, object]) -> object:
        match schema["type"]:
            case "integer":
                return self.random.choice(INTS)
            case "number":
                return float(self.random.choice(DOUBLES)) * self.random.choice((1, 1, -1))
            case "string":
                return self.random.choice(STRINGS)
            case "boolean":
                return self.random.random() < 0.5
            case "null":
                return None
            case "array":
                items = schema["items"]
                assert isinstance(items, dict)
                return [self.value(items) for _ in range(self.random.choice((0, 1, 2, 2, 3)))]
        record = {"q": self.random.choice(INTS)}
        return record | {"o": self.random.choice(INTS)} if self.random.random() < 0.5 else record
