"""Google's C++ CEL as a second opinion: `cel-expr-python`, for tests only.

It has no records, so a record is a map. The answers come from an environment that knows no types (`ANSWERS`);
the environment with the schema's types (`TYPED`) is only asked whether it would have refused the text.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from dataclasses import dataclass

import pytest

cel = pytest.importorskip(
    "cel_expr_python.cel", reason="no wheel of cel-expr-python for this platform", exc_type=ImportError
)

_T = cel.Type
_BY_NAME = {
    "integer": _T.INT,
    "number": _T.DOUBLE,
    "string": _T.STRING,
    "boolean": _T.BOOL,
    "null": _T.NULL,
}


_ALL = "all_args"


def _by_field(text: str) -> str:
    """Return *text* for the checker: each argument is a variable of its own there, which `has` does not take."""
    return text.replace("args['s']", "args.s").replace("has(args.", f"has({_ALL}.")


@dataclass(frozen=True)
class Failed:
    """CEL gave no answer: its reason, and whether already its checker refused."""

    reason: str
    refused: bool = False


def typed(schema: object) -> object:
    """Return CEL's type for the values of a JSON Schema; a map of dyn for fields of several types."""
    assert isinstance(schema, Mapping)
    kind = schema.get("type")
    if kind == "array":
        return _T.List(typed(schema["items"]))
    if kind == "object":
        parts = {str(typed(part)): typed(part) for part in schema["properties"].values()}
        return _T.Map(_T.STRING, parts.popitem()[1] if len(parts) == 1 else _T.DYN)
    return _BY_NAME.get(kind, _T.DYN)


class Google:
    """CEL with the roots ``args`` and ``session``.

    Args:
        properties: the schema of the arguments; None knows nothing about them.
    """

    def __init__(self, properties: Mapping[str, object] | None = None) -> None:
        args = _T.Map(_T.STRING, _T.DYN)
        fields = {f"args.{name}": typed(part) for name, part in (properties or {}).items()}
        self._env = cel.NewEnv(variables={"args": args, _ALL: args, "session": _T.DYN, **fields})

    def refuses(self, text: str) -> bool:
        """Whether the checker refuses *text*."""
        try:
            self._env.compile(_by_field(text))
        except RuntimeError:
            return True
        return False

    def kind(self, text: str) -> str:
        """Return the type that the checker gives *text*; DYN where it cannot."""
        try:
            return str(self._env.compile(_by_field(text)).return_type().name())
        except RuntimeError:
            return "DYN"

    def answer(self, text: str, values: Mapping[str, object], *, check: bool = True) -> object:
        """Return what *text* is for these roots, or `Failed`."""
        try:
            expression = self._env.compile(text, disable_check=not check)
        except RuntimeError as error:
            return Failed(str(error).splitlines()[0], refused=True)
        value = expression.eval(data=dict(values))
        plain = value.plain_value()
        for _ in range(_nulls(plain)):
            _TAKE(_NULL)
        return Failed(str(plain)) if value.type().name() == "ERROR" else plain


# Version 0.1.3 gives a None away without taking a reference; a process that was handed many of them aborts.
_TAKE, _NULL = ctypes.pythonapi.Py_IncRef, ctypes.py_object(None)


def _nulls(value: object) -> int:
    if isinstance(value, list | dict):
        return sum(map(_nulls, value.values() if isinstance(value, dict) else value))
    return int(value is None)
