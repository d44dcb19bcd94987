"""Whether the world failed or the agent did: only what the world did is tried again, and counts neither way."""

from __future__ import annotations

from remit.core.errors import Unavailable
from remit.core.refusals import AgentHalted

HTTP_STATUSES = (429, 502, 503, 504)
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 30.0


def world_failed(error: BaseException) -> bool:
    """Whether *error* says that the world failed: unavailable, refused a connection, or over its limits.

    Clients of models say so in their own ways; a number named `status_code`, `status` or `code` is HTTP's.

    >>> world_failed(Unavailable("503")), world_failed(ConnectionRefusedError()), world_failed(ValueError("no"))
    (True, True, False)
    """
    if isinstance(error, Unavailable | ConnectionRefusedError | AgentHalted):
        return True
    told = [_said(error, name) for name in ("status_code", "status", "code")]
    told.append(_said(_said(error, "response"), "status_code"))
    return any(isinstance(status, int) and status in HTTP_STATUSES for status in told)


def _said(of: object, name: str) -> object:
    """An attribute of somebody else's object, whose properties may raise."""
    try:
        return getattr(of, name, None)
    except Exception:  # noqa: BLE001 - it says nothing, then
        return None


def tries_again(error: BaseException) -> bool:
    """Whether another attempt may go better: not where somebody stopped the agent."""
    return world_failed(error) and not isinstance(error, AgentHalted)


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
