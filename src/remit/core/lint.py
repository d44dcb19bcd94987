"""What an envelope says that is legal and probably not meant: clauses that never apply, never bind, or leak.

Each rule is a function from the envelope and its text to findings; `RULES` lists them. To add one: write it, add its
line. A rule speaks up only where it can show why; what is a matter of taste is none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from remit.core.cel import Condition
from remit.core.cel import nodes as n
from remit.core.cel.parser import parse as parse_condition
from remit.core.envelope import Envelope, Flow, Limit, Tool
from remit.core.types import Integrity, OnViolation, PrincipalKind
from remit.core.yamltext import Node, parse


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to look at."""

    rule: str
    """Stable name of the rule: `unanchored-pattern`, …"""
    line: int
    """1-based; 0 where the whole file is meant."""
    path: str
    """Key path such as `spec.tools.refund.flow[0]`."""
    message: str


def lint(envelope: Envelope, text: str, file: str) -> list[Finding]:
    """Everything that the rules find, in the order of the file.

    Args:
        envelope: compiled from *text*.
        text: the YAML.
        file: its name.
    """
    root = parse(text, file)
    spec = root.mapping()["spec"]
    found = [_noted(warning, file) for warning in envelope.warnings]
    for rule in RULES:
        found.extend(rule(envelope, spec))
    return sorted(found, key=lambda finding: finding.line)


def _noted(warning: str, file: str) -> Finding:
    """A warning of the reader, `file:line: message`."""
    line, _, message = warning.removeprefix(f"{file}:").partition(": ")
    return Finding("reader", int(line) if line.isdigit() else 0, "", message)


def _tools(envelope: Envelope, spec: Node) -> Iterator[tuple[Tool, dict[str, Node]]]:
    listed = spec.mapping()["tools"].mapping()
    for name, tool in envelope.tools.items():
        yield tool, listed[name].mapping()


def _at(rule: str, node: Node, message: str) -> Finding:
    return Finding(rule, node.line, node.path, message)


# ---------------------------------------------------------------------------------------------------- schemas
def unanchored_patterns(envelope: Envelope, spec: Node) -> Iterator[Finding]:
    """A JSON Schema pattern is a search: without ^ and $ it admits anything around the match."""
    places = [keys["args"] for _, keys in _tools(envelope, spec)]
    if "session" in spec.mapping():
        places.append(spec.mapping()["session"])
    for place in places:
        for node in _under_key(place, "pattern"):
            if isinstance(node.value, str) and not anchored(node.value):
                told = (
                    f"pattern {node.value[:60]!r} is a search and admits text around the match; write ^(?:…)$"
                )
                yield _at("unanchored-pattern", node, told)


def _under_key(node: Node, key: str, *, names: bool = False) -> Iterator[Node]:
    """Values of the keyword *key* in a schema; an argument that is called so is no keyword."""
    if isinstance(node.value, dict):
        for name, inner in node.value.items():
            if name == key and not names:
                yield inner
            elif name not in ("enum", "const", "examples", "default") or names:
                yield from _under_key(inner, key, names=name in ("properties", "$defs") and not names)
    elif isinstance(node.value, list):
        for inner in node.value:
            yield from _under_key(inner, key)


def anchored(pattern: str) -> bool:
    r"""Whether a pattern can only match the whole text.

    >>> anchored("^O-[0-9]+$"), anchored("O-[0-9]+"), anchored("^a|b$"), anchored(r"^(a|b)\$")
    (True, False, False, False)
    """
    begins = pattern.startswith(("^", r"\A"))
    escaped = (len(pattern) - len(pattern.rstrip("$").rstrip("\\")) - 1) % 2 if pattern.endswith("$") else 0
    ends = (pattern.endswith("$") and not escaped) or pattern.endswith(r"\z")
    return begins and ends and not _alternates(pattern)


def _alternates(pattern: str) -> bool:
    """Whether a `|` stands outside every group and class."""
    depth, inside, skip = 0, False, False
    for char in pattern:
        if skip:
            skip = False
        elif char == "\\":
            skip = True
        elif inside:
            inside = char != "]"
        elif char == "[":
            inside = True
        elif char in "()":
            depth += 1 if char == "(" else -1
        elif char == "|" and depth == 0:
            return True
    return False


