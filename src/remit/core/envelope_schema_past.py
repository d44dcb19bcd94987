"""The JSON Schema of the clauses that look at earlier calls, at what came back, of what must be done besides, and of
what undoes a call."""

from __future__ import annotations

from remit.core.envelope_schema_parts import (
    ANSWER,
    COMMON,
    CONDITION,
    COUNT,
    DURATION,
    ID,
    MESSAGE,
    ROLES,
    SEVERITY,
    STRINGS,
    closed,
)
from remit.core.history import STATES
from remit.core.types import JsonSchema

_PHASE = {"enum": ["request", "response"]}
_ACROSS = {
    "enum": ["session", "principal", "agent"],
    "description": "Whose calls are looked at. Without it: session for what must have happened, agent for what must not.",
}
_TOOL = {"type": "string", "description": "A tool of this envelope."}
_PHASES = {
    "oneOf": [_PHASE, {"type": "array", "items": _PHASE, "minItems": 1}],
    "description": "request: it was admitted, also while it runs. response: its result came back.",
}
_EVENT = closed(
    {"tool": _TOOL, "phase": _PHASES, "within": DURATION, "across": _ACROSS},
    "tool",
    "within",
    told="Earlier calls of one tool.",
)
_WHERE: JsonSchema = CONDITION | {
    "description": "Over event.args and event.output, related to args and session."
}
HISTORY = closed(
    {
        "formerly": _EVENT,
        "never": _EVENT,
        "since": _EVENT,
        "where": _WHERE,
        "broken_by": closed(
            {"tool": _TOOL, "phase": _PHASES, "across": _ACROSS, "where": _WHERE},
            "tool",
            told="What ends the effect of `since`.",
        ),
        **COMMON,
    },
    "id",
    told="What must, or must not, have happened before.",
) | {"oneOf": [{"required": ["formerly"]}, {"required": ["never"]}, {"required": ["since", "broken_by"]}]}
IDEMPOTENCY = closed(
    {
        "id": ID,
        "key": {
            "type": "array",
            "items": CONDITION,
            "minItems": 1,
            "description": "What makes two calls the same.",
        },
        "within": DURATION,
        "on_repeat": {
            "enum": ["return_first", "refuse", "hold"],
            "description": "return_first: the first result, and the tool does not run again.",
        },
        "after_error": {
            "enum": ["refuse", "hold", "retry"],
            "description": "Where the first call raised, or nobody knows how it ended; refuse without it.",
        },
        "across": _ACROSS,
        "severity": SEVERITY,
        "message": MESSAGE,
        "by": ROLES,
        "expires": DURATION,
        "people": COUNT,
    },
    "key",
    "within",
    "on_repeat",
    told="What a repeat of the same call gets.",
)
MONOTONIC = closed(
    {
        **COMMON,
        "value": CONDITION | {"description": "A number that never decreases."},
        "of": CONDITION | {"description": "A state that only moves forward in `order`."},
        "order": STRINGS | {"minItems": 2, "description": "The states, first to last."},
        "by": {"type": "array", "items": CONDITION, "description": "The key: one quantity for each value."},
        "hold_by": ROLES,
    },
    "id",
    told="A quantity that never decreases, or a state that only moves forward.",
) | {"oneOf": [{"required": ["value"]}, {"required": ["of", "order"]}]}
SCOPE = closed(
    {
        "arg": {"type": "string", "description": "Path of an argument."},
        "output": {"type": "string", "description": "Path in the result, checked before the agent sees it."},
        "in": CONDITION | {"description": "A fact or a list of facts: session.customer_id."},
        **COMMON,
    },
    "id",
    "in",
    told="Whose data may be asked for, or may come back.",
) | {"oneOf": [{"required": ["arg"]}, {"required": ["output"]}]}
ENSURE = closed(
    {"expr": CONDITION | {"description": "Over args, output and session."}, **ANSWER},
    "id",
    "expr",
    told="A condition on what came back, checked before the agent sees it.",
)
SESSION_ENSURE = closed(
    {"expr": CONDITION | {"description": "Over answer, calls and session."}, **ANSWER},
    "id",
    "expr",
    told="A condition on the final answer and the calls of the session.",
)
OBLIGATION = closed(
    {
        "id": ID,
        "when": CONDITION,
        "message": MESSAGE,
        "severity": SEVERITY,
        "redact": closed(
            {
                "fields": STRINGS | {"description": "Paths in the result: customer.card, rows[].iban."},
                "patterns": STRINGS | {"description": "RE2; matches are replaced wherever they stand."},
            },
            told="What of the result the agent does not see.",
        ),
        "cap": closed(
            {
                "arg": {
                    "type": "string",
                    "description": "Path of a number, lowered before anything is checked.",
                },
                "at": {"type": "number", "minimum": 0},
                "field": {
                    "type": "string",
                    "description": "Path in the result; the result itself without it.",
                },
                "items": {"type": "integer", "minimum": 0},
                "characters": COUNT,
            },
            told="{arg, at} lowers an argument; {items} or {characters} cut the result.",
        ),
        "notify": closed({"to": {"type": "string"}}, told="Tell people that the call ran."),
    },
    "id",
    told="What must also be done where the call is allowed.",
) | {"oneOf": [{"required": ["redact"]}, {"required": ["cap"]}, {"required": ["notify"]}]}
COMPENSATION = closed(
    {
        "tool": {"type": "string", "description": "The tool of this envelope that undoes a call."},
        "args": {
            "type": "object",
            "additionalProperties": CONDITION,
            "description": "Its arguments, each over args, output and session of the call that is undone.",
        },
        "note": {"type": "string", "description": "For people: until when, at what price."},
        "none": {"type": "string", "minLength": 1, "description": "Why nothing can undo a call."},
    },
    told="What undoes a call. Told to people; no decision reads it.",
) | {
    "oneOf": [
        {"required": ["tool"], "properties": {"none": False}},
        {"required": ["none"], "properties": {"tool": False, "args": False, "note": False}},
    ]
}
ENFORCED = closed(
    {
        "clause": {"type": "string", "description": "Full id: tool.clause."},
        "share": {"type": "number", "exclusiveMinimum": 0, "maximum": 1, "description": "Of the sessions."},
    },
    "clause",
    told="A clause that binds while the rest only monitors.",
)
EARLIER = closed(
    {
        "tool": _TOOL,
        "args": {"type": "object"},
        "output": {"description": "What came back."},
        "state": {"enum": list(STATES), "description": "How it stands; done without it."},
        "ago": DURATION,
    },
    "tool",
    "args",
)
