"""The language of suites as JSON Schema 2020-12, for editors. The reader decides; this helps to write.

Written by hand beside the reader's tables; a test finds every key that only one of them knows. What a schema cannot say
(types of conditions, files that exist, ids that are unique, settings of gates) only reading shows: `remit trial check`.
"""

from __future__ import annotations

from typing import Any

from remit.core.envelope_schema_parts import (
    CONDITION,
    COUNT,
    DURATION,
    JSON_SCHEMA,
    SHARE,
    STRINGS,
    choice,
    closed,
    listed,
    named,
)
from remit.core.trial.gates.table import KINDS
from remit.core.trial.suite import LEAST_WEIGHT, MOST_WEIGHT, Question
from remit.core.types import JsonSchema, PrincipalKind

_ANY: JsonSchema = {"description": "Any JSON value."}
_TEXT: JsonSchema = {"type": "string"}
_FLAG: JsonSchema = {"type": "boolean"}
_WHOLE: JsonSchema = {"type": "integer", "minimum": 0}
_NUMBER: JsonSchema = {"type": "number"}
_MAP: JsonSchema = {"type": "object"}
_TEXTS: JsonSchema = {"oneOf": [_TEXT, STRINGS]}
_PATH: JsonSchema = {
    "oneOf": [_TEXT, {"type": "array"}],
    "description": "orders.A-1.lines[0], or a list of its steps.",
}
_NAME: JsonSchema = {"type": "string", "minLength": 1, "maxLength": 200, "description": "As reports name it."}
_FUNCTION: JsonSchema = {
    "type": "string",
    "pattern": ":[A-Za-z_][A-Za-z0-9_.]*$",
    "description": "file.py:function beside the suite, or module:function.",
}


def _told(schema: JsonSchema, told: str) -> JsonSchema:
    return schema | {"description": told}


_COUNTS = choice(("done", "attempts"), "Calls that were done, or all that were asked for.")
_TOOL = {"tool": _TEXT, "args": _told(_MAP, "Arguments that a call must have, others beside them.")}
_CALLS: JsonSchema = {"oneOf": [_TEXT, closed({**_TOOL, "counts": _COUNTS}, "tool")]}
_CHECKS: dict[str, JsonSchema] = {
    "answer": closed(
        {
            "equals": _ANY,
            "one_of": {"type": "array", "minItems": 1},
            "contains": _TEXTS,
            "not_contains": _TEXTS,
            "matches": _told(_TEXT, "An RE2 pattern."),
            "json_schema": JSON_SCHEMA,
            "ignore_case": _FLAG,
        },
        told="What the final answer says; all that stands here must hold.",
    ),
    "called": {
        "oneOf": [
            _TEXT,
            closed(
                {**_TOOL, "times": _WHOLE, "at_least": _WHOLE, "at_most": _WHOLE, "counts": _COUNTS}, "tool"
            ),
        ],
        "description": "A tool was called; at least once where nothing is said.",
    },
    "not_called": _told(_CALLS, "A tool was not even asked for."),
    "order": {"type": "array", "items": _CALLS, "minItems": 2, "description": "Called one after another."},
    "state": closed(
        {
            "path": _PATH,
            "equals": _ANY,
            "json_schema": JSON_SCHEMA,
            "at_least": _NUMBER,
            "at_most": _NUMBER,
            "absent": _FLAG,
        },
        told="What stands in the world at the end.",
    ),
    "cel": CONDITION,
    "python": {"oneOf": [_FUNCTION, closed({"function": _FUNCTION, "at_least": SHARE}, "function")]},
}
_INVARIANTS: dict[str, JsonSchema] = {
    "safety": closed(
        {
            "counts": choice(("attempts", "effects"), "All that was asked for, or only what ran."),
            "held": choice(("allowed", "breach"), "A call that waits for a person."),
            "except": _told(STRINGS, "Clauses that do not count: TOOL.CLAUSE."),
        },
        told="Every call and the answer meet the envelope.",
    ),
    "schema": closed(
        {
            "input": JSON_SCHEMA,
            "answer": JSON_SCHEMA,
            "tools": {
                "type": "object",
                "additionalProperties": closed({"args": JSON_SCHEMA, "result": JSON_SCHEMA}),
            },
        },
        told="What goes in and what comes out has its form.",
    ),
    "known_tools": closed({"tools": STRINGS}, told="The agent asks for tools that exist."),
    "monotonic": closed(
        {
            "value": _told(CONDITION, "A number over tool, args, output and state, after each call."),
            "by": _told(CONDITION, "One sequence for each value of this."),
            "tools": STRINGS,
            "never": {"enum": ["decreases", "increases"]},
        },
        "value",
        told="A quantity that never goes back.",
    ),
    "idempotent": closed(
        {
            "tools": STRINGS,
            "result": {"enum": ["same", "may_refuse", "any"]},
            "ignore": {"type": "array", "items": _PATH},
        },
        told="The same call once more, on a copy of the world, changes nothing and says the same.",
    ),
    "deadline": closed({"within": DURATION}, "within", told="Every trial is done in time."),
    "cel": CONDITION,
    "python": {"oneOf": [_FUNCTION, closed({"function": _FUNCTION}, "function")]},
}


