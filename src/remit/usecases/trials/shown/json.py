"""A report as one JSON object: the verdict with its exit code and its sentences, then the report, field by field."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Final

import msgspec

from remit.core.trial.report import Report

FORMAT: Final = "remit.trial-report/v1"
_FIRST: Final = ("verdict", "exit_code", "sentence", "would_change")


def document(report: Report) -> bytes:
    """The object on one line, its fields always in the same order; a number that is none stands as null."""
    try:
        return _encoded(report)
    except UnicodeEncodeError:  # half of a surrogate pair, in a text that an agent made
        return msgspec.json.encode(_paired(msgspec.to_builtins(_told(report)))) + b"\n"


def _encoded(report: Report) -> bytes:
    return msgspec.json.encode(_told(report)) + b"\n"


def _told(report: Report) -> dict[str, Any]:
    told: dict[str, Any] = {"format": FORMAT, **dict.fromkeys(_FIRST)}
    told |= {field.name: getattr(report, field.name) for field in fields(report)}
    return told | {"exit_code": report.verdict.exit_code}


def _paired(value: Any) -> Any:
    """*value* without halves of surrogate pairs, which no encoding has."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_paired(key): _paired(one) for key, one in value.items()}
    return [_paired(one) for one in value] if isinstance(value, list | tuple) else value
