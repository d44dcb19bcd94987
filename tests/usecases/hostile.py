"""Texts that an attacker would choose, and every text of a report replaced by one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import Any

from remit.core.trial.report import Report

HOSTILE = (
    "<script>alert(1)</script>",
    "</title></svg></style></desc><img src=x onerror=alert(1)>",
    '"><a href="https://evil.example/?q=1">x</a>',
    "' onmouseover='alert(1)' style='position:fixed'",
    "]]><!-- --><!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>&e;&#0;",
    "\x1b[2J\x1b]8;;https://evil.example\x07click\x1b]8;;\x07\x00\x08\x7f\x9b31m",
    "\u202egnp.exe\u2066\u200b\u2028\u2029\ufeff\u00ad",
    "\ud800 half a pair \udfff",
    "\ufffe\uffff\U000e0041\U0010ffff",
    "| a | ``` ` ![x](https://evil.example/p.png) <img src=https://evil.example> @everyone #1 $x$ www.evil.example",
    "\n\n# heading\n\n- [ ] list\n\n[a]: https://evil.example\n\n<details>",
    "javascript:alert(1)//http://evil.example",
    "Z" + "\u0301" * 3_000,
    "x" * 200_000,
    "",
    " \t\r\n ",
)


def told_by(text: str, report: Report) -> Report:
    """*report* with *text* wherever a stranger's text stands; keys of arms change alike."""
    changed: Report = _put(text, report)
    arms = tuple(f"{text}{at}" for at in range(len(report.arms)))
    named = dict(zip(report.arms, arms, strict=True))
    return replace(
        changed,
        arms=arms,
        counts={named[arm]: value for arm, value in report.counts.items()},
        estimates={named[arm]: value for arm, value in changed.estimates.items()},
        latencies={named[arm]: value for arm, value in report.latencies.items()},
    )


_KEPT = {"name", "metric", "unit"}
"""Names that this program gives: `pass^k`, `latency p95`."""


def _put(text: str, value: Any) -> Any:
    if isinstance(value, Enum) or value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return text
    if is_dataclass(value) and not isinstance(value, type):
        told = {one.name: getattr(value, one.name) for one in fields(value)}
        return replace(value, **{key: one if key in _KEPT else _put(text, one) for key, one in told.items()})
    if isinstance(value, Mapping):
        return {key: _put(text, one) for key, one in value.items()}
    return type(value)(_put(text, one) for one in value)
