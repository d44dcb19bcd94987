"""What a condition reads, for lint and for people: ``args.amount``, or ``args.items[].qty`` in a list."""

from __future__ import annotations

from collections.abc import Mapping

from remit.core.cel import nodes as n


def reads(tree: n.CelNode) -> tuple[str, ...]:
    """Return the paths that *tree* reads, in the order of the text."""
    found: dict[str, None] = {}
    _collect(tree, {}, found)
    return tuple(found)


def _collect(
    node: n.CelNode, origins: Mapping[str, str | None], found: dict[str, None], inner: bool = False
) -> str | None:
    """Note the paths that *node* reads; return its own path, or None if it is not a part of a root."""
    if isinstance(node, n.Has):
        _collect(node.field, origins, found)
        return None
    if isinstance(node, n.Macro):
        over = _collect(node.over, origins, found)
        item = None if over is None else over + "[]"
        _collect(node.body, {**origins, node.var: item}, found)
        return over if node.kind == "filter" else None
    path: str | None = None
    if isinstance(node, n.Name):
        path = origins.get(node.name, node.name)
    elif isinstance(node, n.Select | n.Index):
        base = _collect(node.base, origins, found, inner=True)
        path = None if base is None else base + _step(node)
        if isinstance(node, n.Index):
            _collect(node.index, origins, found)
    else:
        for child in node.children():
            _collect(child, origins, found)
    if path is not None and not inner:
        found[path] = None
    return path


def _step(node: n.Select | n.Index) -> str:
    if isinstance(node, n.Select):
        return "." + node.name
    if isinstance(node.index, n.Literal) and isinstance(node.index.value, str):
        return "." + node.index.value
    return "[]"
