"""What surrounds the tools: facts, labels, the breaker, the final answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from remit.core.envelope import BreakerRule, Envelope
from remit.core.labels import label_of
from remit.core.narrow.clauses import STRICT, WEIGHT
from remit.core.narrow.place import Document, WiderPlace, equal
from remit.core.narrow.schemas import schema_wider
from remit.core.types import Enforcement, OnViolation, PrincipalKind, Severity, ToolEffect

SPEC_KEYS = frozenset(
    {
        "enforcement",
        "default",
        "on_error",
        "session",
        "sources",
        "tools",
        "outputs",
        "session_ensure",
        "enforced",
        "breaker",
        "capture",
        "tests",
    }
)
TOOL_KEYS = frozenset(
    {
        "description",
        "effect",
        "target",
        "args",
        "require",
        "flow",
        "scopes",
        "idempotency",
        "history",
        "monotonic",
        "limits",
        "approve",
        "obligations",
        "output",
        "ensure",
        "deadline",
        "compensation",
    }
)
"""Keys that the rules here understand; any other must stand equal in both."""
BREAKER_KEYS = frozenset(
    {
        "threshold",
        "max_violations",
        "window",
        "admission",
        "weights",
        "supervised",
        "recovery",
        "lease",
        "max_pending",
    }
)
RECOVERY_KEYS = frozenset(
    {
        "cooldown",
        "cooldown_max",
        "look_back",
        "approved_clean",
        "probation_clean",
        "probation_in_flight",
        "sample",
    }
)
_ANSWER_KEYS = frozenset(
    {"id", "on_violation", "severity", "message", "accept_risk", "schema", "max_length", "forbid"}
)
_ANYBODY = (None, PrincipalKind.OPERATOR, PrincipalKind.CUSTOMER)


def enforcement_places(old: Envelope, new: Envelope) -> Iterator[WiderPlace]:
    """Monitor blocks nothing."""
    if old.enforcement is Enforcement.ENFORCE and new.enforcement is not Enforcement.ENFORCE:
        yield WiderPlace(
            "enforcement", f"{new.enforcement} now: decisions are recorded and nothing is blocked"
        )


def session_places(old: Envelope, new: Envelope) -> Iterator[WiderPlace]:
    """Facts that do not fit refuse every call; facts are also a trusted text, in which values may stand."""
    if old.session_schema is None:
        if new.session_schema is not None and _asks_for_origins(old):
            yield WiderPlace(
                "session", "facts are a source now, and were none: values of flow clauses may stand there"
            )
    elif new.session_schema is None:
        yield WiderPlace("session", "the facts are not checked any more")
    else:
        yield from schema_wider(old.session_schema, new.session_schema, "session")


def _asks_for_origins(envelope: Envelope) -> bool:
    return any(tool.flow for tool in envelope.tools.values())


def source_places(old: Document, new: Document) -> Iterator[WiderPlace]:
    """A source may only become less trusted or more confidential, where a clause of the old envelope asks for that."""
    flows = [flow for tool in old.envelope.tools.values() for flow in tool.flow]
    # A key that this version has no rule for may read labels, too.
    all_matter = any(set(tool) - TOOL_KEYS for tool in old.spec["tools"].values()) or bool(
        set(old.spec) - SPEC_KEYS
    )
    trusts = all_matter or any(flow.integrity is not None for flow in flows)
    keeps = all_matter or any(flow.confidentiality_at_most is not None for flow in flows)
    names = {"user", "system", "session", *old.envelope.sources, *new.envelope.sources}
    for name in sorted(names):
        told = _better(old.envelope, new.envelope, name, trusts, keeps)
        told = told or _other_field(old.envelope, new.envelope, name, bool(flows) or all_matter, keeps)
        if told:
            yield WiderPlace(f"sources.{name}", told)


def _better(old: Envelope, new: Envelope, name: str, trusts: bool, keeps: bool) -> str:
    for kind in _ANYBODY:
        before, after = label_of(old, name, kind), label_of(new, name, kind)
        if trusts and after.integrity.rank < before.integrity.rank:
            return f"integrity is {after.integrity} now, it was {before.integrity}"
        if keeps and after.confidentiality.rank < before.confidentiality.rank:
            return f"confidentiality is {after.confidentiality} now, it was {before.confidentiality}"
    return ""


def _other_field(old: Envelope, new: Envelope, name: str, traced: bool, keeps: bool) -> str:
    """A labelled field is a text of its own: one more is one more place where values may stand, and one that is gone
    may have been the secret one."""
    if "." not in name or (name in old.sources) is (name in new.sources):
        return ""
    if name in new.sources:
        return "this field is a source of its own now, where values may stand" if traced else ""
    return "this field is no longer a source of its own, and may have been the secret one" if keeps else ""


def breaker_places(old: Document, new: Document) -> Iterator[WiderPlace]:
    """Autonomy may only be lost sooner and come back later."""
    before, after = old.envelope.breaker, new.envelope.breaker
    for path, told in _breaker_gaps(before, after):
        yield WiderPlace(f"breaker.{path}", told)
    ours, theirs = (_unknown(side.spec.get("breaker") or {}) for side in (old, new))
    if not equal(ours, theirs):
        yield WiderPlace(
            "breaker", f"keys changed that cannot be compared: {', '.join(sorted({*ours, *theirs}))}"
        )


def _unknown(plain: Mapping[str, Any]) -> dict[str, Any]:
    beside = {key: value for key, value in plain.items() if key not in BREAKER_KEYS}
    inner = {k: v for k, v in (plain.get("recovery") or {}).items() if k not in RECOVERY_KEYS}
    return beside | ({"recovery": inner} if inner else {})


_LOWER = ("max_violations", "max_pending", "probation_in_flight")
_HIGHER = (
    "window_s",
    "cooldown_s",
    "cooldown_max_s",
    "look_back_s",
    "approved_clean",
    "probation_clean",
    "sample",
)


def _breaker_gaps(before: BreakerRule, after: BreakerRule) -> Iterator[tuple[str, str]]:
    for severity in Severity:
        # What counts is how many of them it takes: the weight as a share of the threshold.
        ours = before.weights.get(severity, 0.0) / before.threshold
        theirs = after.weights.get(severity, 0.0) / after.threshold
        if theirs < ours:
            yield (
                "threshold",
                f"a {severity} violation weighs {theirs:.0%} of the threshold now, it was {ours:.0%}",
            )
            break
    for name in (*_LOWER, *_HIGHER):
        ours, theirs = _number(before, name), _number(after, name)
        if (theirs > ours) if name in _LOWER else (theirs < ours):
            yield name.removesuffix("_s"), f"{theirs:g} now, it was {ours:g}"
    if after.lease_s != before.lease_s:
        yield "lease", "how long a call in flight is waited for changed: neither direction only narrows"
    if before.supervised == "all" and after.supervised != "all":
        yield "supervised", "reads need no approval any more in SUPERVISED"
    for effect in ToolEffect:
        if before.admission.get(effect) == "reserve" and after.admission.get(effect) != "reserve":
            yield "admission", f"{effect} calls are only counted now, and were reserved"


def _number(rule: BreakerRule, name: str) -> float:
    return float(getattr(rule, name) if hasattr(rule, name) else getattr(rule.recovery, name))


def answer_places(old: Document, new: Document) -> Iterator[WiderPlace]:
    """Checks of the final answer, by id."""
    theirs = {line["id"]: line for line in new.spec.get("outputs") or ()}
    for line in old.spec.get("outputs") or ():
        path = f"outputs[{line['id']}]"
        if line["id"] not in theirs:
            yield WiderPlace(path, "the final answer is not checked for it any more")
        else:
            yield from (WiderPlace(path, told) for told in answer_gaps(line, theirs[line["id"]]))


def answer_gaps(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Why one check of the final answer does not cover another; both as written."""
    gaps: list[str] = []
    before, after = (OnViolation(line.get("on_violation", "deny")) for line in (old, new))
    if STRICT[after] < STRICT[before]:
        gaps.append(f"on_violation is {after} now, it was {before}")
    was, now = (Severity(line.get("severity", "medium")) for line in (old, new))
    if WEIGHT[now] < WEIGHT[was]:
        gaps.append(f"the severity is {now} now, it was {was}")
    if "max_length" in old and not ("max_length" in new and new["max_length"] <= old["max_length"]):
        gaps.append(f"longer answers than {old['max_length']} may pass")
    if "forbid" in old and not set(old["forbid"]) <= set(new.get("forbid", ())):
        gaps.append("patterns are not forbidden any more")
    if "schema" in old:
        wider = (
            schema_wider(old["schema"], new["schema"], "schema")
            if "schema" in new
            else [WiderPlace("schema", "gone")]
        )
        gaps += [f"{place.path}: {place.why}" for place in wider]
    beside = [{k: v for k, v in line.items() if k not in _ANSWER_KEYS} for line in (old, new)]
    return gaps if equal(*beside) else [*gaps, "keys changed that cannot be compared"]
