"""Where an anomaly came from: content, a change, the world's failure, or not yet known; with the evidence."""

from __future__ import annotations

KINDS = {
    "content.explanation": "an instruction in a text from outside explains the call, and nothing else does",
    "content.values": "values of the call stand only in texts from outside",
    "content.carried": "without an instruction: the call written out, a statement, or pieces of an address",
    "content.reasoning": "the model repeated that instruction before it called",
    "content.pressure": "a customer's own text claims authority, breaks rules or asks for other people's data",
    "content.detector": "an optional detector's opinion of the texts",
    "content.similarity": "an optional embedding's opinion of the call and the text that explains it",
    "content.none": "no text from outside came in before the call",
    "content.asked": "the request asked for the call, and none of its values stands in a text from outside alone",
    "content.data": "the request asked for it, and its values stand in texts from outside as plain data",
    "content.form": "the call is malformed or exceeds a limit, and no instruction explains it",
    "change.rate": "the line's rate rose with a change",
    "counterfactual": "the call was asked for again, with the suspicious text and without it",
    "counterfactual.old": "the call was asked for again with the former configuration, which does not make it",
    "infrastructure": "the run crashed, the provider failed, a stream was cut, a tool raised",
    "tampering": "the record was altered after it was written",
}
"""Every kind of evidence. The combination is in `combine`; `docs/classification.md` says what each is worth."""
