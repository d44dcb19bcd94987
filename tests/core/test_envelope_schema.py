"""The schema for editors and the reader know the same keys."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from remit.core.envelope_schema import ENVELOPE_SCHEMA
from remit.core.errors import BadInput
from remit.core.reader import read_envelope
from remit.core.yamltext import Node, parse

EXAMPLES = sorted((Path(__file__).parents[2] / "examples/envelopes").glob("*.yaml"))
VALIDATOR = jsonschema_rs.Draft202012Validator(ENVELOPE_SCHEMA)

EVERYTHING = """
apiVersion: remit/v1
kind: CapabilityEnvelope
metadata: {name: all, version: "1"}
spec:
  sources: {web: {integrity: untrusted}}
  tools:
    pay:
      effect: write
      args: {type: object, additionalProperties: false, required: [to], properties: {to: {type: string}}}
      require: [{id: a, expr: "args.to != ''"}]
      flow: [{id: b, arg: to, from: [web]}]
      scopes: [{id: s, arg: to, in: "['x']"}]
      idempotency: {key: [args.to], within: 1h, on_repeat: refuse}
      history:
        - {id: f, formerly: {tool: pay, within: 1h}, where: "event.args.to == args.to", on_violation: flag}
        - {id: g, since: {tool: pay, within: 1h}, broken_by: {tool: pay}, on_violation: flag}
      monotonic: [{id: h, of: args.to, order: [x, y]}]
      limits: [{id: c, count: calls, within: 1h, max: 1}]
      approve: [{id: d}]
      obligations:
        - {id: i, redact: {fields: [card]}}
        - {id: j, cap: {items: 3}}
        - {id: k, notify: {to: ops}}
      ensure: [{id: l, expr: "output.ok == true"}]
      output: {schema: {type: object}, on_violation: flag}
      deadline: {after: 30s, severity: low}
  outputs: [{id: e, max_length: 3}]
  session_ensure: [{id: m, expr: "answer != ''"}]
  enforcement: monitor
  enforced: [{clause: pay.a, share: 0.5}]
  breaker: {admission: {read: count}, weights: {low: 1}, recovery: {sample: 0.5}}
  capture: {clean: full}
  tests:
    - {call: {tool: pay, args: {to: x}, observed: [{source: web, text: x}]}, expect: {result: hold}}
"""


def plain(file: Path) -> Any:
    return parse(file.read_text(), str(file)).plain()


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_the_schema_accepts_every_example(file: Path) -> None:
    assert [error.message for error in VALIDATOR.iter_errors(plain(file))] == []


def readers_tables(monkeypatch: pytest.MonkeyPatch) -> dict[str, set[str]]:
    """Key path: keys, as the reader asks for them while it reads an envelope that has everything."""
    asked: dict[str, set[str]] = {}
    keys = Node.keys

    def spy(node: Node, known: Sequence[str], *args: Any, **kwargs: Any) -> dict[str, Node]:
        asked[node.path] = set(known)
        return keys(node, known, *args, **kwargs)

    monkeypatch.setattr(Node, "keys", spy)
    read_envelope(EVERYTHING, "all.yaml")
    return asked


def variants(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "$ref" in schema:
        schema = ENVELOPE_SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]]
    yield schema
    for one in [*schema.get("oneOf", []), *([schema["then"]] if "then" in schema else [])]:
        yield from variants(one)


def schemas_keys(path: str) -> set[str]:
    """The closed keys that the schema knows at a key path such as `spec.tools.pay.require[0]`."""
    here = list(variants(ENVELOPE_SCHEMA))
    for step in path.replace("[", ".[").split(".") if path else ():
        found = []
        for schema in here:
            if step.startswith("["):
                found.append(schema.get("items"))
            elif step in schema.get("properties", {}):
                found.append(schema["properties"][step])
            elif isinstance(schema.get("additionalProperties"), dict):
                found.append(schema["additionalProperties"])
        here = [one for schema in found if schema is not None for one in variants(schema)]
    return {
        key for schema in here if schema.get("additionalProperties") is False for key in schema["properties"]
    }


def test_every_key_of_the_reader_is_in_the_schema_and_the_other_way_round(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tables = readers_tables(monkeypatch)

    assert len(tables) > 20
    assert {path: schemas_keys(path) for path in tables} == tables


@pytest.mark.parametrize(
    "path", ["", "metadata", "spec", "spec.tools.pay", "spec.breaker", "spec.breaker.recovery"]
)
def test_an_unknown_key_is_refused_by_both(path: str) -> None:
    document = parse(EVERYTHING, "all").plain()
    here = document
    for step in path.split(".") if path else ():
        here = here[step]
    here["bogus"] = 1

    assert not VALIDATOR.is_valid(document)
    assert VALIDATOR.is_valid(parse(EVERYTHING, "all").plain())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("effect: write", "effect: wrte"),
        ("within: 1h", "within: 1 hour"),
        ("count: calls", "count: calls, sum: args.to"),
        ("from: [web]", "severity: low"),
        ("id: a,", "id: A,"),
        ("after: 30s", "after: 30"),
        ("max_length: 3", "max_length: 3, forbid: [x]"),
        ("sample: 0.5", "sample: 5"),
    ],
)
def test_schema_and_reader_refuse_the_same_mistakes(old: str, new: str) -> None:
    assert old in EVERYTHING
    wrong = EVERYTHING.replace(old, new)

    assert not VALIDATOR.is_valid(parse(wrong, "all").plain())
    with pytest.raises(BadInput):
        read_envelope(wrong, "all")
