"""Fields of a record by name, as `--where`, `--arm-by` and `--task-by` ask for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from remit.core.errors import BadInput
from remit.core.types import Json

NOWHERE = object()
MISSING = "none"
"""How a field reads that a record does not have, while others have it."""
_WORDS = {True: "true", False: "false", None: MISSING}


def found_in(fields: Mapping[str, Json], key: str) -> object:
    """The value at *key*, or `NOWHERE`; a dotted key reads below, and what stands in `meta` counts as top-level."""
    if key in fields:
        return fields[key]
    meta = fields.get("meta")
    inner: Mapping[str, Json] = meta if isinstance(meta, dict) else {}
    if key in inner:
        return inner[key]
    if "." not in key:
        return NOWHERE
    below = _below(fields, key)
    return _below(inner, key) if below is NOWHERE else below


def _below(fields: Mapping[str, Json], key: str) -> object:
    here: object = fields
    for part in key.split("."):
        if not isinstance(here, dict) or part not in here:
            return NOWHERE
        here = here[part]
    return here


def as_word(value: object) -> str:
    """A value as it is compared and named: as text, true and false as in JSON."""
    if value is NOWHERE or value is None or isinstance(value, bool):
        return _WORDS[None if value is NOWHERE else value]  # type: ignore[index]
    return str(value)


@dataclass
class FieldNames:
    """Names that were asked for, and which of them any record had."""

    option: str
    """As it is named in errors."""
    keys: tuple[str, ...]
    seen: set[str] = field(default_factory=set)

    def of(self, fields: Mapping[str, Json]) -> tuple[str, ...]:
        """The words at these keys, in order."""
        return tuple(self._word(fields, key) for key in self.keys)

    def _word(self, fields: Mapping[str, Json], key: str) -> str:
        value = found_in(fields, key)
        if value is not NOWHERE:
            self.seen.add(key)
        return as_word(value)

    def check(self, known: Iterable[str]) -> None:
        """Refuse a name that no record had.

        Raises:
            BadInput: with names that some record has.
        """
        for key in self.keys:
            if key not in self.seen:
                names = ", ".join(sorted(known)[:20])
                raise BadInput(
                    self.option, f"no record has a field {key!r}", f"known: {names}" if names else ""
                )
