"""What an editor shows beside a key: one sentence for each that its schema does not describe where it stands.

A key is looked up with its owner first (`breaker.window`), then alone (`within`). A test finds a key without words.
"""

from __future__ import annotations

from typing import Any

WORDS: dict[str, str] = {
    "apiVersion": "The version of the language.",
    "kind": "What this file is.",
    "metadata": "Name, version and owner.",
    "spec": "All that the agent may do.",
    "metadata.name": "The agent's name: its limits and its breaker are kept under it.",
    "metadata.version": "For people; the hash of the file tells versions apart.",
    "metadata.owner": "Who answers for it.",
    "metadata.description": "For people.",
    "tool.description": "For people.",
    "default": "What is not allowed is denied; nothing else may be written.",
    "on_error": "A clause that cannot be evaluated denies; nothing else may be written.",
    "breaker": "How violations take autonomy away, and what gives it back.",
    "capture": "What is kept of each exchange, and for how long.",
    "breaker.window": "How long a violation counts; 10m.",
    "admission": "Per effect: `reserve` holds a call that could pass max_violations, `count` only counts.",
    "weights": "What a violation of each severity adds; critical quarantines.",
    "low": "Weight of a low violation; 1.",
    "medium": "Weight of a medium violation; 2.",
    "high": "Weight of a high violation; the threshold.",
    "read": "Calls of tools that only read; `count`.",
    "write": "Calls of tools that write; `count`.",
    "irreversible": "Calls that cannot be taken back; `reserve`.",
    "egress": "Calls by which data leaves; `reserve`.",
    "recovery": "The evidence that gives autonomy back; never time alone.",
    "lease": "How long a call in flight is waited for; then its outcome is unknown, a violation. 60s.",
    "max_pending": "Questions to people open at most; 3.",
    "cooldown": "How long after a trip before anything is given back; 2m. It doubles with each trip.",
    "cooldown_max": "The longest cooldown; 4h.",
    "look_back": "Trips within this time lengthen the cooldown; 6h.",
    "approved_clean": "Approved actions in a row with a clean outcome before probation; 10.",
    "probation_clean": "Clean actions in probation before autonomy is back; 50.",
    "probation_in_flight": "Calls in flight at most while in probation; 1.",
    "recovery.sample": "Share of effects in probation that a person sees all the same; 0.2.",
    "clean": "What is kept of exchanges without a violation.",
    "anomaly": "Anomalies are always kept in full.",
    "capture.sample": "The share that `sampled` keeps; 0.1.",
    "call": "The call, and what came before it.",
    "expect": "What the envelope must say.",
    "call.tool": "The tool that is called.",
    "args": "The arguments.",
    "observed": "Texts that the session saw before, each with its source.",
    "observed.source": "Where the text came from: a tool, or tool.field.",
    "text": "The text.",
    "ago": "How long before the call that is judged.",
    "expect.clause": "The clause that must say so: its id, or schema, canonical, session, unlisted.",
    "within": "How far back it looks: 30s, 15m, 24h, 90d.",
    "expires": "How long an approval waits for a person; 15m.",
    "people": "How many different people must approve; 1.",
    "after": "How long the call may take; not longer than breaker.lease.",
    "count": "Counts calls.",
    "max": "The most in one window, for one key.",
    "max_length": "Characters at most.",
    "at": "The most that the argument may be: more is lowered before anything is checked.",
    "items": "Items at most; the rest is cut.",
    "characters": "Characters at most; the rest is cut.",
    "to": "Whom the notice is for, in words.",
    "duration": "A duration: 500ms, 30s, 15m, 24h, 90d.",
}


def described(schema: Any, owner: str = "") -> Any:
    """*schema* with words for every key that has none where it stands.

    >>> described({"properties": {"within": {"type": "string"}}})["properties"]["within"]["description"]
    'How far back it looks: 30s, 15m, 24h, 90d.'
    """
    if isinstance(schema, list):
        return [described(one, owner) for one in schema]
    if not isinstance(schema, dict):
        return schema
    found = {
        key: inner if key in ("properties", "$defs") else described(inner, owner)
        for key, inner in schema.items()
    }
    for key in ("properties", "$defs"):
        if isinstance(schema.get(key), dict):
            found[key] = {name: _worded(name, inner, owner) for name, inner in schema[key].items()}
    return found


def _worded(name: str, schema: Any, owner: str) -> Any:
    inner = described(schema, name)
    words = WORDS.get(f"{owner}.{name}") or WORDS.get(name)
    if not isinstance(inner, dict) or "description" in inner or words is None:
        return inner
    return {**inner, "description": words}
