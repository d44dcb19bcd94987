"""An envelope's own tests: whether they show anything."""

from __future__ import annotations

from collections.abc import Iterator

from remit.core.envelope import Envelope
from remit.core.lint.finding import Finding, found_at
from remit.core.yamltext import Node


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
        yield found_at("only-allowing-tests", node, "every test expects allow: add a call that must not pass")
