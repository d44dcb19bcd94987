"""The envelope language as JSON Schema 2020-12, for editors. The reader decides; this helps to write.

Written by hand beside the reader's tables; a test walks both and finds every key that only one of them knows. What a
schema cannot say (types of conditions, sources that exist, ids that are unique) only `remit envelope lint` finds.
"""

from __future__ import annotations

from typing import Any

from remit.core.types import (
    Confidentiality,
    Enforcement,
    Integrity,
    OnViolation,
    Result,
    Severity,
    ToolEffect,
)

Schema = dict[str, Any]


def _choice(kind: Any, told: str) -> Schema:
    return {"enum": [str(value) for value in kind], "description": told}


def _closed(properties: Schema, *required: str, told: str = "") -> Schema:
    schema: Schema = {"type": "object", "additionalProperties": False, "properties": properties}
    if required:
        schema["required"] = list(required)
    if told:
        schema["description"] = told
    return schema


def _listed(name: str, told: str) -> Schema:
    return {"type": "array", "items": {"$ref": f"#/$defs/{name}"}, "description": told}


def _named(name: str, told: str, least: int = 0) -> Schema:
    schema: Schema = {
        "type": "object",
        "additionalProperties": {"$ref": f"#/$defs/{name}"},
        "description": told,
    }
    return schema | ({"minProperties": least} if least else {})


_DURATION = {"$ref": "#/$defs/duration"}
_JSON_SCHEMA = {"$ref": "#/$defs/jsonSchema"}
_CONDITION = {"$ref": "#/$defs/condition"}
_COUNT = {"type": "integer", "minimum": 1}
_SHARE = {"type": "number", "minimum": 0, "maximum": 1}
_STRINGS = {"type": "array", "items": {"type": "string"}, "minItems": 1}

_ID = {"type": "string", "pattern": "^[a-z][a-z0-9-]{0,62}$", "description": "Unique in its tool."}
_SEVERITY = _choice(Severity, "How much a violation counts for the breaker.")
_MESSAGE = {"type": "string", "description": "Told to the agent and to people instead of the condition."}
_RISK = {"type": "string", "description": "Why a flag may let an irreversible or egress call run."}
_ROLES = _STRINGS | {"description": "Roles that may approve; any operator where it is missing."}
_ON_VIOLATION = _choice(OnViolation, "What a clause that is not met does; an error always denies.")
_AFTER = {"enum": ["deny", "flag"], "description": "What came back cannot wait for a person."}

_COMMON: Schema = {
    "id": _ID,
    "on_violation": _ON_VIOLATION,
    "severity": _SEVERITY,
    "message": _MESSAGE,
    "accept_risk": _RISK,
    "by": _ROLES,
    "expires": _DURATION,
    "people": _COUNT | {"description": "How many different people must approve."},
}
_ANSWER: Schema = {
    "id": _ID,
    "on_violation": _AFTER,
    "severity": _SEVERITY,
    "message": _MESSAGE,
    "accept_risk": _RISK,
}

