"""From the text of an envelope to the compiled `Envelope`, or one error that says where, what and what would do."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping

from remit.core.answers import forbidden, longest, shaped
from remit.core.cel.types import Type, from_schema
from remit.core.envelope import (
    Answer,
    BreakerRule,
    Capture,
    Envelope,
    Expectation,
    Recovery,
    Tool,
    clauses_of,
)
from remit.core.errors import BadInput
from remit.core.reader_clauses import clause_of, duration, duration_s, read_pattern
from remit.core.reader_tool import read_tool
from remit.core.retention import LEAST_RETAIN_S
from remit.core.schema import compile_schema
from remit.core.types import (
    Confidentiality,
    Enforcement,
    Integrity,
    Label,
    OnViolation,
    Result,
    Severity,
    ToolEffect,
)
from remit.core.yamltext import Node, parse

API_VERSION = "remit/v1"
KIND = "CapabilityEnvelope"

SPEC_KEYS = (
    "enforcement",
    "default",
    "on_error",
    "session",
    "sources",
    "tools",
    "outputs",
    "breaker",
    "capture",
    "tests",
)
LATER_KEYS = ("session_ensure", "subject", "labels")


def read_envelope(text: str, file: str) -> Envelope:
    """The envelope in *text*; its own tests have not run yet (see `core.selftest.load_envelope`).

    Args:
        text: the YAML, decoded.
        file: its name, for errors.

    Raises:
        BadInput: anything that is not exactly as the language says.
    """
    root = parse(text, file)
    top = root.keys(
        ("apiVersion", "kind", "metadata", "spec"), required=("apiVersion", "kind", "metadata", "spec")
    )
    top["apiVersion"].choice((API_VERSION,))
    top["kind"].choice((KIND,))
    meta = top["metadata"].keys(("name", "version", "owner", "description"), required=("name", "version"))
    name = meta["name"].text()
    if not name or len(name) > 200 or not name.isprintable():
        raise meta["name"].error(f"found {name[:40]!r}", "write a name of 1 to 200 printable characters")
    version = meta["version"].value
    if not isinstance(version, str | int | float) or isinstance(version, bool):
        raise meta["version"].error(f"found {meta['version'].kind}", "write a string")
    spec = top["spec"].keys(SPEC_KEYS, required=("tools",), later=LATER_KEYS)
    for key in ("default", "on_error"):
        if key in spec:
            spec[key].choice(("deny",))
    session_schema, session_errors = None, None
    if "session" in spec:
        if (
            spec["session"].mapping().get("type") is None
            or spec["session"].mapping()["type"].value != "object"
        ):
            raise spec["session"].error(
                "no 'type: object'", "facts are named: write type, required and properties"
            )
        session_schema, session_errors = compile_schema(spec["session"], closed=True)
    session_type = from_schema(
        session_schema or {"type": "object", "properties": {}, "additionalProperties": False}
    )
    tools = _tools(spec["tools"], session_type)
    sources = _sources(spec.get("sources"))
    envelope = Envelope(
        name=name,
        version=str(version),
        owner=meta["owner"].text() if "owner" in meta else "",
        hash=hashlib.sha256(text.encode()).hexdigest(),
        enforcement=Enforcement(_choice(spec, "enforcement", tuple(Enforcement), "enforce")),
        tools=tools,
        sources=sources,
        with_fields=frozenset(name.rpartition(".")[0] for name in sources if "." in name),
        session_schema=session_schema,
        session_errors=session_errors,
        outputs=_outputs(spec.get("outputs")),
        breaker=_breaker(spec.get("breaker")),
        capture=_capture(spec.get("capture")),
        tests=_tests(spec.get("tests"), tools),
        roles=tuple(sorted({r for t in tools.values() for c in clauses_of(t) for r in c.by})),
        warnings=_warnings(spec, tools),
    )
    _check_flow_sources(spec["tools"], envelope)
    _check_deadlines(spec["tools"], envelope)
    return envelope


def _choice(spec: Mapping[str, Node], key: str, options: tuple[str, ...], default: str) -> str:
    return spec[key].choice(tuple(str(o) for o in options)) if key in spec else default


def _tools(node: Node, session: Type) -> dict[str, Tool]:
    found = node.mapping()
    if not found:
        raise node.error("no tool", "list at least one tool; what is not listed does not exist for the agent")
    return {name: read_tool(name, inner, session) for name, inner in found.items()}


def _sources(node: Node | None) -> dict[str, Label]:
    labels: dict[str, Label] = {}
    if node is None:
        return labels
    for name, inner in node.mapping().items():
        keys = inner.keys(("integrity", "confidentiality"))
        integrity = Integrity(_choice(keys, "integrity", tuple(Integrity), _default_integrity(name)))
        secret = Confidentiality(_choice(keys, "confidentiality", tuple(Confidentiality), "internal"))
        if name == "assistant":
            raise inner.error(
                "'assistant' as a source", "the model's own words are never an origin; remove it"
            )
        labels[name] = Label(integrity, secret)
    return labels


def _default_integrity(source: str) -> str:
    return {"system": "trusted", "session": "trusted", "user": "principal"}.get(source, "untrusted")


def _check_flow_sources(node: Node, envelope: Envelope) -> None:
    known = {"user", "system", "session", *envelope.tools, *envelope.sources}
    for name, tool in envelope.tools.items():
        for at, flow in enumerate(tool.flow):
            for source in flow.sources:
                if source not in known:
                    place = node.mapping()[name].mapping()["flow"].items()[at].mapping()["from"]
                    raise place.error(f"unknown source '{source}'", f"known: {', '.join(sorted(known))}")


def _check_deadlines(node: Node, envelope: Envelope) -> None:
    """A call must end before its reservation does: after that its outcome counts as unknown."""
    for name, tool in envelope.tools.items():
        if tool.deadline_s is not None and tool.deadline_s > envelope.breaker.lease_s:
            raise (
                node.mapping()[name]
                .mapping()["deadline"]
                .error(
                    f"{tool.deadline_s:g} s is longer than a reservation holds ({envelope.breaker.lease_s:g} s)",
                    "raise breaker.lease, or shorten the deadline",
                )
            )


def _outputs(node: Node | None) -> tuple[Answer, ...]:
    if node is None:
        return ()
    answers: list[Answer] = []
    for inner in node.items():
        keys = inner.keys(("id", "schema", "max_length", "forbid", *_COMMON), required=("id",))
        clause = clause_of("outputs", inner, keys, hold=False)
        checks = [key for key in ("schema", "max_length", "forbid") if key in keys]
        if len(checks) != 1:
            raise inner.error(
                f"found {checks or 'no check'}", "write exactly one of schema, max_length, forbid"
            )
        answers.append(Answer(clause, _answer_check(checks[0], keys[checks[0]])))
    _unique([a.clause.id for a in answers], node)
    return tuple(answers)


_COMMON = ("on_violation", "severity", "message", "accept_risk")


def _answer_check(kind: str, node: Node) -> Callable[[str], str]:
    if kind == "max_length":
        return longest(int(node.number(1, integer=True)))
    if kind == "forbid":
        return forbidden([(item.text(), read_pattern(item)) for item in node.items()])
    _, errors = compile_schema(node, closed=False)
    return shaped(errors)


def _unique(ids: list[str], node: Node) -> None:
    for at, clause_id in enumerate(ids):
        if clause_id in ids[:at]:
            raise node.error(
                f"two clauses have the id '{clause_id.rpartition('.')[2]}'", "give each its own id"
            )


BREAKER_KEYS = (
    "threshold",
    "max_violations",
    "window",
    "admission",
    "weights",
    "supervised",
    "recovery",
    "lease",
    "max_pending",
)
RECOVERY_KEYS = (
    "cooldown",
    "cooldown_max",
    "look_back",
    "approved_clean",
    "probation_clean",
    "probation_in_flight",
    "sample",
)
_RESERVED = (ToolEffect.IRREVERSIBLE, ToolEffect.EGRESS)


def _breaker(node: Node | None) -> BreakerRule:
    plain = BreakerRule()
    keys = node.keys(BREAKER_KEYS) if node is not None else {}
    threshold = keys["threshold"].number(1) if "threshold" in keys else plain.threshold
    most = (
        int(keys["max_violations"].number(1, integer=True))
        if "max_violations" in keys
        else max(1, int(threshold))
    )
    admission = {e: "reserve" if e in _RESERVED else "count" for e in ToolEffect}
    if "admission" in keys:
        given = keys["admission"]
        if isinstance(given.value, dict):
            for effect, how in given.keys(tuple(ToolEffect)).items():
                admission[ToolEffect(effect)] = how.choice(("reserve", "count"))
        else:
            admission = dict.fromkeys(ToolEffect, given.choice(("reserve", "count")))
    weights = {
        Severity.LOW: 1.0,
        Severity.MEDIUM: 2.0,
        Severity.HIGH: threshold,
        Severity.CRITICAL: threshold,
    }
    if "weights" in keys:
        for severity, weight in keys["weights"].keys(("low", "medium", "high")).items():
            weights[Severity(severity)] = weight.number(1)
    return BreakerRule(
        threshold=threshold,
        max_violations=most,
        window_s=duration(keys, "window", plain.window_s),
        admission=admission,
        weights=weights,
        supervised=keys["supervised"].choice(("effects", "all")) if "supervised" in keys else "effects",
        recovery=_recovery(keys.get("recovery")),
        lease_s=duration(keys, "lease", plain.lease_s),
        max_pending=int(keys["max_pending"].number(1, integer=True))
        if "max_pending" in keys
        else plain.max_pending,
    )


def _recovery(node: Node | None) -> Recovery:
    plain = Recovery()
    if node is None:
        return plain
    keys = node.keys(RECOVERY_KEYS)

    def count(key: str, default: int) -> int:
        return int(keys[key].number(1, integer=True)) if key in keys else default

    sample = keys["sample"].number(0) if "sample" in keys else plain.sample
    if sample > 1:
        raise keys["sample"].error(f"found {sample}", "write a share between 0 and 1")
    return Recovery(
        cooldown_s=duration(keys, "cooldown", plain.cooldown_s),
        cooldown_max_s=duration(keys, "cooldown_max", plain.cooldown_max_s),
        look_back_s=duration(keys, "look_back", plain.look_back_s),
        approved_clean=count("approved_clean", plain.approved_clean),
        probation_clean=count("probation_clean", plain.probation_clean),
        probation_in_flight=count("probation_in_flight", plain.probation_in_flight),
        sample=sample,
    )


def _capture(node: Node | None) -> Capture:
    if node is None:
        return Capture()
    keys = node.keys(("clean", "anomaly", "sample", "retain", "mask"))
    if "anomaly" in keys:
        keys["anomaly"].choice(("full",))
    clean = keys["clean"].choice(("full", "sampled", "digest")) if "clean" in keys else "full"
    sample = keys["sample"].number(0) if "sample" in keys else Capture().sample
    if sample > 1:
        raise keys["sample"].error(f"found {sample}", "write a share between 0 and 1")
    retain_s = duration_s(keys["retain"]) if "retain" in keys else None
    if retain_s is not None and retain_s < LEAST_RETAIN_S:
        raise keys["retain"].error(
            f"found {keys['retain'].told}",
            "write 1h or more: what is captured is deleted in steps of an hour",
        )
    masks = keys["mask"].items() if "mask" in keys else []
    for mask in masks:
        read_pattern(mask)
    return Capture(
        clean=clean,
        sample=sample,
        retain_s=retain_s,
        mask=tuple(mask.text() for mask in masks),
    )


def _tests(node: Node | None, tools: Mapping[str, Tool]) -> tuple[Expectation, ...]:
    if node is None:
        return ()
    tests: list[Expectation] = []
    for inner in node.items():
        keys = inner.keys(("call", "expect"), required=("call", "expect"))
        call = keys["call"].keys(("tool", "args", "session", "user", "observed"), required=("tool", "args"))
        expect = keys["expect"].keys(("result", "clause"), required=("result",))
        observed = [
            item.keys(("source", "text"), required=("source", "text"))
            for item in (call["observed"].items() if "observed" in call else [])
        ]
        tool = call["tool"].text()
        clause = expect["clause"].text() if "clause" in expect else None
        known = {c.id for c in clauses_of(tools[tool])} if tool in tools else set()
        if clause is not None and not _names(clause, tool, known):
            raise expect["clause"].error(
                f"no clause '{clause}' on '{tool}'", f"it has {', '.join(sorted(known)) or 'none'}"
            )
        tests.append(
            Expectation(
                line=inner.line,
                tool=tool,
                args=call["args"].plain() if isinstance(call["args"].value, dict) else call["args"].mapping(),
                session=call["session"].plain() if "session" in call else {},
                user=call["user"].text() if "user" in call else None,
                observed=tuple((o["source"].text(), o["text"].text()) for o in observed),
                result=expect["result"].choice(tuple(Result)),
                clause=clause,
            )
        )
    return tuple(tests)


BUILT_IN_CLAUSES = ("schema", "canonical", "unlisted", "session")


def _names(clause: str, tool: str, known: set[str]) -> bool:
    full = clause if clause.startswith(f"{tool}.") else f"{tool}.{clause}"
    return full in known or clause.removeprefix(f"{tool}.") in BUILT_IN_CLAUSES


def _warnings(spec: Mapping[str, Node], tools: Mapping[str, Tool]) -> tuple[str, ...]:
    found: list[str] = []
    for name, tool in tools.items():
        node = spec["tools"].mapping()[name]
        if tool.effect.consequential and not (tool.require or tool.flow or tool.limits or tool.approve):
            found.append(
                f"{node.file}:{node.line}: {name}: an {tool.effect} tool with no require, flow, limits or approve:"
                " every call that fits its schema runs"
            )
        found.extend(
            f"{node.file}:{node.line}: {clause.id}: holds with no 'by': any operator may approve"
            for clause in clauses_of(tool)
            if clause.on_violation is OnViolation.HOLD and not clause.by
        )
    if "session" not in spec and "sources" not in spec:
        line = spec["tools"].line
        found.append(f"{spec['tools'].file}:{line}: no 'sources': every tool result counts as untrusted")
    return tuple(found)


def decode(data: bytes, file: str) -> str:
    """The text of an envelope file.

    Raises:
        BadInput: not UTF-8.
    """
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadInput(file, f"byte {error.start} is not UTF-8", "save the file as UTF-8") from None
