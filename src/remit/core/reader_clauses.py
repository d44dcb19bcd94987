"""What every clause of an envelope shares: id, `on_violation`, `severity`, who approves, and durations."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from remit.core.envelope import Clause
from remit.core.types import OnViolation, Severity, ToolEffect
from remit.core.yamltext import Node

COMMON = ("id", "on_violation", "severity", "message", "accept_risk", "by", "expires", "people")
"""Keys that any clause may have."""

_ID = re.compile(r"[a-z][a-z0-9-]{0,62}\Z")
_DURATION = re.compile(r"([1-9][0-9]{0,6})(ms|s|m|h|d)\Z")
_UNIT_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def duration_s(node: Node) -> float:
    """Seconds of a duration such as `30s`, `15m`, `24h` or `90d`."""
    seconds = seconds_of(node.value) if isinstance(node.value, str) else None
    if seconds is None:
        raise node.error(f"found {node.told}", "write a duration such as 30s, 15m, 24h or 90d")
    return seconds


def seconds_of(text: str) -> float | None:
    """Seconds of a duration as it is written in an envelope; None where it is none.

    >>> seconds_of("15m"), seconds_of("15 m")
    (900.0, None)
    """
    match = _DURATION.match(text)
    return float(int(match[1]) * _UNIT_S[match[2]]) if match is not None else None


def duration(keys: Mapping[str, Node], key: str, default: float) -> float:
    """Seconds of the duration at *key*, or *default*."""
    return duration_s(keys[key]) if key in keys else default


def read_pattern(node: Node) -> Any:
    """The RE2 pattern at *node*, compiled.

    Raises:
        BadInput: RE2 refuses it (look-around, back-references, repeats over 1,000).
    """
    import re2

    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(node.text(), options)
    except re2.error as error:
        told = error.args[0] if error.args else "invalid"
        told = told.decode() if isinstance(told, bytes) else told
        raise node.error(
            f"not an RE2 pattern: {told}", "look-around and back-references do not exist there"
        ) from None


def clause_of(
    owner: str,
    node: Node,
    keys: Mapping[str, Node],
    *,
    default_id: str = "",
    effect: ToolEffect | None = None,
    on_violation: OnViolation = OnViolation.DENY,
    hold: bool = True,
) -> Clause:
    """The shared part of a clause.

    Args:
        owner: the tool (or `outputs`), the first part of the full id.
        node: the clause's node, for errors.
        keys: its keys, already known to be legal.
        default_id: the id where the clause needs none.
        effect: the tool's effect; a flag on a consequential one must accept the risk in words.
        on_violation: what happens where the clause does not say.
        hold: whether the clause can hold (a result that came back cannot).
    """
    short = keys["id"].text() if "id" in keys else default_id
    if not _ID.match(short):
        raise (keys.get("id", node)).error(
            f"found id {short!r}", "write lower-case letters, digits and '-', at most 63, a letter first"
        )
    if "on_violation" in keys:
        on_violation = OnViolation(keys["on_violation"].choice(tuple(OnViolation)))
    if on_violation is OnViolation.HOLD and not hold:
        raise keys["on_violation"].error(
            "found 'hold'", "what came back cannot wait for a person; use deny or flag"
        )
    risk = keys["accept_risk"].text().strip() if "accept_risk" in keys else ""
    if on_violation is OnViolation.FLAG and effect is not None and effect.consequential and not risk:
        raise keys["on_violation"].error(
            f"'flag' on a tool with effect {effect}", 'add accept_risk: "why the call may run all the same"'
        )
    holds = on_violation is OnViolation.HOLD
    for key in ("by", "expires", "people"):
        if key in keys and not holds:
            raise keys[key].error(
                f"'{key}' on a clause that does not hold", "set on_violation: hold, or remove it"
            )
    return Clause(
        id=f"{owner}.{short}",
        on_violation=on_violation,
        severity=Severity(keys["severity"].choice(tuple(Severity)))
        if "severity" in keys
        else Severity.MEDIUM,
        message=keys["message"].text() if "message" in keys else "",
        by=_roles(keys["by"]) if "by" in keys else (),
        expires_s=duration(keys, "expires", 900.0),
        people=int(keys["people"].number(1, integer=True)) if "people" in keys else 1,
        accept_risk=risk,
    )


def _roles(node: Node) -> tuple[str, ...]:
    roles = tuple(item.text().removeprefix("role/") for item in node.items())
    if not roles or not all(roles):
        raise node.error("no role", "name at least one role, or remove 'by' so that any operator may approve")
    return roles
