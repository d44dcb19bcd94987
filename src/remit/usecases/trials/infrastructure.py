"""Whether the world failed or the agent did: only what the world did is tried again, and counts neither way."""

from __future__ import annotations

from collections.abc import Iterator
from socket import gaierror

from remit.core.errors import Unavailable
from remit.core.refusals import AgentHalted

HTTP_STATUSES = (429, 502, 503, 504)
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 30.0
_NO_CONNECTION = ConnectionRefusedError | ConnectionResetError | ConnectionAbortedError | gaierror
_DEEPEST = 10
"""Errors within one another that are looked at."""


def world_failed(error: BaseException) -> bool:
    """Whether *error* says that the world failed: unavailable, no connection, or over its limits.

    Clients of models say so in their own ways: what they raise comes *from* what went wrong, and a number named
    `status_code`, `status` or `code` is HTTP's.

    >>> world_failed(Unavailable("503")), world_failed(ConnectionRefusedError()), world_failed(ValueError("no"))
    (True, True, False)
    """
    return any(map(_says_so, _wrapped(error)))


def _says_so(error: BaseException) -> bool:
    if isinstance(error, Unavailable | AgentHalted | _NO_CONNECTION):
        return True
    told = [_said(error, name) for name in ("status_code", "status", "code")]
    told.append(_said(_said(error, "response"), "status_code"))
    return any(isinstance(status, int) and status in HTTP_STATUSES for status in told)


def _wrapped(error: BaseException) -> Iterator[BaseException]:
    """*error*, and what it comes from; of errors of the system also where nobody wrote `from`.

    Without it, another error merely happened while one was handled: an agent that errs in making up for a lost
    connection.
    """
    inner: BaseException | None = error
    for _ in range(_DEEPEST):
        if inner is None:
            return
        yield inner
        context = inner.__context__ if isinstance(inner, OSError) and not inner.__suppress_context__ else None
        inner = inner.__cause__ or context


def _said(of: object, name: str) -> object:
    """An attribute of somebody else's object, whose properties may raise."""
    try:
        return getattr(of, name, None)
    except Exception:  # noqa: BLE001 - it says nothing, then
        return None


def tries_again(error: BaseException) -> bool:
    """Whether another attempt may go better: not where somebody stopped the agent."""
    return world_failed(error) and not any(isinstance(one, AgentHalted) for one in _wrapped(error))


def wait_before(attempt: int, error: BaseException, first_s: float = FIRST_WAIT_S) -> float:
    """Seconds before the *attempt*-th try, from 2: doubling, or as long as the world asked for, within bounds.

    >>> wait_before(2, Unavailable("")), wait_before(4, Unavailable("")), wait_before(2, Unavailable("", 7.0))
    (0.5, 2.0, 7.0)
    """
    asked = _said(error, "retry_after_s")
    own = first_s * 2.0 ** min(attempt - 2, 20)
    return min(max(own, asked if isinstance(asked, int | float) else 0.0), LONGEST_WAIT_S)


def told(error: BaseException) -> str:
    """The error in one line: our own by what they say, others by their type, too."""
    try:
        text = " ".join(str(error).split())[:500]
    except Exception:  # noqa: BLE001 - its own __str__ fails
        text = ""
    if type(error).__module__.startswith("remit."):
        return text or type(error).__name__
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
