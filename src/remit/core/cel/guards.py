"""Which optional fields are known to be present.

The checker carries *facts*: texts of such fields. ``a && b`` reads b knowing what a's truth tells,
``a || b`` knowing what a's falsehood tells, ``a ? b : c`` both. Expressions are pure, so equal text under
equal variables means an equal value, and the text can serve as the key.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from remit.core.cel import nodes as n

ProvenFacts: TypeAlias = "frozenset[str]"
NO_FACTS: Final[ProvenFacts] = frozenset()


def facts_if(truth: bool, node: n.CelNode) -> ProvenFacts:
    """Return the fields known to be present when *node* turned out to be *truth*."""
    if isinstance(node, n.Has):
        return frozenset({key(node.field)}) if truth else NO_FACTS
    if isinstance(node, n.Binary) and node.op == "in" and truth and isinstance(node.left, n.Literal):
        return frozenset({field_key(node.right, str(node.left.value))})
    if isinstance(node, n.Unary) and node.op == "!":
        return facts_if(not truth, node.operand)
    if isinstance(node, n.Logic):
        parts = [facts_if(truth, item) for item in node.items]
        # All parts of a true && are true; of a false && only some unknown one is false. || mirrors it.
        return NO_FACTS.union(*parts) if truth == (node.op == "&&") else parts[0].intersection(*parts[1:])
    if isinstance(node, n.Choice):
        yes = facts_if(True, node.test) | facts_if(truth, node.then)
        no = facts_if(False, node.test) | facts_if(truth, node.otherwise)
        return yes & no
    return NO_FACTS


def key(node: n.CelNode) -> str:
    """Return a text that is equal for equal expressions, whatever their spacing."""
    match node:
        case n.Name(name=name):
            return name
        case n.Literal(value=value):
            return f"{type(value).__name__}:{value!r}"
        case n.Select(base=base, name=name):
            return field_key(base, name)
        case n.Index(base=base, index=n.Literal(value=str() as name)):
            return field_key(base, name)
        case _:
            own = [str(getattr(node, name)) for name in ("name", "op", "kind", "var") if hasattr(node, name)]
            return f"{type(node).__name__}{own}({','.join(key(child) for child in node.children())})"


def field_key(base: n.CelNode, name: str) -> str:
    """Return the text that stands for one field: ``args['a']`` and ``args.a`` are one thing."""
    return f"{key(base)}.{name}" if name.isidentifier() else f"{key(base)}[{name!r}]"
