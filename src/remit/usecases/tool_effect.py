"""What running a tool does, guessed with caution from its name and its arguments."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from remit.core.types import ToolEffect
from remit.usecases.tool_hint import ToolHint


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_READS = _set("get list read search find view show describe lookup count fetch retrieve calculate think")
_WRITES = _set("add append create draft edit rename save set tag update write")
_LEAVES = _set(
    "browse download email fax forward http invite mail message notify post publish reply request send share tweet"
    " upload url webhook webpage website"
)
_FINAL = _set(
    "approve book buy cancel charge close delete deploy drop exec execute kill merge move order pay purchase password"
    " refund remove reset revoke run shell sql transfer truncate withdraw"
)
_ADDRESSES = _set("http url webhook webpage website")
TARGETS = _set(
    "account address bcc cc channel destination domain email host iban path phone recipient recipients to uri url user"
    " username"
)
"""Words in the name of an argument that says where something goes."""
_JOINS = _set("and or then")
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")


def effect_of(hint: ToolHint) -> tuple[ToolEffect, str]:
    """A cautious guess of what running a tool does, and the reason.

    >>> effect_of(ToolHint("get_order")), effect_of(ToolHint("frobnicate"))[0].value
    ((<ToolEffect.READ: 'read'>, "its name begins with 'get'"), 'irreversible')
    >>> effect_of(ToolHint("get_and_delete"))[0].value, effect_of(ToolHint("sendMail"))[0].value
    ('irreversible', 'egress')
    """
    return (hint.effect, hint.why) if hint.effect is not None else _guessed(hint)


def _guessed(hint: ToolHint) -> tuple[ToolEffect, str]:
    words = _said(hint)
    first = words[0] if words else ""
    reads = first in _READS or (first == "check" and words[1:2] not in (["in"], ["out"], ["off"]))
    if reads and hint.reads_only is not False and not _does_more(words):
        return _reading(hint, words)
    for known, effect in ((_LEAVES, ToolEffect.EGRESS), (_FINAL, ToolEffect.IRREVERSIBLE)):
        if first in known:
            return effect, f"its name begins with '{first}'"
    for known, effect in ((_FINAL, ToolEffect.IRREVERSIBLE), (_LEAVES, ToolEffect.EGRESS)):
        if found := [word for word in words if word in known]:
            return effect, f"'{found[0]}' in its name"
    if first in _WRITES and hint.destroys:
        return (
            ToolEffect.IRREVERSIBLE,
            f"its name begins with '{first}', and its server says that it destroys",
        )
    if first in _WRITES:
        return ToolEffect.WRITE, f"its name begins with '{first}'"
    claimed = "; its server says that it only reads" if hint.reads_only else ""
    return ToolEffect.IRREVERSIBLE, f"its name does not say what it does{claimed}"


def _said(hint: ToolHint) -> list[str]:
    """The words of a tool's own name, without its server's in front: `show` of `git/git_show`."""
    words = [word.lower() for word in _WORDS.findall(hint.name.rsplit("/", 1)[-1])]
    known = _READS | _WRITES | _LEAVES | _FINAL
    if len(words) > 1 and words[0] not in known and words[0] in words_of(hint.server):
        return words[1:]
    return words


def _does_more(words: Sequence[str]) -> bool:
    """`get_and_delete`: behind the join stands another verb."""
    behind = {after for join, after in pairwise(words) if join in _JOINS}
    return bool(behind & (_WRITES | _LEAVES | _FINAL))


def _reading(hint: ToolHint, words: Sequence[str]) -> tuple[ToolEffect, str]:
    """Reading from an address that the caller gives tells that address's owner everything that stands in it."""
    fields = hint.schema.get("properties", {})
    address = next((name for name in fields if words_of(name) & {"url", "uri"}), None)
    if address is not None:
        return ToolEffect.EGRESS, f"it reads, and its argument '{address}' says where"
    if found := [word for word in words if word in _ADDRESSES]:
        return ToolEffect.EGRESS, f"'{found[0]}' in its name"
    return ToolEffect.READ, f"its name begins with '{words[0]}'"


def words_of(name: str) -> set[str]:
    """The words of a name, in small letters: `sendMail` has two."""
    return {word.lower() for word in _WORDS.findall(name)}
