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

FAMILIES: tuple[tuple[str, str], ...] = (
    (
        "pem",
        r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[A-Za-z0-9+/=\s\\]+-----END [A-Z ]{0,30}PRIVATE KEY-----",
    ),
    ("aws", r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    ("jwt", r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"),
    ("github", r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{50,})"),
    ("key", r"\bsk-[A-Za-z0-9_-]{20,}"),
    ("slack", r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}"),
    ("google", r"\bAIza[A-Za-z0-9_-]{35}"),
)
"""Known formats: (family, RE2 pattern); the first that matches at a place wins."""

_NAMED = r"(?i:\b(?:password|passwd|secret|api[_-]?key|access[_-]?token|auth[_-]?token|private[_-]?key))"
_ASSIGNED = _NAMED + r"""["']?\s*[=:]\s*["']?([^\s"',;]{6,200})"""
_SECRET_KEYS = frozenset(
    {
        "password",
        "passwd",
        "secret",
        "api_key",
        "apikey",
        "access_token",
        "auth_token",
        "private_key",
        "client_secret",
    }
)


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
        named += [f"(?P<mask{i}>{pattern})" for i, pattern in enumerate(masks)]
        self._key = key[:64]
        self._formats: Any = re2.compile("|".join(named), options)
        self._assigned: Any = re2.compile(_ASSIGNED, options)

    def text(self, text: str) -> str:
        """*text* with every secret replaced."""
        if len(text) < 8:
            return text
        if self._formats.search(text) is not None:
            text = self._formats.sub(lambda m: self._token(m.lastgroup or "mask", m.group(0)), text)
        if self._assigned.search(text) is not None:
            text = self._assigned.sub(self._assignment, text)
        return text

    def value(self, value: Json) -> Json:
        """A copy of a JSON value with every secret replaced, in keys' values by name and in strings by pattern."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {k: self._field(k, v) for k, v in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(v) for v in value]
        return value

    def _field(self, key: str, value: Json) -> Json:
        if isinstance(value, str) and value and key.lower().replace("-", "_") in _SECRET_KEYS:
            return value if value.startswith("[secret:") else self._token("field", value)
        return self.value(value)

    def _assignment(self, match: Any) -> str:
        whole, value = match.group(0), match.group(1)
        if value.startswith("[secret:"):
            return str(whole)
        return str(whole[: len(whole) - len(value)]) + self._token("field", value)

    def _token(self, family: str, secret: str) -> str:
        tag = hashlib.blake2b(secret.encode("utf-8", "replace"), key=self._key, digest_size=5).hexdigest()
        return f"[secret:{'mask' if family.startswith('mask') else family}:{tag}]"
