"""From nouns to the bodies of events, and back where a session resumes. Plain JSON on both sides."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from remit.core.canonical import canonical, digest
from remit.core.errors import BadInput
from remit.core.types import (
    Confidentiality,
    Decision,
    Fingerprint,
    Integrity,
    Json,
    Label,
    LeafOrigin,
    Outcome,
    Role,
    Segment,
    SessionInfo,
    Violation,
)

MOST_RESULT_CHARACTERS = 1_000_000
MOST_TOLD = 2000
"""Characters kept of an error's message, and of arguments that could not be read."""
_MOST_NAME = 100


def session_body(
    info: SessionInfo, envelope_name: str, envelope_version: str, enforcement: str
) -> dict[str, Json]:
    """Of `session.opened`: who, with which facts, and what was running."""
    return {
        "principal": info.principal,
        "principal_kind": info.principal_kind.value if info.principal_kind else None,
        "facts": dict(info.facts),
        "fingerprint": fingerprint_body(info.fingerprint),
        "envelope": {"name": envelope_name, "version": envelope_version},
        "enforcement": enforcement,
        "arm": info.arm,
        "fault": info.fault,
        "fidelity": info.fidelity,
        "seed": info.seed,
        "grade": info.grade,
    }


def fingerprint_body(fingerprint: Fingerprint) -> dict[str, Json]:
    """What is unknown is written as null."""
    return {
        "model": fingerprint.model,
        "prompt": fingerprint.prompt,
        "tools": fingerprint.tools,
        "envelope": fingerprint.envelope,
        "config": fingerprint.config,
        "code": fingerprint.code,
        "runtime": dict(fingerprint.runtime),
    }


def segment_body(segment: Segment) -> dict[str, Json]:
    """Of `observed`; the text itself is the event's blob `text`."""
    return {
        "index": segment.index,
        "role": segment.role.value,
        "source": segment.source,
        "integrity": segment.label.integrity.value,
        "confidentiality": segment.label.confidentiality.value,
    }


def segment_from(body: Mapping[str, Any], text: str) -> Segment:
    """The segment that `segment_body` wrote."""
    label = Label(Integrity(body["integrity"]), Confidentiality(body["confidentiality"]))
    return Segment(int(body["index"]), Role(body["role"]), str(body["source"]), text, label)


def answer_segment(body: Mapping[str, Any], text: str) -> Segment:
    """The final answer of `finished` as a segment."""
    return Segment(int(body["index"]), Role.ASSISTANT, "assistant", text, Label())


def hash_of(value: Json) -> str:
    """`sha256:` and the digest of a canonical value, as fingerprints write it."""
    return f"sha256:{digest(canonical(_lists(value)))}"


def _lists(value: Json) -> Json:
    return [_lists(v) for v in value] if isinstance(value, list | tuple) else value


def decision_body(decision: Decision) -> dict[str, Json]:
    """The decision, whole: what was asked, what was said, by which clauses, and where the values came from."""
    body: dict[str, Json] = {
        "tool": decision.tool,
        "args": decision.canonical,
        "effect": decision.effect.value if decision.effect else None,
        "result": decision.result.value,
    }
    if decision.repeats:
        body["repeats"] = decision.repeats
    if decision.violations:
        body["clauses"] = list(decision.clauses)
        body["flags"] = list(decision.flags)
        body["errors"] = list(decision.errors)
        body["violations"] = [violation_body(v) for v in decision.violations]
    if decision.bound:
        body["bound"] = list(decision.bound)
    if decision.obligations:
        body["obligations"] = list(decision.obligations)
    if decision.asked is not None:
        body["asked"] = decision.asked
    if decision.provenance:
        body["provenance"] = [leaf_body(leaf) for leaf in decision.provenance]
    if decision.world is not None:
        body["world"] = [_world_body(ask, found) for ask, found in decision.world.items()]
    return body


def _world_body(ask: tuple[str, ...], found: bool | str) -> dict[str, Json]:
    return {"asks": list(ask), **({"answer": found} if isinstance(found, bool) else {"error": found})}


