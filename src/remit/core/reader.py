"""From the text of an envelope to the compiled `Envelope`, or one error that says where, what and what would do."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping

from remit.core.answers import forbidden, longest, shaped
from remit.core.cel.types import DYN, STRING, ListOf, Type, from_schema, record
from remit.core.envelope import (
    AnswerRule,
    Ensure,
    Envelope,
    Expectation,
    Tool,
    clauses_of,
)
from remit.core.errors import BadInput
from remit.core.history import DONE, STATES, watches_of
from remit.core.limits import spoken
from remit.core.promote import bindable_ids
from remit.core.reader_after import read_ensure
from remit.core.reader_breaker import read_breaker, read_capture
from remit.core.reader_clauses import clause_of, duration, read_pattern
from remit.core.reader_tool import read_tool, shapes_of
from remit.core.schema import compile_schema
from remit.core.types import (
    Confidentiality,
    Enforcement,
    Integrity,
    Json,
    Label,
    OnViolation,
    Result,
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
    "session_ensure",
    "enforced",
    "breaker",
    "capture",
    "tests",
)
LATER_KEYS = ("subject", "labels")


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
        user_integrity=sources["user"].integrity if _says_integrity(spec, "user") else None,
        with_fields=frozenset(name.rpartition(".")[0] for name in sources if "." in name),
        session_schema=session_schema,
        session_errors=session_errors,
        outputs=_outputs(spec.get("outputs")),
        watched=frozenset(watch.tool for watch in watches_of(tools)),
        session_ensure=_session_ensure(spec.get("session_ensure"), session_type),
        promoted=_promoted(spec, tools),
        breaker=read_breaker(spec.get("breaker")),
        capture=read_capture(spec.get("capture")),
        tests=_tests(spec.get("tests"), tools),
        roles=tuple(sorted({r for t in tools.values() for c in clauses_of(t) for r in c.by})),
        warnings=_warnings(spec, tools),
        text=text,
    )
    _check_flow_sources(spec["tools"], envelope)
    _check_deadlines(spec["tools"], envelope)
    _check_retention(spec["tools"], envelope)
    return envelope


def _choice(spec: Mapping[str, Node], key: str, options: tuple[str, ...], default: str) -> str:
    return spec[key].choice(tuple(str(o) for o in options)) if key in spec else default


def _tools(node: Node, session: Type) -> dict[str, Tool]:
    found = node.mapping()
    if not found:
        raise node.error("no tool", "list at least one tool; what is not listed does not exist for the agent")
    shapes = shapes_of(found)
    return {name: read_tool(name, inner, session, shapes) for name, inner in found.items()}


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


def _says_integrity(spec: Mapping[str, Node], source: str) -> bool:
    listed = spec["sources"].mapping() if "sources" in spec else {}
    return source in listed and "integrity" in listed[source].mapping()


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


def _check_retention(node: Node, envelope: Envelope) -> None:
    """What a clause reads of an earlier call must still be readable at the end of its window."""
    kept_s = envelope.capture.retain_s
    if kept_s is None:
        return
    for name, tool in envelope.tools.items():
        keys = node.mapping()[name].mapping()
        for at, clause in enumerate(tool.history):
            reads = clause.event.where or (clause.broken_by and clause.broken_by.where)
            if reads and clause.within_s > kept_s:
                raise (
                    keys["history"]
                    .items()[at]
                    .error(
                        f"looks back {spoken(clause.within_s)}, and capture.retain keeps {spoken(kept_s)}",
                        "shorten 'within', lengthen 'retain', or compare by == alone, which keeps no values",
                    )
                )
        if tool.idempotency and tool.idempotency.within_s > kept_s:
            raise keys["idempotency"].error(
                f"looks back {spoken(tool.idempotency.within_s)}, and capture.retain keeps {spoken(kept_s)}",
                "shorten 'within', or lengthen 'retain'",
            )


def _outputs(node: Node | None) -> tuple[AnswerRule, ...]:
    if node is None:
        return ()
    answers: list[AnswerRule] = []
    for inner in node.items():
        keys = inner.keys(("id", "schema", "max_length", "forbid", *_COMMON), required=("id",))
        clause = clause_of("outputs", inner, keys, hold=False)
        checks = [key for key in ("schema", "max_length", "forbid") if key in keys]
        if len(checks) != 1:
            raise inner.error(
                f"found {checks or 'no check'}", "write exactly one of schema, max_length, forbid"
            )
        answers.append(AnswerRule(clause, _answer_check(checks[0], keys[checks[0]])))
    _unique([a.clause.id for a in answers], node)
    return tuple(answers)


CALL = record(tool=STRING, effect=STRING, outcome=STRING, args=DYN, output=DYN)
"""One entry of `calls` in `session_ensure`: a call that was dispatched, `outcome` being `done` or `failed`."""


def _session_ensure(node: Node | None, session: Type) -> tuple[Ensure, ...]:
    if node is None:
        return ()
    env: dict[str, Type] = {"answer": STRING, "calls": ListOf(CALL), "session": session}
    found = tuple(read_ensure("session", inner, env, None) for inner in node.items())
    _unique([e.clause.id for e in found], node)
    return found


def _promoted(spec: Mapping[str, Node], tools: Mapping[str, Tool]) -> dict[str, float]:
    """Clauses that bind while the rest only monitors, each with its share of sessions."""
    if "enforced" not in spec:
        return {}
    if _choice(spec, "enforcement", tuple(Enforcement), "enforce") != Enforcement.MONITOR:
        raise spec["enforced"].error(
            "'enforced' where everything is enforced", "set enforcement: monitor, or remove 'enforced'"
        )
    at_the_end = [a.clause.id for a in _outputs(spec.get("outputs"))]
    at_the_end += [f"session.{n.mapping()['id'].text()}" for n in _items(spec, "session_ensure")]
    known = bindable_ids(tools.values(), at_the_end)
    found: dict[str, float] = {}
    for inner in spec["enforced"].items():
        keys = inner.keys(("clause", "share"), required=("clause",))
        clause = keys["clause"].choice(sorted(known))
        if clause in found:
            raise keys["clause"].error(f"'{clause}' stands twice", "keep one of them")
        found[clause] = keys["share"].number(0, exclusive=True) if "share" in keys else 1.0
        if found[clause] > 1:
            raise keys["share"].error(f"found {found[clause]}", "write a share above 0 and at most 1")
    return found


def _items(spec: Mapping[str, Node], key: str) -> list[Node]:
    return spec[key].items() if key in spec else []


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


def _tests(node: Node | None, tools: Mapping[str, Tool]) -> tuple[Expectation, ...]:
    if node is None:
        return ()
    tests: list[Expectation] = []
    for inner in node.items():
        keys = inner.keys(("call", "expect"), required=("call", "expect"))
        call = keys["call"].keys(
            ("tool", "args", "session", "user", "observed", "earlier", "output"), required=("tool", "args")
        )
        expect = keys["expect"].keys(("result", "clause", "output"), required=("result",))
        result = expect["result"].choice((*Result, WITHHELD))
        if "output" not in call and (result == WITHHELD or "output" in expect):
            raise keys["call"].error("no 'output'", "write what the tool returns: output: {id: O-1}")
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
                earlier=tuple(
                    _earlier(n, tools) for n in (call["earlier"].items() if "earlier" in call else ())
                ),
                result=result,
                clause=clause,
                returns=(call["output"].plain(),) if "output" in call else None,
                shows=(expect["output"].plain(),) if "output" in expect else None,
            )
        )
    return tuple(tests)


def _earlier(node: Node, tools: Mapping[str, Tool]) -> dict[str, Json]:
    """One earlier call of a test."""
    keys = node.keys(("tool", "args", "output", "state", "ago"), required=("tool", "args"))
    keys["tool"].choice(tuple(tools))
    keys["args"].mapping()
    return {
        "tool": keys["tool"].text(),
        "args": keys["args"].plain(),
        "output": keys["output"].plain() if "output" in keys else None,
        "state": keys["state"].choice(STATES) if "state" in keys else DONE,
        "ago_s": duration(keys, "ago", 0.0),
    }


WITHHELD = "withheld"
"""Of a test: the call ran, and the agent does not see the result."""
BUILT_IN_CLAUSES = ("schema", "canonical", "unlisted", "session")


def _names(clause: str, tool: str, known: set[str]) -> bool:
    full = clause if clause.startswith(f"{tool}.") else f"{tool}.{clause}"
    return full in known or clause.removeprefix(f"{tool}.") in BUILT_IN_CLAUSES


def guarded(tool: Tool) -> bool:
    """Whether some clause may stand in the way of a call before it runs."""
    before = (tool.require, tool.flow, tool.history, tool.limits, tool.approve)
    scopes = [scope for scope in tool.scopes if not scope.of_output]
    forward = [line for line in tool.monotonic if not line.after]
    return any((*before, scopes, forward)) or tool.idempotency is not None


def _warnings(spec: Mapping[str, Node], tools: Mapping[str, Tool]) -> tuple[str, ...]:
    found: list[str] = []
    for name, tool in tools.items():
        node = spec["tools"].mapping()[name]
        if tool.effect.consequential and not guarded(tool):
            found.append(
                f"{node.file}:{node.line}: {name}: an {tool.effect} tool with no clause that is asked before the call"
                " (require, flow, scopes, idempotency, history, monotonic, limits, approve): every call that fits its"
                " schema runs"
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
