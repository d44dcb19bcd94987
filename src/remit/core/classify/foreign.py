"""Does a customer name somebody else's account, order or record: a value of the shape of their own, and not near it?

A slip of the finger is near one's own value. Somebody else's is not; but neither is one's own that the session does
not know of, so that this tells only together with words for another person, or for speaking in their name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from remit.core.classify.concepts import told
from remit.core.classify.spans import flattened
from remit.core.classify.values import Atom
from remit.core.types import Segment

NEAR = 2
"""Places in which a mistyped value differs."""
MOST_FACTS, MOST_TEXT, LONGEST = 200, 8_000, 64
_FACT = re.compile(r"[^\s,;\"'{}\[\]]{3,64}")
_FIELD = re.compile(r"\"(\w{1,40})\"\s?:\s?\"([^\"\n]{3,64})\"")
SESSION = "session"


def belongs_to_another(
    said: Sequence[Segment], atoms: Sequence[Atom], facts: Sequence[Segment]
) -> frozenset[str]:
    """`others` where the call is about somebody else's value and the customer speaks of that person; `relative` where
    it is one of the family; else nothing."""
    own = list(_own(facts))
    keys = _keys(facts, frozenset(own)) if own else frozenset()
    if not own or not any(_anothers(atom, own, keys) for atom in atoms):
        return frozenset()
    concepts = {c for one in said for word in told(flattened(one.text[:MOST_TEXT])) for c in word}
    if concepts & {"person", "speaks for", "other"}:
        return frozenset({"others"})
    return frozenset({"relative"}) if concepts & {"family"} else frozenset()


def _own(facts: Sequence[Segment]) -> Iterator[str]:
    for segment in facts:
        if segment.source == SESSION:
            yield from (found.lower() for found in _FACT.findall(segment.text[:MOST_TEXT])[:MOST_FACTS])


def _keys(facts: Sequence[Segment], own: frozenset[str]) -> frozenset[str]:
    """The fields under which trusted tools tell of the customer's own values."""
    told = (found for segment in facts for found in _FIELD.findall(segment.text[:MOST_TEXT])[:MOST_FACTS])
    return frozenset(key for key, value in told if value.lower() in own)


def _anothers(atom: Atom, own: Sequence[str], keys: frozenset[str]) -> bool:
    """Whether a value looks like the customer's own, or stands in a field of theirs, and is far from all of them."""
    if not isinstance(atom.value, str) or not 4 <= len(atom.value) <= LONGEST:
        return False
    value = atom.value.lower()
    digits = any(map(str.isdigit, value))
    alike = [fact for fact in own if _shape(fact) == _shape(value)] if digits or atom.path in keys else []
    if atom.path in keys and not digits and not alike:
        return value not in own
    return bool(alike) and all(_differ(fact, value) > NEAR for fact in alike)


def _shape(value: str) -> str:
    """Its length and its marks; letters and digits are one."""
    return "".join("x" if c.isalnum() else c for c in value)


def _differ(one: str, other: str) -> int:
    """Places in which two values of one length differ; two that were swapped count twice."""
    return sum(a != b for a, b in zip(one, other, strict=True))
