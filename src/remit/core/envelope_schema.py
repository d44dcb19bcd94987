"""The envelope language as JSON Schema 2020-12, for editors. The reader decides; this helps to write.

Written by hand beside the reader's tables; a test walks both and finds every key that only one of them knows. What a
schema cannot say (types of conditions, sources that exist, ids that are unique) only `remit envelope lint` finds.
"""

from __future__ import annotations

from remit.core import envelope_schema_past as past
from remit.core.envelope_schema_parts import (
    ANSWER,
    COMMON,
    CONDITION,
    COUNT,
    DURATION,
    JSON_SCHEMA,
    ROLES,
    SHARE,
    STRINGS,
    choice,
    closed,
    listed,
    named,
)
from remit.core.envelope_schema_words import described
from remit.core.types import Confidentiality, Enforcement, Integrity, JsonSchema, Result, ToolEffect

_REQUIRE = closed({"expr": CONDITION, **COMMON}, "id", "expr", told="A condition that must be true.")
_FLOW = closed(
    {
        "arg": {"type": "string", "description": "Path of the argument: to, items[].sku, payment.account."},
        "from": STRINGS | {"description": "Permitted sources: user, system, session, a tool, tool.field."},
        "integrity": choice(Integrity, "The least integrity of an origin that counts."),
        "confidentiality_at_most": choice(Confidentiality, "What may pass into this argument."),
        "unless": CONDITION,
        **COMMON,
    },
    "id",
    "arg",
    told="Where the values of one argument may come from.",
) | {
    "anyOf": [{"required": ["from"]}, {"required": ["integrity"]}, {"required": ["confidentiality_at_most"]}]
}
_LIMIT = closed(
    {
        **COMMON,
        "count": {"const": "calls"},
        "sum": CONDITION,
        "by": {
            "type": "array",
            "items": CONDITION,
            "description": "The key: one count or sum for each value.",
        },
        "within": DURATION,
        "max": {"type": "number", "minimum": 0},
        "hold_by": ROLES,
    },
    "id",
    "within",
    "max",
    told="A count or a sum per key within a sliding window.",
) | {"oneOf": [{"required": ["count"]}, {"required": ["sum"]}]}
_APPROVE = closed(
    {"when": CONDITION, **{k: v for k, v in COMMON.items() if k not in ("on_violation", "accept_risk")}},
    "id",
    told="When a person must approve; without `when`, always.",
)
_DEADLINE: JsonSchema = {
    "description": "How long the tool may take.",
    "oneOf": [DURATION, closed({"after": DURATION, **ANSWER}, "after")],
}
_OUTPUT: JsonSchema = {
    "description": "JSON Schema of the result; or {schema, on_violation, …}.",
    "if": {"type": "object", "required": ["schema"]},
    "then": closed({"schema": JSON_SCHEMA, **ANSWER}),
    "else": JSON_SCHEMA,
}
_TOOL = closed(
    {
        "description": {"type": "string"},
        "effect": choice(ToolEffect, "What running it may do; irreversible and egress cannot be taken back."),
        "target": {"type": "string", "description": "Where the call goes; part of an approval's digest."},
        "args": {
            "allOf": [JSON_SCHEMA, {"required": ["type"], "properties": {"type": {"const": "object"}}}],
            "description": "JSON Schema of the arguments; every object says additionalProperties: false.",
        },
        "require": listed("require", "Conditions that must all be true."),
        "flow": listed("flow", "Where values may come from."),
        "scopes": listed("scope", "Whose data may be asked for, or may come back."),
        "idempotency": past.IDEMPOTENCY,
        "history": listed("history", "What must, or must not, have happened before."),
        "monotonic": listed("monotonic", "What never decreases, or only moves forward."),
        "limits": listed("limit", "How often, and how much."),
        "approve": listed("approve", "What a person must approve."),
        "obligations": listed("obligation", "What must also be done: redact, cap, notify."),
        "output": _OUTPUT,
        "ensure": listed("ensure", "Conditions on what came back."),
        "deadline": _DEADLINE,
        "compensation": past.COMPENSATION,
    },
    "effect",
    "args",
)
_SOURCE = closed(
    {
        "integrity": choice(Integrity, "How far texts from here may steer the agent."),
        "confidentiality": choice(Confidentiality, "Who may see texts from here."),
    }
)
_FINAL = closed(
    {
        "schema": JSON_SCHEMA,
        "max_length": COUNT,
        "forbid": STRINGS | {"description": "RE2 patterns that must not occur."},
        **ANSWER,
    },
    "id",
) | {"oneOf": [{"required": ["schema"]}, {"required": ["max_length"]}, {"required": ["forbid"]}]}
_HOW = {"enum": ["reserve", "count"]}
_BREAKER = closed(
    {
        "threshold": {"type": "number", "minimum": 1, "description": "Weight sum at which autonomy drops."},
        "max_violations": COUNT | {"description": "Violating actions that may run in one window."},
        "window": DURATION,
        "admission": {"oneOf": [_HOW, closed({effect.value: _HOW for effect in ToolEffect})]},
        "weights": closed({name: {"type": "number", "minimum": 1} for name in ("low", "medium", "high")}),
        "supervised": {"enum": ["effects", "all"], "description": "Whether reads need approval too."},
        "recovery": closed(
            {
                "cooldown": DURATION,
                "cooldown_max": DURATION,
                "look_back": DURATION,
                "approved_clean": COUNT,
                "probation_clean": COUNT,
                "probation_in_flight": COUNT,
                "sample": SHARE,
            }
        ),
        "lease": DURATION,
        "max_pending": COUNT,
    }
)
_CAPTURE = closed(
    {
        "clean": {"enum": ["full", "sampled", "digest"]},
        "anomaly": {"const": "full"},
        "sample": SHARE,
        "retain": DURATION | {"description": "How long it stays readable, 1h at least; for ever without it."},
        "mask": {
            "type": "array",
            "items": {"type": "string"},
            "description": "RE2 patterns, replaced in writing.",
        },
    }
)
_TEST = closed(
    {
        "call": closed(
            {
                "tool": {"type": "string"},
                "args": {"type": "object"},
                "session": {"type": "object", "description": "Facts."},
                "user": {"type": "string", "description": "What the user, an operator, said before."},
                "earlier": {
                    "type": "array",
                    "items": past.EARLIER,
                    "description": "Calls that were made before, the oldest first.",
                },
                "output": {"description": "What the tool returns, where the call runs."},
                "observed": {
                    "type": "array",
                    "items": closed(
                        {"source": {"type": "string"}, "text": {"type": "string"}}, "source", "text"
                    ),
                },
            },
            "tool",
            "args",
        ),
        "expect": closed(
            {
                "result": {
                    "enum": [*(str(one) for one in Result), "withheld"],
                    "description": "The decision, or that the result is withheld.",
                },
                "clause": {"type": "string"},
                "output": {"description": "What the agent sees of call.output."},
            },
            "result",
        ),
    },
    "call",
    "expect",
)
_SPEC = closed(
    {
        "enforcement": choice(Enforcement, "monitor decides and records, and never blocks."),
        "default": {"const": "deny"},
        "on_error": {"const": "deny"},
        "session": {
            "allOf": [JSON_SCHEMA, {"required": ["type"], "properties": {"type": {"const": "object"}}}],
            "description": "JSON Schema of the facts that every session brings.",
        },
        "sources": named("source", "Labels of what comes in; an unlisted source is untrusted."),
        "tools": named("tool", "What is not listed does not exist for the agent.", 1),
        "outputs": listed("final", "Checks of the agent's final answer."),
        "session_ensure": listed("sessionEnsure", "Conditions on the final answer and the session's calls."),
        "enforced": listed("enforced", "With enforcement: monitor, the clauses that bind all the same."),
        "breaker": _BREAKER,
        "capture": _CAPTURE,
        "tests": {"type": "array", "items": _TEST, "description": "Run whenever the envelope is loaded."},
    },
    "tools",
)

