"""What an envelope says that is legal and probably not meant: clauses that never apply, never bind, or leak.

Each rule is a function from the envelope and its text to findings; `RULES` lists them, the files of this folder hold
them by what they look at. To add one: write it, add its line. A rule speaks up only where it can show why; what is a
matter of taste is none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from remit.core.envelope import Envelope
from remit.core.lint.compensation import compensation_needs_more
from remit.core.lint.conditions import (
    constant_conditions,
    duplicate_conditions,
    host_by_text,
    public_suffix_by_text,
)
from remit.core.lint.finding import Finding
from remit.core.lint.flow import flow_never_met, flow_on_exempt, unused_sources
from remit.core.lint.limits import limits_that_never_bind, limits_that_refuse_all
from remit.core.lint.reach import (
    approvals_never_asked,
    conditions_always_true,
    conditions_never_true,
    history_never_met,
    unless_always,
)
from remit.core.lint.schemas import unanchored_patterns
from remit.core.lint.stakes import nobody_may_approve, only_flags
from remit.core.lint.tests import no_tests, only_allowing_tests
from remit.core.yamltext import Node, parse

__all__ = ["RULES", "Finding", "lint"]


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
    public_suffix_by_text,
    conditions_never_true,
    conditions_always_true,
    approvals_never_asked,
    unless_always,
    history_never_met,
    nobody_may_approve,
    only_flags,
    no_tests,
    only_allowing_tests,
    compensation_needs_more,
)
