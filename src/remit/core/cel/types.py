"""The types of the condition language, and how a JSON Schema becomes one of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias


@dataclass(frozen=True, slots=True)
class Scalar:
    """A type without parts: bool, int, double, string, null, dyn, or an opaque one such as ip."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list whose elements all have one type."""

    item: Type

    def __str__(self) -> str:
        return "list"


@dataclass(frozen=True, slots=True)
class ObjectOf:
    """An object with exactly the named fields."""

    fields: Mapping[str, Type]
    """Type of each field."""
    required: frozenset[str] = field(default=frozenset())
    """Fields that are always there; the others must be guarded with has()."""

    def __str__(self) -> str:
        return "record"


@dataclass(frozen=True, slots=True)
class AnyOf:
    """What a parameter may be, where a function takes more than one type."""

    options: tuple[Scalar, ...]

    def __str__(self) -> str:
        return " or ".join(map(str, self.options))


Type: TypeAlias = "Scalar | ListOf | ObjectOf | AnyOf"

BOOL: Final = Scalar("bool")
INT: Final = Scalar("int")
DOUBLE: Final = Scalar("double")
STRING: Final = Scalar("string")
NULL: Final = Scalar("null")
DYN: Final = Scalar("dyn")
IP: Final = Scalar("ip")
CIDR: Final = Scalar("cidr")
QUANTITY: Final = Scalar("quantity")
IP_OR_TEXT: Final = AnyOf((STRING, IP))
CIDR_OR_TEXT: Final = AnyOf((STRING, CIDR))
STRINGS: Final = ListOf(STRING)
ITEMS: Final = ListOf(DYN)

NUMBERS: Final = (INT, DOUBLE)

_SIMPLE: Final = {"string": STRING, "number": DOUBLE, "integer": INT, "boolean": BOOL, "null": NULL}
_MAX_DEPTH: Final = 32


def record(**fields: Type) -> ObjectOf:
    """Return a record whose fields are all required.

    >>> sorted(record(scheme=STRING, port=INT).required)
    ['port', 'scheme']
    """
    return ObjectOf(fields, frozenset(fields))


def from_schema(schema: object, depth: int = 0) -> Type:
    """Return the type of the values that *schema*, a JSON Schema, describes; dyn where it does not say.

    >>> str(from_schema({"type": "number"})), str(from_schema({"enum": ["USD", "EUR"]}))
    ('double', 'string')
    >>> from_schema({"oneOf": [{"type": "string"}, {"type": "null"}]}).name
    'dyn'
    """
    if not isinstance(schema, Mapping) or depth > _MAX_DEPTH:
        return DYN
    kind = schema.get("type")
    if kind == "array":
        return ListOf(from_schema(schema.get("items"), depth + 1))
    if kind == "object" and isinstance(schema.get("properties"), Mapping):
        return _record(schema, depth)
    if isinstance(kind, str):
        return _SIMPLE.get(kind, DYN)
    if kind is None and _only_strings(schema):
        return STRING
    return DYN


def _record(schema: Mapping[str, object], depth: int) -> ObjectOf:
    properties = schema["properties"]
    required = schema.get("required", ())
    assert isinstance(properties, Mapping)  # noqa: S101 - from_schema looked
    fields = {str(name): from_schema(part, depth + 1) for name, part in properties.items()}
    always = (
        frozenset(name for name in required if name in fields) if isinstance(required, list | tuple) else ()
    )
    return ObjectOf(fields, frozenset(always))


def _only_strings(schema: Mapping[str, object]) -> bool:
    if "const" in schema:
        return isinstance(schema["const"], str)
    values = schema.get("enum")
    return isinstance(values, list | tuple) and bool(values) and all(isinstance(v, str) for v in values)