_WRITTEN: JsonSchema = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "remit capability envelope, remit/v1",
    **closed(
        {
            "apiVersion": {"const": "remit/v1"},
            "kind": {"const": "CapabilityEnvelope"},
            "metadata": closed(
                {
                    "name": {"type": "string", "minLength": 1, "maxLength": 200},
                    "version": {"type": ["string", "number"]},
                    "owner": {"type": "string"},
                    "description": {"type": "string"},
                },
                "name",
                "version",
            ),
            "spec": _SPEC,
        },
        "apiVersion",
        "kind",
        "metadata",
        "spec",
    ),
    "$defs": {
        "duration": {
            "type": "string",
            "pattern": "^[1-9][0-9]{0,6}(ms|s|m|h|d)$",
            "examples": ["30s", "24h"],
        },
        "condition": {
            "type": "string",
            "maxLength": 2000,
            "description": "A condition over args and session.",
        },
        "jsonSchema": {
            "type": "object",
            "description": "A JSON Schema; patterns run as RE2-like, linear time.",
        },
        "source": _SOURCE,
        "tool": _TOOL,
        "require": _REQUIRE,
        "flow": _FLOW,
        "limit": _LIMIT,
        "approve": _APPROVE,
        "final": _FINAL,
        "scope": past.SCOPE,
        "history": past.HISTORY,
        "monotonic": past.MONOTONIC,
        "obligation": past.OBLIGATION,
        "ensure": past.ENSURE,
        "sessionEnsure": past.SESSION_ENSURE,
        "enforced": past.ENFORCED,
    },
}

ENVELOPE_SCHEMA: JsonSchema = described(_WRITTEN)
"""With a sentence for every key, which editors show."""
