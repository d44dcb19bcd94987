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
    for base in (fields, fields.get("meta")):
        here: object = base
        for part in [key] if isinstance(base, Mapping) and key in base else key.split("."):
            here = here[part] if isinstance(here, Mapping) and part in here else NOWHERE
            if here is NOWHERE:
                break
        if here is not NOWHERE:
            return here
    return NOWHERE


def as_word(value: object) -> str:
    """A value as it is compared and named: as text, true and false as in JSON."""
    if value is NOWHERE or value is None or isinstance(value, bool):
        return _WORDS[None if value is NOWHERE else value]  # type: ignore[index]
    return str(value)


@dataclass
class Asked:
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
