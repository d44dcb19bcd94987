"""What broke, read from the words of an error. Words of an error are the world's; nothing but a route hangs on them."""

from __future__ import annotations

from remit.core.classify.case import Failure
from remit.core.notice import visible

MOST_READ = 4000
"""Characters of an error that are looked at."""

_SIGNS = (
    ("context", ("context length", "context_length", "context window", "maximum context", "too many tokens",
                 "prompt is too long", "max_tokens", "token limit")),
    ("stream", (" stream", "incomplete read", "incompleteread", "connection reset", "broken pipe", "eoferror",
                "unexpected eof", "connection aborted", "peer closed", "chunked")),
    ("provider", ("internal server error", "status_code: 5", "status code 5", "error code: 5", "http 5", " 500", " 502",
                  " 503", " 504", " 529", "overloaded", "rate limit", "ratelimit", "too many requests", " 429",
                  "service unavailable", "bad gateway", "gateway timeout", "api error", "apierror", "quota",
                  "internalservererror", "unavailable")),
    ("timeout", ("timeout", "timed out", "deadline exceeded")),
    ("crash", ("killed", "out of memory", "oom-kill", "oomkill", "segmentation fault", "sigkill",
               "core dumped", "exit code 137")),
)  # fmt: skip


def failure_from(text: str, fallback: str = "unknown") -> Failure:
    """What an error tells of.

    Args:
        text: the error's own words, redacted.
        fallback: what it is where the words do not say.

    >>> failure_from("Error code: 503 - upstream overloaded").what
    'provider'
    >>> failure_from("KeyError: 'id'", "tool").what
    'tool'
    """
    small = f" {text[:MOST_READ].lower()}"
    found = next((what for what, signs in _SIGNS if any(sign in small for sign in signs)), fallback)
    return Failure(found, visible(text))
