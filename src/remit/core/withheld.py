"""An alert without anybody's words: what leaves by a route that does not permit content."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from remit.core.alert import Alert
from remit.core.classify.classification import Evidence
from remit.core.types import Json

_NAMED = re.compile(
    "incident|class|severity|kind|state|tool|agent|clause|sources?|pattern|name|version|model|method|test|correction"
    "|change|field|segment|what|integrity|kinds|conclusion|unit|before|after|line|rivals|sha256|hash|digest|window|arm|direction|status"
)
"""Keys of facts whose value names something of ours; any other text may be a quotation."""
_QUOTING = re.compile("values?|excerpt|quote|quotation|text|args|arguments|attempted|span|content")
"""Keys of facts of which not even a number leaves: it may be an argument's value."""
_NAME = re.compile(r"[\w.\[\]:/+-]{1,80}", re.ASCII)
_MARKS = re.compile(r"[\"`“”„«»‹›‘‚]|(?<!\w)['’]|['’](?!\w)")  # noqa: RUF001 - quotation marks of several languages
_CURLED = re.compile("[“”]")
"""The marks in which remit itself quotes."""
_DEPTH = 4


def withheld(alert: Alert) -> Alert:
    """*alert* without arguments, and without what its evidence quotes; statistics and names stay.

    Args:
        alert: its evidence and steps keep their promise: untrusted words stand in quotation marks.
    """
    evidence = tuple(_bare(one) for one in alert.evidence)
    # Steps hold commands, whose arguments stand in the shell's marks and are needed.
    steps = tuple(unquoted(step, _CURLED) for step in alert.steps)
    return replace(alert, attempted={}, evidence=evidence, steps=steps)


def unquoted(told: str, marked: re.Pattern[str] | None = None) -> str:
    """*told* with everything from its first to its last quotation mark left out: a quotation may hold such marks.

    Args:
        told: a sentence.
        marked: what counts as a mark; by default those of several languages.

    >>> unquoted('"pay ACC-7 now" in the result of read_mail explains the call')
    '"…" in the result of read_mail explains the call'
    """
    marks = list((marked or _MARKS).finditer(told))
    if not marks:
        return told
    # A mark without a partner, or a sentence that was cut: the end of the quotation is missing.
    rest = "" if len(marks) % 2 or told.endswith("…") else told[marks[-1].end() :]
    return f'{told[: marks[0].start()]}"…"{rest}'


def _bare(one: Evidence) -> Evidence:
    return replace(one, told=unquoted(one.told), facts=_facts(one.facts, _DEPTH))


def _facts(facts: Mapping[str, Json], depth: int) -> dict[str, Json]:
    found = {
        key: _fact(key, value, depth)
        for key, value in facts.items()
        if _NAME.fullmatch(key) and not _QUOTING.fullmatch(key)
    }
    return {key: value for key, value in found.items() if value is not None}


def _fact(key: str, value: Json, depth: int) -> Json:
    """The value if it quotes nobody, else None."""
    if isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return value if _NAMED.fullmatch(key) and _NAME.fullmatch(value) else None
    if depth and isinstance(value, Mapping):
        return _facts(value, depth - 1) or None
    if depth and isinstance(value, list | tuple):
        return [one for one in (_fact(key, item, depth - 1) for item in value) if one is not None] or None
    return None
