"""Did the world fail, and not the agent? The run crashed, the provider failed, a stream was cut, a tool raised."""

from __future__ import annotations

from remit.core.classify.case import Case
from remit.core.classify.classification import Class, Evidence
from remit.core.notice import visible

SCORES = {
    "provider": 0.98,
    "stream": 0.98,
    "context": 0.97,
    "crash": 0.97,
    "timeout": 0.95,
    "tool": 0.9,
    "unknown": 0.9,
}
"""How surely each kind of failure is the world's."""
_TOLD = {
    "provider": "the model's provider failed",
    "stream": "a stream was cut",
    "context": "the context did not fit into the model",
    "crash": "the run crashed",
    "timeout": "something took too long",
    "tool": "the tool itself raised an error",
    "unknown": "the run failed",
}
_BY_KIND = {
    "gap": (0.9, "the journal could not be written"),
    "unknown-outcome": (0.7, "nobody knows how the call ended: its lease ran out"),
}


def failed(case: Case) -> Evidence | None:
    """The evidence that a failure of the world explains the anomaly; None where nothing failed."""
    if case.failure is not None:
        what = case.failure.what if case.failure.what in SCORES else "unknown"
        said = visible(case.failure.told, 300)
        told = f"{_TOLD[what]}: “{said}”" if said else _TOLD[what]
        return Evidence("infrastructure", Class.SRE, SCORES[what], told, {"what": what, "excerpt": said})
    if case.kind in _BY_KIND:
        score, told = _BY_KIND[case.kind]
        return Evidence("infrastructure", Class.SRE, score, told, {"what": case.kind})
    if case.kind == "infrastructure":
        return Evidence("infrastructure", Class.SRE, SCORES["unknown"], _TOLD["unknown"], {"what": "unknown"})
    return None