# ------------------------------------------------------------------------------------------------------ flow
def flow_on_exempt(envelope: Envelope, spec: Node) -> Iterator[Finding]:
    """Enum, const and boolean leaves choose among the envelope's own values: no flow clause asks about them."""
    for tool, keys in _tools(envelope, spec):
        for at, flow in enumerate(tool.flow):
            leaves = list(_leaves(tool.schema, flow.arg))
            if leaves and all(_exempt(tool, leaf) for leaf in leaves):
                node = keys["flow"].items()[at]
                told = f"{flow.clause.id} never applies: '{_dotted(flow.arg)}' is an enum, a constant or a boolean"
                yield _at("flow-on-exempt", node, told)


def _exempt(tool: Tool, leaf: tuple[str, ...]) -> bool:
    return any(leaf[: len(path)] == path for path in tool.exempt_paths)


def _leaves(schema: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Paths of the leaves at and below *path*."""
    here: Any = schema
    for step in path:
        here = here.get("items", {}) if step == "[]" else here.get("properties", {}).get(step, {})
        if not isinstance(here, dict):
            return
    yield from _below(here, path)


def _below(schema: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    fields = schema.get("properties", {}) if isinstance(schema, dict) else {}
    for name, inner in fields.items():
        yield from _below(inner, (*path, name))
    if isinstance(schema, dict) and isinstance(schema.get("items"), dict):
        yield from _below(schema["items"], (*path, "[]"))
    elif not fields:
        yield path


def flow_never_met(envelope: Envelope, spec: Node) -> Iterator[Finding]:
    """All sources that a clause names have a worse label than it asks for: every value is refused."""
    for tool, keys in _tools(envelope, spec):
        for at, flow in enumerate(tool.flow):
            if flow.integrity is None or not flow.sources:
                continue
            best = min(_best(envelope, source).rank for source in flow.sources)
            if best > flow.integrity.rank:
                node = keys["flow"].items()[at]
                told = f"{flow.clause.id} is never met: no source that it names can be {flow.integrity}"
                yield _at("flow-never-met", node, told)


def _best(envelope: Envelope, source: str) -> Integrity:
    from remit.core.labels import label_of

    return label_of(envelope, source, PrincipalKind.OPERATOR).integrity


def unused_sources(envelope: Envelope, spec: Node) -> Iterator[Finding]:
    """A label on a source that is no tool and that no clause can look at: a typing error, or a leftover."""
    flows = [flow for tool in envelope.tools.values() for flow in tool.flow]
    if any(_reads_labels(flow) for flow in flows):
        return
    named = {source for flow in flows for source in flow.sources}
    for source in envelope.sources:
        owner = source.rpartition(".")[0] or source
        if source in named or source in ("user", "system") or {source, owner} & set(envelope.tools):
            continue
        node = spec.mapping()["sources"].mapping()[source]
        told = f"source '{source}' is no tool here, and no clause asks for it or for a label"
        yield _at("unused-source", node, told)


def _reads_labels(flow: Flow) -> bool:
    return flow.integrity is not None or flow.confidentiality_at_most is not None


def _dotted(path: Sequence[str]) -> str:
    return ".".join(path).replace(".[]", "[]")


# ---------------------------------------------------------------------------------------------------- limits
def limits_that_refuse_all(envelope: Envelope, spec: Node) -> Iterator[Finding]:
    """A maximum below what one call takes: no call ever passes."""
    for tool, keys in _tools(envelope, spec):
        for at, limit in enumerate(tool.limits):
            least = _least(tool, limit)
            if least is not None and limit.max < least:
                node = keys["limits"].items()[at]
                told = f"{limit.clause.id} refuses every call: one takes at least {least:g}, of at most {limit.max:g}"
                yield _at("limit-refuses-all", node, told)


def _least(tool: Tool, limit: Limit) -> float | None:
    """The least that one call takes, where the schema says."""
    if limit.sum is None:
        return 1.0
    match = re.fullmatch(r"args\.([A-Za-z_][A-Za-z0-9_]*)", limit.sum.text.strip())
    field = tool.schema.get("properties", {}).get(match[1], {}) if match else {}
    least = field.get("minimum") if isinstance(field, dict) else None
    return float(least) if isinstance(least, int | float) else None


_STRICT = {OnViolation.FLAG: 0, OnViolation.HOLD: 1, OnViolation.DENY: 2}


def limits_that_never_bind(envelope: Envelope, spec: Node) -> Iterator[Finding]:
    """Another limit on the same amount is at least as tight, over as long a window and as coarse a key."""
    for tool, keys in _tools(envelope, spec):
        for at, limit in enumerate(tool.limits):
            for other_at, other in enumerate(tool.limits):
                if other_at == at or not _covers(other, limit) or (_covers(limit, other) and other_at > at):
                    continue
                node = keys["limits"].items()[at]
                told = f"{limit.clause.id} never binds: {other.clause.id} always binds first"
                yield _at("limit-never-binds", node, told)
                break


def _covers(tight: Limit, loose: Limit) -> bool:
    same = (tight.sum.text if tight.sum else "") == (loose.sum.text if loose.sum else "")
    coarser = {c.text for c in tight.by} <= {c.text for c in loose.by}
    strict = _STRICT[tight.clause.on_violation] >= _STRICT[loose.clause.on_violation]
    return same and coarser and strict and tight.within_s >= loose.within_s and tight.max <= loose.max


# ------------------------------------------------------------------------------------------------ conditions
def duplicate_conditions(envelope: Envelope, spec: Node) -> Iterator[Finding]:
    """Two `require` lines of one tool that say the same."""
    for tool, keys in _tools(envelope, spec):
        seen: dict[str, str] = {}
        for at, rule in enumerate(tool.require):
            text = " ".join(rule.condition.text.split())
            if text in seen:
                node = keys["require"].items()[at]
                yield _at("duplicate-condition", node, f"{rule.clause.id} says the same as {seen[text]}")
            seen.setdefault(text, rule.clause.id)


def constant_conditions(envelope: Envelope, spec: Node) -> Iterator[Finding]:
    """A condition that reads nothing gives every call the same answer."""
    for node, clause, condition in _conditions(envelope, spec):
        if not condition.reads:
            told = f"{clause} reads no argument and no fact: every call gets the same answer"
            yield _at("constant-condition", node, told)


def host_by_text(envelope: Envelope, spec: Node) -> Iterator[Finding]:
    """Hosts compared as text: `endsWith('corp.example')` holds for `evilcorp.example`."""
    for node, clause, condition in _conditions(envelope, spec):
        for call in _walk(parse_condition(condition.text)):
            told = _compared(call)
            if told:
                yield _at("host-by-text", node, f"{clause}: {told}")


_DOMAIN = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}")
_ORIGIN = re.compile(r"https?://[^/]+")


def _compared(call: n.Node) -> str:
    if not isinstance(call, n.Call) or not call.method or len(call.args) != 2:
        return ""
    asked = call.args[1]
    text = asked.value if isinstance(asked, n.Literal) and isinstance(asked.value, str) else ""
    if call.name == "endsWith" and _DOMAIN.fullmatch(text):
        return (
            f"endsWith('{text}') also holds for 'evil{text}'; use domain_in(…, ['{text}']) or compare whole"
        )
    if call.name == "startsWith" and _ORIGIN.fullmatch(text):
        return f"startsWith('{text}') also holds for '{text}.evil.example'; use domain_in(host(…), […])"
    return ""


def _walk(node: n.Node) -> Iterator[n.Node]:
    yield node
    for child in node.children():
        yield from _walk(child)


def _conditions(envelope: Envelope, spec: Node) -> Iterator[tuple[Node, str, Condition]]:
    for tool, keys in _tools(envelope, spec):
        for at, rule in enumerate(tool.require):
            yield keys["require"].items()[at], rule.clause.id, rule.condition
        for at, approve in enumerate(tool.approve):
            if approve.when is not None:
                yield keys["approve"].items()[at], approve.clause.id, approve.when
        for at, flow in enumerate(tool.flow):
            if flow.unless is not None:
                yield keys["flow"].items()[at], flow.clause.id, flow.unless


# --------------------------------------------------------------------------------------------------- outside
def no_tests(envelope: Envelope, spec: Node) -> Iterator[Finding]:
    """Nothing shows that the envelope refuses what it should."""
    if not envelope.tests:
        yield Finding(
            "no-tests", spec.line, "spec.tests", "no tests: add a call that must pass and one that must not"
        )


def only_allowing_tests(envelope: Envelope, spec: Node) -> Iterator[Finding]:
    """Tests that all allow would hold for an envelope that allows everything."""
    if envelope.tests and all(test.result == "allow" for test in envelope.tests):
        node = spec.mapping()["tests"]
        yield _at("only-allowing-tests", node, "every test expects allow: add a call that must not pass")


RULES: tuple[Callable[[Envelope, Node], Iterator[Finding]], ...] = (
    unanchored_patterns,
    flow_on_exempt,
    flow_never_met,
    unused_sources,
    limits_that_refuse_all,
    limits_that_never_bind,
    duplicate_conditions,
    constant_conditions,
    host_by_text,
    no_tests,
    only_allowing_tests,
)
