"""Why remit refuses where CEL answers: each case is one of the documented reasons, or it is a defect.

Nothing here believes remit. A reason counts only when CEL itself bears it out: the part that was reached is an
error for CEL, CEL sees operands of unlike types, CEL's own checker refuses the text once it knows the types.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isfinite

from remit.core.cel import DYN, ConditionError, Type, compile_condition
from remit.core.cel import nodes as n
from remit.core.cel.parser import parse
from remit.core.errors import BadInput

from .google import Failed, Google

ABSORBED = "1 no error absorption"
UNLIKE = "2 unlike types are not compared"
UNGUARDED = "3 an optional field is guarded"
LEFT_OUT = "left out of the language"
KINDS = {
    type(None): "null",
    bool: "bool",
    int: "number",
    float: "number",
    str: "string",
    list: "list",
    dict: "map",
}

Roots = Mapping[str, object]


@dataclass(frozen=True)
class Stricter:
    """We have no answer: `refusal` is set when that was said while loading."""

    refusal: BadInput | None = None


def ours(text: str, env: Mapping[str, Type], roots: Roots) -> object:
    """Return remit's answer, or `Stricter`."""
    try:
        condition = compile_condition(text, env, where="w", result=DYN)
    except BadInput as error:
        return Stricter(error)
    try:
        return condition.evaluate(roots)
    except ConditionError:
        return Stricter()


def same(left: object, right: object) -> bool:
    """Whether two answers are one: equal, part for part, and of the same type."""
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[name], right[name]) for name in left)
    return type(left) is type(right) and left == right


class Walk:
    """Goes through a condition as remit does, left to right, with every value taken from CEL."""

    def __init__(self, text: str, google: Google) -> None:
        self.text = text
        self.google = google
        self.variables: dict[str, object] = {}

    def source(self, node: n.CelNode) -> str:
        return self.text[node.start : node.end]

    def value(self, node: n.CelNode, roots: Roots) -> object:
        return self.google.answer(self.source(node), {**roots, **self.variables}, check=False)

    def reason(self, node: n.CelNode, roots: Roots) -> str | None:
        """Return why remit has no answer to *node*; None when it should have CEL's."""
        found = self.inside(node, roots)
        if found is not None:
            return found
        value = self.value(node, roots)
        if isinstance(value, Failed):
            return ABSORBED
        if isinstance(node, n.Logic | n.Macro | n.Choice):
            return None
        return LEFT_OUT if isinstance(value, float) and not isfinite(value) else None

    def inside(self, node: n.CelNode, roots: Roots) -> str | None:
        if isinstance(node, n.Logic):
            return self.logic(node, roots)
        if isinstance(node, n.Choice):
            return self.choice(node, roots)
        if isinstance(node, n.Macro):
            return self.macro(node, roots)
        if isinstance(node, n.Has):
            return self.reason(node.field.base, roots)
        for child in node.children():
            if found := self.reason(child, roots):
                return found
        return self.operands(node, [self.value(child, roots) for child in node.children()])

    def logic(self, node: n.Logic, roots: Roots) -> str | None:
        for item in node.items:
            if found := self.reason(item, roots):
                return found
            value = self.value(item, roots)
            if not isinstance(value, bool):
                return UNLIKE
            if value is (node.op == "||"):
                return None
        return None

    def choice(self, node: n.Choice, roots: Roots) -> str | None:
        if found := self.reason(node.test, roots):
            return found
        return self.reason(node.then if self.value(node.test, roots) is True else node.otherwise, roots)

    def macro(self, node: n.Macro, roots: Roots) -> str | None:
        if found := self.reason(node.over, roots):
            return found
        items = self.value(node.over, roots)
        if not isinstance(items, list):
            return LEFT_OUT
        for item in items:
            self.variables[node.var] = item
            if found := self.reason(node.body, roots):
                return found
            if node.kind != "map" and not isinstance(self.value(node.body, roots), bool):
                return UNLIKE
        self.variables.pop(node.var, None)
        return None

    def operands(self, node: n.CelNode, values: list[object]) -> str | None:
        """Judge the operands of an operator, which CEL has values for."""
        kinds = [KINDS[type(value)] for value in values]
        match node:
            case n.Binary(op="==" | "!=") if kinds[0] != kinds[1] and "null" not in kinds:
                return UNLIKE
            case n.Binary(op="in") if kinds[1] == "map" and kinds[0] != "string":
                return UNLIKE
            case n.Binary(op="in") if kinds[1] == "list":
                return LEFT_OUT if any(_rounds(values[0], item) for item in values[1]) else None
            case n.Binary(op="==" | "!=" | "<" | "<=" | ">" | ">=") if _rounds(*values):
                return LEFT_OUT
            case n.Binary(op="<" | "<=" | ">" | ">="):
                return LEFT_OUT if kinds == ["bool", "bool"] else None
            case n.Call(name="double") if type(values[0]) is not int:
                return LEFT_OUT
            case n.Index() if kinds[0] == "list" and isinstance(values[1], float):
                return LEFT_OUT
            case n.Index() if kinds[0] == "map" and kinds[1] != "string":
                return UNLIKE
        return None