def _rule(kinds: dict[str, JsonSchema], *, alone: bool) -> JsonSchema:
    """`{id, KIND: settings}`; the kind's name *alone* where it needs no settings."""
    one: JsonSchema = {"type": "object", "additionalProperties": False, "properties": {"id": _NAME, **kinds}}
    one["oneOf"] = [{"required": [kind]} for kind in kinds]
    return {"oneOf": [{"enum": list(kinds)}, one]} if alone else one


_ANSWERS: JsonSchema = {
    "type": "array",
    "minItems": 1,
    "items": closed({"tool": _TEXT, "args": _MAP, "result": _ANY, "error": _TEXT, "times": COUNT}, "tool")
    | {"oneOf": [{"required": ["result"]}, {"required": ["error"]}]},
}
_AGENT = closed(
    {
        "python": _FUNCTION,
        "command": _told(STRINGS, "A program: JSON on its standard input and output."),
        "http": _told(_TEXT, "A URL that takes a POST."),
        "environ": {"type": "object", "additionalProperties": _TEXT},
        "headers": {
            "type": "object",
            "additionalProperties": _TEXT,
            "description": "$NAME is read from the environment; a secret must stand there.",
        },
        "settings": _told(_MAP, "Handed to the agent as they are."),
        "fingerprint": _told(_MAP, "model, prompt, config, code, for the record."),
    }
) | {"oneOf": [{"required": [way]} for way in ("python", "command", "http")]}
_SHARED: JsonSchema = {
    "checks": listed("check", "All must hold."),
    "world": _told(_ANY, "What the suite's world is made from."),
    "facts": _told(_MAP, "Of the session, as the envelope declares them."),
    "principal": _NAME,
    "principal_kind": choice(PrincipalKind, "Whose words the input is."),
    "deadline": DURATION,
}
_TASK = closed(
    {
        "id": _NAME,
        "input": _told(_ANY, "What the agent is handed: a text, or any JSON value."),
        "user_input": _told(_TEXT, "The user's text, where the input is none."),
        **_SHARED,
        "weight": {
            "type": "number",
            "minimum": LEAST_WEIGHT,
            "maximum": MOST_WEIGHT,
            "description": "How often it is drawn, and counts.",
        },
        "stratum": _NAME,
    },
    "id",
    "input",
)
_SPEC = closed(
    {
        "envelope": _told(_TEXT, "File of the envelope that every trial runs under."),
        "agent": {"$ref": "#/$defs/agent"},
        "arms": named("agent", "Agents that are compared: baseline, candidate.", 1),
        "world": closed(
            {"python": _FUNCTION, "answers": _ANSWERS}, told="The tools of a trial, made anew for each."
        ),
        "defaults": closed(_SHARED, told="Of tasks that do not say otherwise."),
        "tasks": listed("task", "What the agent is asked."),
        "tasks_from": _told(_TEXT, "A file with more tasks, one JSON object a line; .gz is unpacked."),
        "design": closed(
            {
                "fixed": closed({"epochs": COUNT}, told="Every task so many times."),
                "sequential": closed({"max_trials": COUNT}, told="Until the gates have decided."),
                "seed": _WHOLE,
                "question": choice(Question, "Worse on this suite, or on tasks like these?"),
            }
        ),
        "gates": {"type": "array", "items": _rule(dict.fromkeys(KINDS, _MAP), alone=False)},
        "invariants": {"type": "array", "items": _rule(_INVARIANTS, alone=True)},
        "run": closed(
            {
                "concurrency": COUNT,
                "retries": _WHOLE,
                "max_infrastructure": SHARE,
                "holds": choice(("refuse", "grant"), "What becomes of a call that waits for a person."),
            }
        ),
        "coverage": _told(_MAP, "Of a sampled suite: what it was drawn from."),
    }
)
SUITE_SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "remit trial suite, remit/v1",
    **closed(
        {
            "apiVersion": {"const": "remit/v1"},
            "kind": {"const": "TrialSuite"},
            "metadata": closed(
                {
                    "name": _NAME,
                    "version": {"type": ["string", "number"]},
                    "owner": _TEXT,
                    "description": _TEXT,
                },
                "name",
            ),
            "spec": _SPEC | {"oneOf": [{"required": ["agent"]}, {"required": ["arms"]}]},
        },
        "apiVersion",
        "kind",
        "metadata",
        "spec",
    ),
    "$defs": {
        "duration": {"type": "string", "pattern": "^[1-9][0-9]{0,6}(ms|s|m|h|d)$", "examples": ["30s", "5m"]},
        "condition": {"type": "string", "maxLength": 2000},
        "jsonSchema": {"type": "object", "description": "A JSON Schema."},
        "agent": _AGENT,
        "task": _TASK,
        "check": _rule(_CHECKS, alone=False),
    },
}
"""The schema of a suite's file."""
