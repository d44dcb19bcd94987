"""Arithmetic and equality as CEL has them, where plain Python differs or repairs.

Integers have 64 bits and division truncates; doubles stay finite; bool is not a number; int and double mix
in comparisons only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from remit.core.cel.errors import ConditionError

_MIN: Final = -(2**63)
_MAX: Final = 2**63 - 1
EXACT: Final = 2**53
"""Up to here every int has a double of its own."""
_INFINITY: Final = float("inf")
_KINDS: Final = {
    type(None): "null",
    bool: "bool",
    int: "int",
    float: "double",
    str: "string",
    list: "list",
    dict: "record",
}

Charge = Callable[[int], None]
"""Takes steps from the budget of the running evaluation."""


def kind(value: object) -> str:
    """Return the name of a value's type."""
    return _KINDS.get(type(value), type(value).__name__)


def whole(value: int) -> int:
    """Return *value*, an error beyond 64 bits."""
    if _MIN <= value <= _MAX:
        return value
    raise ConditionError("integer overflow")


def finite(value: float) -> float:
    """Return *value*, an error for infinity and NaN."""
    if -_INFINITY < value < _INFINITY:
        return value
    raise ConditionError("the result is not a finite number")


def _int_divide(left: int, right: int) -> int:
    if right == 0:
        raise ConditionError("division by zero")
    quotient = abs(left) // abs(right)
    return whole(quotient if (left < 0) == (right < 0) else -quotient)


def _int_modulo(left: int, right: int) -> int:
    if right == 0:
        raise ConditionError("modulo by zero")
    if right == -1:
        whole(-left)  # CEL computes the quotient, too, and that may leave the 64 bits
    rest = abs(left) % abs(right)
    return -rest if left < 0 else rest


def _double_divide(left: float, right: float) -> float:
    if right == 0:
        raise ConditionError("division by zero")
    return finite(left / right)


INT_OPS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "+": lambda a, b: whole(a + b),
    "-": lambda a, b: whole(a - b),
    "*": lambda a, b: whole(a * b),
    "/": _int_divide,
    "%": _int_modulo,
}
DOUBLE_OPS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "+": lambda a, b: finite(a + b),
    "-": lambda a, b: finite(a - b),
    "*": lambda a, b: finite(a * b),
    "/": _double_divide,
}


def arithmetic(op: str, left: object, right: object) -> object:
    """Do arithmetic on values whose types only show at run time."""
    if type(left) is type(right):
        if type(left) is int:
            return INT_OPS[op](left, right)
        if type(left) is float and op in DOUBLE_OPS:
            return DOUBLE_OPS[op](left, right)
        if op == "+" and type(left) in (str, list):
            return left + right  # type: ignore[operator]
    raise ConditionError(f"no operation {kind(left)} {op} {kind(right)}")


def negative(value: object) -> int | float:
    """Return the negated number."""
    if type(value) is int:
        return whole(-value)
    if type(value) is float:
        return -value
    raise ConditionError(f"number expected, got {kind(value)}")


def comparable(left: object, right: object, op: str) -> None:
    """Refuse to order values that are not two numbers or two strings."""
    numbers = type(left) in (int, float) and type(right) in (int, float)
    if not numbers and not (type(left) is str and type(right) is str):
        raise ConditionError(f"cannot compare {kind(left)} {op} {kind(right)}")
    if left != left or right != right:  # noqa: PLR0124 - NaN
        raise ConditionError("NaN cannot be compared")
    exact(left, right)


def exact(left: object, right: object) -> None:
    """Refuse an int that no double holds beside a double: the specification compares exactly, Google rounds."""
    for one, other in ((left, right), (right, left)):
        if type(one) is int and type(other) is float and not -EXACT <= one <= EXACT:
            raise ConditionError("an int beyond 2^53 is compared with a double")


def equal(left: object, right: object, charge: Charge) -> bool:
    """Compare two values deeply; unlike types are unequal, but 1 equals 1.0, as in CEL."""
    if isinstance(left, list) and isinstance(right, list):
        charge(len(left) + 1)
        return len(left) == len(right) and all(equal(a, b, charge) for a, b in zip(left, right, strict=True))
    if isinstance(left, dict) and isinstance(right, dict):
        charge(len(left) + 1)
        return left.keys() == right.keys() and all(
            equal(value, right[name], charge) for name, value in left.items()
        )
    if type(left) in (int, float) and type(right) in (int, float):
        exact(left, right)
        return left == right
    return type(left) is type(right) and left == right


def equal_top(left: object, right: object, charge: Charge) -> bool:
    """Compare two values; unlike types are an error, except that anything may be compared with null."""
    if left is None or right is None:
        return left is right
    numbers = type(left) in (int, float) and type(right) in (int, float)
    if not numbers and type(left) is not type(right):
        raise ConditionError(f"cannot compare {kind(left)} == {kind(right)}")
    return equal(left, right, charge)
