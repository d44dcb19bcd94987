"""Conditions that say nothing, say it twice, or compare hosts as text."""

from __future__ import annotations

import re
from collections.abc import Iterator

from remit.core.cel import nodes as n
from remit.core.cel.functions.suffix import public_suffix
from remit.core.cel.parser import parse as parse_condition
from remit.core.envelope import Envelope
from remit.core.lint.finding import Finding, conditions_of, found_at, tools_of, walk
from remit.core.yamltext import Node


def duplicate_conditions(envelope: Envelope, spec: Node) -> Iterator[Finding]:
    """Two `require` lines of one tool that say the same."""
    for tool, keys in tools_of(envelope, spec):
        seen: dict[str, str] = {}
        for at, rule in enumerate(tool.require):
            text = " ".join(rule.condition.text.split())
            if text in seen:
                node = keys["require"].items()[at]
                yield found_at("duplicate-condition", node, f"{rule.clause.id} says the same as {seen[text]}")
            seen.setdefault(text, rule.clause.id)


def constant_conditions(envelope: Envelope, spec: Node) -> Iterator[Finding]:
    """A condition that reads nothing gives every call the same answer."""
    for node, clause, condition in conditions_of(envelope, spec):
        if not condition.reads:
            told = f"{clause} reads no argument and no fact: every call gets the same answer"
            yield found_at("constant-condition", node, told)


def host_by_text(envelope: Envelope, spec: Node) -> Iterator[Finding]:
    """Hosts compared as text: `endsWith('corp.example')` holds for `evilcorp.example`."""
    for node, clause, condition in conditions_of(envelope, spec):
        for call in walk(parse_condition(condition.text)):
            told = _compared(call)
            if told:
                yield found_at("host-by-text", node, f"{clause}: {told}")


_DOMAIN = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}")
_ORIGIN = re.compile(r"https?://[^/]+")


def _compared(call: n.CelNode) -> str:
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


def public_suffix_by_text(envelope: Envelope, spec: Node) -> Iterator[Finding]:
    """A host that may end in a name below which anybody registers: `email_domain(a).endsWith('.com')`."""
    for node, clause, condition in conditions_of(envelope, spec):
        for call in walk(condition.tree):
            suffix = _suffix(call)
            if suffix:
                told = f"{clause}: anybody can have a name below '{suffix}'; write the domains that are meant"
                yield found_at("public-suffix", node, told)


_HOSTS = ("host", "email_domain")


def _suffix(call: n.CelNode) -> str:
    """The public suffix that a host is only asked to end in."""
    if not (isinstance(call, n.Call) and call.method and call.name == "endsWith" and len(call.args) == 2):
        return ""
    of, asked = call.args
    named = isinstance(of, n.Call) and not of.method and of.name in _HOSTS
    text = asked.value if isinstance(asked, n.Literal) and isinstance(asked.value, str) else ""
    name = text.lower().removeprefix(".")
    return name if named and name and public_suffix(name) else ""
