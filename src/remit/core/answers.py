"""Checks of the agent's final answer: its length, its shape, what it must not contain."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from remit.core.canonical import loads_strict
from remit.core.errors import BadInput
from remit.core.schema import SchemaCheck

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def longest(limit: int) -> Callable[[str], str]:
    """A check that an answer has at most *limit* characters.

    >>> longest(3)("four")
    'found 4 characters, at most 3 are allowed'
    """
    return lambda text: (
        "" if len(text) <= limit else f"found {len(text)} characters, at most {limit} are allowed"
    )


def forbidden(patterns: Sequence[tuple[str, Any]]) -> Callable[[str], str]:
    """A check that no pattern (text, compiled RE2) occurs in an answer. The match itself is not repeated."""

    def check(text: str) -> str:
        if not text.isascii() and _LONE_SURROGATE.search(text):
            return "holds a lone surrogate, which no pattern can be asked about"
        for pattern, compiled in patterns:
            if compiled.search(text) is not None:
                return f"contains what the pattern {pattern!r} forbids"
        return ""

    return check


def shaped(errors: SchemaCheck) -> Callable[[str], str]:
    """A check that an answer is strict JSON that fits a schema."""

    def check(text: str) -> str:
        try:
            value = loads_strict(text)
        except BadInput as error:
            return f"is not strict JSON: {error}"
        return "; ".join(errors(value)[:3])

    return check