_REQUIRE = _closed({"expr": _CONDITION, **_COMMON}, "id", "expr", told="A condition that must be true.")
_FLOW = _closed(
    {
        "arg": {"type": "string", "description": "Path of the argument: to, items[].sku, payment.account."},
        "from": _STRINGS | {"description": "Permitted sources: user, system, session, a tool, tool.field."},
        "integrity": _choice(Integrity, "The least integrity of an origin that counts."),
        "confidentiality_at_most": _choice(Confidentiality, "What may pass into this argument."),
        "unless": _CONDITION,
        **_COMMON,
    },
    "id",
    "arg",
    told="Where the values of one argument may come from.",
) | {
    "anyOf": [{"required": ["from"]}, {"required": ["integrity"]}, {"required": ["confidentiality_at_most"]}]
}
_LIMIT = _closed(
    {
        **_COMMON,
        "count": {"const": "calls"},
        "sum": _CONDITION,
        "by": {
            "type": "array",
            "items": _CONDITION,
            "description": "The key: one count or sum for each value.",
        },
        "within": _DURATION,
        "max": {"type": "number", "minimum": 0},
        "hold_by": _ROLES,
    },
    "id",
    "within",
    "max",
    told="A count or a sum per key within a sliding window.",
) | {"oneOf": [{"required": ["count"]}, {"required": ["sum"]}]}
_APPROVE = _closed(
    {"when": _CONDITION, **{k: v for k, v in _COMMON.items() if k not in ("on_violation", "accept_risk")}},
    "id",
    told="When a person must approve; without `when`, always.",
)
_DEADLINE: Schema = {
    "description": "How long the tool may take.",
    "oneOf": [_DURATION, _closed({"after": _DURATION, **_COMMON, "on_violation": _AFTER}, "after")],
}
_OUTPUT: Schema = {
    "description": "JSON Schema of the result; or {schema, on_violation, …}.",
    "if": {"type": "object", "required": ["schema"]},
    "then": _closed({"schema": _JSON_SCHEMA, **_COMMON, "on_violation": _AFTER}),
    "else": _JSON_SCHEMA,
}
_TOOL = _closed(
    {
        "description": {"type": "string"},
        "effect": _choice(
            ToolEffect, "What running it may do; irreversible and egress cannot be taken back."
        ),
        "target": {"type": "string", "description": "Where the call goes; part of an approval's digest."},
        "args": {
            "allOf": [_JSON_SCHEMA, {"required": ["type"], "properties": {"type": {"const": "object"}}}],
            "description": "JSON Schema of the arguments; every object says additionalProperties: false.",
        },
        "require": _listed("require", "Conditions that must all be true."),
        "flow": _listed("flow", "Where values may come from."),
        "limits": _listed("limit", "How often, and how much."),
        "approve": _listed("approve", "What a person must approve."),
        "output": _OUTPUT,
        "deadline": _DEADLINE,
    },
    "effect",
    "args",
)
_SOURCE = _closed(
    {
        "integrity": _choice(Integrity, "How far texts from here may steer the agent."),
        "confidentiality": _choice(Confidentiality, "Who may see texts from here."),
    }
)
_FINAL = _closed(
    {
        "schema": _JSON_SCHEMA,
        "max_length": _COUNT,
        "forbid": _STRINGS | {"description": "RE2 patterns that must not occur."},
        **_ANSWER,
    },
    "id",
) | {"oneOf": [{"required": ["schema"]}, {"required": ["max_length"]}, {"required": ["forbid"]}]}
_HOW = {"enum": ["reserve", "count"]}
_BREAKER = _closed(
    {
        "threshold": {"type": "number", "minimum": 1, "description": "Weight sum at which autonomy drops."},
        "max_violations": _COUNT | {"description": "Violating actions that may run in one window."},
        "window": _DURATION,
        "admission": {"oneOf": [_HOW, _closed({effect.value: _HOW for effect in ToolEffect})]},
        "weights": _closed({name: {"type": "number", "minimum": 1} for name in ("low", "medium", "high")}),
        "supervised": {"enum": ["effects", "all"], "description": "Whether reads need approval too."},
        "recovery": _closed(
            {
                "cooldown": _DURATION,
                "cooldown_max": _DURATION,
                "look_back": _DURATION,
                "approved_clean": _COUNT,
                "probation_clean": _COUNT,
                "probation_in_flight": _COUNT,
                "sample": _SHARE,
            }
        ),
        "lease": _DURATION,
        "max_pending": _COUNT,
    }
)
_CAPTURE = _closed(
    {
        "clean": {"enum": ["full", "sampled", "digest"]},
        "anomaly": {"const": "full"},
        "sample": _SHARE,
        "retain": _DURATION
        | {"description": "How long it stays readable, 1h at least; for ever without it."},
        "mask": {
            "type": "array",
            "items": {"type": "string"},
            "description": "RE2 patterns, replaced in writing.",
        },
    }
)
_TEST = _closed(
    {
        "call": _closed(
            {
                "tool": {"type": "string"},
                "args": {"type": "object"},
                "session": {"type": "object", "description": "Facts."},
                "user": {"type": "string", "description": "What the user, an operator, said before."},
                "observed": {
                    "type": "array",
                    "items": _closed(
                        {"source": {"type": "string"}, "text": {"type": "string"}}, "source", "text"
                    ),
                },
            },
            "tool",
            "args",
        ),
        "expect": _closed({"result": _choice(Result, ""), "clause": {"type": "string"}}, "result"),
    },
    "call",
    "expect",
)
_SPEC = _closed(
    {
        "enforcement": _choice(Enforcement, "monitor decides and records, and never blocks."),
        "default": {"const": "deny"},
        "on_error": {"const": "deny"},
        "session": {
            "allOf": [_JSON_SCHEMA, {"required": ["type"], "properties": {"type": {"const": "object"}}}],
            "description": "JSON Schema of the facts that every session brings.",
        },
        "sources": _named("source", "Labels of what comes in; an unlisted source is untrusted."),
        "tools": _named("tool", "What is not listed does not exist for the agent.", 1),
        "outputs": _listed("final", "Checks of the agent's final answer."),
        "breaker": _BREAKER,
        "capture": _CAPTURE,
        "tests": {"type": "array", "items": _TEST, "description": "Run whenever the envelope is loaded."},
    },
    "tools",
)

ENVELOPE_SCHEMA: Schema = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "remit capability envelope, remit/v1",
    **_closed(
        {
            "apiVersion": {"const": "remit/v1"},
            "kind": {"const": "CapabilityEnvelope"},
            "metadata": _closed(
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
    },
}
