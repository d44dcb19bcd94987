"""Secrets in captured text become stable tokens before anything is written.

Equal secrets get equal tokens within one store, so that replay and provenance still match: `[secret:github:5f0c21d9e4]`.
The token is keyed; without the store's key it says nothing about the secret. Patterns find known formats; they are
no promise about secrets that look like ordinary text.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from remit.core.types import Json

_BEGIN, _END = (rf"-----{word} [A-Z0-9 ]{{0,30}}PRIVATE KEY-----" for word in ("BEGIN", "END"))
FAMILIES: tuple[tuple[str, str], ...] = (
    ("pem", rf"{_BEGIN}(?:[A-Za-z0-9+/=\s\\:,-]+?{_END}|(?:(?:\s|\\[nr])*[A-Za-z0-9+/=]{{40,}})+)"),
    ("aws", r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    ("jwt", r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"),
    ("github", r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{50,})"),
    ("key", r"\bsk-[A-Za-z0-9_-]{20,}"),
    ("slack", r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}"),
    ("google", r"\bAIza[A-Za-z0-9_-]{35}"),
    ("bearer", r"(?i:\bbearer\s+)[A-Za-z0-9._~+/-]{16,}=*"),
    ("url", r"\b[a-z][a-z0-9+.-]{1,20}://[^\s:@/]*:[^\s@/]+@"),
)
"""Known formats: (family, RE2 pattern); the first that matches at a place wins."""

_NAMED = (
    r"(?i:(?:password|passwd|passphrase|secret|api[_-]?key|access[_-]?token|auth[_-]?token|private[_-]?key))"
)
_OWN = r"\[secret:[a-z]+:[0-9a-f]{10}\]"
_ASSIGNED = rf"(?:{_OWN})|{_NAMED}" + r"""\\*["']?\s*[=:]\s*\\*["']?([^\s"'\\,;]{6,})"""
_SECRET_NAMES = (
    "password",
    "passwd",
    "passphrase",
    "secret",
    "apikey",
    "accesstoken",
    "authtoken",
    "privatekey",
)
"""Endings of the names of fields whose values are secret, without `_` and `-`."""
_LEAST, _SHORT = 8, 80
"""No secret is shorter than the one; texts up to the other are remembered."""
_PLAIN = frozenset((bool, int, float))
_MOST_CLEAN = 4_096
"""Short texts without a secret, and names of fields, that are remembered at most."""


class Redactor:
    """Replaces secrets by tokens.

    Args:
        key: the store's own secret, 16 bytes or more.
        masks: further RE2 patterns from the envelope's `capture.mask`.
    """

    def __init__(self, key: bytes, masks: Sequence[str] = ()) -> None:
        import re2

        options = re2.Options()
        options.log_errors = False
        named = [f"(?P<{family}>{pattern})" for family, pattern in FAMILIES]
        self._key = key[:64]
        self._formats: Any = re2.compile("|".join(named), options)
        self._assigned: Any = re2.compile(_ASSIGNED, options)
        # One by one: a pattern of the envelope may name groups, also the same twice.
        self._masks: list[Any] = [re2.compile(mask, options) for mask in masks]
        # Most texts hold no secret: one search says so.
        self._any: Any = re2.compile("|".join((*named, _ASSIGNED)), options)
        self._clean: set[str] = set()
        self._names: dict[str, tuple[str, bool]] = {}

    def masking(self, masks: Sequence[str]) -> Redactor:
        """The same redactor with other masks: equal secrets keep their tokens."""
        return Redactor(self._key, masks)

    def text(self, text: str) -> str:
        """*text* with every secret replaced, and lone surrogates written as escapes, so that it can be stored."""
        short = len(text) <= _SHORT
        if short and text in self._clean:
            return text
        found = text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()
        for mask in self._masks:
            if mask.search(found) is not None:
                found = mask.sub(self._mask, found)
        if len(found) >= _LEAST and self._any.search(found) is not None:
            found = self._searched(found)
        if short and found == text:
            self._remember(text)
        return found

    def _remember(self, text: str) -> None:
        """A short text without a secret, since events say the same words again and again."""
        if len(self._clean) >= _MOST_CLEAN:
            self._clean = set()
        self._clean.add(text)

    def _searched(self, text: str) -> str:
        """By patterns."""
        if self._formats.search(text) is not None:
            text = self._formats.sub(lambda m: self._token(m.lastgroup, m.group(0)), text)
        if self._assigned.search(text) is not None:
            text = self._assigned.sub(self._assignment, text)
        return text

    def value(self, value: Json) -> Json:
        """A copy of a JSON value with every secret replaced, in keys' values by name and in strings by pattern."""
        kind = type(value)
        if kind is str:
            return self.text(value)
        if value is None or kind in _PLAIN:
            return value
        if kind is dict or isinstance(value, Mapping):
            return self._object(value)
        if isinstance(value, list | tuple):
            return [self.value(v) for v in value]
        return self.text(value) if isinstance(value, str) else value

    def _object(self, values: Mapping[str, Json]) -> dict[str, Json]:
        found: dict[str, Json] = {}
        for key, value in values.items():
            name, secret = self._names.get(key) or self._named(key)
            if secret and value:
                found[name] = self._hidden(value)
            elif type(value) is str:
                found[name] = self.text(value)
            else:
                found[name] = value if value is None or type(value) in _PLAIN else self.value(value)
        return found

    def _named(self, key: str) -> tuple[str, bool]:
        """A field's name as it is written, and whether it says that the value is secret."""
        secret = key.lower().replace("-", "").replace("_", "").endswith(_SECRET_NAMES)
        known = self.text(key), secret
        if len(key) <= _SHORT:
            if len(self._names) >= _MOST_CLEAN:
                self._names = {}
            self._names[key] = known
        return known

    def _hidden(self, value: Json) -> Json:
        """Every leaf of a value that stands under a secret's name."""
        if isinstance(value, Mapping):
            return {self.text(k): self._hidden(v) for k, v in value.items()}
        if isinstance(value, list | tuple):
            return [self._hidden(v) for v in value]
        if value is None or isinstance(value, bool) or value == "":
            return value
        told = str(value)
        return value if told.startswith("[secret:") else self._token("field", told)

    def _mask(self, match: Any) -> str:
        return self._token("mask", match.group(0)) if match.group(0) else ""

    def _assignment(self, match: Any) -> str:
        whole, value = match.group(0), match.group(1)
        if value is None or value.startswith("[secret:"):  # a token of ours, by itself or as the value
            return str(whole)
        return str(whole[: len(whole) - len(value)]) + self._token("field", value)

    def _token(self, family: str, secret: str) -> str:
        tag = hashlib.blake2b(secret.encode("utf-8", "replace"), key=self._key, digest_size=5).hexdigest()
        return f"[secret:{family}:{tag}]"
