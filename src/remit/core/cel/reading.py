"""Reading values: each is checked against its static type, in one function per kind of type for speed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from remit.core.cel.errors import ConditionError
from remit.core.cel.operators import finite, kind
from remit.core.cel.steps import Closure, Env
from remit.core.cel.types import BOOL, DOUBLE, INT, NULL, STRING, ListOf, Scalar, Type

_CLASSES: Final[dict[Scalar, type]] = {STRING: str, BOOL: bool, INT: int, NULL: type(None)}


def narrowing(wanted: Type, label: str) -> Callable[[Any], Any] | None:
    """Return a function that checks a value to be of type *wanted*; None where nothing is to check."""
    if wanted == DOUBLE:
        return lambda value: _double(value, label)
    exact = _class_of(wanted)
    if exact is None:
        return None

    def check(value: Any) -> Any:
        if type(value) is exact:
            return value
        raise ConditionError(f"{label}: {wanted} expected, got {kind(value)}")

    return check


def _class_of(wanted: Type) -> type | None:
    """Return the one class of values of this type; None where there are several, or nothing to check."""
    if isinstance(wanted, ListOf):
        return list
    return _CLASSES.get(wanted) if isinstance(wanted, Scalar) else None


def narrowed(closure: Closure, wanted: Type, label: str) -> Closure:
    check = narrowing(wanted, label)
    return closure if check is None else lambda env: check(closure(env))


def _double(value: Any, label: str) -> float:
    # A schema's number may hold an int; whoever reads it gets a double.
    if type(value) is float:
        return finite(value)
    if type(value) is int:
        return float(value)
    raise ConditionError(f"{label}: double expected, got {kind(value)}")


def _missing(label: str) -> ConditionError:
    return ConditionError(f"{label} is missing")


def field(base: Closure, name: str, wanted: Type, label: str) -> Closure:
    """Read a field and check its type, in one function per kind of type, since every condition does this."""
    exact = _class_of(wanted)
    if wanted == DOUBLE:

        def double(env: Env) -> float:
            try:
                value = base(env)[name]
            except (KeyError, TypeError):
                raise _missing(label) from None
            return value if type(value) is float and value - value == 0.0 else _double(value, label)

        return double
    if exact is not None:

        def typed(env: Env) -> Any:
            try:
                value = base(env)[name]
            except (KeyError, TypeError):
                raise _missing(label) from None
            if type(value) is exact:
                return value
            raise ConditionError(f"{label}: {wanted} expected, got {kind(value)}")

        return typed

    def untyped(env: Env) -> Any:
        try:
            return base(env)[name]
        except (KeyError, TypeError):
            raise _missing(label) from None

    return untyped
