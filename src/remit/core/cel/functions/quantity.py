"""Exact quantities: decimal numbers with or without a unit, as Kubernetes writes them, and sums of money as text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from remit.core.cel.errors import ConditionError

_MAX_TEXT: Final = 64
_NANO: Final = 10**9
_MOST: Final = (2**63 - 1) * _NANO
_SHAPE: Final = re.compile(
    r"(?P<sign>-?)(?P<whole>0|[1-9][0-9]*)(?:\.(?P<part>[0-9]+))?"
    r"(?:(?P<unit>[numkMGTPE]|[KMGTPE]i)|[eE](?P<exponent>-?[0-9]{1,2}))?"
)
_POWERS: Final = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY: Final = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}


@dataclass(frozen=True, slots=True)
class Quantity:
    """An exact number; equal numbers are equal however they were written."""

    nanos: int
    """Billionths."""

    def __str__(self) -> str:
        whole, part = divmod(abs(self.nanos), _NANO)
        digits = f"{whole}.{part:09}".rstrip("0").rstrip(".")
        return "-" + digits if self.nanos < 0 else digits


def quantity(text: str) -> Quantity:
    """An exact number with an optional unit: ``12.50``, ``1.5Gi``, ``100m``, ``2e3``.

    Units are n, u, m, k, M, G, T, P, E (powers of 1000) and Ki, Mi, Gi, Ti, Pi, Ei (powers of 1024); ``1E`` is
    a unit, ``1E3`` an exponent. Refused are a plus sign, leading zeros, a point without digits on both sides,
    white space, separators, digits other than 0-9, more than 64 characters, anything finer than a billionth
    and anything beyond 2^63 - 1.

    >>> str(quantity("1.5Gi")), str(quantity("100m")), quantity("12.50") == quantity("12.5")
    ('1610612736', '0.1', True)
    """
    if len(text) > _MAX_TEXT:
        raise ConditionError(f"quantity: longer than {_MAX_TEXT} characters")
    return _quantity(text)


@lru_cache(maxsize=4096)
def _quantity(text: str) -> Quantity:
    found = _SHAPE.fullmatch(text)
    if found is None:
        raise ConditionError("quantity: not a number such as 12.50, 1.5Gi or 100m")
    part, unit = found["part"] or "", found["unit"] or ""
    power = 9 + int(found["exponent"] or 0) + _POWERS.get(unit, 0) - len(part)
    digits = int(found["whole"] + part) << _BINARY.get(unit, 0)
    nanos, rest = (digits * 10**power, 0) if power >= 0 else divmod(digits, 10**-power)
    if rest:
        raise ConditionError("quantity: finer than a billionth")
    return _limited(-nanos if found["sign"] else nanos)


def is_quantity(text: str) -> bool:
    """Whether `quantity` reads the text.

    >>> is_quantity("1.5Gi"), is_quantity("1,5"), is_quantity("NaN")
    (True, False, False)
    """
    try:
        quantity(text)
    except ConditionError:
        return False
    return True


def is_greater_than(one: Quantity, other: Quantity) -> bool:
    """Whether the first is more than the second.

    >>> is_greater_than(quantity("1Gi"), quantity("1G"))
    True
    """
    return one.nanos > other.nanos


def is_less_than(one: Quantity, other: Quantity) -> bool:
    """Whether the first is less than the second.

    >>> is_less_than(quantity("99.99"), quantity("100"))
    True
    """
    return one.nanos < other.nanos


def compare_to(one: Quantity, other: Quantity) -> int:
    """-1, 0 or 1, as the first is less than, equal to or more than the second.

    >>> compare_to(quantity("1"), quantity("1000m"))
    0
    """
    return (one.nanos > other.nanos) - (one.nanos < other.nanos)


def add(one: Quantity, other: Quantity) -> Quantity:
    """The exact sum.

    >>> str(add(quantity("0.1"), quantity("0.2")))
    '0.3'
    """
    return _limited(one.nanos + other.nanos)


def sub(one: Quantity, other: Quantity) -> Quantity:
    """The exact difference.

    >>> str(sub(quantity("1"), quantity("0.01")))
    '0.99'
    """
    return _limited(one.nanos - other.nanos)


def is_integer(one: Quantity) -> bool:
    """Whether it is a whole number.

    >>> is_integer(quantity("1.5k")), is_integer(quantity("1.5"))
    (True, False)
    """
    return one.nanos % _NANO == 0


def as_integer(one: Quantity) -> int:
    """The whole number; an error where it has a fraction.

    >>> as_integer(quantity("1.5k"))
    1500
    """
    whole, part = divmod(one.nanos, _NANO)
    if part:
        raise ConditionError("asInteger: not a whole number")
    return whole


def as_approximate_float(one: Quantity) -> float:
    """The nearest double.

    >>> as_approximate_float(quantity("12.50"))
    12.5
    """
    return one.nanos / _NANO


def sign(one: Quantity) -> int:
    """-1, 0 or 1.

    >>> sign(quantity("-0.01")), sign(quantity("-0"))
    (-1, 0)
    """
    return (one.nanos > 0) - (one.nanos < 0)


def _limited(nanos: int) -> Quantity:
    if not -_MOST <= nanos <= _MOST:
        raise ConditionError("quantity: beyond 2^63 - 1")
    return Quantity(nanos)