def violation_body(violation: Violation) -> dict[str, Json]:
    """One violation."""
    return {
        "clause": violation.clause,
        "kind": violation.kind,
        "on_violation": violation.on_violation.value,
        "severity": violation.severity.value,
        "message": violation.message,
        "error": violation.error,
    }


def leaf_body(leaf: LeafOrigin) -> dict[str, Json]:
    """One argument leaf with its origins; the value itself stands in the arguments."""
    return {
        "path": leaf.path,
        "exempt": leaf.exempt,
        "origins": [
            {"segment": o.segment, "source": o.source, "integrity": o.label.integrity.value, "quote": o.quote}
            for o in leaf.origins
        ],
    }


def outcome_body(outcome: Outcome, redact: Callable[[str], str] = str) -> dict[str, Json]:
    """Of `settled`: how it ended; the text of the result is the event's blob `text`."""
    error = outcome.error
    return {
        "ended": "error" if error is not None else "value",
        "error": None if error is None else error_body(error, redact),
        "elapsed_s": round(outcome.elapsed_s, 6),
        "violations": [violation_body(v) for v in outcome.violations],
        **({"form": result_form(outcome.value)} if error is None else {}),
        **({"obligations": list(outcome.done)} if outcome.done else {}),
    }


def error_body(error: BaseException, redact: Callable[[str], str] = str) -> dict[str, Json]:
    """An exception's type and message; redacted before it is cut, since half a secret matches no pattern."""
    try:
        message = str(error)
    except Exception as failed:  # noqa: BLE001 - a tool's exception may be any object
        message = f"its message cannot be shown: {type(failed).__name__}"
    return {"type": type(error).__name__, "message": redact(message[:MOST_RESULT_CHARACTERS])[:MOST_TOLD]}


def result_text(value: object) -> str:
    """What the agent sees of a result: a string as it is, else its JSON, else its `repr`."""
    if isinstance(value, str):
        return exact(value)[:MOST_RESULT_CHARACTERS]
    import msgspec

    try:
        return msgspec.json.encode(value).decode()[:MOST_RESULT_CHARACTERS]
    except Exception:  # noqa: BLE001 - a result may be any object, and must be recorded all the same
        return _shown(value)


def result_form(value: object) -> str:
    """What `result_text` makes of a result: its `text` as it is, its `json`, or something `other`.

    >>> result_form("x"), result_form({"a": 1}), result_form(object())
    ('text', 'json', 'other')
    """
    if isinstance(value, str):
        return "text"
    return "json" if value is None or type(value) in (bool, int, float, list, dict) else "other"


def plain_args(args: object, redact: Callable[[str], str] = str) -> Json:
    """Arguments that could not be made canonical, as far as they can be shown."""
    try:
        return canonical(args)
    except BadInput as error:
        return {"unreadable": redact(str(error))[:MOST_TOLD], "excerpt": redact(_shown(args))[:MOST_TOLD]}


def exact(text: str) -> str:
    """*text* as a plain `str`, whatever a subclass makes of itself.

    >>> class Loud(str):
    ...     def __str__(self) -> str:
    ...         return self.upper()
    >>> exact(Loud("quiet"))
    'quiet'
    """
    return text if type(text) is str else str.__getitem__(text, slice(None))


def visible_name(name: str) -> str:
    r"""A name that nobody declared, safe to print and to index; it equals no name that an envelope can declare.

    >>> visible_name("r\xe9fund"), visible_name("x" * 200)[-5:]
    ('?r\\xe9fund', 'xxxx…')
    """
    shown = name[:_MOST_NAME].encode("unicode_escape").decode()[:_MOST_NAME]
    return f"?{shown}…" if len(name) > _MOST_NAME else shown if shown == name else f"?{shown}"


def _shown(value: object) -> str:
    try:
        return exact(repr(value))[:MOST_RESULT_CHARACTERS]
    except Exception as error:  # noqa: BLE001 - any object may come
        return f"<{type(value).__name__}, which cannot be shown: {type(error).__name__}>"


def texts(segments: Sequence[Segment]) -> dict[str, str]:
    """The blobs of an anomaly's context."""
    return {f"segment.{s.index}": s.text for s in segments}
