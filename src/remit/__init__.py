"""remit keeps AI agents within their remit and proves, with evidence, when they were not.

The names here are the public surface; everything is loaded when first used, so that `import remit` stays cheap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from remit._version import __version__

if TYPE_CHECKING:
    from remit.core.errors import BadInput, OutcomeUnknown, Refused, RemitError, Unavailable
    from remit.core.refusals import AgentHalted, AnswerRefused, ApprovalRequired, CallDenied, ResultWithheld
    from remit.core.types import Decision
    from remit.usecases.guard import Guard
    from remit.usecases.session import Session
    from remit.wiring import open_guard as open

_LAZY = {
    "AgentHalted": ("remit.core.refusals", "AgentHalted"),
    "AnswerRefused": ("remit.core.refusals", "AnswerRefused"),
    "ApprovalRequired": ("remit.core.refusals", "ApprovalRequired"),
    "BadInput": ("remit.core.errors", "BadInput"),
    "CallDenied": ("remit.core.refusals", "CallDenied"),
    "Decision": ("remit.core.types", "Decision"),
    "Guard": ("remit.usecases.guard", "Guard"),
    "OutcomeUnknown": ("remit.core.errors", "OutcomeUnknown"),
    "Refused": ("remit.core.errors", "Refused"),
    "RemitError": ("remit.core.errors", "RemitError"),
    "ResultWithheld": ("remit.core.refusals", "ResultWithheld"),
    "Session": ("remit.usecases.session", "Session"),
    "Unavailable": ("remit.core.errors", "Unavailable"),
    "open": ("remit.wiring", "open_guard"),
}

__all__ = [
    "open",
    "Guard",
    "Session",
    "Decision",
    "RemitError",
    "BadInput",
    "Refused",
    "CallDenied",
    "ResultWithheld",
    "ApprovalRequired",
    "AnswerRefused",
    "AgentHalted",
    "OutcomeUnknown",
    "Unavailable",
    "__version__",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'remit' has no attribute {name!r}")
    import importlib

    module, attribute = _LAZY[name]
    value = getattr(importlib.import_module(module), attribute)
    globals()[name] = value
    return value