def _rounds(left: object, right: object) -> bool:
    """Whether a double stands beside an int that no double holds."""
    if isinstance(left, list) and isinstance(right, list):
        return any(map(_rounds, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return any(_rounds(left[name], right[name]) for name in left.keys() & right.keys())
    return {type(left), type(right)} == {int, float} and max(abs(left), abs(right)) > 2**53


class Judge:
    """Compares remit with CEL over one set of types.

    Args:
        env: the types that remit is told.
        relaxed: the same with every field required.
        typed: CEL with the same types; None when remit is told none.
    """

    def __init__(self, env: Mapping[str, Type], relaxed: Mapping[str, Type], typed: Google | None) -> None:
        self.env = env
        self.relaxed = relaxed
        self.typed = typed
        self.plain = Google()

    def verdict(self, text: str, roots: Roots, for_us: Roots | None = None) -> str:
        """Return ``equal``, ``both refuse`` or a reason; anything that begins with ``DEFECT`` is one.

        Args:
            text: the condition.
            roots: the values.
            for_us: the same values as remit may meet them, such as 2 for a number.
        """
        answer = ours(text, self.env, for_us or roots)
        theirs = self.plain.answer(text, roots)
        lenient = isinstance(theirs, Failed) and theirs.refused
        if lenient:
            theirs = self.plain.answer(text, roots, check=False)
        if not isinstance(answer, Stricter):
            equal = "equal, CEL's checker is stricter" if lenient else "equal"
            agree = same(answer, theirs) if for_us is None else answer == theirs
            return equal if agree else f"DEFECT: {answer!r}, CEL says {theirs!r}"
        if isinstance(theirs, Failed) or lenient:
            return "both refuse"
        if isinstance(theirs, float) and not isfinite(theirs):
            return LEFT_OUT
        return self.explain(text, roots, answer) or f"DEFECT: {answer}, CEL says {theirs!r}"

    def explain(self, text: str, roots: Roots, answer: Stricter) -> str | None:
        if answer.refusal is None:
            return Walk(text, self.plain).reason(parse(text), roots)
        if "may be missing" in str(answer.refusal):
            return UNGUARDED if self.needs_only_guards(text) else None
        return self.refusal(text, roots, str(answer.refusal))

    def needs_only_guards(self, text: str) -> bool:
        """Whether the text loads once every field is required, or is refused for another reason then."""
        again = ours(text, self.relaxed, {})
        return not (isinstance(again, Stricter) and again.refusal and "may be missing" in str(again.refusal))

    def refusal(self, text: str, roots: Roots, message: str) -> str | None:
        if self.typed is not None and self.typed.refuses(text):
            return UNLIKE
        pos = int(message.rpartition("(at ")[2].partition(")")[0])
        google = self.typed or self.plain
        for says, agreed in _VISIBLE.items():
            if says in message:
                return agreed(Place(_at(parse(text), pos), pos, Walk(text, self.plain), google), roots)
        return None


@dataclass(frozen=True)
class Place:
    """Where remit refused a text: the nodes around it, the outermost first."""

    nodes: list[n.CelNode]
    pos: int
    walk: Walk
    google: Google

    def kind(self, node: n.CelNode) -> str:
        """Return the type that CEL's checker sees; DYN when it depends on a macro's variable."""
        return self.google.kind(self.walk.source(node))


def _at(tree: n.CelNode, pos: int) -> list[n.CelNode]:
    inside = [node for child in tree.children() if child.start <= pos < child.end for node in _at(child, pos)]
    return [tree, *inside]


def _never_answers(place: Place, roots: Roots) -> str | None:
    part = next(node for node in reversed(place.nodes) if isinstance(node, n.Index | n.Call | n.Binary))
    return ABSORBED if isinstance(place.walk.value(part, roots), Failed) else None


def _unlike_parts(place: Place, _: Roots) -> str | None:
    lists = [node for node in place.nodes if isinstance(node, n.Items)]
    items = next(node.items for node in lists if place.pos in [item.pos for item in node.items])
    return UNLIKE if len({place.kind(item) for item in items}) > 1 else None


def _over_a_record(place: Place, _: Roots) -> str | None:
    part = next(node for node in reversed(place.nodes) if isinstance(node, n.Macro | n.Call))
    kind = place.kind(part.children()[0])
    return LEFT_OUT if "MAP" in kind or kind == "DYN" else None


def _in_a_record(place: Place, _: Roots) -> str | None:
    search = next(node for node in reversed(place.nodes) if isinstance(node, n.Binary) and node.op == "in")
    return LEFT_OUT if "MAP" in place.kind(search.right) or place.kind(search.right) == "DYN" else None


def _order(place: Place, roots: Roots) -> str | None:
    order = next(node for node in place.nodes if isinstance(node, n.Binary) and node.pos == place.pos)
    if "BOOL" in map(place.kind, order.children()):
        return LEFT_OUT
    return ABSORBED if isinstance(place.walk.value(order, roots), Failed) else None


def _conversion(place: Place, _: Roots) -> str | None:
    call = next(node for node in reversed(place.nodes) if isinstance(node, n.Call))
    return LEFT_OUT if call.name == "double" and place.kind(call.args[0]) != "INT" else None


_VISIBLE: dict[str, Callable[[Place, Roots], str | None]] = {
    "negative index": _never_answers,
    "bad pattern": _never_answers,
    "an index is int or string": _never_answers,
    "list expected, got record": _over_a_record,
    "a list of ": _unlike_parts,
    "cannot compare": _order,
    "no operation": _never_answers,
    "cannot look for a value in a record": _in_a_record,
    "int expected": _conversion,
}
"""What already the text shows to go wrong, and how CEL agrees."""
