"""Parts of the envelope language's JSON Schema that several clauses share."""

from __future__ import annotations

from typing import Any

from remit.core.types import JsonSchema, OnViolation, Severity


def choice(kind: Any, told: str) -> JsonSchema:
    """One of the values of an enum."""
    return {"enum": [str(value) for value in kind], "description": told}


def closed(properties: JsonSchema, *required: str, told: str = "") -> JsonSchema:
    """An object with these keys and no others."""
    schema: JsonSchema = {"type": "object", "additionalProperties": False, "properties": properties}
    if required:
        schema["required"] = list(required)
    if told:
        schema["description"] = told
    return schema


def listed(name: str, told: str) -> JsonSchema:
    """A list of what `$defs` calls *name*."""
    return {"type": "array", "items": {"$ref": f"#/$defs/{name}"}, "description": told}


def named(name: str, told: str, least: int = 0) -> JsonSchema:
    """A mapping from names to what `$defs` calls *name*."""
    schema: JsonSchema = {
        "type": "object",
        "additionalProperties": {"$ref": f"#/$defs/{name}"},
        "description": told,
    }
    return schema | ({"minProperties": least} if least else {})


DURATION = {"$ref": "#/$defs/duration"}
JSON_SCHEMA = {"$ref": "#/$defs/jsonSchema"}
CONDITION = {"$ref": "#/$defs/condition"}
COUNT = {"type": "integer", "minimum": 1}
SHARE = {"type": "number", "minimum": 0, "maximum": 1}
STRINGS = {"type": "array", "items": {"type": "string"}, "minItems": 1}

ID = {"type": "string", "pattern": "^[a-z][a-z0-9-]{0,62}$", "description": "Unique in its tool."}
SEVERITY = choice(Severity, "How much a violation counts for the breaker.")
MESSAGE = {"type": "string", "description": "Told to the agent and to people instead of the condition."}
RISK = {"type": "string", "description": "Why a flag may let an irreversible or egress call run."}
ROLES = STRINGS | {"description": "Roles that may approve; any operator where it is missing."}
ON_VIOLATION = choice(OnViolation, "What a clause that is not met does; an error always denies.")
AFTER = {"enum": ["deny", "flag"], "description": "What came back cannot wait for a person."}

COMMON: JsonSchema = {
    "id": ID,
    "on_violation": ON_VIOLATION,
    "severity": SEVERITY,
    "message": MESSAGE,
    "accept_risk": RISK,
    "by": ROLES,
    "expires": DURATION,
    "people": COUNT | {"description": "How many different people must approve."},
}
ANSWER: JsonSchema = {
    "id": ID,
    "on_violation": AFTER,
    "severity": SEVERITY,
    "message": MESSAGE,
    "accept_risk": RISK,
}
