"""Where, and why, it could not be shown that a new envelope only narrows an old one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from remit.core.envelope import Envelope
from remit.core.reader import read_envelope
from remit.core.yamltext import parse


@dataclass(frozen=True, slots=True)
class WiderPlace:
    """One thing that may be wider."""

    path: str
    """Such as `tools.pay.require[ceiling]`."""
    why: str


@dataclass(frozen=True, slots=True)
class Document:
    """An envelope, compiled, beside its `spec` as written: what the compiled form leaves out is compared there."""

    envelope: Envelope
    spec: Mapping[str, Any]


def read_document(text: str, file: str) -> Document:
    """The envelope in *text*, for comparing. Its own tests are not run.

    Raises:
        BadInput: anything that is not exactly as the language says.
    """
    return Document(read_envelope(text, file), parse(text, file).plain()["spec"])


def written(value: Any) -> str:
    """One spelling of a plain value; 1, 1.0 and true are three.

    >>> written({"b": 1, "a": [True]})
    '{"a": [true], "b": 1}'
    """
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def equal(one: Any, other: Any) -> bool:
    """Whether two plain values are the same, types included."""
    return written(one) == written(other)
